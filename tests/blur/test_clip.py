"""Blurred sequences obey the laws of a shutter."""

import numpy as np
import pytest

from unblur.blur.camera import Camera, CameraRecipe, expose
from unblur.blur.clip import Clip, ClipSynthesiser, averaged_clip
from unblur.blur.clip_exposure import blurred, seen, settled, turned
from unblur.blur.clip_paths import STEPS, exposure
from unblur.blur.clip_recipe import ClipRecipe
from unblur.blur.trajectory import GyroTrace
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.errors import BadValue, ShapeMismatch

QUIET = CameraRecipe(
    sigma_read=(1e-9, 1e-9), shot=(1e-12, 1e-12), highlight_share=0, tone=(0, 0), jpeg_share=0
)
SIDE = 208


def scene(seed=0, side=SIDE):
    rng = np.random.default_rng(seed)
    coarse = rng.random((side // 8, side // 8, 3)).repeat(8, 0).repeat(8, 1)
    return (0.8 * coarse + 0.2 * rng.random((side, side, 3))).astype(np.float32)


def made(seed=0, camera=QUIET, trace=None, scenes=None, **options) -> Clip:
    synthesise = ClipSynthesiser(ClipRecipe(**options), camera, trace)
    rng = np.random.default_rng(seed)
    return synthesise(scenes or [scene()], rng, passing=scene(9))


def test_equal_seeds_give_equal_clips_and_others_other_ones():
    first, again, other = made(3), made(3), made(4)
    assert np.array_equal(first.blurry, again.blurry)
    assert np.array_equal(first.sharp, again.sharp)
    assert not np.array_equal(first.blurry, other.blurry)
    assert first.blurry.shape == first.sharp.shape == (5, SIDE - 160, SIDE - 160, 3)
    assert first.blurry.dtype == np.float32


def test_a_still_camera_gives_the_same_sharp_frame_again_and_again():
    clip = made(still=1.0, moving_object=0.0)
    assert (clip.travel_px == 0).all()
    for frame in clip.blurry:
        assert np.abs(frame - clip.sharp[0]).max() <= 1.01 / 255
    assert (clip.sharp == clip.sharp[0]).all()


def test_blur_is_the_mean_of_sub_frames_in_linear_light():
    """Against frames moved one by one, whole pixels each, and averaged by hand."""
    light = expose(scene(5), Camera())
    path = np.array([[3, -2], [4, -2], [5, -1], [5, -1], [7, 3]], np.float64)
    margin = 16
    inner = SIDE - 2 * margin
    frames = [light[margin - int(y) :][:inner, margin - int(x) :][:, :inner] for x, y in path]
    assert np.abs(blurred(light, path, margin) - np.mean(frames, axis=0)).max() < 1e-5
    # The sharp side stands at the mean of the path, (4.8, -0.6), to the nearest pixel.
    assert np.array_equal(seen(light, path, margin), light[17 : 17 + inner, 11 : 11 + inner])


def test_longer_exposures_blur_more():
    def loss(duty):
        clips = [made(seed, duty=(duty, duty), still=0, roll=0) for seed in range(4)]
        return np.mean([np.square(c.blurry - c.sharp).mean() for c in clips])

    assert loss(0.2) < loss(0.5) < loss(1.0)


def test_frames_of_one_clip_are_blurred_differently():
    travels = np.stack([made(seed, uneven=1.0, still=0).travel_px for seed in range(6)])
    assert (travels.max(axis=1) > 1.5 * travels.min(axis=1)).sum() >= 5


def test_objects_move_on_their_own_over_what_lies_behind():
    plain = made(1, still=1.0, moving_object=0.0)
    moved = made(1, still=1.0, moving_object=1.0, object_travel_px=(8.0, 8.0))
    changed = np.abs(np.diff(moved.sharp, axis=0)).max(axis=(0, 3)) > 0.05
    assert 0 < changed.mean() < 1
    assert np.array_equal(plain.sharp[0], plain.sharp[-1])


def test_clips_of_own_scenes_show_them_in_order():
    scenes = [np.full((SIDE, SIDE, 3), level, np.float32) for level in (0.2, 0.4, 0.6)]
    clip = made(scenes=scenes, frames=3, moving_object=0.0)
    assert np.allclose(clip.sharp.mean(axis=(1, 2, 3)), [0.2, 0.4, 0.6], atol=0.01)


def test_recorded_hands_are_used():
    rng = np.random.default_rng(0)
    still = GyroTrace(200.0, np.zeros((400, 3)))
    shaken = GyroTrace(200.0, rng.normal(size=(400, 3)))
    options = {"gyro": 1.0, "pan": 0.0, "uneven": 0.0, "still": 0.0, "roll": 0.0}
    assert made(trace=still, **options).travel_px.max() < 1e-6
    assert made(trace=shaken, **options).travel_px.min() > 0.1


def test_every_drawn_path_fits_its_margins():
    for seed in range(25):
        made(seed, still=0, travel_px=(60.0, 90.0), object_travel_px=(60.0, 90.0), moving_object=1)


def test_turning_keeps_the_middle_and_a_quarter_turn_is_exact():
    light = scene(2)
    assert (
        np.abs(turned(light, 90.0)[20:-20, 20:-20] - np.rot90(light, -1)[20:-20, 20:-20]).max()
        < 0.02
    )
    assert np.abs(turned(light, 0.0) - light).max() < 1e-5


def test_shutters_open_at_the_frame_and_stay_open_for_the_duty():
    assert np.array_equal(exposure(2, 0.5), np.arange(2 * STEPS, 2 * STEPS + STEPS // 2))
    assert np.array_equal(exposure(0, 1e-6), [0, 1])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"frames": 0}, "at least 1 frame"),
        ({"duty": (0.0, 0.5)}, "duty"),
        ({"duty": (0.5, 1.5)}, "duty"),
        ({"travel_px": (5.0, 1.0)}, "travel_px"),
        ({"margin_px": 2}, "margin_px"),
    ],
)
def test_impossible_recipes_are_refused(options, says):
    with pytest.raises(BadValue, match=says):
        ClipRecipe(**options)


