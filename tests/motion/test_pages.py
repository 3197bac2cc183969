"""Pages: their light made even, their PSFs refined, and the best chosen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from tests.motion.test_coarse_to_fine import HOOK
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion import choice
from unblur.motion.choice import choose_corrected, is_page
from unblur.motion.judge import Candidate, Judge
from unblur.motion.pages import PAGE, TwoTones, evenly_lit
from unblur.motion.refinement import finer
from unblur.spec import ModelSpec
from unblur.tone import LINEAR
from unblur.training.pages import draw_page

NEAR = Psf(ndimage.gaussian_filter(HOOK.embedded(HOOK.shape[0] + 8), 1.6))
"""The truth, seen dimly: a similarity of 0.36."""
WRONG = Psf.from_line(33, 70)


def page(seed, psf=HOOK, noise=0.003):
    rng = np.random.default_rng(seed)
    sharp = draw_page(232, 264, rng)[..., 1]
    moved = apply_psf(sharp[..., None], psf)[..., 0]
    return np.clip(moved + rng.normal(0, noise, moved.shape), 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def pages():
    return [page(seed) for seed in range(3)]


def test_a_page_that_is_lit_from_one_side_is_as_if_lit_evenly():
    even = np.full((120, 200), 0.6, np.float32)
    even[30:90:6, 20:180] = 0.1
    light = np.linspace(1.25, 0.75, 200, dtype=np.float32)[None, :]
    light = light * np.linspace(1.1, 0.9, 120, dtype=np.float32)[:, None]
    found = evenly_lit(even * light)
    assert np.abs(found - even * found[0, 0] / even[0, 0]).max() < 0.03
    assert found[0, 0] == pytest.approx(0.6, abs=0.06)
    assert evenly_lit(even) == pytest.approx(even, abs=0.01)


def test_a_plane_without_paper_is_left_about_as_it_is():
    flat = np.zeros((64, 64), np.float32)
    assert np.array_equal(evenly_lit(flat), flat)
    texture = np.random.default_rng(0).uniform(0, 1, (96, 96)).astype(np.float32)
    assert np.isfinite(evenly_lit(texture)).all()


def test_a_psf_that_is_nearly_right_is_refined(pages):
    found = [TwoTones(evenly_lit(blurry)).refined(NEAR) for blurry in pages]
    alike = [kernel_similarity(psf, HOOK) for rounds in found for psf in rounds]
    assert min(alike) > kernel_similarity(NEAR, HOOK) + 0.1
    assert np.mean(alike) > 0.75


def test_the_second_round_keeps_more_gradients():
    finer = TwoTones(evenly_lit(page(0)), replace(PAGE, finer=0.01)).refined(NEAR)
    same = TwoTones(evenly_lit(page(0)), replace(PAGE, finer=1.0)).refined(NEAR)
    assert np.array_equal(finer[0].array, same[0].array)
    assert not np.array_equal(finer[1].array, same[1].array)


def test_where_nothing_is_to_be_seen_the_psf_stays():
    blank = TwoTones(np.full((80, 80), 0.7, np.float32))
    assert all(psf is HOOK for psf in blank.refined(HOOK))
    assert 0 < blank.share_of_edges(HOOK) <= 1


def test_the_truth_leaves_the_fewest_edges(pages):
    for blurry in pages:
        two_tones = TwoTones(evenly_lit(blurry))
        right = two_tones.share_of_edges(HOOK)
        for wrong in (WRONG, Psf(HOOK.array[::-1, ::-1]), HOOK.scaled(1.6)):
            assert right < two_tones.share_of_edges(wrong)


def test_it_is_a_page_where_two_tones_explain_it_about_as_well_as_anything(pages):
    found = [Candidate(HOOK, "fused"), Candidate(WRONG, "two_tones")]
    assert is_page(pages[0], found, np.array([3.0, 3.1 - PAGE.within_db]))
    assert not is_page(pages[0], found, np.array([3.0, 2.9 - PAGE.within_db]))
    assert not is_page(pages[0], found[:1], np.array([3.0]))


def test_what_is_dark_all_over_is_no_paper(pages):
    found, gains = [Candidate(HOOK, "two_tones")], np.array([3.0])
    assert is_page(0.3 * pages[0], found, gains), "in bad light"
    assert not is_page(1 - pages[0], found, gains)


def carried_up(blurry, *, is_page):
    psf = finer(lambda *_: blurry, blurry.shape, NEAR.scaled(0.5), (116, 132), is_page=is_page)
    assert psf is not None
    return psf


def test_what_is_carried_up_is_refined_where_it_is_a_page(pages, monkeypatch):
    idle = "unblur.motion.refinement.estimate_psf_map"
    monkeypatch.setattr(idle, lambda part, *, initial, **_: initial)
    searched, refined = (carried_up(pages[0], is_page=known) for known in (False, True))
    assert kernel_similarity(refined, HOOK) > kernel_similarity(searched, HOOK) + 0.1


def test_a_psf_carried_up_leaves_no_more_edges_than_that_of_the_search(pages):
    for blurry in pages:
        two_tones = TwoTones(evenly_lit(blurry))
        searched, chosen = (carried_up(blurry, is_page=known) for known in (False, True))
        assert two_tones.share_of_edges(chosen) <= two_tones.share_of_edges(searched)


class Telling:
    """Stands in for JudgeNet: every trial gains as much, the longer the motion the more."""

    spec = ModelSpec("judge_net", "judge", 8, 0, 0, "", "", 0)

    def __call__(self, pictures, numbers):
        return (0.1 * numbers[:, 1, 0, 0],)


def test_on_a_page_the_judge_alone_does_not_decide(pages, monkeypatch):
    found = [Candidate(WRONG, "fused"), Candidate(NEAR, "two_tones")]
    judge = Judge(Telling())
    chosen = choose_corrected(pages[0], found, judge, tone=LINEAR)
    assert chosen.origin == "two_tones"
    assert kernel_similarity(chosen.psf, HOOK) > 0.75
    monkeypatch.setattr(choice, "is_page", lambda *args: False)
    other = choose_corrected(pages[0], found, judge, tone=LINEAR)
    assert other.origin == "fused", "the longest motion"
