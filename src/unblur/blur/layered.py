"""Scenes of layers that moved differently: objects before a background, each with its own motion.

Physically composed, in linear light: a layer's light and its cover are blurred by the layer's own
motion, and what it does not cover shows what lies behind. Beside things that moved there are as
many that look like it and did not: what is out of focus, soft, or pasted in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from unblur.blur.camera import Camera, develop, draw_camera, log_uniform
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.blur.synthesis import Synthesiser
from unblur.color import FloatArray
from unblur.errors import BadValue

LEAST_PX = 4.0
"""Shortest motion that counts as one; scenes hold none between this and ``HARDLY_PX``."""

HARDLY_PX = 1.8
"""Longest motion that counts as none."""


@dataclass(frozen=True)
class LayerShares:
    """How often what happened to a scene; relative numbers.

    Attributes:
        sharp: nothing moved.
        pasted: something else lies before it that did not move either.
        focus: all of it, what lies before or what lies behind is out of focus.
        hardly: all of it moved, by so little that it does not count.
        object: something moved before a still background.
        panning: the background moved behind something still.
        shake: all of it moved.
        both: all of it moved, and something otherwise.
    """

    sharp: float = 0.16
    pasted: float = 0.08
    focus: float = 0.14
    hardly: float = 0.04
    object: float = 0.32
    panning: float = 0.08
    shake: float = 0.1
    both: float = 0.08

    def __post_init__(self) -> None:
        values = [getattr(self, one.name) for one in fields(self)]
        if min(values) < 0 or sum(values) <= 0:
            raise BadValue("the shares of the layered scenes must be >= 0 and not all 0")

    def draw(self, rng: np.random.Generator) -> str:
        """Return one of the names, as often as it asks for."""
        names = [one.name for one in fields(self)]
        shares = np.array([getattr(self, name) for name in names], np.float64)
        return names[int(rng.choice(len(names), p=shares / shares.sum()))]


@dataclass(frozen=True)
class ObjectDraw:
    """What the things before a background are like, and what lies behind those that moved.

    Attributes:
        area: least and largest share of the window that one covers.
        straight: share of those that moved whose path is a line.
        unfocused: share of the backgrounds of objects and of pasted things that may be out of
            focus; three quarters of them are, the others stay sharp.
    """

    area: tuple[float, float] = (0.04, 0.6)
    straight: float = 0.75
    unfocused: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise BadValue(f"the area of objects must rise within (0, 1], got {self.area}")
        for name in ("straight", "unfocused"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadValue(f"{name} must be in [0, 1], got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer's motion and where it shows.

    Attributes:
        psf: how it moved; a point where it did not.
        share: (H, W) float32 in [0, 1], of each pixel's light that is this layer's.
    """

    psf: Psf
    share: FloatArray


@dataclass(frozen=True, eq=False)
class LayeredScene:
    """A composed photo and what moved in it.

    Attributes:
        samples: (H, W, 3) float32 in [0, 1], as the camera stored it.
        moved: the layers that moved, by :data:`LEAST_PX` or more.
    """

    samples: FloatArray
    moved: tuple[Layer, ...]