def test_scenes_without_margins_or_in_wrong_number_are_refused():
    with pytest.raises(ShapeMismatch, match="larger than 160"):
        made(scenes=[scene(side=160)])
    with pytest.raises(ShapeMismatch, match="5 frames"):
        made(scenes=[scene()] * 3)


def test_combs_are_means_of_a_few_moments():
    options = {"still": 0, "roll": 0, "moving_object": 0, "pan": 1.0, "uneven": 0}
    options |= {"travel_px": (30.0, 30.0), "duty": (1.0, 1.0)}
    smooth = made(3, **options)
    comb = made(3, comb=1.0, moments=(3, 3), **options)
    assert np.array_equal(smooth.sharp.shape, comb.sharp.shape)
    # Three copies leave more detail than all that lies between them.
    detail = [np.abs(np.diff(clip.blurry, axis=2)).mean() for clip in (smooth, comb)]
    assert detail[1] > 1.2 * detail[0]


def test_turning_cameras_blur_the_corners_more_than_the_middle():
    options = {"still": 0, "roll": 0, "moving_object": 0, "travel_px": (0.01, 0.01)}
    clips = [made(s, turning=1.0, turning_deg=8.0, turning_zoom=0.1, **options) for s in range(6)]
    lost = np.mean([np.square(c.blurry - c.sharp) for c in clips], axis=(0, 1, 4))
    assert lost[:12, :12].mean() > 2 * lost[18:30, 18:30].mean()


def test_clips_of_averaged_frames_are_means_in_light_with_the_middle_as_truth():
    levels = (0.0, 0.5, 1.0, 0.2, 0.2, 0.2)
    frames = [np.full((16, 16, 3), level, np.float32) for level in levels]
    clip = averaged_clip(frames, 3, Camera(), np.random.default_rng(0))
    mean = linear_to_srgb(np.float32(np.mean(srgb_to_linear(np.float32([0.0, 0.5, 1.0])))))
    assert clip.blurry.shape == (2, 16, 16, 3)
    assert (
        np.abs(clip.blurry[0] - mean).max() <= 1 / 255 and np.abs(clip.sharp[0] - 0.5).max() < 0.01
    )
    assert np.abs(clip.blurry[1] - 0.2).max() <= 1 / 255
    with pytest.raises(BadValue, match="odd number, got 4"):
        averaged_clip(frames, 4, Camera(), np.random.default_rng(0))


@pytest.mark.parametrize("options", [{"moments": (1, 5)}, {"moments": (9, 5)}, {"objects": 0}])
def test_impossible_combs_are_refused(options):
    with pytest.raises(BadValue, match="moments must be"):
        ClipRecipe(**options)


def test_both_sides_of_a_frame_lie_on_each_other():
    path = np.cumsum(np.random.default_rng(0).normal(0.3, 1, (48, 2)), axis=0)
    moved = settled(path)
    assert np.abs(moved.mean(axis=0) - np.round(path.mean(axis=0))).max() < 1e-9
    assert np.abs(np.diff(moved, axis=0) - np.diff(path, axis=0)).max() < 1e-9
    dot = np.zeros((SIDE, SIDE, 3), np.float32)
    dot[SIDE // 2, SIDE // 2] = 1
    options = {"still": 0, "roll": 0, "moving_object": 0, "travel_px": (6.0, 6.0)}
    places = np.indices((SIDE - 160, SIDE - 160))
    for seed in range(4):
        clip = made(seed, scenes=[dot], **options)
        for blurry, sharp in zip(clip.blurry, clip.sharp, strict=True):
            light = [srgb_to_linear(side)[..., 1] for side in (blurry, sharp)]
            (y, x), (v, u) = ((places * w).sum(axis=(1, 2)) / w.sum() for w in light)
            assert abs(y - v) < 0.1 and abs(x - u) < 0.1
