"""Looking at the motion: facts, pictures, page, and what is given back."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.motion.test_coarse_to_fine import scene
from tests.proposing import refine_nothing
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.color import linear_to_srgb, quantise
from unblur.errors import BadValue, ShapeMismatch
from unblur.inspection import draw
from unblur.inspection.facts import inspect_photo, photo_psf
from unblur.inspection.page import page
from unblur.inspection.palette import balance, direction, glow
from unblur.inspection.sheet import WIDTH, map_panels, photo_panels, sheet, window_panels
from unblur.io import Photo
from unblur.motion.features import MAP_NAMES
from unblur.motion.frequency import GRID
from unblur.motion.spatial import POOLED_GRID
from unblur.pipeline.facade import restore
from unblur.pipeline.field_files import load_motion
from unblur.tone import LINEAR, Tone


@pytest.fixture(scope="module")
def photo():
    linear = np.repeat(scene(270, 420)[..., None], 3, axis=2)
    moved = apply_psf(linear, Psf.from_line(14, 30))
    return Photo.from_array(quantise(linear_to_srgb(moved), np.dtype(np.uint8)))


@pytest.fixture(scope="module", autouse=True)
def _proposed():
    with pytest.MonkeyPatch.context() as patch:
        refine_nothing(patch)
        yield


@pytest.fixture(scope="module")
def seen(photo):
    return inspect_photo(photo, name="a <b> & c.jpg", threads=1)


def varying(seen):
    """The inspection with a field whose right column moves another way and is not trusted."""
    field = seen.field
    row = field.windows[0]
    other = replace(row[-1], psf=Psf.from_line(14, 120), confidence=0.1)
    windows = tuple((*r[:-1], other) for r in field.windows)
    trust = seen.trust.copy()
    trust[:, 0], trust[:, -1] = 1, 0
    return replace(seen, field=replace(field, windows=windows, uniform=False), trust=trust)


def test_the_window_is_the_one_nearest_to_the_point(photo):
    left, right = (inspect_photo(photo, window=(x, 100), threads=1).window for x in (5, 415))
    assert left.x < right.x
    y0, x0, y1, x1 = left.region
    assert (x0, y1 - y0, x1 - x0) == (0, 256, 256)
    assert left.luma.shape == (256, 256)
    assert right.region[3] == 420


def test_every_picture_of_a_window_belongs_to_it(seen):
    window = seen.window
    assert window.log_power.shape == window.cepstrum.shape == window.luma.shape
    assert window.high_pass.shape == (3, *window.luma.shape)
    assert window.pooled.shape == (3, POOLED_GRID, POOLED_GRID)
    assert list(window.maps) == list(MAP_NAMES)
    # The spectrum's origin is in the middle, where most of the power is.
    peak = np.unravel_index(int(np.argmax(window.log_power)), window.log_power.shape)
    assert np.hypot(peak[0] - 128, peak[1] - 128) < 8


def test_points_outside_and_small_photos_are_refused(photo):
    for point in ((420, 5), (5, 270), (-1, 5)):
        with pytest.raises(BadValue, match="420 x 270"):
            inspect_photo(photo, window=point, threads=1)
    with pytest.raises(ShapeMismatch, match="at least 64"):
        inspect_photo(Photo.from_array(np.zeros((63, 200, 3), np.uint8)), threads=1)


def test_numbers_are_strict_json_and_complete(seen):
    told = json.loads(json.dumps(seen.to_dict(), allow_nan=False))
    assert (told["width"], told["height"]) == (420, 270)
    assert len(told["windows"]) == seen.trust.size
    assert all(0 <= item["trust"] <= 1 for item in told["windows"])
    assert np.sum(told["window"]["psf"]) == pytest.approx(1, abs=1e-3)
    assert told["would_restore"] == (told["reason"] == "")


def test_the_exported_field_is_taken_by_the_restoration(seen, photo, tmp_path):
    (tmp_path / "field.npz").write_bytes(varying(seen).to_npz())
    back = load_motion(tmp_path / "field.npz")
    assert not back.uniform
    assert back.shape == (270, 420)
    again = restore(photo, model="wiener", psf=tmp_path / "field.npz", threads=1)
    assert again.report.changed
    with np.load(tmp_path / "field.npz") as stored:
        assert stored["window_maps"].shape == (len(MAP_NAMES), GRID, GRID)


def test_kernels_shine_where_the_windows_are_in_the_colour_of_their_direction(seen):
    shown = varying(seen)
    overlay = draw.kernels_over_photo(shown)
    assert overlay.picture.shape == (270, 420, 3)
    y = round(shown.field.centres_y[0])
    left, right = (
        overlay.picture[y - 9 : y + 10, round(x) - 9 : round(x) + 10].reshape(-1, 3).astype(float)
        for x in (shown.field.centres_x[0], shown.field.centres_x[-1])
    )
    assert left.max() > 150
    assert np.ptp(left, axis=1).max() > 3 * np.ptp(right, axis=1).max()  # not trusted: grey


def test_maps_of_the_field_change_between_the_windows(seen):
    shown = varying(seen)
    trust = draw.share_map(shown, shown.trust).astype(float)
    assert trust[:, :60].mean() > trust[:, -60:].mean() + 40
    motion = draw.motion_map(shown)[:180].astype(float)  # above the wheel
    first, last = (motion[:, part].mean(axis=(0, 1)) for part in (slice(40), slice(-40, None)))
    assert np.abs(first / first.sum() - last / last.sum()).max() > 0.03


def test_colours():
    np.testing.assert_allclose(direction(np.float32([0])), direction(np.float32([180])), atol=1e-6)
    assert np.abs(direction(np.float32([20])) - direction(np.float32([110]))).max() > 0.4
    assert glow(np.float32([0, 1]), 0, 1).sum(axis=1).tolist() == pytest.approx(
        [0.11, 2.72], abs=0.2
    )
    below, above = balance(np.float32([-1, 1]), 1)
    assert below[2] > below[0]
    assert above[0] > above[2]


def test_the_sheet_is_one_picture_of_everything(seen):
    with Image.open(io.BytesIO(sheet(seen))) as image:
        assert image.format == "PNG"
        assert image.width == WIDTH
        assert image.height > 800


def test_both_explanations_are_shown_where_the_light_had_to_be_chosen(seen, photo, monkeypatch):
    assert seen.explanations == ()
    tone = Tone(LINEAR, "estimate", 0.55)
    monkeypatch.setattr("unblur.motion.network.estimate_tone", lambda picture, network, scale: tone)
    monkeypatch.setattr("unblur.pipeline.both_lights.mean_gain", lambda *_: 1.5)
    both = inspect_photo(photo, threads=1)
    told = json.loads(json.dumps(both.to_dict(), allow_nan=False))
    assert [one["curve"] for one in told["explanations"]] in (
        ["linear", "srgb"],
        ["srgb", "linear"],
    )
    assert sum(one["probability"] for one in told["explanations"]) == pytest.approx(1)
    assert told["explanations"][0]["probability"] == told["tone"]["probability"]
    assert told["explanations"][0]["gain_db"] == 1.5
    panels = photo_panels(both)[-2:]
    assert {panel.key for panel in panels} == {"light_linear", "light_srgb"}
    assert all("would gain +1.5 dB" in panel.note for panel in panels)
    with Image.open(io.BytesIO(sheet(both))) as image:
        assert image.width == WIDTH


def test_the_page_loads_nothing_and_escapes_names(seen):
    text = page(seen).decode()
    assert "a &lt;b&gt; &amp; c.jpg" in text
    assert "<b>" not in text
    assert "<script" not in text
    assert "default-src 'none'" in text
    addresses = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", text)
    assert addresses
    assert all(address.startswith("data:image/") for address in addresses)
    assert "prefers-color-scheme:dark" in text
    panels = [*photo_panels(seen), *window_panels(seen), *map_panels(seen)]
    pictures = re.findall(r"data:image/\w+;base64,([A-Za-z0-9+/=]+)", text)
    layers = seen.layers.layers  # each has a cover, and those that moved a path
    paths = sum(layer.psf is not None for layer in layers)
    assert len(pictures) == len(panels) + 1 + len(layers) + paths
    for data in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            image.verify()


def test_a_wide_field_on_a_smaller_picture_is_drawn_in_photo_pixels(seen):
    psf = Psf.from_line(9, 30)
    windows = tuple(tuple(replace(w, psf=psf) for w in row) for row in seen.field.windows)
    halved = replace(seen.field, windows=windows, scale=2)
    assert photo_psf(halved, halved.windows[0][0]).length_px() == pytest.approx(
        2 * psf.length_px(), rel=0.25
    )
    small, large = (
        draw.kernels_over_photo(replace(seen, field=replace(halved, scale=scale))).zoom
        for scale in (2, 1)
    )
    assert small < large
