"""The single pictures: glowing kernels over the photo, maps of the field, one window's maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray, as_rgb, luma, to_float
from unblur.inspection.facts import Inspection, WindowFacts
from unblur.inspection.palette import (
    Picture,
    balance,
    direction,
    glow,
    resized,
    to_picture,
)
from unblur.io import Photo
from unblur.motion.field import MotionField
from unblur.pipeline.tiling import node_weights

MOST_PX = 1000
"""Longer side of a picture of the whole photo."""

_SPREAD = 0.82
"""A drawn kernel's largest share of the way to the next window."""

_ZOOMS = (0.5, 8.0)
_KERNEL_PX = 232
_TINT = 0.7


@dataclass(frozen=True, eq=False)
class Overlay:
    """The photo with its kernels.

    Attributes:
        picture: (h, w, 3) uint8.
        zoom: size of the kernels against their true size in the picture.
        scale: px of the picture per photo px.
    """

    picture: Picture
    zoom: float
    scale: float


def preview(photo: Photo) -> FloatArray:
    """Return a photo at a size to look at, (h, w, 3) float32 sRGB in [0, 1]."""
    step = max(1, max(photo.height, photo.width) // (2 * MOST_PX))
    part = as_rgb(to_float(photo.samples[::step, ::step, :3]))
    share = min(1.0, MOST_PX / max(part.shape[:2]))
    height, width = (max(1, round(side * share)) for side in part.shape[:2])
    return np.clip(resized(part, (height, width)), 0, 1)


def kernels_over_photo(seen: Inspection) -> Overlay:
    """Draw each window's kernel at its middle, coloured by its direction, over the dimmed photo.

    Bright kernels are trusted ones; where the gate lets nothing through they are grey.
    """
    photo, field = preview(seen.photo), seen.field
    grey = luma(photo)[..., None]
    canvas = np.asarray((0.35 * photo + 0.65 * grey) ** 0.85 * 0.52, dtype=np.float32)
    scale = photo.shape[0] / field.shape[0]
    zoom = _zoom(field, scale)
    for i, y in enumerate(field.centres_y):
        for j, x in enumerate(field.centres_x):
            psf, trust = field.windows[i][j].psf, float(seen.trust[i, j])
            colour = direction(np.array(psf.angle_deg(), np.float32))
            colour = (np.float32(trust) * (colour - 0.55) + 0.55).astype(np.float32)
            light = stroke(psf, field.scale * scale * zoom)
            shine(canvas, light, (y * scale, x * scale), colour, 0.45 + 0.55 * trust)
    return Overlay(to_picture(canvas), zoom, scale)


def motion_map(seen: Inspection) -> Picture:
    """Colour the photo by direction, the stronger the longer the motion; grey where none is.

    The wheel in a corner tells the directions' colours.
    """
    photo, field = preview(seen.photo), seen.field
    length, blur = _planes(field, ("length_px", "blur_probability"))
    longest = max(float(length.max()) * field.scale, 8.0)
    turns = np.exp(2j * np.deg2rad(_planes(field, ("angle_deg",))[0]))
    shape = photo.shape[:2]
    real, imaginary, strong, moved = (
        spread(field, plane, shape)
        for plane in (turns.real, turns.imag, length * field.scale / longest, blur)
    )
    colours = direction((np.rad2deg(np.arctan2(imaginary, real)) / 2).astype(np.float32))
    share = (np.sqrt(np.clip(strong, 0, 1)) * moved * _TINT)[..., None]
    grey = luma(photo)[..., None]
    tinted = (1 - share) * grey * 0.9 + share * colours * (0.3 + 0.7 * grey)
    return _with_wheel(to_picture(tinted))


def share_map(seen: Inspection, values: FloatArray) -> Picture:
    """Lay values in [0, 1] of the windows over the grey photo: dark violet 0, light yellow 1.

    Args:
        seen: the photo and its field.
        values: (rows, columns).
    """
    photo = preview(seen.photo)
    grey = luma(photo)[..., None]
    # Not from the darkest colour, under which the photo would not be seen.
    colours = glow(spread(seen.field, values, photo.shape[:2]), -0.25, 1)
    return to_picture(colours * (0.4 + 0.6 * grey))


def wheel(side: int) -> Picture:
    """Draw the legend of directions and lengths: a disc, angle by angle, pale in the middle."""
    ys, xs = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(ys, xs) / (side / 2 - 1)
    colours = direction(np.rad2deg(np.arctan2(-ys, xs)) % 180)
    share = np.sqrt(np.clip(radius, 0, 1))[..., None] * _TINT
    inside = np.clip((1 - radius) * side / 2, 0, 1)[..., None]
    disc = (1 - share) * 0.4 + share * colours
    return to_picture(inside * disc + (1 - inside) * np.array((14, 17, 23)) / 255)


def _with_wheel(picture: Picture) -> Picture:
    """Return a picture with the wheel of directions in its corner."""
    height, width = picture.shape[:2]
    side = min(height, width) // 4
    y, x = height - side - side // 8, width - side - side // 8
    ys, xs = np.mgrid[:side, :side] - (side - 1) / 2
    inside = np.hypot(ys, xs) <= side / 2
    out = picture.copy()
    out[y : y + side, x : x + side][inside] = wheel(side)[inside]
    return out


def kernel_picture(psf: Psf, side: int = _KERNEL_PX) -> Picture:
    """Draw one PSF as large as it goes."""
    reach = max(psf.shape) + 2
    grid = psf.embedded(reach + 1 - reach % 2)
    return to_picture(glow(resized(np.sqrt(grid / grid.max()), (side, side), smooth=False), 0, 1))


def window_pictures(window: WindowFacts) -> list[tuple[str, Picture]]:
    """Return the pictures of a window along the two paths, with their names."""
    shown = np.clip(window.luma / max(float(np.percentile(window.luma, 99.5)), 1e-4), 0, 1)
    power = np.percentile(window.log_power, [2, 99.8])
    out = [
        ("window", to_picture(np.repeat(shown[..., None] ** np.float32(0.45), 3, axis=2))),
        ("spectrum", to_picture(glow(window.log_power, *power))),
        ("cepstrum", to_picture(_cepstrum_colours(window.cepstrum))),
    ]
    for sigma, part, cells in zip((1, 2, 4), window.high_pass, window.pooled, strict=True):
        most = max(float(np.percentile(np.abs(part), 99)), 1e-6)
        out.append((f"high-pass, {sigma} px", to_picture(balance(part, most))))
        level = np.log10(cells + 1e-6)
        pooled = glow(level, float(level.min()) - 0.2, float(level.max()))
        out.append((f"pooled, {sigma} px", to_picture(pooled)))
    return out


def map_pictures(window: WindowFacts) -> list[tuple[str, Picture]]:
    """Return the kernel-space maps of a window, with their names."""
    return [
        (name.replace("autocorrelation_", "autocorr. ").replace("_", " "), _map(grid))
        for name, grid in window.maps.items()
    ]


def spread(field: MotionField, values: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Return the windows' values at each pixel of a picture of the photo, linear between them.

    Args:
        field: where the windows are.
        values: (rows, columns).
        shape: (h, w) of the picture.
    """
    down = node_weights(_nodes(field.centres_y, shape[0] / field.shape[0]), 0, shape[0])
    across = node_weights(_nodes(field.centres_x, shape[1] / field.shape[1]), 0, shape[1])
    return np.asarray(down.T @ np.asarray(values, np.float32) @ across, dtype=np.float32)


def _nodes(centres: tuple[float, ...], scale: float) -> tuple[float, ...]:
    return tuple(c * scale for c in centres)


def _planes(field: MotionField, names: tuple[str, ...]) -> list[FloatArray]:
    """Return (rows, columns) of the windows' values; lengths and angles are the PSFs' own."""
    own = {"length_px": Psf.length_px, "angle_deg": Psf.angle_deg}
    return [
        np.array(
            [
                [own[name](w.psf) if name in own else getattr(w, name) for w in row]
                for row in field.windows
            ],
            np.float32,
        )
        for name in names
    ]


def _map(grid: FloatArray) -> Picture:
    most = max(float(np.percentile(np.abs(grid), 99.7)), 1e-6)
    return to_picture(resized(balance(grid, most), (2 * grid.shape[0], 2 * grid.shape[1])))


def _cepstrum_colours(cepstrum: FloatArray) -> FloatArray:
    """Colour the middle of a cepstrum; its own centre, the mean of the logarithm, is hidden."""
    height, width = cepstrum.shape
    cy, cx, reach = height // 2, width // 2, min(64, min(height, width) // 2)
    part = cepstrum[cy - reach : cy + reach, cx - reach : cx + reach].copy()
    part[reach - 1 : reach + 2, reach - 1 : reach + 2] = 0
    return balance(part, max(float(np.percentile(np.abs(part), 99.5)), 1e-9))


def _zoom(field: MotionField, scale: float) -> float:
    """Return how much larger than life kernels can be drawn without touching one another."""
    steps = [np.diff(c).min() for c in (field.centres_y, field.centres_x) if len(c) > 1]
    room = min([*steps, 0.5 * min(field.shape)]) * scale * _SPREAD
    widest = max(max(w.psf.shape) for row in field.windows for w in row) * field.scale * scale
    return float(np.clip(room / widest, *_ZOOMS))


def stroke(psf: Psf, zoom: float) -> FloatArray:
    """Return a PSF enlarged, its peak 1, with room for its glow around it."""
    framed = np.pad(psf.array, 2)
    height, width = (max(3, round(side * zoom)) for side in framed.shape)
    grid = np.clip(resized(framed, (height, width)), 0, None)
    # A few slow places would outshine the rest of the way.
    shown = (grid / max(float(np.percentile(grid[grid > 0], 98)), 1e-12)).clip(0, 1) ** 0.55
    return np.pad(shown, _halo_px(zoom) * 3).astype(np.float32)


def _halo_px(zoom: float) -> int:
    return max(2, round(1.6 * zoom))


def shine(
    canvas: FloatArray,
    light: FloatArray,
    middle: tuple[float, float],
    colour: FloatArray,
    power: float,
) -> None:
    """Add a glowing stroke to a picture, in place; what lies outside is cut off."""
    halo = ndimage.gaussian_filter(light, max(2.0, max(light.shape) * 0.035))
    height, width = light.shape
    y0, x0 = round(middle[0] - height / 2), round(middle[1] - width / 2)
    ys = slice(max(0, -y0), min(height, canvas.shape[0] - y0))
    xs = slice(max(0, -x0), min(width, canvas.shape[1] - x0))
    if ys.start >= ys.stop or xs.start >= xs.stop:
        return
    part = canvas[y0 + ys.start : y0 + ys.stop, x0 + xs.start : x0 + xs.stop]
    core, soft = light[ys, xs, None], halo[ys, xs, None]
    part[...] = 1 - (1 - part) * (1 - np.clip(power * 0.75 * soft * colour, 0, 1))
    part[...] = 1 - (1 - part) * (1 - np.clip(power * core * colour, 0, 1))
    part[...] = 1 - (1 - part) * (1 - np.clip(power * 0.55 * core**3, 0, 1))
