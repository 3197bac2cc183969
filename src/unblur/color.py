"""Light domains: the sRGB transfer curve, luma and quantisation.

Nothing else in the package may hold 2.4 or 0.04045. Blur happens in linear light, people
judge pictures (and metrics score them) in sRGB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SRGB_SLOPE = 12.92
"""Slope of sRGB's encoding at black."""

SRGB_EXPONENT = 2.4
"""Exponent of sRGB's curve above its linear toe."""

SRGB_PARAMETRIC = (SRGB_EXPONENT, 1 / 1.055, 0.055 / 1.055, 1 / SRGB_SLOPE, 0.04045)
"""The curve as ICC's parametric type 3 takes it: g, a, b, c, d."""

LUMA_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""Rec. 709 luminance weights for linear R, G, B."""


def srgb_to_linear(srgb: FloatArray) -> FloatArray:
    """Return linear light of sRGB-encoded values.

    Args:
        srgb: any shape, float32, nominally in [0, 1]; values below 0 follow the linear toe.

    Returns:
        New float32 array of the same shape.

    Reference:
        IEC 61966-2-1:1999.
    """
    return _in_blocks(_decode, srgb)


def linear_to_srgb(linear: FloatArray) -> FloatArray:
    """Return the sRGB encoding of linear light; inverse of :func:`srgb_to_linear`.

    Args:
        linear: any shape, float32, nominally in [0, 1]; values below 0 follow the linear toe.

    Returns:
        New float32 array of the same shape.
    """
    return _in_blocks(_encode, linear)


_BLOCK = 1 << 14
"""Values that are worked on at a time: their intermediate results stay in the processor's cache."""


