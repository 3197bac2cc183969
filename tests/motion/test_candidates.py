"""Several candidates, and the judge that chooses among them."""

import numpy as np
import pytest

from tests.motion.test_coarse_to_fine import HOOK, blurry, scene
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion.candidates import choose, long_psf, searched_psf
from unblur.motion.judge import FEATURES, JUDGE, Candidate, best, features, origin_features
from unblur.motion.picture import Picture
from unblur.motion.psf_tools import likeness
from unblur.motion.search import SearchEstimator
from unblur.motion.spatial import halve
from unblur.tone import LINEAR, SRGB

WRONG = Psf.from_line(20, 70)


@pytest.fixture(scope="module")
def image():
    return blurry(HOOK, noise=0.003)


def test_the_judge_prefers_the_truth_to_what_is_wrong_shorter_or_longer(image):
    for wrong in (WRONG, Psf(HOOK.array[::-1, ::-1]), HOOK.scaled(0.5), HOOK.scaled(1.8)):
        for pair in ([HOOK, wrong], [wrong, HOOK]):
            found = [Candidate(psf, "searched") for psf in pair]
            assert best(image, LINEAR, 0.003, found).psf is HOOK


def test_in_doubt_the_networks_are_believed(image):
    near = Psf(np.pad(HOOK.array, 1) + np.float32(1e-4))
    found = [Candidate(HOOK, "searched"), Candidate(near, "fused")]
    assert best(image, LINEAR, 0.003, found).origin == "fused"


def test_choosing_is_worth_it_over_a_set_of_windows():
    """On seeded windows the choice is nearer to the best candidate than either alone."""
    gained = []
    for seed in range(4):
        psf = Psf.from_line(9 + 2 * seed, 40 * seed)
        window = blurry(psf, noise=0.004, seed=seed, height=128, width=144)
        good, bad = Psf(np.pad(psf.array, 1)), Psf.from_line(14, 40 * seed + 60)
        pair = [Candidate(good if seed % 2 else bad, "fused")]
        pair.append(Candidate(bad if seed % 2 else good, "searched"))
        gained.append(kernel_similarity(best(window, LINEAR, 0.004, pair).psf, psf))
    assert np.mean(gained) > 0.9


def test_features_are_finite_and_as_many_as_told(image):
    found = [Candidate(HOOK, "fused"), Candidate(WRONG, "searched"), Candidate(WRONG, "long")]
    table = features(image, LINEAR, 0.0, found)
    assert table.shape == (3, len(FEATURES)) == (3, len(JUDGE.weights))
    assert np.isfinite(table).all()
    assert origin_features("fused", 0.05) == [0.0] * 6
    assert sum(origin_features("long", 0.01)) == 1


def test_a_single_candidate_is_not_tried(image, monkeypatch):
    monkeypatch.setattr("unblur.motion.judge.try_psf", None)
    only = Candidate(HOOK, "fused")
    assert best(image, LINEAR, 0.003, [only]) is only


def test_a_wrong_fused_answer_is_outdone_by_the_search(image):
    found = choose(image, WRONG, None, tone=LINEAR)
    assert found.origin in ("searched", "searched_small")
    assert kernel_similarity(found.psf, HOOK) > 0.85


def test_long_motion_is_found_at_half_size_and_told_in_px_of_the_picture():
    psf = Psf.from_line(64, 20)
    light = apply_psf(scene(420, 480, seed=9)[..., None], psf)[..., 0]
    noisy = light + np.random.default_rng(0).normal(0, 0.003, light.shape)
    found = long_psf(halve(np.clip(noisy, 0, 1).astype(np.float32)))
    assert likeness(found, psf) > 0.7
    assert found.length_px() == pytest.approx(64, rel=0.3)


def test_the_search_estimator_works_in_the_light_of_the_picture():
    light = blurry(HOOK, noise=0.002)
    encoded = SRGB.to_encoded(light)[..., None]
    estimator = SearchEstimator()
    told = estimator.propose(Picture(encoded, SRGB)).windows[0][0].psf
    assert kernel_similarity(told, HOOK) > 0.85
    assert kernel_similarity(searched_psf(light), HOOK) > 0.85
