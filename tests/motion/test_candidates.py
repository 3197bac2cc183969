"""Several candidates, and the judge that chooses among them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.motion.test_coarse_to_fine import HOOK, blurry, scene
from unblur.blocks import halve
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion import candidates as ways
from unblur.motion.candidates import (
    LONG_FROM_PX,
    LONG_PROPOSED_PX,
    PAGE_SEARCH,
    candidates,
    long_psf,
    may_be_page,
    searched_psf,
)
from unblur.motion.choice import choose, choose_corrected
from unblur.motion.coarse_to_fine import SEARCH, paper_level
from unblur.motion.judge import (
    FEATURES,
    JUDGE,
    LEARNED_PX,
    NUMBERS,
    Candidate,
    Judge,
    features,
    network_input,
    network_scores,
)
from unblur.motion.picture import Picture
from unblur.motion.psf_tools import likeness
from unblur.motion.search import SearchEstimator
from unblur.motion.trial import try_psf
from unblur.spec import ModelSpec
from unblur.tone import LINEAR, SRGB
from unblur.training.pages import draw_page
from unblur.zoo.catalogue import JUDGE_NET, weights_path
from unblur.zoo.models import Session

WRONG = Psf.from_line(20, 70)


@pytest.fixture(scope="module")
def image():
    return blurry(HOOK, noise=0.003)


def told(image, noise, found):
    return features([try_psf(image, LINEAR, c.psf, noise) for c in found], noise, found)


def test_the_judge_prefers_the_truth_to_what_is_wrong_shorter_or_longer(image):
    for wrong in (WRONG, Psf(HOOK.array[::-1, ::-1]), HOOK.scaled(0.5), HOOK.scaled(1.8)):
        for pair in ([HOOK, wrong], [wrong, HOOK]):
            found = [Candidate(psf, "searched") for psf in pair]
            assert Judge().best(image, LINEAR, 0.003, found).psf is HOOK


def test_what_is_far_shorter_than_the_networks_say_is_not_taken(image):
    """A photo explains itself without any motion; only the lengths tell that."""
    found = [Candidate(HOOK.scaled(2.2), "fused"), Candidate(HOOK, "searched")]
    bold = Judge(params=replace(JUDGE, shortest=0.0))
    assert Judge().best(image, LINEAR, 0.003, found).origin == "fused"
    assert bold.best(image, LINEAR, 0.003, found).origin == "searched"
    searched_only = [Candidate(HOOK.scaled(2.2), "long"), Candidate(HOOK, "searched")]
    assert Judge().best(image, LINEAR, 0.003, searched_only).origin == "searched"


def test_candidates_that_agree_are_believed(image):
    """Two alike and one that stands alone, of which the trials tell about as much."""
    table = told(
        image,
        0.003,
        [Candidate(HOOK, "fused"), Candidate(WRONG, "searched"), Candidate(HOOK, "two_tones")],
    )
    alike = table[:, list(FEATURES).index("alike")]
    assert alike[0] > alike[1] < alike[2]
    assert table[0, list(FEATURES).index("most_alike")] == pytest.approx(1, abs=1e-5)


def test_choosing_is_worth_it_over_a_set_of_windows():
    """On seeded windows the choice is nearer to the best candidate than either alone."""
    gained = []
    for seed in range(4):
        psf = Psf.from_line(9 + 2 * seed, 40 * seed)
        window = blurry(psf, noise=0.004, seed=seed, height=128, width=144)
        good, bad = Psf(np.pad(psf.array, 1)), Psf.from_line(14, 40 * seed + 60)
        pair = [Candidate(good if seed % 2 else bad, "fused")]
        pair.append(Candidate(bad if seed % 2 else good, "searched"))
        gained.append(kernel_similarity(Judge().best(window, LINEAR, 0.004, pair).psf, psf))
    assert np.mean(gained) > 0.9


def test_features_are_finite_and_as_many_as_told(image):
    found = [Candidate(HOOK, "fused"), Candidate(WRONG, "searched"), Candidate(WRONG, "long")]
    table = told(image, 0.0, found)
    assert table.shape == (3, len(FEATURES)) == (3, len(JUDGE.weights))
    assert np.isfinite(table).all()
    origins = list(FEATURES).index("searched"), list(FEATURES).index("searched_noise")
    assert table[:, origins[0]].tolist() == [0, 1, 0]
    assert (table[:, origins[1]] == [0, np.log(0.1), 0]).all()


def test_a_single_candidate_is_not_tried(image, monkeypatch):
    monkeypatch.setattr("unblur.motion.judge.try_psf", None)
    only = Candidate(HOOK, "fused")
    assert Judge().best(image, LINEAR, 0.003, [only]) is only


def test_a_wrong_fused_psf_is_outdone_by_the_search(image):
    found = choose(image, candidates(image, WRONG, None), tone=LINEAR)
    assert found.origin != "fused"
    assert kernel_similarity(found.psf, HOOK) > 0.85


def test_a_page_is_searched_as_paper_and_ink():
    """Where the search for any picture goes astray, the one that knows the paper does not."""
    gained = []
    for seed, psf in enumerate((HOOK, Psf.from_line(15, 30), HOOK.scaled(1.6))):
        page = draw_page(224, 224, np.random.default_rng(seed + 5))[..., 1]
        light = apply_psf(np.pad(page, 40, mode="edge")[..., None], psf)[40:-40, 40:-40, 0]
        noise = np.random.default_rng(seed).normal(0, 0.002, light.shape)
        window = np.ascontiguousarray(light + noise, np.float32)
        gained.append(
            [likeness(searched_psf(window, params), psf) for params in (PAGE_SEARCH, SEARCH)]
        )
    as_page, as_picture = np.mean(gained, axis=0)
    assert as_page > 0.85
    assert as_page >= as_picture - 0.02


@pytest.fixture
def searches(monkeypatch):
    """The searches that were asked for: (side of the part, whether begun with a PSF)."""
    made = []

    def counted(luma, *, initial=None, **options):
        made.append((luma.shape[1], initial is not None))
        return HOOK if initial is None else initial

    monkeypatch.setattr(ways, "estimate_psf_map", counted)
    return made


def large_scene():
    """A scene whose light falls off to one side, so that no light covers much of it."""
    light = np.linspace(0.1, 1, 420, dtype=np.float32)
    return np.ascontiguousarray(blurry(HOOK, noise=0.003, height=400, width=420) * light)


def test_a_photo_that_moved_little_is_searched_twice_only(searches):
    """It is no page, and FuseNet's PSF is short: from nothing, and from that PSF."""
    window, short = large_scene(), Psf.from_line(LONG_FROM_PX - 2, 20)
    found = candidates(window, short, halve(window))
    assert [c.origin for c in found] == ["fused", "searched", "begun"]
    assert sorted(searches) == [(420, False), (420, True)]  # at the same time


