"""Blurred sequences: one camera path through several exposures, objects on paths of their own.

The shutter of frame ``k`` is open from ``k`` to ``k + duty`` (in frame intervals); what it
sees is the mean of the scene, moved along the path, in linear light. Light, noise, tone curve
and compression are those of :mod:`unblur.blur.camera`, one camera for all frames of a clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unblur.blur import trajectory
from unblur.blur.camera import Camera, CameraRecipe, develop, draw_camera, expose, log_uniform
from unblur.blur.clip_exposure import averaged, blurred, middle, seen, settled, turned, turning
from unblur.blur.clip_paths import (
    STEPS,
    Steps,
    exposure,
    hurried,
    recorded,
    resampled,
    room_needed,
    scaled,
)
from unblur.blur.clip_recipe import ClipRecipe
from unblur.blur.synthesis import object_mask
from unblur.blur.trajectory import GyroTrace, Points
from unblur.color import FloatArray
from unblur.errors import ShapeMismatch


@dataclass(frozen=True, eq=False)
class Clip:
    """A blurred sequence and the truth about it.

    Attributes:
        blurry: (T, H, W, 3) float32 in [0, 1], sRGB.
        sharp: the same, each frame as the middle of its exposure saw it, without noise.
        duty: share of the frame interval in which the shutter was open.
        travel_px: way of the camera during each exposure, (T,).
    """

    blurry: FloatArray
    sharp: FloatArray
    duty: float
    travel_px: NDArray[np.float64]


class ClipSynthesiser:
    """Draws clips by a recipe.

    Args:
        recipe: of the motion.
        camera: of light, noise and compression.
        gyro: a recorded hand, or None for simulated tremor only.
    """

    def __init__(
        self, recipe: ClipRecipe, camera: CameraRecipe, gyro: GyroTrace | None = None
    ) -> None:
        self.recipe = recipe
        self._camera, self._gyro = camera, gyro

    def __call__(
        self,
        scenes: Sequence[FloatArray],
        rng: np.random.Generator,
        *,
        passing: FloatArray | None = None,
    ) -> Clip:
        """Return one clip.

        Args:
            scenes: the scene at each frame, (H, W, 3) float32 sRGB in [0, 1]: one picture for
                a scene at rest, or ``recipe.frames`` of them; ``recipe.margin_px`` on each
                side is used up.
            rng: source of all randomness.
            passing: another picture of the same size that an object is cut out of.

        Raises:
            ShapeMismatch: too few scenes, or not larger than their margins.
        """
        recipe = self.recipe
        self._check(scenes)
        camera = draw_camera(self._camera, rng)
        clean = camera.clean()
        duty = float(rng.uniform(*recipe.duty))
        moves = rng.random() >= recipe.still
        path = self._path(duty, rng) if moves else np.zeros((recipe.frames * STEPS, 2))
        roll = self._roll(rng) if moves and rng.random() < recipe.roll else None
        movers: list[_Mover] = []
        if passing is not None and rng.random() < recipe.moving_object:
            count = 1 if recipe.objects == 1 else int(rng.integers(1, recipe.objects + 1))
            colour = expose(passing, camera)
            movers = [self._mover(colour, path, duty, rng) for _ in range(count)]
        turn = (
            self._turn(rng) if recipe.turning and moves and rng.random() < recipe.turning else None
        )
        moments = None
        if turn is not None or (recipe.comb and rng.random() < recipe.comb):
            moments = int(rng.integers(recipe.moments[0], recipe.moments[1] + 1))
        lights = [expose(scene, camera) for scene in scenes]
        blurry, sharp, ways = [], [], []
        for k in range(recipe.frames):
            light = lights[k % len(lights)]
            if roll is not None:
                light = turned(light, float(roll[k]))
            steps = exposure(k, duty)
            if moments is not None:
                steps = steps[np.round(np.linspace(0, len(steps) - 1, moments)).astype(int)]
            clear, moved = self._frame(light, settled(path[steps]), movers, steps, turn)
            blurry.append(develop(moved, camera, rng))
            sharp.append(develop(clear, clean, rng))
            ways.append(float(np.hypot(*np.diff(path[steps], axis=0).T).sum()))
        return Clip(np.stack(blurry), np.stack(sharp), duty, np.array(ways))

    def _check(self, scenes: Sequence[FloatArray]) -> None:
        if len(scenes) not in (1, self.recipe.frames):
            raise ShapeMismatch(
                f"a clip of {self.recipe.frames} frames needs 1 scene or as many, got {len(scenes)}"
            )
        margin = 2 * self.recipe.margin_px
        if min(scenes[0].shape[:2]) <= margin:
            raise ShapeMismatch(
                f"scenes must be larger than {margin} px (their margins), got {scenes[0].shape[:2]}"
            )

    def _frame(
        self,
        light: FloatArray,
        path: Points,
        movers: list[_Mover],
        steps: Steps,
        turn: _Turn | None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the sharp and the blurred light of one exposure, margins cut off."""
        margin = self.recipe.margin_px
        if turn is None:
            clear, moved = seen(light, path, margin), blurred(light, path, margin)
        else:
            clear, moved = self._turning(light, path, turn, steps)
        for mover in movers:
            own = settled(mover.way[steps])
            cover, cover_moved = seen(mover.mask, own, margin), blurred(mover.mask, own, margin)
            colour = mover.colour * mover.mask
            clear = seen(colour, own, margin) + (1 - cover) * clear
            moved = blurred(colour, own, margin) + (1 - cover_moved) * moved
        return clear, moved

    def _turning(
        self, light: FloatArray, path: Points, turn: _Turn, steps: Steps
    ) -> tuple[FloatArray, FloatArray]:
        """Return the same of a camera that turns and zooms while the shutter is open."""
        margin, middle_step = self.recipe.margin_px, len(steps) // 2
        inner = slice(margin, -margin)
        angles, zooms = turn.angles_deg[steps], turn.zooms[steps]
        moved = turning(light, path, angles, zooms)[inner, inner]
        x, y = middle(path)
        clear = turned(
            light,
            float(angles[middle_step]),
            zoom=float(zooms[middle_step]),
            shift_px=(float(x), float(y)),
        )
        return clear[inner, inner], moved

    def _path(self, duty: float, rng: np.random.Generator) -> Points:
        """Camera path over the whole clip, px, within the margins."""
        recipe = self.recipe
        total = recipe.frames * STEPS
        if self._gyro is not None and rng.random() < recipe.gyro:
            shape = recorded(self._gyro, recipe.frames / rng.uniform(*recipe.frame_rate), rng)
        else:
            shape = trajectory.tremor(rng)
        path = resampled(shape, total)
        if rng.random() < recipe.pan:
            path = path * rng.uniform(0.0, 0.6) + resampled(trajectory.line(rng), total)
        if rng.random() < recipe.uneven:
            path = hurried(path, recipe.frames, rng)
        path = scaled(path, log_uniform(recipe.travel_px, rng), recipe.frames)
        return path * min(1.0, recipe.room_px / max(room_needed(path, recipe.frames, duty), 1e-9))

    def _roll(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Angle of the camera at each frame, degrees."""
        angles = np.cumsum(rng.normal(size=self.recipe.frames))
        angles -= angles.mean()
        return np.asarray(
            angles / max(float(np.ptp(angles)), 1e-9) * rng.uniform(0, self.recipe.roll_deg)
        )

    def _turn(self, rng: np.random.Generator) -> _Turn:
        """Return how the camera turns and zooms over the clip: evenly, but not for ever."""
        recipe = self.recipe
        clock = np.arange(recipe.frames * STEPS) / STEPS - recipe.frames / 2
        swing = np.sin(clock * rng.uniform(0.5, 2.0) + rng.uniform(-1, 1))
        angle, zoom = rng.uniform(-1, 1, 2) * (recipe.turning_deg, recipe.turning_zoom)
        return _Turn(angle * swing, 1 + zoom * swing)

    def _mover(
        self, colour: FloatArray, path: Points, duty: float, rng: np.random.Generator
    ) -> _Mover:
        """Return an object: its light, its mask and its way as the camera sees it."""
        recipe = self.recipe
        mask = object_mask(colour.shape[:2], rng)[..., None]
        line = resampled(trajectory.line(rng), len(path))
        way = scaled(line, log_uniform(recipe.object_travel_px, rng), recipe.frames)
        # The path alone has room; what the object adds shrinks until both together have.
        for _ in range(12):
            if room_needed(path + way, recipe.frames, duty) <= recipe.room_px:
                return _Mover(colour, mask, path + way)
            way = way * 0.7
        return _Mover(colour, mask, path)


@dataclass(frozen=True, eq=False)
class _Mover:
    """An object: its light and mask, (H, W, C) and (H, W, 1), and its way, (steps, 2) px."""

    colour: FloatArray
    mask: FloatArray
    way: Points


@dataclass(frozen=True, eq=False)
class _Turn:
    """The camera's angle, degrees, and zoom at each time step."""

    angles_deg: NDArray[np.float64]
    zooms: NDArray[np.float64]


def averaged_clip(
    frames: Sequence[FloatArray], exposures: int, camera: Camera, rng: np.random.Generator
) -> Clip:
    """Return a clip whose frames are means of a sharp clip's frames: real motion, in combs.

    Args:
        frames: in order, (H, W, 3) float32 sRGB in [0, 1].
        exposures: frames that become one, see :func:`unblur.blur.clip_exposure.averaged`.
        camera: its light, noise and compression.
        rng: of the noise.
    """
    clean = camera.clean()
    pairs = averaged([expose(frame, camera) for frame in frames], exposures)
    sharp = [develop(clear, clean, rng) for clear, _ in pairs]
    blurry = [develop(moved, camera, rng) for _, moved in pairs]
    return Clip(np.stack(blurry), np.stack(sharp), 1.0, np.full(len(pairs), np.nan))
