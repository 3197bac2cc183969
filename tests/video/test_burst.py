"""Bursts: neighbours are laid on the chosen photo, strangers are left out, nothing is faked."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from unblur.color import as_rgb, linear_to_srgb, srgb_to_linear
from unblur.errors import BadValue, ShapeMismatch, UnknownModel
from unblur.io import Photo
from unblur.video import burst, restore_burst
from unblur.video.registration import laid_on, place

SHARP = Path(__file__).parents[2] / "examples" / "photos" / "astronaut-sharp.jpg"


def scene(seed=0, side=420):
    rng = np.random.default_rng(seed)
    fine = ndimage.gaussian_filter(rng.random((side, side, 3)), (1.2, 1.2, 0))
    coarse = ndimage.gaussian_filter(rng.random((side, side, 3)), (12, 12, 0))
    both = (fine - fine.mean()) / fine.std() + (coarse - coarse.mean()) / coarse.std()
    return np.clip(0.5 + 0.12 * both, 0, 1).astype(np.float32)


def taken(wide, angle=0.0, y=0, x=0):
    """A photo of 300 x 340 px by a camera that was turned and moved."""
    turned = ndimage.rotate(wide, angle, reshape=False, order=3, mode="nearest")
    return np.clip(turned[60 + y : 360 + y, 40 + x : 380 + x], 0, 1).astype(np.float32)


@pytest.mark.parametrize(("angle", "y", "x"), [(0, 0, 0), (0, 9, -14), (1.5, 4, 6), (-2.6, -8, 3)])
def test_photos_are_laid_on_each_other(angle, y, x):
    wide = scene()
    still, moved = taken(wide), taken(wide, angle, y, x)
    placement = place(moved, still)
    assert placement.likeness > 0.6
    laid = laid_on(moved, placement, still)
    inside = (slice(40, -40), slice(40, -40))
    before, after = (np.abs(p[inside] - still[inside]).mean() for p in (moved, laid))
    assert after < 0.03
    if angle or y or x:
        assert after < 0.5 * before


def test_strangers_are_not_alike():
    assert place(taken(scene(1)), taken(scene(2))).likeness < 0.2


class Keeping:
    """A network's stand-in that keeps what it is shown, and changes nothing."""

    def __init__(self):
        self.seen = []

    def step(self, frame):
        self.seen.append(frame)
        return frame


@pytest.fixture
def model(monkeypatch):
    fake = Keeping()
    monkeypatch.setattr(burst, "load_frame_model", lambda name, **options: fake)
    return fake


def photos(*frames):
    return [Photo.from_array((frame * 255).round().astype(np.uint8)) for frame in frames]


def test_the_sharpest_is_restored_last_and_strangers_do_not_help(model):
    wide = scene()
    soft = ndimage.gaussian_filter(taken(wide, 0.5, 3, 2), (3, 3, 0))
    sharp = taken(wide)
    stranger = ndimage.gaussian_filter(taken(scene(5)), (1.5, 1.5, 0))
    restored, report = restore_burst(photos(soft, stranger, sharp, soft))
    assert report.chosen == 2
    assert set(report.helped) == {0, 3} and set(report.left_out) == {1}
    assert any("left out" in note for note in report.notes)
    assert len(model.seen) == 3
    assert np.array_equal(restored.samples, photos(sharp)[0].samples)  # the fake changes nothing


def test_one_can_be_chosen_and_none_may_help(model):
    _, report = restore_burst(photos(taken(scene(1)), taken(scene(2))), chosen=1)
    assert report.chosen == 1 and report.helped == ()
    assert any("by itself" in note for note in report.notes)


class Brighter:
    """A network's stand-in that keeps what it is shown, and answers with a little more light."""

    def __init__(self):
        self.seen = []

    def step(self, frame):
        self.seen.append(frame)
        return linear_to_srgb(np.clip(srgb_to_linear(frame) + np.float32(0.1), 0, 1))


