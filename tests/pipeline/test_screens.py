"""Scans of one bit are sharp: detect and restore say so alike, whatever their dots look like."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unblur
from tests.motion.test_detect import FakeBlurEngine, row
from unblur.blur import Psf, apply_psf
from unblur.color import is_screened, linear_to_srgb, srgb_to_linear
from unblur.motion.detect import BlurDetector

SHARP = Path(__file__).parents[2] / "examples" / "sharp"
BAYER = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 0.5) / 16


def grey(name, box=(60, 60, 300, 240)):
    with Image.open(next(SHARP.glob(f"{name}.*"))) as image:
        return image.convert("L").crop(box)


def diffused(image):
    """Error diffusion by Floyd and Steinberg."""
    return np.asarray(image.convert("1")).astype(np.uint8) * 255


def ordered(image):
    values = np.asarray(image)
    height, width = values.shape
    thresholds = np.tile(BAYER, (-(-height // 4), -(-width // 4)))[:height, :width]
    return (values / 255 > thresholds).astype(np.uint8) * 255


def screened(image, period_px=6, angle=0.785):
    """Round dots that grow, as in print."""
    values = np.asarray(image)
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    dots = np.cos(2 * np.pi * u / period_px) + np.cos(2 * np.pi * v / period_px)
    ranks = np.empty(dots.size)
    ranks[np.argsort(dots, axis=None)] = (np.arange(dots.size) + 0.5) / dots.size
    return (values / 255 > ranks.reshape(dots.shape)).astype(np.uint8) * 255


MAKERS = {"diffused": diffused, "ordered": ordered, "screened": screened}


def jpeg(samples, quality):
    with io.BytesIO() as stream:
        Image.fromarray(samples).save(stream, "JPEG", quality=quality)
        return stream.getvalue()


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", ["astronaut", "colosseum", "page", "piazza", "rocks"])
def test_what_is_screened_is_seen(maker, name):
    dots = MAKERS[maker](grey(name))
    large = np.kron(dots, np.ones((2, 2), np.uint8))  # scanned finer than it was printed
    for samples in (dots, large, pixels(jpeg(dots, 95)), pixels(jpeg(dots, 75))):
        assert is_screened(samples / np.float32(255))
    assert not is_screened(np.asarray(grey(name)) / np.float32(255))


@pytest.mark.parametrize("name", ["astronaut", "page", "rocks"])
@pytest.mark.parametrize(("length", "angle"), [(5, 0), (5, 90), (9, 45), (21, 10)])
def test_what_has_moved_is_not_taken_for_it(name, length, angle):
    photo = np.asarray(grey(name)) / np.float32(255)
    for sharp in (photo, (photo > 0.5).astype(np.float32)):
        light = apply_psf(srgb_to_linear(sharp)[..., None], Psf.from_line(length, angle))[..., 0]
        assert not is_screened(linear_to_srgb(np.clip(light, 0, 1)))
        assert not is_screened(np.clip(3 * light - 0.5, 0, 1).astype(np.float32))  # saturated


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", ["colosseum", "rocks"])
def test_everybody_calls_it_sharp(maker, name):
    samples = MAKERS[maker](grey(name))
    seen = unblur.detect(samples, threads=1, everywhere=True)
    assert seen.kind == "sharp" and seen.probabilities[1] < 0.01
    assert all(window.probabilities[0] > 0.99 for window in seen.windows)
    result = unblur.restore(samples, threads=1)
    assert not result.report.changed and "already sharp" in result.report.reason
    np.testing.assert_array_equal(result.samples[..., 0], samples)


def test_a_large_one_too_of_which_little_is_looked_at(tmp_path):
    photo = grey("colosseum", (0, 0, 500, 330)).resize((2100, 1400))
    Image.fromarray(diffused(photo)).convert("1").save(tmp_path / "scan.png")
    seen = unblur.detect(tmp_path / "scan.png", threads=1)
    assert seen.scale == 2 and seen.kind == "sharp"


def test_the_detectors_network_is_not_believed():
    detect = BlurDetector(FakeBlurEngine(row(motion=9)))
    dots = diffused(grey("rocks")) / np.float32(255)
    assert detect(dots).kind == "sharp"
    assert detect(np.asarray(grey("rocks")) / np.float32(255)).kind == "motion"
    assert detect(np.asarray(grey("rocks")) / np.float32(255), screened=True).kind == "sharp"
