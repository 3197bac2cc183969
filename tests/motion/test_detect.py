"""The detector's arithmetic: windows in, one calibrated verdict out."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from tests.motion.test_features import boxes
from unblur.errors import ShapeMismatch
from unblur.motion import detect
from unblur.motion.detect import BlurDetector, BlurWindow, combined, weighed
from unblur.motion.features import motion_features
from unblur.motion.frequency import GRID
from unblur.motion.light import LIGHT_NAMES, light_features, standardised


def detect_with(luma, engine, **how):
    return BlurDetector(engine)(luma, **how)


class FakeBlurEngine:
    """Says of every window what it is told; remembers how many it saw."""

    spec = None

    def __init__(self, row):
        self.row, self.seen = row, 0

    def __call__(self, maps, pooled, pixels):
        assert maps.shape[1:] == (len(LIGHT_NAMES), GRID, GRID) and pooled.shape[1:] == (3, 8, 8)
        assert pixels.shape[:2] == (len(maps), 1) and detect.TELLING.fits(pixels.shape[2:])
        self.seen += len(maps)
        return (np.tile(np.asarray(self.row, np.float32), (len(maps), 1)),)


def row(sharp=0.0, motion=0.0, defocus=0.0, length_px=8.0, angle_deg=0.0, sure=1.0):
    double = np.deg2rad(2 * angle_deg)
    logits = [sharp, motion, defocus]
    return [*logits, np.log2(length_px), -2.0, sure * np.cos(double), sure * np.sin(double)]


def window(probabilities, *, length_px=8.0, angle_deg=30.0, detail=-1.0, angle_spread_deg=5.0):
    return BlurWindow(
        y=0.0,
        x=0.0,
        probabilities=probabilities,
        length_px=length_px,
        length_spread=0.2,
        angle_deg=angle_deg,
        angle_spread_deg=angle_spread_deg,
        detail=detail,
    )


def test_light_features_are_the_motion_features_of_the_same_names():
    picture = boxes(256, 256, seed=2)
    light, full = light_features(picture), motion_features(picture)
    from unblur.motion.features import MAP_NAMES

    for name, ours in zip(LIGHT_NAMES, light.maps, strict=True):
        np.testing.assert_array_equal(ours, full.maps[MAP_NAMES.index(name)])
    np.testing.assert_array_equal(light.pooled, full.pooled)


def test_the_window_itself_is_shown_whatever_its_exposure():
    picture = boxes(120, 200, seed=2)
    bright, dark = (light_features(scale * picture).pixels for scale in (1.0, 0.1))
    assert bright.shape == (1, 120, 200)
    assert abs(bright.mean()) < 1e-4 and bright.std() == pytest.approx(1, abs=0.15)
    assert np.corrcoef(bright.ravel(), dark.ravel())[0, 1] > 0.9999
    np.testing.assert_allclose(standardised(np.full((9, 9), 0.3, np.float32)), 0, atol=1e-4)


@pytest.mark.parametrize("kind", detect.KINDS)
def test_the_likeliest_kind_is_named(kind):
    found = detect_with(boxes(300, 400, seed=1), FakeBlurEngine(row(**{kind: 4.0})))
    assert found.kind == kind
    assert sum(found.probabilities) == pytest.approx(1)
    assert found.probabilities[detect.KINDS.index(kind)] > 0.9
    assert found.blur_probability == pytest.approx(1 - found.probabilities[0])


@pytest.mark.parametrize("angle", [0.0, 35.0, 90.0, 178.0])
def test_length_and_angle_are_in_photo_px_and_degrees(angle):
    engine = FakeBlurEngine(row(motion=5, length_px=6.0, angle_deg=angle))
    found = detect_with(boxes(300, 400, seed=1), engine, scale=4)
    assert found.shape == (1200, 1600)
    assert found.length_px == pytest.approx(24, rel=1e-3)
    apart = abs(found.angle_deg - angle) % 180
    assert min(apart, 180 - apart) < 0.01
    assert found.to_dict()["length_px"] == pytest.approx(24, abs=0.01)


def test_directions_are_averaged_around_the_half_circle():
    moved = (0.0, 1.0, 0.0)
    found = combined([window(moved, angle_deg=175), window(moved, angle_deg=5)], (9, 9), 1)
    apart = found.angle_deg % 180
    assert min(apart, 180 - apart) < 0.1
    assert found.angle_spread_deg < 15
    across = combined([window(moved, angle_deg=0), window(moved, angle_deg=90)], (9, 9), 1)
    assert across.angle_spread_deg > 50


def test_spread_of_an_angle_is_that_of_a_wrapped_normal():
    rng = np.random.default_rng(0)
    for spread in (3.0, 12.0, 25.0):
        angles = rng.normal(40, spread, 20_000)
        resultant = abs(np.exp(2j * np.deg2rad(angles)).mean())
        assert detect._spread_deg(float(resultant)) == pytest.approx(spread, rel=0.03)


def test_windows_that_disagree_on_the_length_widen_its_interval():
    moved = (0.0, 1.0, 0.0)
    same = combined([window(moved), window(moved)], (9, 9), 1)
    apart = combined([window(moved, length_px=4), window(moved, length_px=16)], (9, 9), 1)
    assert same.length_spread == pytest.approx(0.2)
    assert apart.length_px == pytest.approx(8)
    assert apart.length_spread == pytest.approx(np.hypot(0.2, 1.0), rel=1e-3)


def test_a_sharp_subject_before_a_soft_background_is_a_sharp_photo():
    subject = window((0.95, 0.03, 0.02), detail=-0.8)
    background = [window((0.02, 0.08, 0.9), detail=-2.6) for _ in range(3)]
    assert combined([subject, *background], (9, 9), 1).kind == "sharp"


def test_a_window_that_looks_sharp_counts_for_more(monkeypatch):
    subject, soft = window((0.9, 0.05, 0.05)), window((0.1, 0.1, 0.8))
    now = combined([subject, soft], (9, 9), 1)
    monkeypatch.setattr(detect, "SHARP_WEIGHT", 0.0)
    evenly = combined([subject, soft], (9, 9), 1)
    assert evenly.probabilities[0] < now.probabilities[0] < 0.9


def test_one_window_in_doubt_does_not_make_a_moved_photo_sharp():
    doubtful = window((0.6, 0.35, 0.05))
    sure = [window((0.02, 0.9, 0.08)) for _ in range(3)]
    assert combined([doubtful, *sure], (9, 9), 1).kind == "motion"


def test_a_photo_without_any_structure_has_a_finite_verdict():
    found = detect_with(np.full((200, 260), 0.2, np.float32), FakeBlurEngine(row(sharp=1)))
    numbers = [*found.probabilities, found.length_px, found.angle_deg, found.sharpness]
    assert np.isfinite(numbers).all()


def test_a_quick_look_takes_four_windows_and_a_map_all():
    picture = boxes(700, 1000, seed=3)
    quick, everywhere = FakeBlurEngine(row()), FakeBlurEngine(row())
    assert len(detect_with(picture, quick).windows) == quick.seen == 4
    windows = detect_with(picture, everywhere, everywhere=True).windows
    assert len(windows) == everywhere.seen > 20
    ys, xs = (sorted({getattr(w, axis) for w in windows}) for axis in "yx")
    assert ys[0] == xs[0] == 128 and ys[-1] == 700 - 128 and xs[-1] == 1000 - 128


def test_the_windows_chosen_are_the_ones_with_structure():
    picture = np.full((800, 800), 0.3, np.float32)
    rng = np.random.default_rng(1)
    picture[96:352, 480:736] += ndimage.gaussian_filter(rng.random((256, 256)), 1) - 0.5
    found = detect_with(picture, FakeBlurEngine(row()))
    best = min(found.windows, key=lambda w: abs(w.y - 224) + abs(w.x - 608))
    assert abs(best.y - 224) <= 40 and abs(best.x - 608) <= 40


@pytest.mark.parametrize("shape", [(96, 96), (96, 1200), (257, 255), (1201, 130)])
def test_any_size_from_the_smallest_on(shape):
    picture = boxes(*shape, seed=5)
    for everywhere in (False, True):
        windows = detect_with(picture, FakeBlurEngine(row()), everywhere=everywhere).windows
        for w in windows:
            assert min(128, shape[0] / 2) <= w.y <= shape[0] - min(128, shape[0] / 2)
            assert min(128, shape[1] / 2) <= w.x <= shape[1] - min(128, shape[1] / 2)


@pytest.mark.parametrize("shape", [(63, 400), (400, 63), (95, 95), (10, 10)])
def test_too_small_a_photo_is_refused(shape):
    with pytest.raises(ShapeMismatch, match="at least 64 px and 9216 px in all"):
        detect_with(np.zeros(shape, np.float32), FakeBlurEngine(row()))


class FakeMapEngine:
    """Says of every cell which share of its light moved; remembers how many pictures it saw."""

    def __init__(self, share):
        self.logit, self.seen = np.log(share / (1 - share)), 0
        self.spec = SimpleNamespace(multiple_of=32)

    def __call__(self, image):
        self.seen += 1
        said = np.zeros((1, 5, image.shape[2] // 8, image.shape[3] // 8), np.float32)
        said[:, 0] = self.logit
        return (said,)


@pytest.mark.parametrize(("share", "kind"), [(0.1, "sharp"), (0.9, "motion")])
def test_where_it_is_unsure_the_map_is_asked(share, kind):
    unsure, mapper = FakeBlurEngine(row(sharp=2.0, motion=2.0, defocus=-3.0)), FakeMapEngine(share)
    found = BlurDetector(unsure, mapper)(boxes(300, 300))
    assert mapper.seen == 4
    assert found.kind == kind
    assert sum(found.probabilities) == pytest.approx(1)
    assert found.probabilities[detect.KINDS.index(kind)] > 0.85


def test_where_it_is_sure_nobody_else_is_asked():
    mapper = FakeMapEngine(0.02)
    found = BlurDetector(FakeBlurEngine(row(motion=9.0)), mapper)(boxes(300, 300))
    assert mapper.seen == 0
    assert found == BlurDetector(FakeBlurEngine(row(motion=9.0)))(boxes(300, 300))


def test_the_map_says_nothing_of_sharp_against_defocus_and_is_not_believed_wholly():
    found = combined([window((0.3, 0.4, 0.3))], (300, 300), 1)
    told = weighed(found, [0.2, 0.2])
    assert told.probabilities[0] == pytest.approx(told.probabilities[2])
    assert told.probabilities[1] == pytest.approx(0.1 / 0.7, rel=1e-4)
    assert weighed(found, [0.0]).probabilities == weighed(found, [0.05]).probabilities
