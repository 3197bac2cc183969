"""Restorers that see no PSF: their windows, the gate before them, and the gate set aside."""

import numpy as np
import pytest

from tests.pipeline.fakes import FakeKernelEngine, restore_samples
from unblur.blur import Psf
from unblur.engines.foreign import ForeignEngine
from unblur.errors import BadValue
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.tiling import plan_windows
from unblur.restoration.foreign import ForeignRestorer
from unblur.runtime import ONE_THREAD
from unblur.spec import ForeignSpec
from unblur.zoo.models import Session

pytestmark = pytest.mark.usefixtures("light_may_change")

RNG = np.random.default_rng(5)
UNGATED = RestoreOptions(gate=False)


class Local:
    """A 5 x 5 mean with the colours turned round, on windows of one size."""

    name, halo_px, at_once, regularised = "local", 2, 1, False

    def __init__(self, window_px=(104, 128)):
        self.window_px = window_px
        self.tiles = []

    def __call__(self, tile):
        from scipy import ndimage

        self.tiles.append(tile.srgb.shape[:2])
        return ndimage.uniform_filter(tile.srgb, size=(5, 5, 1), mode="nearest")[..., ::-1].copy()


def photo(height, width):
    return RNG.integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [1, 50, 160, 161, 190, 288, 289, 1000, 1237])
@pytest.mark.parametrize("halo", [0, 2, 20])
def test_windows_cover_the_axis_once_and_stay_inside(size, halo):
    segments = plan_windows(size, window=160, halo=halo, fade=32)
    total = np.zeros(size)
    for s in segments:
        total[s.start : s.stop] += s.weights()
        assert s.outer_stop - s.outer_start == min(160, size)
        assert 0 <= s.outer_start <= s.start < s.stop <= s.outer_stop <= size
        assert s.start == 0 or s.start - s.outer_start >= halo
        assert s.stop == size or s.outer_stop - s.stop >= halo
        assert s.fade_in + s.fade_out <= s.stop - s.start
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert len(segments) == 1 or len(segments) - 1 < (size - 2 * halo - 32) / (128 - 2 * halo)


def test_windows_without_room_are_refused():
    with pytest.raises(BadValue, match="larger than 160 px"):
        plan_windows(500, window=160, halo=32, fade=32)


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (96, 128), (97, 300), (250, 131)])
def test_windows_are_seamless(shape):
    samples = photo(*shape)
    local = Local()
    restored, motion, report = restore_samples(samples, local, FakeKernelEngine(), UNGATED)
    whole, _, _ = restore_samples(samples, Local((999, 999)), FakeKernelEngine(), UNGATED)
    assert np.abs(restored.astype(int) - whole).max() <= 1
    assert motion is None and report.motion is None and report.trust == [[1.0]]
    assert set(local.tiles) == {(min(104, shape[0]), min(128, shape[1]))}


def test_without_the_gate_nobody_looks_for_motion():
    engine = FakeKernelEngine()
    _, _, report = restore_samples(photo(120, 150), Local(), engine, UNGATED)
    assert engine.calls == 0 and report.changed


def test_the_plain_network_takes_no_psf_and_sees_no_motion():
    samples = photo(120, 150)
    engine = FakeKernelEngine()
    plain = Session(threads=1).restorer("plain")
    restored, motion, _ = restore_samples(samples, plain, engine, UNGATED)
    assert restored.shape == samples.shape and motion is None and engine.calls == 0
    with pytest.raises(BadValue, match="plain restores without a PSF"):
        restore_samples(samples, plain, engine, RestoreOptions(psf=Psf.from_line(5, 0)))
    # Behind the gate it does the same to a photo that moved, however it moved.
    for length in (9, 21):
        moved = FakeKernelEngine(length=length)
        again, _, _ = restore_samples(samples, plain, moved, RestoreOptions())
        np.testing.assert_array_equal(again, restored)


