"""The second estimate: with a PSF at hand, undo it, keep the edges, and ask again.

A first estimate lets one guess the sharp picture far better than a shock filter can. The guess
is made by deconvolution under the assumption that a sharp picture has few places where it
changes at all (an L0 prior on its gradients): ringing and noise are many small changes and go,
edges are few large ones and stay. The quotient of the observed and the guessed gradients

    quotient = F^-1 [ sum_j conj(F X_j) F Y_j / (sum_j |F X_j|^2 + beta) ],   j = x, y

is a new view of the PSF, sharper than the last. Guess and quotient follow each other a few
times; then KernelNet reads the quotients beside the maps of the first estimate, and may be asked
again with its own candidate.

References:
    Pan, Hu, Su, Yang, Deblurring text images via L0-regularized intensity and gradient prior,
    CVPR 2014, doi:10.1109/CVPR.2014.371 (the two steps in turns).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.color import FloatArray
from unblur.motion.features import MAP_NAMES
from unblur.motion.frequency import GRID, near_origin, quotient_spectrum
from unblur.motion.l0_latent import l0_latent, strong_gradients
from unblur.motion.params import ENERGY, EnergyParams
from unblur.motion.psf_tools import grid_otf, without_faint, without_specks
from unblur.motion.spatial import saturated_mask
from unblur.tapers import ramp_taper

GUIDED_NAMES = (
    "previous",
    "previous_log",
    "edges_many_fine",
    "edges_many_soft",
    "edges_few_fine",
    "edges_few_soft",
)
"""Maps of a second estimate, after those of the first; all zero at the first estimate."""

KERNEL_MAPS = MAP_NAMES + GUIDED_NAMES
"""All maps that KernelNet reads, in order."""

_EDGES = {"many": 1e-3, "few": 4e-3}
"""Weight of the L0 prior, for a window whose values spread by _SPREAD."""

_BETAS = {"fine": 0.03, "soft": 0.3}
"""Regularisation of the quotient, as a share of the mean power of the guessed gradients."""

_TURNS = 3
"""Times that guess and quotient follow each other within one estimate."""

_SPREAD = 0.15
_RAMP_PX = 48
_GROWTH = 3.0
_LOOSE = 300.0
_FAINT = 1e-3
_LEAST, _SMALL_PART = 0.05, 0.1
"""Share of its peak, and of its largest part, below which a quotient's values and separate parts
are no PSF's."""


def unguided(maps: FloatArray) -> FloatArray:
    """Return what KernelNet reads at the first estimate: ``maps`` and no candidate yet."""
    return np.concatenate([maps, np.zeros((len(GUIDED_NAMES), GRID, GRID), np.float32)])


def guided(maps: FloatArray, window: FloatArray, psf: FloatArray) -> FloatArray:
    """Return what KernelNet reads at the next estimate, its last candidate being ``psf``.

    Args:
        maps: (C, GRID, GRID), what it read at the estimate before.
        window: as for :func:`guided_maps`.
        psf: as for :func:`guided_maps`.
    """
    return np.concatenate([maps[: -len(GUIDED_NAMES)], guided_maps(window, psf)])