def _in_blocks(curve: Callable[[FloatArray, FloatArray], None], values: FloatArray) -> FloatArray:
    """Return what a curve, called with values and room for its results, makes of an array."""
    x = np.asarray(values, dtype=np.float32)
    out = np.empty_like(x)
    given, found = x.ravel("K"), out.ravel("K")  # as they lie in memory: no copies
    for start in range(0, given.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        curve(given[block], found[block])
    return out


def _decode(x: FloatArray, out: FloatArray) -> None:
    np.maximum(x, np.float32(0.04045), out=out)
    out += np.float32(0.055)
    out *= np.float32(1 / 1.055)
    _raise(out, SRGB_EXPONENT)
    np.copyto(out, np.where(x <= np.float32(0.04045), x * np.float32(1 / SRGB_SLOPE), out))


def _encode(x: FloatArray, out: FloatArray) -> None:
    np.maximum(x, np.float32(0.0031308), out=out)
    _raise(out, 1 / SRGB_EXPONENT)
    out *= np.float32(1.055)
    out -= np.float32(0.055)
    # The line of the toe lies below its end, and beyond it above the bent curve.
    np.minimum(out, x * np.float32(SRGB_SLOPE), out=out)


def _raise(x: FloatArray, exponent: float) -> None:
    """Raise values above 0 to a power in place.

    Without AVX-512 NumPy takes twice as long for the power itself.
    """
    np.log(x, out=x)
    x *= np.float32(exponent)
    np.exp(x, out=x)


def luma(linear_rgb: FloatArray) -> FloatArray:
    """Return the luminance of a linear image.

    Args:
        linear_rgb: (H, W, C) float32, linear light, C is 1 (returned as it is) or 3.

    Returns:
        (H, W) float32.
    """
    if linear_rgb.shape[-1] == 1:
        return linear_rgb[..., 0]
    weights = np.asarray(LUMA_WEIGHTS, dtype=np.float32)
    return np.asarray(linear_rgb @ weights, dtype=np.float32)


def as_rgb(image: NDArray[Any]) -> NDArray[Any]:
    """Return (H, W, 3) of (H, W, 1) or (H, W, 3): grey is repeated, colour returned as it is."""
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def to_float(samples: NDArray[Any]) -> FloatArray:
    """Return integer or float samples as float32 in [0, 1].

    Args:
        samples: uint8 (divided by 255), uint16 (by 65535) or floating (taken as it is).
    """
    if samples.dtype == np.uint8:
        return samples.astype(np.float32) / np.float32(255)
    if samples.dtype == np.uint16:
        return samples.astype(np.float32) / np.float32(65535)
    return samples.astype(np.float32)


def quantise(values: FloatArray, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return float values in [0, 1] as samples of the given dtype, rounded and clipped.

    Args:
        values: any shape, float32.
        dtype: uint8, uint16 or a floating type (which is neither rounded nor clipped).
    """
    if dtype == np.uint8:
        return (np.clip(values, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    if dtype == np.uint16:
        return (np.clip(values, 0, 1).astype(np.float64) * 65535 + 0.5).astype(np.uint16)
    return values.astype(dtype)


SCREEN_PX = 1024
"""Side of the middle part that shows whether a picture is screened."""
_FULL_STEP, _FULL_STEPS = 0.7, 0.8
"""Of pictures made by error diffusion, ordered dither and screens, also after JPEG of quality 75,
85 % and more of all change between neighbours is by 0.7 of the range and more, along both axes; of
black and white shapes that moved by 5 px and more, even if saturated afterwards, 42 % at most along
one of them, of photos hardly any."""

_TONES, _CONTRAST = (0.02, 0.98), 0.25

_CURVED, _DOTS, _FAINT_DOTS = 1.4, 0.25, 0.05
"""Least ratio of the second difference to that over two pixels (root mean squares), and least size
of the former: of all pictures, and of those of few tones. Of 500 sharp and moved photos the ratio
was at most 1.27, white noise has 1.73 (and this size only from a standard deviation of 0.1 on),
dither in colour or of several tones 1.4 to 4.7, dots that a scanner softened 1.2 to 2."""

_FEW_TONES = 32
"""Of a channel: what is shown on paper of 2 to 16 greys, or by the palette of the web."""


def is_screened(picture: NDArray[Any]) -> bool:
    """Return whether a picture is made of dots: dithered, screened, or a scan of 1 bit.

    Its dots were made after the exposure: no motion of the camera leaves full steps from one pixel
    to the next in every direction. To an eye for blur they look like anything.

    Args:
        picture: (H, W) or (H, W, C), uint8, uint16 or floating in [0, 1], C 1 or 3, in any light;
            of a large one the middle is looked at. Few tones are told by integers only.
    """
    starts = [max(0, side - SCREEN_PX) // 2 for side in picture.shape[:2]]
    part = picture[starts[0] :, starts[1] :][:SCREEN_PX, :SCREEN_PX]
    brightness = to_float(part) if part.ndim == 2 else luma(to_float(part))
    darkest, brightest = brightness.min(), brightness.max()
    if darkest == brightest:
        return False
    if ((brightness == darkest) | (brightness == brightest)).all():
        return True
    return _has_full_steps(brightness) or _alternates(brightness, few=_has_few_tones(part))


def _has_full_steps(brightness: FloatArray) -> bool:
    """Return whether nearly all change is between two tones, from one pixel to the next."""
    dark, bright = np.quantile(brightness, _TONES)
    if bright - dark < _CONTRAST:
        return False
    levels = np.clip((brightness - dark) / (bright - dark), 0, 1)
    shares = []
    for axis in (0, 1):
        steps = np.abs(np.diff(levels, axis=axis))
        shares.append(steps[steps > _FULL_STEP].sum() / max(float(steps.sum()), 1e-9))
    return bool(min(shares) >= _FULL_STEPS)


def _alternates(brightness: FloatArray, *, few: bool) -> bool:
    """Return whether pixels go up and down in turn, far more than light behind a lens does."""
    for upright in (brightness, brightness.T):
        if len(upright) < 3:
            return False
        before, middle, after = upright[:-2], upright[1:-1], upright[2:]
        curved = float(np.sqrt(np.square(before - 2 * middle + after).mean()))
        across = float(np.sqrt(np.square(after - before).mean()))
        if curved < _CURVED * across or curved < (_FAINT_DOTS if few else _DOTS):
            return False
    return True


def _has_few_tones(samples: NDArray[Any]) -> bool:
    if samples.dtype.kind != "u":
        return False
    planes = samples[..., None] if samples.ndim == 2 else samples
    return all(
        len(np.unique(planes[::step, ::step, channel])) <= _FEW_TONES
        for step in (8, 1)  # most are told by few pixels
        for channel in range(planes.shape[2])
    )
