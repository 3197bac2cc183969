"""Sharp photo in, realistic blurry pair out, by a recipe.

Order of effects, as in a camera: scene light (tone curve undone, highlights above white) ->
blur in linear light -> clipping -> shot and read noise -> tone curve, sharpening -> 8 bits ->
JPEG. The sharp side of the pair goes through the same, without blur, noise and JPEG.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from unblur.blur import trajectory
from unblur.blur.camera import Camera, develop, draw_camera, expose, log_uniform
from unblur.blur.formation import apply_psf, apply_psf_grid, move_object
from unblur.blur.kinds import UNIFORM, BlurKind
from unblur.blur.night import at_night
from unblur.blur.psf import Psf
from unblur.blur.recipe import SynthesisRecipe
from unblur.checks import check_image
from unblur.color import FloatArray
from unblur.errors import BadValue, ShapeMismatch

GRID_PX = 96
"""Distance of the nodes at which a varying PSF is drawn."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One blurry photo and the truth about it.

    Attributes:
        blurry: (H, W, C) float32 in [0, 1], encoded by the camera's tone curve.
        sharp: the same, without blur and noise.
        psfs: rows of PSFs on an even grid, as :func:`unblur.blur.formation.apply_psf_grid`
            takes them; 1 x 1 where the blur is uniform. The background's for moving objects.
        kind: what blurred it.
        camera: what else happened.
    """

    blurry: FloatArray
    sharp: FloatArray
    psfs: tuple[tuple[Psf, ...], ...]
    kind: BlurKind
    camera: Camera

    @property
    def psf(self) -> Psf:
        """The PSF in the middle of the photo."""
        row = self.psfs[len(self.psfs) // 2]
        return row[len(row) // 2]


class Synthesiser:
    """Draws pairs by a recipe; holds the recorded trace and nothing that changes."""

    def __init__(self, recipe: SynthesisRecipe) -> None:
        self.recipe = recipe
        self._gyro = trajectory.load_gyro(Path(recipe.gyro_file)) if recipe.gyro_file else None

    def __call__(self, sharp_srgb: FloatArray, rng: np.random.Generator) -> Pair:
        """Return one pair.

        Args:
            sharp_srgb: (H, W, C) float32 in [0, 1]; a margin of the recipe's reach_px on each
                side is used up, so that no pixel beyond the frame has to be invented.
            rng: source of all randomness.

        Raises:
            ShapeMismatch: the photo is not larger than its margins.
        """
        self._check_size(sharp_srgb)
        kinds, shares = zip(*self.recipe.shares().items(), strict=True)
        kind: BlurKind = kinds[int(rng.choice(len(kinds), p=np.array(shares) / sum(shares)))]
        camera = draw_camera(self.recipe.camera, rng)
        light = self.scene(sharp_srgb, camera, rng)
        blurred, psfs = self._blur(light, kind, rng)
        return self._developed(light, blurred, psfs, kind, camera, rng)

    def alike(self, sharp_srgb: FloatArray, pair: Pair, rng: np.random.Generator) -> Pair:
        """Return another photo, moved and taken as a pair was that has one PSF all over.

        Args:
            sharp_srgb: as for a call.
            pair: of a kind in :data:`unblur.blur.kinds.UNIFORM`.
            rng: source of the noise, and of what is the scene's: softness, night.

        Raises:
            ShapeMismatch: the photo is not larger than its margins.
            BadValue: the pair is of another kind.
        """
        if pair.kind not in UNIFORM:
            raise BadValue(f"a photo blurred by {pair.kind} has no one PSF to give to another")
        self._check_size(sharp_srgb)
        light = self.scene(sharp_srgb, pair.camera, rng)
        blurred = apply_psf(light, pair.psf)
        return self._developed(light, blurred, pair.psfs, pair.kind, pair.camera, rng)

    def _check_size(self, sharp_srgb: FloatArray) -> None:
        check_image(sharp_srgb, name="the sharp photo")
        if min(sharp_srgb.shape[:2]) <= 2 * self.recipe.reach_px:
            raise ShapeMismatch(
                f"a sharp photo must be larger than {2 * self.recipe.reach_px} px on each side, "
                f"got {sharp_srgb.shape[:2]}"
            )

    def developed(
        self,
        light: FloatArray,
        blurred: FloatArray,
        psf: Psf,
        camera: Camera,
        rng: np.random.Generator,
    ) -> Pair:
        """Return the pair of a scene and what its motion made of it, as a camera stores them.

        Args:
            light: (H, W, C) float32, of :meth:`scene`, margins included.
            blurred: the same, blurred.
            psf: what blurred it, or most of it.
            camera: what happens to the light.
            rng: source of the noise.
        """
        return self._developed(light, blurred, ((psf,),), "shake", camera, rng)

    def _developed(
        self,
        light: FloatArray,
        blurred: FloatArray,
        psfs: tuple[tuple[Psf, ...], ...],
        kind: BlurKind,
        camera: Camera,
        rng: np.random.Generator,
    ) -> Pair:
        margin = self.recipe.reach_px
        core = (slice(margin, -margin), slice(margin, -margin))
        return Pair(
            blurry=develop(blurred[core], camera, rng),
            sharp=develop(light[core], camera.clean(), rng),
            psfs=psfs,
            kind=kind,
            camera=camera,
        )

    def draw_psf(self, kind: BlurKind, rng: np.random.Generator) -> Psf:
        """Draw the PSF of one kind of uniform blur, its centroid at the centre."""
        if kind == "sharp":
            return Psf.delta(3)
        if kind == "defocus":
            return disc_psf(float(rng.uniform(*self.recipe.defocus_radius_px)))
        return _draw(self._path(kind, rng))

    def scene(self, sharp_srgb: FloatArray, camera: Camera, rng: np.random.Generator) -> FloatArray:
        """Return the light of a sharp photo as a camera would meet it: softened, at night.

        Args:
            sharp_srgb: as for a call.
            camera: its tone curve is undone.
            rng: source of softness and lamps.
        """
        light = expose(self._softened(sharp_srgb, rng), camera)
        # Nothing is drawn where there is no night, so that earlier seeds keep their pairs.
        if self.recipe.night_share and rng.random() < self.recipe.night_share:
            return at_night(light, rng)
        return light

    def _softened(self, sharp_srgb: FloatArray, rng: np.random.Generator) -> FloatArray:
        if rng.random() >= self.recipe.soft_share:
            return sharp_srgb
        sigma = float(rng.uniform(*self.recipe.soft_sigma_px))
        return np.asarray(ndimage.gaussian_filter(sharp_srgb, (sigma, sigma, 0), truncate=3))

    def _path(self, kind: BlurKind, rng: np.random.Generator) -> trajectory.Points:
        length = log_uniform(self.recipe.length_px, rng)
        if kind == "line":
            unit = trajectory.line(rng)
        elif self._gyro is not None and rng.random() < self.recipe.gyro_share:
            unit = trajectory.gyro_path(self._gyro, rng)
        else:
            unit = trajectory.tremor(rng)
        path = unit * length
        return path * min(1.0, (self.recipe.reach_px - 1) / max(float(np.abs(path).max()), 1e-9))

    def _blur(
        self, light: FloatArray, kind: BlurKind, rng: np.random.Generator
    ) -> tuple[FloatArray, tuple[tuple[Psf, ...], ...]]:
        if kind == "rotation":
            psfs = self._rolling(light.shape[:2], rng)
            return apply_psf_grid(light, psfs), psfs
        if kind == "shallow":
            focus, behind = Psf.delta(3), self.draw_psf("defocus", rng)
            subject = object_mask(light.shape[:2], rng)
            focused = move_object(light, subject, object_psf=focus, background_psf=behind)
            return focused, ((focus,),)
        if kind == "moving_object":
            still = rng.random() < 0.5
            behind = self.draw_psf("sharp" if still else "shake", rng)
            front = self.draw_psf("line" if rng.random() < 0.7 else "shake", rng)
            mask = object_mask(light.shape[:2], rng)
            moved = move_object(light, mask, object_psf=front, background_psf=behind)
            return moved, ((behind,),)
        psf = self.draw_psf(kind, rng)
        return apply_psf(light, psf), ((psf,),)

    def _rolling(
        self, shape: tuple[int, int], rng: np.random.Generator
    ) -> tuple[tuple[Psf, ...], ...]:
        """PSFs of a shake that also rolls: each place moves by the shift plus roll x radius."""
        path = self._path("shake", rng)
        farthest = np.hypot(*shape) / 2
        room = np.rad2deg((self.recipe.reach_px - 1 - np.abs(path).max()) / farthest)
        largest = max(0.0, min(float(self.recipe.roll_deg), float(room)))
        roll = trajectory.tremor(rng)[:, 0]
        roll = np.deg2rad(rng.uniform(0.3, 1.0) * largest) * roll / max(np.abs(roll).max(), 1e-9)
        rows, columns = (max(2, round(side / GRID_PX) + 1) for side in shape)
        grid = []
        for y in np.linspace(-0.5, 0.5, rows) * (shape[0] - 1):
            places = np.linspace(-0.5, 0.5, columns) * (shape[1] - 1)
            grid.append(tuple(_draw(path + roll[:, None] * np.array([-y, x])) for x in places))
        return tuple(grid)


def disc_psf(radius_px: float) -> Psf:
    """Return the PSF of a photo out of focus: a disc with a soft rim."""
    reach = int(np.ceil(radius_px)) + 1
    ys, xs = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return Psf(np.clip(radius_px + 0.5 - np.hypot(xs, ys), 0, 1))


def object_mask(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Return the soft-edged mask of one random blob, about a tenth to a half of the area."""
    coarse = rng.standard_normal((max(2, shape[0] // 48), max(2, shape[1] // 48)))
    zoom = [size / small for size, small in zip(shape, coarse.shape, strict=True)]
    smooth = ndimage.zoom(ndimage.gaussian_filter(coarse, 1.0), zoom, order=1)[
        : shape[0], : shape[1]
    ]
    level = np.quantile(smooth, rng.uniform(0.5, 0.9))
    spread = max(float(smooth.std()), 1e-9)
    mask: FloatArray = np.clip((smooth - level) / spread * 20 + 0.5, 0, 1).astype(np.float32)
    return mask


def _draw(path: trajectory.Points) -> Psf:
    side = 2 * int(np.ceil(np.abs(path).max()) + 1) + 1
    return Psf.from_points(path, size=side)
