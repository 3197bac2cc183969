"""Hints of a frame: they undo its blur, come from where there is detail, or say nothing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.video.fakes import FakeEngine, texture
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.color import linear_to_srgb, luma, srgb_to_linear, to_float
from unblur.engines.onnx import OnnxEngine
from unblur.errors import SpecMismatch
from unblur.motion.windows import telling_window
from unblur.runtime import ONE_THREAD
from unblur.video.hints import FACTS, HINT_BANK, MOST, hint_of, no_hint
from unblur.video.memory import FrameMemory, hint_cells
from unblur.zoo.catalogue import weights_path
from unblur.zoo.models import Session

SHARP = Path(__file__).parents[2] / "examples" / "photos" / "astronaut-sharp.jpg"


@pytest.fixture(scope="module")
def estimator():
    return Session(threads=1).quick_estimator()


def moved(side=300):
    """A sharp picture's luma, sRGB, and the picture moved by 9 px from left to right."""
    sharp = ndimage.gaussian_filter(texture(side, side, 5).astype(np.float32) / 255, (0.6, 0.6, 0))
    psf = Psf(np.full((1, 9), 1 / 9, np.float32))
    blurry = linear_to_srgb(apply_psf(srgb_to_linear(sharp), psf))
    grain = np.random.default_rng(1).normal(0, 0.004, blurry.shape)
    grey = linear_to_srgb(luma(srgb_to_linear(sharp)))
    return grey, np.clip(blurry + grain, 0, 1).astype(np.float32)


def test_hints_bring_a_blurred_frame_nearer_to_the_sharp_one(estimator):
    grey, blurry = moved()
    hint = hint_of(blurry, estimator)
    assert (
        hint.planes.shape == (len(HINT_BANK.strengths), 300, 300)
        and hint.planes.dtype == np.float32
    )
    assert hint.facts.shape == (FACTS,) and (np.abs(hint.planes) <= MOST).all()
    before = linear_to_srgb(luma(srgb_to_linear(blurry)))
    inside = (slice(20, -20), slice(20, -20))
    lost = np.square(before - grey)[inside].mean()
    for plane in hint.planes:
        assert np.square(before + plane - grey)[inside].mean() < 0.7 * lost


def test_motion_is_told_where_there_is_detail():
    flat = np.full((300, 700), 0.5, np.float32)
    flat[:, 440:] += 0.1 * np.random.default_rng(0).random((300, 260), dtype=np.float32)
    y0, x0, y1, x1 = telling_window(flat)
    assert (y1 - y0, x1 - x0) == (256, 256) and flat[y0:y1, x0:x1].std() > 0.02
    # Where all is alike, the middle.
    ramp = np.broadcast_to(np.arange(600, dtype=np.float32), (260, 600))
    assert telling_window(ramp)[1] == 172
    assert telling_window(flat[:100, :120]) == (0, 0, 100, 120)


def test_small_frames_tell_nothing(estimator):
    hint, none = hint_of(texture(60, 300).astype(np.float32) / 255, estimator), no_hint(60, 300)
    assert np.array_equal(hint.planes, none.planes) and np.array_equal(hint.facts, none.facts)


def test_the_network_is_told_the_hints_of_the_padded_frame(estimator):
    _, blurry = moved()
    fake = FakeEngine()
    memory = FrameMemory(fake, estimator)
    memory.step(blurry[:150, :201])
    hint = hint_of(blurry[:150, :201], estimator)
    seen = fake.hints[0]
    assert seen.shape == (16 * len(HINT_BANK.strengths) + FACTS, 40, 52)
    assert (seen[-FACTS:] == hint.facts[:, None, None]).all()
    assert np.array_equal(seen[16, :37, :50], hint.planes[1, :148:4, :200:4])
    again = FakeEngine()
    ahead = FrameMemory(again, estimator)
    ahead.step(blurry[:150, :201], ahead.analyse(blurry[:150, :201]))
    assert np.array_equal(again.hints[0], seen)


def test_sharp_frames_stay_to_the_bit_and_blurred_ones_do_not(estimator):
    class Darkening(FakeEngine):
        def __call__(self, frame, hints, state):
            return super().__call__(frame * np.float32(0.9), hints, state)

    with Image.open(SHARP) as image:
        sharp = to_float(np.asarray(image.convert("RGB")))[40:300, 100:400]
    memory = FrameMemory(Darkening(), estimator)
    assert np.array_equal(memory.step(sharp), sharp)
    _, blurry = moved()
    memory.reset()
    assert np.abs(memory.step(blurry) - 0.9 * blurry).max() < 0.05


def test_told_hints_are_unshuffled():
    planes = np.arange(2 * 8 * 12, dtype=np.float32).reshape(2, 8, 12)
    out = hint_cells(planes, np.array([7, 8], np.float32))
    assert out.shape == (34, 2, 3)
    assert np.array_equal(out[5], planes[0, 1::4, 1::4]) and (out[32] == 7).all()


def test_a_network_of_other_inputs_is_refused():
    engine = OnnxEngine(weights_path("kernel_net"), task="kernel", runtime=ONE_THREAD)
    with pytest.raises(SpecMismatch, match="takes 2 inputs, 1"):
        engine(np.zeros((1, 18, 64, 64), np.float32))
