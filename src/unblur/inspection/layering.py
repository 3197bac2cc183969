"""What moved how, as coloured layers over the photo, each with the path of its motion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.color import FloatArray, luma
from unblur.inspection.draw import kernel_picture, preview, stroke
from unblur.inspection.facts import Inspection
from unblur.inspection.palette import Picture, to_picture
from unblur.pipeline.layers import Layer, Layers

NAMES = {
    "pasted": "Not part of the exposure",
    "still": "Still",
    "camera": "Moved with the camera",
    "object": "Moved by itself",
    "unclear": "Moved in a way that could not be told",
}

_COLOURS = {
    "pasted": ((150, 156, 166),),
    "still": ((40, 125, 235),),
    "camera": ((250, 179, 13),),
    "object": ((226, 52, 150), (36, 178, 98), (148, 92, 240)),
    "unclear": ((200, 96, 40),),
}
"""sRGB, one after the other for layers of the same kind."""

_COVER, _PATH = 0.5, 0.16
"""Opacity of a layer; longer side of a drawn path, in units of the picture's shorter one, ..."""
_ZOOMS = (1.0, 8.0)
"""... but never smaller than it was, nor so many times larger."""


def colour_of(layers: Layers, number: int) -> tuple[int, int, int]:
    """Return the colour of a layer."""
    kind = layers.layers[number].kind
    before = sum(layer.kind == kind for layer in layers.layers[:number])
    return _COLOURS[kind][before % len(_COLOURS[kind])]


def told(layer: Layer) -> str:
    """Return what is to be said of a layer beside its name."""
    parts = [f"{100 * layer.share:.0f} % of the photo"]
    if layer.psf is not None:
        parts.insert(0, f"{layer.psf.length_px():.1f} px at {layer.psf.angle_deg():.0f}°")
    if layer.confidence is not None:
        parts.append(f"confidence {layer.confidence:.2f}")
    return ", ".join(parts)


def ground(seen: Inspection) -> Picture:
    """Return the photo that layers are laid over: grey, a little dimmed."""
    grey = luma(preview(seen.photo))[..., None]
    return to_picture(np.repeat(0.9 * grey, 3, axis=2))


def cover(seen: Inspection, number: int) -> NDArray[np.uint8]:
    """Return a layer as a picture to be laid over :func:`ground`, (h, w, 4) uint8 RGBA.

    Its path is drawn where it has most room, white; see :data:`_ZOOMS` for how large.
    """
    layers, layer = seen.layers, seen.layers.layers[number]
    height, width = preview(seen.photo).shape[:2]
    cells = Image.fromarray((layers.labels == number).astype(np.uint8) * 255)
    inside = np.asarray(cells.resize((width, height), Image.Resampling.NEAREST)) > 0
    out = np.zeros((height, width, 4), np.uint8)
    out[inside] = (*colour_of(layers, number), round(255 * _COVER))
    if layer.psf is not None:
        _draw_path(out, layer, height / seen.photo.height)
    return out


def _draw_path(out: NDArray[np.uint8], layer: Layer, scale: float) -> None:
    """Draw a layer's path into its cover, in place."""
    if layer.psf is None:
        return
    room = _PATH * min(out.shape[:2])
    zoom = float(np.clip(room / max(layer.psf.shape), _ZOOMS[0] * scale, _ZOOMS[1] * scale))
    light = stroke(layer.psf, zoom)
    y, x = (
        int(np.clip(round(middle * scale - side / 2), 0, max(0, whole - side)))
        for middle, side, whole in zip(layer.centre, light.shape, out.shape[:2], strict=True)
    )
    light = light[: out.shape[0] - y, : out.shape[1] - x]
    part = out[y : y + light.shape[0], x : x + light.shape[1]].astype(np.float32)
    share = np.clip(1.4 * light, 0, 1)[..., None]
    part[..., :3] = part[..., :3] * (1 - share) + 255 * share
    part[..., 3:] = np.maximum(part[..., 3:], 255 * share)
    out[y : y + light.shape[0], x : x + light.shape[1]] = np.rint(part).astype(np.uint8)


def all_layers(seen: Inspection) -> Picture:
    """Return the photo with all of its layers."""
    picture: FloatArray = ground(seen).astype(np.float32)
    for number in range(len(seen.layers.layers)):
        laid = cover(seen, number).astype(np.float32)
        picture += laid[..., 3:] / np.float32(255) * (laid[..., :3] - picture)
    return np.rint(picture).astype(np.uint8)


def path_picture(layer: Layer) -> Picture | None:
    """Return a layer's path as large as it goes; None where it has none."""
    return None if layer.psf is None else kernel_picture(layer.psf)
