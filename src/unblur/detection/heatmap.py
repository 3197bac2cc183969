"""The blur of a photo as a picture: where it is sharp, moved, or out of focus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unblur.color import FloatArray, linear_to_srgb, quantise
from unblur.motion.detect import KINDS, Detection

# Told apart by people with any colour vision: from blue over yellow to magenta.
_COLOURS = {
    "sharp": (0.10, 0.45, 0.85),
    "motion": (0.98, 0.70, 0.05),
    "defocus": (0.80, 0.15, 0.55),
}
_OPACITY = 0.55
_STRIP_PX = 28


def heat_map(detection: Detection, luma: FloatArray) -> NDArray[np.uint8]:
    """Draw the windows' verdicts over a photo.

    Args:
        detection: made with ``everywhere``.
        luma: (h, w) float32, linear light: what was looked at.

    Returns:
        (h + 28, w, 3) uint8, sRGB: the photo in grey under the colours of the three kinds,
        each as strong as it is likely; below it a legend.
    """
    height, width = luma.shape
    shares = _spread(detection, (height, width))
    colours = np.array([_COLOURS[kind] for kind in KINDS], np.float32)
    tint = np.tensordot(shares, colours, axes=1)
    grey = np.clip(linear_to_srgb(luma), 0, 1)[..., None]
    mixed = grey * (1 - _OPACITY) + tint * _OPACITY * (0.35 + 0.65 * grey)
    picture = Image.new("RGB", (width, height + _STRIP_PX), (24, 24, 24))
    picture.paste(Image.fromarray(quantise(mixed, np.dtype(np.uint8))), (0, 0))
    _legend(picture, height, detection)
    return np.asarray(picture)


def _spread(detection: Detection, shape: tuple[int, int]) -> FloatArray:
    """(h, w, 3) probabilities, smoothly between the windows' middles."""
    places = np.array([(w.y, w.x) for w in detection.windows]) / detection.scale
    values = np.array([w.probabilities for w in detection.windows])
    ys, xs = np.arange(0, shape[0] + 16, 16), np.arange(0, shape[1] + 16, 16)
    apart = (ys[:, None, None] - places[:, 0]) ** 2 + (xs[None, :, None] - places[:, 1]) ** 2
    near = np.exp(-apart / (2 * 72.0**2)) + 1e-12
    coarse = (near @ values / near.sum(axis=2, keepdims=True)).astype(np.float32)
    size = (len(xs) * 16, len(ys) * 16)
    planes = [
        np.asarray(Image.fromarray(coarse[..., k]).resize(size, Image.Resampling.BILINEAR))
        for k in range(len(KINDS))
    ]
    # The nodes sit at multiples of 16 px, an enlarged sample in the middle of its 16.
    return np.stack(planes, axis=2)[8 : 8 + shape[0], 8 : 8 + shape[1]]


def _legend(picture: Image.Image, top: int, detection: Detection) -> None:
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=13)
    x = 8
    for kind, probability in zip(KINDS, detection.probabilities, strict=True):
        colour = tuple(round(255 * c) for c in _COLOURS[kind])
        draw.rectangle((x, top + 8, x + 12, top + 20), fill=colour)
        text = f"{kind} {100 * probability:.0f} %"
        draw.text((x + 18, top + 6), text, fill=(235, 235, 235), font=font)
        x += 18 + round(draw.textlength(text, font=font)) + 16
