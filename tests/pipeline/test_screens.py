"""Scans of one bit are sharp: detect and restore say so alike, whatever their dots look like."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

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


def in_greys(count):
    """Ordered dither to some greys, as electronic paper shows it."""

    def dither(image):
        steps = np.asarray(image) / 255 * (count - 1)
        rest = ordered(Image.fromarray(np.uint8(255 * (steps % 1)))) / 255
        return np.uint8(np.clip(np.floor(steps) + rest, 0, count - 1) * 255 / (count - 1))

    return dither


def in_colour(image):
    """One bit for each of three channels, which do not go together."""
    return np.stack([diffused(image), diffused(image.point(lambda v: v * 0.8)), ordered(image)], 2)


def by_palette(image):
    """The palette of the web, 6 levels of each channel."""
    coloured = Image.merge("RGB", [image, image.point(lambda v: v * 0.8), image])
    return np.asarray(coloured.convert("P", palette=Image.Palette.WEB).convert("RGB"))


def scanned_softly(image):
    return np.uint8(ndimage.gaussian_filter(diffused(image).astype(float), 0.5))


def scanned_smaller(image):
    dots = Image.fromarray(diffused(image))
    return np.asarray(dots.resize((dots.width * 3 // 4, dots.height * 3 // 4)))


def on_paper(image):
    share = diffused(image)[..., None] / 255
    return np.uint8(share * [236, 224, 196] + (1 - share) * [44, 38, 52])


def of_two_tones(image):
    """A scan of 1 bit without dither, nearly all of it white."""
    return np.uint8(np.asarray(image) > np.quantile(np.asarray(image), 0.01)) * 255


OTHERS = {
    "3 greys": in_greys(3),
    "4 greys": in_greys(4),
    "colour": in_colour,
    "palette": by_palette,
    "soft": scanned_softly,
    "smaller": scanned_smaller,
    "paper": on_paper,
    "two tones": of_two_tones,
}
"""Further kinds, which are not all changed by JPEG or by enlarging without harm."""


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


@pytest.mark.parametrize("maker", OTHERS)
@pytest.mark.parametrize("name", ["astronaut", "colosseum", "rocks"])
def test_other_dither_is_seen_too(maker, name):
    assert is_screened(OTHERS[maker](grey(name)))


@pytest.mark.parametrize("noise", [0.02, 0.06])
def test_noise_is_not_taken_for_it(noise):
    photo = np.asarray(grey("rocks")) / np.float32(255)
    light = apply_psf(srgb_to_linear(photo)[..., None], Psf.from_line(9, 30))[..., 0]
    grain = np.random.default_rng(2).normal(0, noise, light.shape)
    noisy = np.clip(linear_to_srgb(np.clip(light, 0, 1)) + grain, 0, 1)
    assert not is_screened(noisy.astype(np.float32))
    if noise < 1 / 30:  # more than that dithers, when it is cut to 16 greys
        assert not is_screened(np.uint8(noisy * 15) * 17)


@pytest.mark.parametrize("name", ["astronaut", "page", "rocks"])
@pytest.mark.parametrize(("length", "angle"), [(5, 0), (5, 90), (9, 45), (21, 10)])
def test_what_has_moved_is_not_taken_for_it(name, length, angle):
    photo = np.asarray(grey(name)) / np.float32(255)
    for sharp in (photo, (photo > 0.5).astype(np.float32)):
        light = apply_psf(srgb_to_linear(sharp)[..., None], Psf.from_line(length, angle))[..., 0]
        assert not is_screened(linear_to_srgb(np.clip(light, 0, 1)))
        assert not is_screened(np.clip(3 * light - 0.5, 0, 1).astype(np.float32))  # saturated


@pytest.mark.parametrize(
    ("maker", "name"),
    [
        *((maker, name) for maker in MAKERS for name in ("colosseum", "rocks")),
        *((maker, "colosseum") for maker in ("3 greys", "colour", "smaller")),
    ],
)
def test_everybody_calls_it_sharp(maker, name):
    samples = {**MAKERS, **OTHERS}[maker](grey(name))
    seen = unblur.detect(samples, threads=1, everywhere=True)
    assert seen.kind == "sharp" and seen.probabilities[1] < 0.01
    assert all(window.probabilities[0] > 0.99 for window in seen.windows)
    result = unblur.restore(samples, threads=1)
    assert not result.report.changed and "already sharp" in result.report.reason
    np.testing.assert_array_equal(result.samples.squeeze(), samples)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", ["scan.png", "scan.jpg"])
def test_a_large_one_too_of_which_little_is_looked_at(name, maker, tmp_path):
    photo = grey("colosseum", (0, 0, 500, 330)).resize((2100, 1400))
    dots = Image.fromarray(MAKERS[maker](photo))
    if name.endswith("png"):
        dots.convert("1").save(tmp_path / name)
    else:
        dots.save(tmp_path / name, quality=85)
    seen = unblur.detect(tmp_path / name, threads=1)
    assert seen.scale == 2 and seen.kind == "sharp" and seen.probabilities[1] < 0.01
    with (tmp_path / name).open("rb") as stream:  # the page reads it so
        assert unblur.detect(stream, threads=1).kind == "sharp"


def test_the_detectors_network_is_not_believed():
    detect = BlurDetector(FakeBlurEngine(row(motion=9)))
    dots = diffused(grey("rocks")) / np.float32(255)
    assert detect(dots).kind == "sharp"
    assert detect(np.asarray(grey("rocks")) / np.float32(255)).kind == "motion"
    assert detect(np.asarray(grey("rocks")) / np.float32(255), screened=True).kind == "sharp"
