"""The way of a photo: tiles leave no trace, nothing is touched that should not be."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from tests.pipeline.fakes import Brighten, FakeKernelEngine, LocalRestorer, restore_samples
from unblur.blur import Psf
from unblur.color import quantise, to_float
from unblur.errors import BadValue, EngineFailed, ShapeMismatch
from unblur.motion import refinement
from unblur.motion.field import uniform_field
from unblur.motion.judge import Candidate
from unblur.motion.network import NetworkEstimator
from unblur.motion.picture import Picture
from unblur.pipeline import assessing
from unblur.pipeline.report import RestoreOptions
from unblur.restoration.restorers import NetworkRestorer
from unblur.spec import ModelSpec
from unblur.zoo.models import Session

pytestmark = pytest.mark.usefixtures("light_may_change")

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


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (63, 400), (95, 95)])
def test_photos_too_small_to_tell_stay(height, width):
    samples = photo(height, width)
    out, motion, report = restore_samples(samples, Brighten(), FakeKernelEngine(), RestoreOptions())
    assert out is samples
    assert motion is None
    assert "too small" in report.reason
    with pytest.raises(ShapeMismatch, match="at least 64 px and 9216"):
        NetworkEstimator(FakeKernelEngine()).propose(Picture(samples))


def test_tiles_restored_at_the_same_time_give_the_very_same_photo():
    samples, seen = photo(300, 420), []
    options = RestoreOptions(psf=PSF, tile_px=64)
    alone, _, _ = restore_samples(samples, LocalRestorer(), FakeKernelEngine(), options)
    together, _, _ = restore_samples(
        samples,
        LocalRestorer(at_once=3),
        FakeKernelEngine(),
        options,
        progress=lambda done, total: seen.append(done),
    )
    np.testing.assert_array_equal(together, alone)
    assert seen == list(range(1, len(seen) + 1)) and len(seen) > 20


def test_a_tile_that_fails_fails_the_photo():
    def fail(tile):
        raise EngineFailed("no memory")

    fail.name, fail.halo_px, fail.at_once = "fail", 0, 2
    with pytest.raises(EngineFailed, match="no memory"):
        restore_samples(photo(200, 300), fail, FakeKernelEngine(), RestoreOptions(psf=PSF))


class MeanEngine:
    """A network that sees 40 px far: the mean of a cross; counts the pixels it is given."""

    spec = ModelSpec("mean", "restore", 8, 40, 0, "none", "nothing", 0, bank="none")

    def __init__(self):
        self.pixels = 0

    def __call__(self, image):
        self.pixels += image[0, 0].size
        return (ndimage.uniform_filter1d(image[:, :3], 81, axis=2, mode="nearest"),)


def test_the_network_sees_its_own_halo_and_not_the_deconvolutions():
    samples, psf = photo(260, 330, dtype=np.float32), Psf.from_line(51, 10)
    tiled, whole = MeanEngine(), MeanEngine()
    out, _, _ = restore_samples(
        samples,
        NetworkRestorer("mean", tiled),
        FakeKernelEngine(),
        RestoreOptions(psf=psf, tile_px=64),
    )
    expected, _, _ = restore_samples(
        samples,
        NetworkRestorer("mean", whole),
        FakeKernelEngine(),
        RestoreOptions(psf=psf, tile_px=400),
    )
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert tiled.pixels <= 24 * (64 + 32 + 80 + 8) ** 2


def test_the_shipped_network_gives_the_same_in_tiles():
    noise = np.random.default_rng(0).normal(0, 8, (330, 400, 3))
    samples = np.clip(photo(330, 400, seed=3) * 0.6 + 40 + noise, 0, 255).astype(np.uint8)
    options = [RestoreOptions(psf=Psf.from_line(9, 70), tile_px=side) for side in (112, 512)]
    restorer = Session(threads=1).restorer()
    tiled, whole = (
        restore_samples(samples, restorer, FakeKernelEngine(), option)[0].astype(int)
        for option in options
    )
    assert np.abs(whole - samples).max() > 10
    apart = np.abs(tiled - whole)
    inside = apart[8:-8, 8:-8]
    assert inside.max() <= 14  # no seams ...
    assert np.percentile(inside, 99.9) <= 4
    # ... but what lies beyond the photo's own border is made up for each tile anew.
    assert apart.max() <= 20
    assert apart.mean() < 0.2


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


def test_at_strength_0_nothing_is_refined(monkeypatch):
    monkeypatch.setattr(NetworkEstimator, "refine", None)
    samples = photo(120, 150)
    out, motion, report = restore_samples(
        samples, Brighten(), FakeKernelEngine(), RestoreOptions(strength=0.0)
    )
    assert out is samples and motion is not None
    assert report.reason == "strength is 0"


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
    small = replace(uniform_field(samples.shape[:2], Psf.from_line(27, 0), 0.01), scale=4)
    options = RestoreOptions(psf=small, mask=mask)
    out, motion, _ = restore_samples(samples, Brighten(), FakeKernelEngine(), options)
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


def test_long_motion_is_measured_and_restored_on_a_smaller_picture(monkeypatch):
    # Searches would find what the photo shows, and weigh.
    monkeypatch.setattr(refinement, "least_energy", lambda window, looked, found: looked)
    monkeypatch.setattr(
        refinement, "choose", lambda window, fused, half, **how: Candidate(fused, "fused")
    )
    # The photo did not move, and would be left as a part that stood still.
    monkeypatch.setattr(assessing, "still_by_edges", lambda *given, **named: None)
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
