"""The way of a photo: tiles leave no trace, nothing is touched that should not be."""

import numpy as np
import pytest
from scipy import ndimage

from tests.restoration.fakes import Brighten, FakeKernelEngine, LocalRestorer
from unblur.blur import Psf
from unblur.color import quantise, to_float
from unblur.errors import BadValue, ShapeMismatch
from unblur.restoration.pipeline import RestoreOptions, analyse_samples, restore_samples

PSF = Psf.from_line(5, 20)


def photo(height, width, channels=3, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.random((height, width, channels)), (2, 2, 0))
    values = (values - values.min()) / max(np.ptp(values), 1e-9)
    return quantise(values.astype(np.float32), np.dtype(dtype))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5), (31, 97), (256, 257), (1, 300)])
@pytest.mark.parametrize("tile_px", [40, 64])
def test_tiled_equals_whole_where_the_context_is_local(height, width, tile_px):
    samples = photo(height, width, dtype=np.float32)
    options = RestoreOptions(psf=PSF, tile_px=tile_px)
    tiled, _, _ = restore_samples(samples, LocalRestorer(), FakeKernelEngine(), options)
    whole = LocalRestorer()(_tile(samples))
    np.testing.assert_allclose(tiled, np.clip(whole, 0, 1), atol=1e-5)


def _tile(samples):
    from unblur.restoration.restorers import Tile

    return Tile(samples, [], np.ones(samples.shape[:2], np.float32), 0.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_depth_come_back(dtype, channels):
    samples = photo(70, 101, channels, dtype)
    before = samples.copy()
    out, _, report = restore_samples(
        samples, Brighten(), FakeKernelEngine(), RestoreOptions(psf=PSF)
    )
    assert out.shape == samples.shape
    assert out.dtype == samples.dtype
    assert report.changed
    np.testing.assert_array_equal(samples, before)
    moved = to_float(out) - to_float(samples)
    room = to_float(samples) < 0.85
    np.testing.assert_allclose(moved[room], 0.1, atol=1 / 255)


def test_sharp_photo_is_the_very_same_array():
    samples = photo(200, 300)
    engine = FakeKernelEngine(blurred=False)
    out, motion, report = restore_samples(samples, Brighten(), engine, RestoreOptions())
    assert out is samples
    assert not report.changed
    assert "sharp" in report.reason
    assert motion is not None


def test_unreliable_motion_changes_nothing():
    samples = photo(200, 300)
    engine = FakeKernelEngine(confidence=0.1)
    out, _, report = restore_samples(samples, Brighten(), engine, RestoreOptions())
    assert out is samples
    assert "reliably" in report.reason


def test_blurred_photo_is_restored_all_over():
    samples = photo(200, 300)
    out, motion, report = restore_samples(samples, Brighten(), FakeKernelEngine(), RestoreOptions())
    assert motion.uniform
    assert report.changed
    assert ((out > samples) | (samples >= 250)).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (95, 400)])
def test_photos_too_small_to_tell_stay(height, width):
    samples = photo(height, width)
    out, motion, report = restore_samples(samples, Brighten(), FakeKernelEngine(), RestoreOptions())
    assert out is samples
    assert motion is None
    assert "too small" in report.reason
    assert analyse_samples(samples, FakeKernelEngine()) is None


def test_strength_blends_in_proportion():
    samples = photo(120, 150, dtype=np.float32) * np.float32(0.8)
    moved = [
        float(
            (
                restore_samples(
                    samples, Brighten(), FakeKernelEngine(), RestoreOptions(psf=PSF, strength=s)
                )[0]
                - samples
            ).mean()
        )
        for s in (0.0, 0.25, 0.5, 1.0)
    ]
    np.testing.assert_allclose(moved, [0, 0.025, 0.05, 0.1], atol=1e-4)


def test_mask_keeps_everything_else_bit_for_bit_and_skips_its_tiles():
    samples = photo(500, 620)
    mask = np.zeros((500, 620), np.float32)
    mask[30:90, 40:100] = 1
    restorer = LocalRestorer()
    options = RestoreOptions(psf=PSF, mask=mask, tile_px=100)
    out, _, _ = restore_samples(samples, restorer, FakeKernelEngine(), options)
    outside = mask == 0
    np.testing.assert_array_equal(out[outside], samples[outside])
    assert (out[~outside] != samples[~outside]).any()
    assert len(restorer.tiles) <= 4


def test_a_mask_holds_on_a_smaller_working_picture_too():
    samples = photo(1030, 1100)
    mask = np.zeros(samples.shape[:2], np.float32)
    mask[301:422, 207:535] = 1
    out, motion, _ = restore_samples(
        samples, Brighten(), FakeKernelEngine(length=27), RestoreOptions(mask=mask)
    )
    assert motion.scale == 4
    np.testing.assert_array_equal(out[mask == 0], samples[mask == 0])
    assert (out[mask == 1] != samples[mask == 1]).mean() > 0.9


def test_mask_of_another_size_is_refused():
    options = RestoreOptions(psf=PSF, mask=np.ones((3, 4)))
    with pytest.raises(ShapeMismatch, match="mask"):
        restore_samples(photo(100, 120), Brighten(), FakeKernelEngine(), options)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strength_outside_its_range_is_refused(strength):
    with pytest.raises(BadValue, match="strength"):
        RestoreOptions(strength=strength)


def test_long_motion_is_measured_and_restored_on_a_smaller_picture():
    samples = photo(1030, 1100)
    engine = FakeKernelEngine(length=27)
    out, motion, report = restore_samples(samples, Brighten(), engine, RestoreOptions())
    assert motion.scale == 4  # the coarsest picture of at least 256 px: 27 px there is too long
    assert motion.length_px == pytest.approx(27 * 4, abs=8)
    assert report.changed
    moved = to_float(out) - to_float(samples)
    np.testing.assert_allclose(moved[samples < 220], 0.1, atol=1.1 / 255)


def test_progress_counts_every_tile():
    seen = []
    restore_samples(
        photo(300, 500),
        Brighten(),
        FakeKernelEngine(),
        RestoreOptions(psf=PSF, tile_px=128),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))
    assert len({total for _, total in seen}) == 1
