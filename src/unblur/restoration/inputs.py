"""What RestoreNet sees, assembled alike in training and in use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray, linear_to_srgb, srgb_to_linear
from unblur.errors import BadValue, nearest
from unblur.restoration.tv_bank import tv_bank
from unblur.restoration.wiener import WIENER_BANK, wiener_bank
from unblur.spec import Bank

WeightedPsf = tuple[Psf, FloatArray]
"""A PSF and its (H, W) weight in a tile; the weights of all PSFs of a tile sum to 1."""

Solve = Callable[[FloatArray, Psf, float], FloatArray]
"""(blurry linear (H, W, 3), PSF, noise) -> (planes, H, W), linear light."""

_MARGIN_PX = 16

_BLURRY = ("blurry_red", "blurry_green", "blurry_blue")

CHANNEL_NAMES: dict[Bank, tuple[str, ...]] = {
    "none": (*_BLURRY, "noise"),
    "wiener": (
        *_BLURRY,
        *(
            f"wiener_{k}_{light}"
            for k in range(len(WIENER_BANK.strengths))
            for light in ("red", "green", "blue")
        ),
        "confidence",
        "noise",
    ),
    "tv": (
        *_BLURRY,
        *("crisp_red", "crisp_green", "crisp_blue"),
        *("detailed_red", "detailed_green", "detailed_blue"),
        *("saturated", "misfit", "confidence", "noise"),
    ),
}
"""Channels of the input by the name of its bank, in order.

All begin with the blurry RGB, sRGB, and end with the noise level. Between them:

* ``none``: nothing, for a network without the motion;
* ``wiener``: three Wiener solutions (RGB, sRGB), confidence;
* ``tv``: crisp and detailed solution (RGB, sRGB each), share of saturated light, misfit,
  confidence; see :mod:`unblur.restoration.tv_bank`.
"""

CHANNELS: dict[Bank, int] = {bank: len(names) for bank, names in CHANNEL_NAMES.items()}
"""Number of channels by the name of the bank."""

_SPANS: dict[Bank, tuple[float, float]] = {"tv": (0.0005, 0.06)}
"""Noise levels between which the noise is given, where they are not those of the Wiener bank."""


def network_input(
    bank: Bank,
    blurry_srgb: FloatArray,
    psfs: list[WeightedPsf],
    confidence: FloatArray | float,
    noise: float,
    *,
    regularisation: float = 1.0,
    wanted: tuple[slice, slice] | None = None,
) -> FloatArray:
    """Return the input of RestoreNet for one image.

    Args:
        bank: which one, a key of CHANNELS.
        blurry_srgb: (H, W, 3) float32 in [0, 1], sRGB.
        psfs: the PSFs that count in it.
        confidence: trust in the PSFs, in [0, 1]: a number or (H, W); 1 all over says that they are
            known.
        noise: standard deviation of the noise, linear light.
        regularisation: factor on that of the bank.
        wanted: rows and columns that are given; all of them if omitted.

    Returns:
        (CHANNELS[bank], H, W) float32 in [0, 1], H and W of what is wanted; solutions are clipped
        and sRGB-encoded, the noise is a logarithm.

    Raises:
        BadValue: there is no such bank.
    """
    if bank not in CHANNELS:
        raise BadValue(f"there is no bank '{bank}'; {nearest(bank, sorted(CHANNELS))}")
    where = (slice(None), *(wanted or (slice(None), slice(None))))
    shown = np.moveaxis(blurry_srgb, 2, 0)[where]
    out = np.empty((CHANNELS[bank], *shown.shape[1:]), np.float32)
    out[:3] = shown
    out[-1] = noise_level(noise, _SPANS.get(bank, WIENER_BANK.noise_span))
    if bank == "none":
        return out
    linear = srgb_to_linear(blurry_srgb)
    if bank == "wiener":
        solve = partial(_wiener_planes, regularisation=regularisation)
        planes = _blended(solve, linear, psfs, noise)[where]
        out[3:-2] = linear_to_srgb(np.clip(planes, 0, 1))
    else:
        known = float(np.min(confidence)) >= 1
        solve = partial(tv_bank, regularisation=regularisation, known=known)
        planes = _blended(solve, linear, psfs, noise)[where]
        out[3:9] = linear_to_srgb(np.clip(planes[:6], 0, 1))
        out[9:11] = planes[6:]
    out[-2] = np.broadcast_to(confidence, blurry_srgb.shape[:2])[where[1:]]
    return out


def noise_level(noise: float, span: tuple[float, float] = WIENER_BANK.noise_span) -> float:
    """Return the noise on a logarithmic scale: 0 for the least that counts, 1 for the most."""
    low, high = np.log(span[0]), np.log(span[1])
    return float((np.log(np.clip(noise, *span)) - low) / (high - low))


def _wiener_planes(
    linear: FloatArray, psf: Psf, noise: float, *, regularisation: float
) -> FloatArray:
    bank = np.moveaxis(wiener_bank(linear, psf, noise, regularisation=regularisation), 3, 1)
    return bank.reshape(-1, *linear.shape[:2])


def _blended(solve: Solve, linear: FloatArray, psfs: list[WeightedPsf], noise: float) -> FloatArray:
    """Return the solutions of all PSFs, each solved only where it counts."""
    if len(psfs) == 1:
        return solve(linear, psfs[0][0], noise)
    total: FloatArray | None = None
    for psf, weight in psfs:
        rows, columns = (np.flatnonzero(weight.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            continue
        where = tuple(
            slice(max(0, int(used[0]) - reach), int(used[-1]) + 1 + reach)
            for used, reach in zip(
                (rows, columns), (side // 2 + _MARGIN_PX for side in psf.shape), strict=True
            )
        )
        part = weight[where] * solve(linear[where], psf, noise)
        if total is None:
            total = np.zeros((len(part), *linear.shape[:2]), np.float32)
        total[:, where[0], where[1]] += part
    assert total is not None  # the weights of a tile sum to 1
    return total
