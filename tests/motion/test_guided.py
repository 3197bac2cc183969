"""Further estimates: edges guessed with a PSF, quotients from them, and when refining ends."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.pipeline.fakes import FakeKernelEngine
from unblur.blur import Psf, apply_psf
from unblur.color import luma, srgb_to_linear, to_float
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion import refinement
from unblur.motion.frequency import GRID
from unblur.motion.fusion import collapsed, least_energy, mean_psf
from unblur.motion.guided import (
    GUIDED_NAMES,
    KERNEL_MAPS,
    explanation_energy,
    guided,
    guided_maps,
    plausible,
    unguided,
)
from unblur.motion.kernel import estimate, observe
from unblur.motion.params import REFINE, FusionParams, RefineParams
from unblur.motion.psf_tools import likeness, similarity
from unblur.motion.refinement import finer, refine_shared
from unblur.motion.sources import estimate_shared, wide_windows

SHARP = Path(__file__).parents[2] / "examples" / "sharp"
# Bent, thicker at one end: neither a mirror image of itself nor the same upside down.
BENT = Psf.from_points(
    np.array([(x, 0.05 * x * x) for x in np.linspace(-9, 9, 60)] + [(9.0, 5.0)] * 25), size=25
).centred()


@pytest.fixture(scope="module")
def blurry():
    with Image.open(SHARP / "colosseum.jpg") as image:
        pixels = to_float(np.asarray(image.convert("RGB").crop((20, 20, 20 + 330, 20 + 290))))
    light = luma(srgb_to_linear(pixels))[..., None]
    noise = np.random.default_rng(5).normal(0, 0.005, light.shape).astype(np.float32)
    return (apply_psf(light, BENT) + noise)[..., 0]


def grid_of(psf):
    return np.asarray(psf.embedded(GRID), np.float32)


def test_an_estimate_with_a_rough_candidate_sees_the_psf_better(blurry):
    rough = Psf(ndimage.gaussian_filter(np.pad(BENT.array, 4), 1.2))  # as a network's mean is
    maps = dict(zip(GUIDED_NAMES, guided_maps(blurry, grid_of(rough)), strict=True))
    seen = Psf(plausible(maps["edges_many_soft"])[1:, 1:])
    assert kernel_similarity(seen, BENT) > kernel_similarity(rough, BENT) + 0.1
    assert (
        kernel_similarity(seen, BENT) > kernel_similarity(seen, Psf(BENT.array[::-1, ::-1])) + 0.1
    )


def test_the_true_psf_is_seen_again_where_it_lies(blurry):
    maps = dict(zip(GUIDED_NAMES, guided_maps(blurry, grid_of(BENT)), strict=True))
    truth = grid_of(BENT)
    for name in ("edges_many_soft", "edges_few_soft"):
        seen = plausible(maps[name])
        cosine = (seen * truth).sum() / np.linalg.norm(seen) / np.linalg.norm(truth)
        assert cosine > 0.75, (name, cosine)


def test_contrast_and_exposure_do_not_matter(blurry):
    once, again = (guided_maps(v, grid_of(BENT)) for v in (blurry, 0.3 * blurry + 0.2))
    np.testing.assert_allclose(once, again, atol=2e-2)


def test_the_first_estimate_has_no_candidate_yet_and_the_next_keeps_the_features(blurry):
    features = observe(blurry).features
    first = unguided(features.maps)
    assert first.shape == (len(KERNEL_MAPS), GRID, GRID)
    assert not first[-len(GUIDED_NAMES) :].any()
    second = guided(first, blurry, grid_of(BENT))
    np.testing.assert_array_equal(second[: -len(GUIDED_NAMES)], features.maps)
    assert second[-len(GUIDED_NAMES) :].any(axis=(1, 2)).all()


def test_refining_ends_when_the_estimate_stays(blurry):
    engine = FakeKernelEngine(length=9)
    seen = [observe(blurry)]
    first = estimate(seen, engine)[0].psf
    _, confidence, taken = estimate_shared(seen, first, engine)
    assert taken == 1
    assert confidence == pytest.approx(0.9, abs=1e-3)


def test_refining_ends_at_the_latest_after_the_last_round(blurry):
    class Restless(FakeKernelEngine):
        def __call__(self, maps, pooled):
            psfs, summaries = super().__call__(maps, pooled)
            return (psfs.swapaxes(1, 2) if self.calls % 2 else psfs), summaries

    *_, taken = estimate_shared([observe(blurry)], BENT, Restless(length=9))
    assert taken == REFINE.rounds - 1
    few = RefineParams(rounds=2)
    assert estimate_shared([observe(blurry)], BENT, Restless(length=9), params=few)[2] == 1


def test_what_counts_as_collapsed_is_a_parameter():
    assert collapsed(Psf.from_line(9, 0), Psf.from_line(21, 0))
    assert not collapsed(Psf.from_line(9, 0), Psf.from_line(21, 0), FusionParams(collapsed=0.2))


def test_the_true_psf_explains_at_less_cost_than_others_of_its_length(blurry):
    truth = explanation_energy(blurry, grid_of(BENT))
    for wrong in (Psf.from_line(17, 0), Psf.from_line(17, 60), Psf(BENT.array[::-1, ::-1])):
        assert explanation_energy(blurry, grid_of(wrong)) > truth


def test_of_three_candidates_the_worst_is_left_out_and_a_point_does_not_count(blurry):
    near = Psf(ndimage.gaussian_filter(np.pad(BENT.array, 2), 0.6))
    kept = least_energy(blurry, near, [Psf.from_line(17, 60), BENT])
    assert kernel_similarity(kept, BENT) > 0.9
    assert kernel_similarity(least_energy(blurry, BENT, [Psf.delta(3)]), BENT) > 0.99


def test_a_misled_network_is_outvoted_where_the_blur_is_shared(blurry):
    found = refine_shared(
        lambda y0, x0, y1, x1: blurry[y0:y1, x0:x1],
        blurry.shape,
        Psf.from_line(9, 0),
        FakeKernelEngine(length=9),
    )
    assert found.confidence == pytest.approx(0.9, abs=1e-3) and found.fused_confidence is None
    assert found.middle == (blurry.shape[0] // 2, blurry.shape[1] // 2)
    assert kernel_similarity(found.psf, BENT) > kernel_similarity(Psf.from_line(9, 0), BENT) + 0.2


def test_the_windows_that_show_most_are_looked_at():
    plane = np.zeros((1200, 1500), np.float32)
    plane[150:600, 950:1450] = np.random.default_rng(0).random((450, 500))
    plane[700:1000, 900:1200] = 0.5 * np.random.default_rng(1).random((300, 300))
    windows = wide_windows(lambda y0, x0, y1, x1: plane[y0:y1, x0:x1], plane.shape, REFINE)
    assert len(windows) == REFINE.most_wide == 2
    assert all(x > 750 for _, (_, x) in windows)
    assert windows[0][1][0] < 600 < windows[1][1][0]


def test_the_mean_of_shifted_psfs_is_not_smeared():
    mean = mean_psf([BENT.shifted(2, -3), BENT, BENT.shifted(-1, 1)], np.array([1.0, 2.0, 1.0]))
    assert kernel_similarity(mean, BENT) > 0.995
    assert similarity(BENT, BENT) == pytest.approx(1)
    assert similarity(BENT, BENT.shifted(30, 0)) < 0.1


def test_likeness_does_not_ask_where_a_psf_lies_but_what_it_is():
    assert likeness(BENT, BENT.shifted(7, -4)) > 0.99
    assert likeness(BENT, Psf(ndimage.gaussian_filter(np.pad(BENT.array, 6), 1.5))) > 0.9
    noise = Psf(np.random.default_rng(0).random((41, 41)).astype(np.float32))
    assert likeness(BENT, noise) < 0.7


@pytest.mark.parametrize("turns_into_noise", [False, True])
def test_a_psf_that_turns_into_noise_when_carried_up_is_refused(monkeypatch, turns_into_noise):
    small = Psf.from_line(15, 30)
    noise = Psf(np.random.default_rng(0).random((61, 61)).astype(np.float32))
    found = noise if turns_into_noise else small.scaled(2.0)
    monkeypatch.setattr(refinement, "estimate_psf_map", lambda *_, **__: found)
    shape = (400, 500)
    carried = finer(lambda *_: np.zeros(shape, np.float32), shape, small, (200, 250))
    assert carried is (None if turns_into_noise else found)