def test_where_network_and_search_agree_nothing_else_is_sought(searches, monkeypatch):
    monkeypatch.setattr(ways, "polished", lambda luma, psf, noise: psf)
    window = large_scene()
    found = candidates(window, HOOK, halve(window), begun=[HOOK])
    assert [c.origin for c in found] == ["fused", "searched"]
    assert not searches
    monkeypatch.setattr(ways, "may_be_page", lambda window: True)
    page = candidates(window, HOOK, halve(window), begun=[HOOK])
    assert "two_tones" in [c.origin for c in page]
    apart = candidates(window, WRONG, halve(window), begun=[HOOK])
    assert [c.origin for c in apart][:2] == ["fused", "searched"]
    assert searches


def test_very_long_motion_is_searched_where_it_may_be(searches):
    window, long = large_scene(), Psf.from_line(LONG_FROM_PX + 2, 20)
    for fused, proposed_px in ((long, 0.0), (None, 0.0), (HOOK, LONG_PROPOSED_PX)):
        found = candidates(window, fused, halve(window), proposed_px=proposed_px)
        assert "long" in [c.origin for c in found]
    assert searches.count((210, False)) == 3


def test_pages_may_be_pages_and_scenes_are_none():
    pages = [draw_page(256, 288, np.random.default_rng(seed)) for seed in range(12)]
    moved = [apply_psf(page, HOOK)[..., 1] for page in pages]
    assert all(may_be_page(np.ascontiguousarray(page)) for page in moved)
    assert not may_be_page(large_scene())


def test_the_paper_is_the_most_frequent_light():
    page = np.full((64, 64), 0.8, np.float32)
    page[20:40] = 0.1
    assert paper_level(page) == pytest.approx(0.8, abs=0.02)
    assert paper_level(1 - page) == pytest.approx(0.2, abs=0.02)


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


class Preferring:
    """Stands in for JudgeNet: the trial that is most like a given picture scores highest."""

    spec = ModelSpec("judge_net", "judge", 8, 0, 0, "", "", 0)

    def __init__(self, wanted):
        self.wanted, self.pictures, self.numbers = wanted, None, None

    def __call__(self, pictures, numbers):
        self.pictures, self.numbers = pictures, numbers
        height, width = pictures.shape[2:]
        apart = pictures[:, 1] - self.wanted[:height, :width]
        return (-10 * np.sqrt(np.mean(np.square(apart), axis=(1, 2))).astype(np.float32),)


def test_the_network_decides_where_there_is_one(image):
    found = [Candidate(HOOK, "fused"), Candidate(WRONG, "searched")]
    assert Judge().best(image, LINEAR, 0.003, found).origin == "fused"
    for psf, origin in ((HOOK, "fused"), (WRONG, "searched")):
        wanted = try_psf(image, LINEAR, psf, 0.003).samples
        assert Judge(Preferring(wanted)).best(image, LINEAR, 0.003, found).origin == origin