class LayeredSynthesiser:
    """Draws layered scenes.

    Args:
        synthesise: draws motion, cameras and light by its recipe.
        shares: what happens how often.
        objects: what the things before a background are like.
    """

    def __init__(
        self, synthesise: Synthesiser, shares: LayerShares, objects: ObjectDraw | None = None
    ) -> None:
        self._synthesise, self._shares = synthesise, shares
        self._objects = ObjectDraw() if objects is None else objects
        self._recipe = synthesise.recipe

    def __call__(self, photo: Callable[[], FloatArray], rng: np.random.Generator) -> LayeredScene:
        """Return one scene.

        Args:
            photo: returns another sharp photo at each call, (H, W, 3) float32 in [0, 1], sRGB; a
                margin of the recipe's ``reach_px`` on each side is used up.
            rng: source of all randomness.
        """
        kind = self._shares.draw(rng)
        camera = draw_camera(self._recipe.camera, rng)
        back = self._light(photo(), camera, rng)
        layers = [self._behind(kind, rng)]
        light = apply_psf(back, layers[0])
        shares = [np.ones(back.shape[:2], np.float32)]
        for psf in self._before(kind, layers[0], rng):
            mask = blob(back.shape[:2], rng, self._objects.area)[..., None]
            # A quarter of the objects are cut from the same photo: seams alone tell nothing.
            front = back[:, ::-1] if rng.random() < 0.25 else self._light(photo(), camera, rng)
            cover = apply_psf(mask, psf)
            light = apply_psf(mask * front, psf) + (1 - cover) * light
            shares = [share * (1 - cover[..., 0]) for share in shares] + [cover[..., 0]]
            layers.append(psf)
        return self._developed(kind, light, layers, shares, camera, rng)

    def _developed(
        self,
        kind: str,
        light: FloatArray,
        layers: list[Psf],
        shares: list[FloatArray],
        camera: Camera,
        rng: np.random.Generator,
    ) -> LayeredScene:
        margin = self._recipe.reach_px
        core = (slice(margin, -margin), slice(margin, -margin))
        moved = tuple(
            Layer(psf, share[core])
            for psf, share in zip(layers, shares, strict=True)
            if kind not in _STILL and psf.length_px() >= LEAST_PX
        )
        return LayeredScene(develop(light[core], camera, rng), moved)

    def _light(self, photo: FloatArray, camera: Camera, rng: np.random.Generator) -> FloatArray:
        return self._synthesise.scene(photo, camera, rng)

    def _behind(self, kind: str, rng: np.random.Generator) -> Psf:
        """Return the motion, or the focus, of what lies behind everything."""
        if kind in ("panning", "shake", "both"):
            return self._moved(rng, straight=0.7 if kind == "panning" else 0.3)
        if kind == "hardly":
            return _short(rng)
        if kind == "focus" or (
            kind in ("object", "pasted") and rng.random() < self._objects.unfocused
        ):
            return self._unfocused(rng) if rng.random() < 0.75 else Psf.delta(3)
        return Psf.delta(3)

    def _before(self, kind: str, behind: Psf, rng: np.random.Generator) -> list[Psf]:
        """Return the motions, or the focus, of what lies before it, one after the other."""
        if kind in ("object", "both"):
            count = 1 if rng.random() < 0.75 else 2
            return [self._moved(rng, straight=self._objects.straight) for _ in range(count)]
        if kind == "focus":
            if rng.random() < 0.4:
                return []
            return [self._unfocused(rng) if len(behind.array) <= 3 else Psf.delta(3)]
        if kind in ("panning", "pasted"):
            return [self._unfocused(rng) if rng.random() < 0.15 else Psf.delta(3)]
        return []

    def _moved(self, rng: np.random.Generator, *, straight: float) -> Psf:
        return self._synthesise.draw_psf("line" if rng.random() < straight else "shake", rng)

    def _unfocused(self, rng: np.random.Generator) -> Psf:
        return self._synthesise.draw_psf("defocus", rng)


_STILL = ("sharp", "pasted", "focus", "hardly")


def _short(rng: np.random.Generator) -> Psf:
    return Psf.from_line(float(rng.uniform(0.5, HARDLY_PX)), float(rng.uniform(0, 180)))


def blob(shape: tuple[int, int], rng: np.random.Generator, area: tuple[float, float]) -> FloatArray:
    """Return the soft mask of an object, (H, W): an ellipse, a box, a polygon or waves.

    It covers so much of the area of the shape, at least and at most, and may reach beyond it.
    """
    height, width = shape
    covered = log_uniform(area, rng) * height * width
    aspect = float(np.exp(rng.uniform(-0.8, 0.8)))
    ry, rx = np.sqrt(covered / np.pi * aspect), np.sqrt(covered / np.pi / aspect)
    y0, x0 = rng.uniform(0.1, 0.9) * height, rng.uniform(0.1, 0.9) * width
    turn = rng.uniform(0, np.pi) if rng.random() < 0.5 else 0.0
    y, x = np.mgrid[:height, :width].astype(np.float32)
    a, b = x - x0, y - y0
    u = (a * np.cos(turn) + b * np.sin(turn)) / rx
    v = (b * np.cos(turn) - a * np.sin(turn)) / ry
    soft_px = float(rng.uniform(0.8, 3.0))
    radius = _radius(u, v, rng)
    mask = np.clip(0.5 - (radius - 1) / (soft_px / min(ry, rx)), 0, 1)
    return np.asarray(mask, np.float32)


def _radius(u: FloatArray, v: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a distance from a shape's middle that is 1 on its outline."""
    choice = rng.integers(4)
    if choice == 0:
        return np.hypot(u, v)
    if choice == 1:
        return np.asarray((np.abs(u * 1.13) ** 6 + np.abs(v * 1.13) ** 6) ** (1 / 6))
    angle = np.arctan2(v, u)
    if choice == 2:
        waves = sum(
            rng.uniform(0, 0.16) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
            for k in (2, 3, 5, 7)
        )
        return np.asarray(np.hypot(u, v) / (1 + waves))
    corners = np.sort(rng.uniform(-np.pi, np.pi, int(rng.integers(3, 9))))
    sides = [u * np.cos(c) + v * np.sin(c) for c in corners]
    far = [float(rng.uniform(0.6, 1.1)) for _ in corners]
    return np.asarray(np.max([s / f for s, f in zip(sides, far, strict=True)], axis=0))


def cells(share: FloatArray, cell_px: int) -> FloatArray:
    """Return the mean of each cell of a plane, (H // cell_px, W // cell_px)."""
    height, width = (side // cell_px for side in share.shape)
    part = share[: height * cell_px, : width * cell_px]
    return np.asarray(part.reshape(height, cell_px, width, cell_px).mean(axis=(1, 3)), np.float32)