@pytest.mark.parametrize("grey", [False, True])
def test_the_network_sees_srgb_and_the_mix_is_in_the_photos_own_light(monkeypatch, grey):
    memory = Brighter()
    monkeypatch.setattr(burst, "load_frame_model", lambda name, **options: memory)
    frame = 0.7 * taken(scene())[..., : 1 if grey else 3]
    linear = [Photo.from_array((frame * 65535).round().astype(np.uint16))] * 2
    restored, report = restore_burst(linear, chosen=1, strength=0.5, tone="linear")
    assert report.tone["curve"] == "linear" and report.tone["evidence"] == "caller"
    np.testing.assert_allclose(srgb_to_linear(memory.seen[-1]), as_rgb(frame), atol=1e-4)
    np.testing.assert_allclose(restored.srgb(), frame + 0.05, atol=1e-4)
    plain, report = restore_burst(linear, chosen=1, strength=0.5)
    assert report.tone["curve"] == "srgb"
    np.testing.assert_allclose(memory.seen[-1], as_rgb(frame), atol=1e-4)
    assert np.abs(plain.srgb() - restored.srgb()).max() > 0.01


def test_what_is_no_burst_is_refused(model):
    one = photos(taken(scene()))
    with pytest.raises(BadValue, match="two or more"):
        restore_burst(one)
    with pytest.raises(BadValue, match="0 to 1"):
        restore_burst(one * 2, chosen=2)
    with pytest.raises(ShapeMismatch, match="one size"):
        restore_burst([*one, *photos(scene(0, 64))])


def test_framernn_is_not_for_bursts():
    with pytest.raises(UnknownModel, match="by the model 'photo', got 'frame'"):
        restore_burst(photos(taken(scene()), taken(scene())), model="frame")


def test_without_its_weights_framernn_is_not_faked(monkeypatch):
    from unblur.video import models

    def missing(name):
        raise UnknownModel(name)

    monkeypatch.setattr(models, "weights_path", missing)
    with pytest.raises(UnknownModel, match="no weights of FrameRNN"):
        models.load_frame_model("frame")


def test_neighbours_help_the_photo_network():
    with Image.open(SHARP) as image:
        wide = np.asarray(image.convert("RGB"), np.float32) / 255

    def shaken(number, x, axis):
        clear = wide[60 + x : 360 + x, 100 - x : 440 - x]
        moved = ndimage.uniform_filter1d(clear, 9, axis=axis, mode="nearest")
        grain = np.random.default_rng(number).normal(0, 0.02, moved.shape)
        return np.clip(moved + grain, 0, 1).astype(np.float32)

    taken_in_a_row = photos(shaken(0, 6, 0), shaken(1, 0, 1), shaken(2, -6, 0))
    together, report = restore_burst(taken_in_a_row, chosen=1)
    alone, _ = restore_burst([taken_in_a_row[1], *photos(taken(scene(3)))], chosen=0)
    assert set(report.helped) == {0, 2}
    inside = (slice(40, -40), slice(40, -40))
    target = 255 * wide[60:360, 100:440][inside]
    errors = [
        float(np.abs(photo.samples[inside].astype(float) - target).mean())
        for photo in (taken_in_a_row[1], alone, together)
    ]
    assert errors[1] < 0.95 * errors[0] and errors[2] < 0.97 * errors[1]


def test_the_command_writes_beside_the_chosen_photo(model, tmp_path):
    from click.testing import CliRunner

    from unblur.cli import main

    wide = scene()
    for name, frame in [("a", taken(wide, 0, 4, 4)), ("b", taken(wide))]:
        Image.fromarray((frame * 255).astype("u1")).save(tmp_path / f"{name}.png")
    files = [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    told = ["--tone", "linear", "--json"]
    done = CliRunner().invoke(main, ["burst", *files, "--choose", "1", *told])
    assert json.loads(done.stdout)["tone"]["evidence"] == "caller"
    done = CliRunner().invoke(main, ["burst", *files, "--choose", "2"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "b.unblurred.png").exists() and "1 neighbour" in done.output
    again = CliRunner().invoke(main, ["burst", *files, "--choose", "2"])
    assert again.exit_code == 6
    over = CliRunner().invoke(main, ["burst", *files, "-o", files[0], "--overwrite"])
    assert over.exit_code != 0