def test_a_window_gains_nothing_over_itself(image):
    judge = Judge(Preferring(image))
    found = [Candidate(WRONG, "fused"), Candidate(Psf.delta(), "long")]
    unchanged = judge.unchanged(image, LINEAR, 0.003)
    wrong, nothing = judge.scores(image, LINEAR, 0.003, found) - unchanged
    assert wrong < nothing < 0.05
    assert nothing == pytest.approx(0, abs=0.2)
    with pytest.raises(ValueError, match="network"):
        Judge().unchanged(image, LINEAR, 0.003)


class Counting(Judge):
    """A judge whose gains are given, and that keeps what it was asked."""

    def __init__(self, *gains):
        super().__init__(Preferring(None))
        self.given, self.asked, self.sides = list(gains), [], []

    def unchanged(self, samples, curve, noise):
        return 0.5

    def scores(self, samples, curve, noise, candidates):
        self.asked.append([c.psf for c in candidates])
        self.sides.append(samples.shape[0])
        return np.array(self.given.pop(0)) + 0.5


@pytest.mark.parametrize(
    ("of_turns", "asked", "taken"),
    [([2.9, 2.85], 2, 1), ([2.95, 2.0], 2, 0), ([1.0, 4.0], 1, None), ([3.5, 4], 2, 1)],
)
def test_the_chosen_psf_is_corrected_until_it_gets_worse(image, of_turns, asked, taken):
    found = [Candidate(WRONG, "fused"), Candidate(HOOK, "searched")]
    judge = Counting([1.0, 3.0], *([gain] for gain in of_turns))
    chosen = choose_corrected(image, found, judge, tone=LINEAR)
    assert [len(psfs) for psfs in judge.asked] == [2] + [1] * asked, "nothing is tried twice"
    assert judge.asked[0] == [WRONG, HOOK]
    assert chosen.psf is (HOOK if taken is None else judge.asked[1 + taken][0])
    assert chosen.origin == "searched"


def test_what_was_found_on_the_way_is_tried_unless_it_is_there_already(monkeypatch):
    monkeypatch.setattr(ways, "polished", lambda luma, psf, noise: psf)
    nearly = Psf.from_line(20.2, 70)
    found = ways.at_hand(large_scene(), HOOK, [WRONG, nearly, Psf.from_line(9, 0), HOOK])
    assert [c.origin for c in found] == ["fused", "searched", "begun"]
    assert found[2].psf.length_px() <= 10


def test_very_long_candidates_are_tried_on_the_picture_at_half_its_size():
    window = large_scene()
    long = Psf.from_line(LEARNED_PX + 20, 20)
    found = [Candidate(long, "long"), Candidate(HOOK, "fused")]
    judge = Counting([1.0], [1.5], [0.0])
    chosen = choose_corrected(window, found, judge, half=halve(window), tone=LINEAR)
    assert judge.sides[:2] == [384, 200]
    assert judge.asked[0] == [HOOK]
    assert judge.asked[1][0].length_px() == pytest.approx(long.length_px() / 2, rel=0.05)
    assert chosen.psf is long, "in px of the picture"


def test_without_a_network_nothing_is_corrected(image):
    found = [Candidate(HOOK, "fused"), Candidate(WRONG, "searched")]
    assert choose_corrected(image, found, Judge(), tone=LINEAR).psf is HOOK


def test_the_shipped_network_prefers_the_truth(image):
    judge = Judge(Session(threads=1).network(weights_path(JUDGE_NET), "judge"))
    for wrong in (WRONG, Psf(HOOK.array[::-1, ::-1]), HOOK.scaled(0.5), HOOK.scaled(1.8)):
        found = [Candidate(wrong, "fused"), Candidate(HOOK, "searched")]
        assert judge.best(image, LINEAR, 0.003, found).psf is HOOK


def test_the_network_sees_window_and_trial_on_sides_that_it_takes(image):
    part = image[:93, :101]
    trials = [np.clip(part + 0.1, 0, 1), part]
    network = Preferring(part)
    scores = network_scores(network, part, trials, [7.0, 15.0], 0.01, [SRGB, LINEAR])
    assert scores.argmax() == 1
    assert network.pictures.shape == (2, 2, 88, 96)
    np.testing.assert_array_equal(network.pictures[:, 0], [part[:88, :96]] * 2)
    assert network.numbers.shape == (2, len(NUMBERS), 1, 1)
    assert network.numbers[:, NUMBERS.index("linear"), 0, 0].tolist() == [0, 1]
    assert network.numbers[:, NUMBERS.index("noise"), 0, 0] == pytest.approx([0, 0], abs=1e-6)


def test_what_the_network_is_told_of_a_window_that_did_not_change_is_0(image):
    _, numbers = network_input(image, [image], [7.0], 0.01, [SRGB])
    known = dict(zip(NUMBERS, numbers.ravel(), strict=True))
    assert known["density"] == known["length"] == 0
    assert known["motion"] == pytest.approx(-0.5)
