"""Scores of sequences: seeded, flicker as defined, memory emptied as asked."""

import numpy as np
import pytest
from PIL import Image

from unblur.blur.camera import CameraRecipe
from unblur.blur.clip_recipe import ClipRecipe
from unblur.errors import BadValue, UnreadableImage
from unblur.evaluate import clips
from unblur.io import find_images

RECIPE = ClipRecipe(frames=4, margin_px=16, travel_px=(2.0, 4.0), still=0.0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharp")
    rng = np.random.default_rng(0)
    for number in range(2):
        coarse = rng.random((38, 40, 3)).repeat(8, 0).repeat(8, 1)
        Image.fromarray((coarse * 255).astype("u1")).save(folder / f"{number}.png")
    return find_images([folder])


class Remembering:
    """Gives back the mean of all frames since the last reset."""

    def reset(self):
        self.frames = []

    def analyse(self, frame):
        return None

    def step(self, frame, analysis=None, following=None):
        self.frames.append(frame)
        return np.mean(self.frames, axis=0)


def test_flicker_is_change_that_should_not_be():
    rng = np.random.default_rng(1)
    sharp = rng.random((5, 8, 9, 3)).astype(np.float32)
    assert clips.flicker(sharp, sharp) == 0
    assert clips.flicker(sharp + 0.1, sharp) == pytest.approx(0, abs=1e-4)
    blinking = sharp + np.where(np.arange(5) % 2, 2, 0)[:, None, None, None] / 255
    assert clips.flicker(blinking.astype(np.float32), sharp) == pytest.approx(2, abs=1e-3)


def test_clips_are_seeded(photos):
    def made(seed):
        camera = CameraRecipe()
        return list(clips.make_clips(photos, 3, seed=seed, recipe=RECIPE, camera=camera))

    first, again, other = made(1), made(1), made(2)
    for (_, one), (_, same) in zip(first, again, strict=True):
        assert np.array_equal(one.blurry, same.blurry)
    assert not np.array_equal(first[0][1].blurry, other[0][1].blurry)
    assert first[0][1].blurry.shape == (4, clips.SIDE_PX, clips.SIDE_PX, 3)
    assert first[0][0] == first[2][0] != first[1][0]


def test_memory_is_emptied_every_so_many_frames():
    frames = np.stack([np.full((2, 2, 3), level, np.float32) for level in (0.0, 0.2, 0.4, 0.6)])

    def levels(every):
        restored = clips.restored_frames(Remembering(), frames, reset_every=every)
        return restored.mean(axis=(1, 2, 3))

    assert np.allclose(levels(1), [0, 0.2, 0.4, 0.6], atol=0.002)
    assert np.allclose(levels(2), [0, 0.1, 0.4, 0.5], atol=0.002)
    assert np.allclose(levels(None), [0, 0.1, 0.2, 0.3], atol=0.002)


def test_rows_and_means(photos, monkeypatch):
    asked = []

    def load(name, session=None):
        asked.append(name)
        return Remembering()

    monkeypatch.setattr(clips, "load_frame_model", load)
    names = ["blurry", "frame", "frame/1", "a/b.onnx/2"]
    rows = clips.evaluate_clips(photos, names, clips=2, recipe=RECIPE)
    assert asked == ["frame", "frame", "a/b.onnx"]
    assert len(rows) == 8
    means = clips.summary(rows)
    assert list(means) == names
    # Emptied at each frame, this memory does nothing.
    assert means["frame/1"]["psnr_db"] == pytest.approx(means["blurry"]["psnr_db"], abs=0.01)
    blurry = [row.psnr_db for row in rows if row.method == "blurry"]
    assert means["blurry"]["psnr_db"] == pytest.approx(np.mean(blurry))


def test_what_cannot_be_scored_is_refused(photos):
    with pytest.raises(BadValue, match="every 1 or more"):
        clips.evaluate_clips(photos, ["frame/0"], recipe=RECIPE)
    with pytest.raises(UnreadableImage, match="at least 416 px"):
        clips.evaluate_clips(photos, ["blurry"], clips=1)