def test_the_plain_network_gives_the_same_in_tiles():
    from scipy import ndimage

    noise = np.random.default_rng(0).normal(0, 6, (300, 900, 3))
    smooth = ndimage.gaussian_filter(photo(300, 900).astype(np.float32), (2, 5, 0)) * 3 - 250
    samples = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    plain = Session(threads=1).restorer("plain")
    options = (RestoreOptions(gate=False, tile_px=side) for side in (200, 999))
    tiled, once = (
        restore_samples(samples, plain, FakeKernelEngine(), option)[0].astype(int)
        for option in options
    )
    change = np.abs(once - samples).mean()
    assert change > 0.2 and np.abs(tiled - once).mean() < 0.01 * change


@pytest.mark.parametrize("blurred", [True, False])
def test_the_gate_decides_on_the_photo_as_a_whole(blurred):
    samples = photo(300, 420)
    engine = FakeKernelEngine(blurred=blurred, confidence=0.05)  # no PSF to be trusted
    restored, motion, report = restore_samples(samples, Local(), engine, RestoreOptions())
    assert motion is not None and report.changed == blurred
    if blurred:
        ungated, _, _ = restore_samples(samples, Local(), engine, UNGATED)
        np.testing.assert_array_equal(restored, ungated)
    else:
        assert restored is samples and "already sharp" in report.reason


def test_long_motion_does_not_shrink_the_photo():
    local = Local()
    engine = FakeKernelEngine(length=60)
    restore_samples(photo(700, 800), local, engine, RestoreOptions())
    assert set(local.tiles) == {(104, 128)}


def test_our_own_restorers_without_the_gate():
    from tests.pipeline.fakes import Brighten

    samples = photo(300, 420) // 2
    engine = FakeKernelEngine(blurred=False)
    assert restore_samples(samples, Brighten(), engine, RestoreOptions())[0] is samples
    restored, _, report = restore_samples(samples, Brighten(), engine, UNGATED)
    assert (restored > samples).all() and np.all(np.array(report.trust) == 1)


def test_strength_mask_and_psf():
    from unblur.blur.psf import Psf

    samples = photo(120, 150)
    options = RestoreOptions(gate=False, strength=0)
    assert restore_samples(samples, Local(), FakeKernelEngine(), options)[2].reason
    mask = np.zeros((120, 150), bool)
    mask[30:50, 60:90] = True
    options = RestoreOptions(gate=False, mask=mask)
    restored, _, _ = restore_samples(samples, Local(), FakeKernelEngine(), options)
    changed = (restored != samples).any(axis=2)
    assert changed[mask].any() and not changed[~mask].any()
    with pytest.raises(BadValue, match="without a PSF"):
        options = RestoreOptions(psf=Psf.from_line(9, 30))
        restore_samples(samples, Local(), FakeKernelEngine(), options)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize(("values", "by"), [("0..1", 0.1), ("0..255", 25.5), ("-1..1", 0.2)])
@pytest.mark.parametrize("fixed", [True, False])
def test_layouts_ranges_and_padding(layout, values, by, fixed):
    pytest.importorskip("onnx")
    from tests.foreign.made import brighten

    sides = (128, 136) if fixed else ("h", "w")
    shape = (1, 3, *sides) if layout == "nchw" else (1, *sides, 3)
    spec = ForeignSpec(
        "b", "", layout, values, 8, (128, 136), fixed, 8, 0, 0, 0, 0.0, "none", "made here"
    )
    restorer = ForeignRestorer(
        "b", ForeignEngine(brighten(by=by, shape=shape), spec, runtime=ONE_THREAD)
    )
    for size in ((40, 50), (200, 330)):
        samples = photo(*size) // 2
        restored, _, _ = restore_samples(samples, restorer, FakeKernelEngine(), UNGATED)
        apart = restored.astype(float) - samples
        np.testing.assert_allclose(apart, 25.5, atol=0.51)
