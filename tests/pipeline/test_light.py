"""The light of a photo: told, it is taken; not told, it is found, and only where it matters."""

import numpy as np
import pytest

from tests.proposing import refine_nothing
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.io import Photo
from unblur.motion import tone_estimate
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.windows import TELLING
from unblur.pipeline import assessing
from unblur.pipeline.facade import as_picture, restore
from unblur.pipeline.gate import NoHarmGate
from unblur.tone import LINEAR, SRGB, Tone

HOOK = Psf.from_points([(-7, 0), (-3, 1), (0, 0), (3, 2), (6, 7)], size=17)


def scene(side=256):
    rng = np.random.default_rng(8)
    image = np.full((side, side, 1), 0.3, np.float32)
    for _ in range(90):
        y, x = rng.integers(side, size=2)
        h, w = rng.integers(4, 40, size=2)
        image[y : y + h, x : x + w] = rng.uniform(0.03, 0.9)
    return image


def shaken_in_linear_light():
    noise = np.random.default_rng(9).normal(0, 0.002, (256, 256, 1))
    samples = apply_psf(scene(), HOOK) + noise
    return (np.clip(samples, 0, 1) * 255 + 0.5).astype(np.uint8)


def test_what_is_only_assumed_may_be_estimated():
    photo = Photo.from_array(shaken_in_linear_light())
    assert as_picture(photo).assumed
    for tone in ("srgb", "linear", "profile"):
        assert not as_picture(photo.with_tone(tone)).assumed
    assert as_picture(photo.with_tone("auto")).assumed


@pytest.mark.slow
def test_a_photo_blurred_in_linear_light_is_restored_in_it():
    samples = shaken_in_linear_light()
    found = restore(samples)
    assert found.report.tone["curve"] == "linear"
    assert found.report.tone["evidence"] == "estimate"
    assert found.report.tone["probability"] > 0.5
    told = restore(samples, tone="linear")
    assert told.report.tone["evidence"] == "caller"
    np.testing.assert_array_equal(found.samples, told.samples)


def test_a_told_light_and_a_sharp_photo_ask_for_no_estimate(monkeypatch):
    refine_nothing(monkeypatch)

    def never(picture, network, scale):
        raise AssertionError("the light was estimated")

    monkeypatch.setattr("unblur.motion.network.estimate_tone", never)
    assert restore(shaken_in_linear_light(), tone="profile").report.tone["curve"] == "srgb"
    sharp = (scene() * 255).astype(np.uint8)
    assert not restore(sharp).report.changed


def test_a_photo_too_small_or_flat_is_assumed_to_be_srgb():
    for samples in (np.zeros((40, 50, 1), np.uint8), np.full((200, 200, 3), 90, np.uint8)):
        tone = tone_estimate.estimate_tone(as_picture(Photo.from_array(samples)))
        assert tone.curve is SRGB and tone.evidence == "assumed"


def test_the_estimate_says_how_sure_it_is(monkeypatch):
    refine_nothing(monkeypatch)
    tone = Tone(LINEAR, "estimate", 0.93)
    monkeypatch.setattr("unblur.motion.network.estimate_tone", lambda picture, network, scale: tone)
    report = restore(shaken_in_linear_light()).report
    assert report.tone == {
        "curve": "linear",
        "evidence": "estimate",
        "probability": 0.93,
        "source": "",
    }


class ShortInTheWrongLight:
    """An estimator that takes a long motion for a short one unless the light is linear."""

    least = TELLING

    def __init__(self, tone):
        self.refined, self._tone = [], tone

    def propose(self, picture):
        psf = HOOK if picture.tone.is_linear else Psf.from_line(3, 0)
        window = PsfEstimate(psf, 0.9, 0.95, 0.002, 0.0)
        return MotionField(picture.shape, 1, (128.0,), (128.0,), ((window,),), uniform=True)

    def refine(self, picture, field):
        self.refined.append(picture.tone)
        return field

    def tone(self, picture, field):
        return self._tone


@pytest.mark.parametrize(
    ("found", "assumed", "moved"),
    [
        (Tone(LINEAR, "estimate", 0.9), True, True),
        (Tone(SRGB, "assumed", 0.6), True, False),  # nothing but the other light speaks for motion
        (Tone(LINEAR, "estimate", 0.9), False, False),  # the file has told
    ],
)
def test_what_looks_sharp_in_the_light_assumed_may_have_moved_in_the_other(found, assumed, moved):
    estimator = ShortInTheWrongLight(found)
    picture = Picture(shaken_in_linear_light(), SRGB, assumed=assumed)
    got = assessing.assess(picture, estimator, NoHarmGate())
    assert (not got.verdict.reason) == moved
    assert estimator.refined == ([LINEAR] if moved else [])
    assert got.picture.tone is (LINEAR if moved else SRGB)


class Proposing(ShortInTheWrongLight):
    """An estimator that sees the motion in either light, and counts its proposals."""

    def __init__(self, tone):
        super().__init__(tone)
        self.proposed = []

    def propose(self, picture):
        self.proposed.append(picture.tone)
        window = PsfEstimate(HOOK, 0.9, 0.95, 0.002, 0.0)
        return MotionField(picture.shape, 1, (128.0,), (128.0,), ((window,),), uniform=True)


def test_what_was_proposed_in_the_light_assumed_is_not_proposed_again():
    estimator = Proposing(Tone(LINEAR, "estimate", 0.5))
    picture = Picture(shaken_in_linear_light(), SRGB, assumed=True)
    got = assessing.assess(picture, estimator, NoHarmGate())
    assert got.other is not None and got.judged is None and got.other.judged is None
    assert estimator.refined == [LINEAR, SRGB]
    assert estimator.proposed == [SRGB, LINEAR]