def guided_maps(window: FloatArray, psf: FloatArray) -> FloatArray:
    """Return the maps of a second estimate at one window.

    Args:
        window: (H, W) float32 luma, linear light, sides of at least 2 * GRID.
        psf: (GRID, GRID) float32, the PSF as estimated so far, zero displacement at
            ``[GRID // 2, GRID // 2]``.

    Returns:
        (len(GUIDED_NAMES), GRID, GRID) float32; each quotient is divided by its largest value.
    """
    maps = [*shares(psf)]
    plane = (window - window.mean()) * np.float32(_SPREAD / max(float(window.std()), 1e-6))
    fade = ramp_taper(*window.shape, _RAMP_PX)
    observed = _transform(strong_gradients(plane, 0.0) * fade)
    spectrum = fft.rfft2(plane * fade)
    begun = np.asarray(fft.irfft2(spectrum, s=window.shape), np.float32)
    for weight in _EDGES.values():
        candidate = psf
        for turn in range(_TURNS):
            otf = grid_otf(candidate, window.shape)
            edges = few_edges(spectrum, otf, window.shape, weight, begun=begun)
            guess = _transform(edges * fade)
            last = turn == _TURNS - 1
            floors = list(_BETAS.values())[0 if last else -1 :]  # between turns only the soft one
            quotients = [
                near_origin(
                    quotient_spectrum(guess, observed, floor), window.shape, -GRID // 2, GRID // 2
                )
                for floor in floors
            ]
            if not last:
                candidate = plausible(quotients[-1])
        maps += [np.maximum(q / max(float(q.max()), 1e-12), -1) for q in quotients]
    return np.stack(maps).astype(np.float32)


def shares(psf: FloatArray) -> FloatArray:
    """Return (2, GRID, GRID): a PSF as shares of its peak, and their logarithms, 0 to 1."""
    share = np.maximum(psf / np.float32(max(float(psf.max()), 1e-12)), 0)
    return np.stack([share, 1 + np.log10(share + np.float32(_FAINT)) / 3])


def few_edges(
    spectrum: NDArray[Any],
    otf: NDArray[Any],
    shape: tuple[int, int],
    weight: float,
    *,
    begun: FloatArray | None = None,
) -> FloatArray:
    """Return the gradients of the sharp picture with few edges that explains a blurry one.

    Args:
        spectrum: half spectrum of the blurry picture, periodic.
        otf: half spectrum of the PSF.
        shape: (H, W) of the picture.
        weight: of the prior.
        begun: the blurry picture itself; these two as for
            :func:`unblur.motion.l0_latent.l0_latent`.

    Returns:
        (2, H, W) float32 periodic forward differences along x and y, most of them 0.
    """
    picture, coupling = l0_latent(
        spectrum, otf, shape, weight, beta_last=_LOOSE * weight, growth=_GROWTH, begun=begun
    )
    return strong_gradients(picture, weight / coupling)


def explanation_energy(window: FloatArray, psf: FloatArray, params: EnergyParams = ENERGY) -> float:
    """Return what it costs to explain a blurry window by a PSF: misfit, and a price per edge.

    The picture is the one of few edges that the PSF implies; a wrong PSF needs more edges, or
    leaves more unexplained. Costs of one window may be compared, those of different ones not.

    Args:
        window: as for :func:`guided_maps`.
        psf: as for :func:`guided_maps`.
        params: price of an edge, and the splitting's steps.
    """
    plane = (window - window.mean()) * np.float32(params.spread / max(float(window.std()), 1e-6))
    spectrum, otf = (
        fft.rfft2(plane * ramp_taper(*window.shape, _RAMP_PX)),
        grid_otf(psf, window.shape),
    )
    picture, coupling = l0_latent(
        spectrum,
        otf,
        window.shape,
        params.price,
        beta_last=params.last_beta * params.price,
        growth=params.growth,
    )
    edges = strong_gradients(picture, params.price / coupling).any(axis=0).sum()
    misfit = fft.irfft2(otf * fft.rfft2(picture) - spectrum, s=window.shape)
    return float(np.square(misfit[~saturated_mask(window)]).sum() + params.price * edges)


def _transform(planes: FloatArray) -> NDArray[Any]:
    return np.asarray(fft.rfft2(planes, axes=(1, 2)))


def plausible(raw: FloatArray) -> FloatArray:
    """Return what of a quotient may be a PSF: no faint values, no small separate parts.

    Args:
        raw: (GRID, GRID) float32.

    Returns:
        (GRID, GRID) float32, non-negative, sum 1.
    """
    kept = without_specks(np.maximum(without_faint(raw, _LEAST), 0), _SMALL_PART, of_all=False)
    return np.asarray(kept / max(float(kept.sum()), 1e-12), np.float32)
