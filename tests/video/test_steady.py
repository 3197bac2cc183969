"""The photo network on frames: sharp ones stay, blurred ones gain, and neighbours steady them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.color import linear_to_srgb, srgb_to_linear, to_float
from unblur.restoration.restorers import NetworkRestorer
from unblur.runtime import ONE_THREAD
from unblur.spec import ModelSpec
from unblur.video.models import load_frame_model
from unblur.video.steady import AGREEMENT, SteadyPhoto, mixed, trust_in
from unblur.zoo.models import default_session

SHARP = Path(__file__).parents[2] / "examples" / "photos" / "astronaut-sharp.jpg"


def scene():
    with Image.open(SHARP) as image:
        return to_float(np.asarray(image.convert("RGB")))


def filmed(count=4):
    """Frames of a scene that goes by, each shaken otherwise, and the sharp ones."""
    wide, rng = scene(), np.random.default_rng(0)
    blurry, sharp = [], []
    for k in range(count):
        clear = wide[60 + 6 * k : 316 + 6 * k, 120 + 8 * k : 376 + 8 * k]
        psf = np.zeros((11, 11), np.float32)
        psf[np.arange(11), 5 if k % 2 else np.arange(11)] = 1
        moved = linear_to_srgb(apply_psf(srgb_to_linear(clear), Psf(psf / psf.sum())))
        noisy = moved + rng.normal(0, 0.015, moved.shape)
        blurry.append(np.clip(noisy, 0, 1).astype(np.float32))
        sharp.append(clear)
    return blurry, sharp


def test_frames_gain_and_neighbours_help():
    blurry, sharp = filmed()
    model = load_frame_model("photo", session=default_session(ONE_THREAD), over_time=False)
    inside = (slice(24, -24), slice(24, -24))

    def error(frames):
        return np.mean([np.abs(f - s)[inside].mean() for f, s in zip(frames, sharp, strict=True)])

    together = [model.step(frame, model.analyse(frame)) for frame in blurry]
    alone = []
    for frame in blurry:
        model.reset()
        alone.append(model.step(frame))
    assert error(alone) < 0.9 * error(blurry)
    assert error(together) < 0.98 * error(alone)
    assert np.array_equal(together[0], alone[0])
    model = load_frame_model("photo", session=default_session(ONE_THREAD))
    seen = [model.analyse(frame) for frame in blurry]
    following = [*seen[1:], None]
    gated = [model.step(*each) for each in zip(blurry, seen, following, strict=True)]
    assert error(gated) < 0.9 * error(blurry)


def test_sharp_frames_stay_to_the_bit():
    frame = scene()[40:300, 100:400]
    model = load_frame_model("photo", session=default_session(ONE_THREAD))
    assert np.array_equal(model.step(frame), frame)
    assert np.array_equal(model.step(frame[:50, :50]), frame[:50, :50])  # too small to tell


def test_only_what_agrees_is_mixed():
    now = np.full((3, 8, 12), 0.5, np.float32)
    near, far = now + np.float32(AGREEMENT / 8), now + np.float32(5 * AGREEMENT)
    before = np.concatenate([near[..., :8], far[..., 8:]], axis=2)
    out = mixed(now, before, 0.5)
    assert np.allclose(out[..., :8] - now[..., :8], 0.5 * AGREEMENT / 8, rtol=0.03)
    assert np.allclose(out[..., 8:], now[..., 8:], atol=1e-4)


def test_trust_rises_with_the_probability_of_blur():
    trusts = [trust_in(p) for p in (0.0, 0.2, 0.4, 0.5, 0.7, 1.0)]
    assert trusts[:2] == [0, 0] and trusts[-2:] == [1, 1] and trusts == sorted(trusts)


@pytest.mark.parametrize("width", [40, 41])
def test_large_frames_are_restored_in_strips(monkeypatch, width):
    class Spreading:
        """Gives the mean over 9 rows; it sees no further than its halo."""

        spec = ModelSpec("fake", "restore", 8, 8, 1, "-", "-", 0, bank="none")

        def __call__(self, image):
            self.rows = image.shape[2]
            return (ndimage.uniform_filter1d(image[:, :3], 9, axis=2),)

    engine = Spreading()
    model = SteadyPhoto(NetworkRestorer("fake", engine), None)
    image = np.random.default_rng(0).random((4, 128, width), dtype=np.float32)
    whole = model._restored(image)
    assert engine.rows == 128
    monkeypatch.setattr("unblur.video.steady._STRIP_PIXELS", 32 * width)
    strips = model._restored(image)
    assert engine.rows < 64
    assert np.abs(strips - whole).max() < 1e-6
