"""A classical blind reference of our own: one PSF by coarse-to-fine MAP estimation.

What people did before networks, to measure against. On a pyramid, from a picture of about 64 px, on
which most motion is a few pixels long, up to the photo itself, two steps take turns:

1. the latent image of few, strong gradients that the present PSF turns into the photo
   (:mod:`unblur.motion.l0_latent`);
2. the PSF that best turns the latent image's gradients ``X`` into the photo's ``Y``,

       psf = F^-1 [ sum_j conj(F X_j) F Y_j / (sum_j |F X_j|^2 + ridge) ],   j = x, y,

   without what is negative, faint or a stray speck. What is faint is measured beside the PSF, where
nothing but its noise can be: a fixed cut either loses the faint stretches of the motion or, on
noisy pictures, keeps what is none.

Nobody sets the size of the PSF: each level allows what the level before has found and a little
more. Where highlights are saturated the photo is no convolution. A search begun with nothing
lets what its result says of them stand in for them; one begun with a candidate leaves them out,
with the edges there, whose blur around them then stays unexplained. Each goes astray on other
photos, and several candidates are worth more than one (:mod:`unblur.motion.fusion`).

Known weakness: of motion of 40 px and more on 512 px, one photo in four or so goes astray on the
way.

References:
    Xu, Zheng, Jia, CVPR 2013, doi:10.1109/CVPR.2013.147; Pan, Hu, Su, Yang, CVPR 2014,
    doi:10.1109/CVPR.2014.371 (the latent image, taking turns, and pictures of two tones); Cho and
    Lee, Fast motion deblurring, ACM TOG 2009, doi:10.1145/1618452.1618491 (the PSF from gradients,
    coarse to fine); Krishnan, Tay, Fergus, CVPR 2011, doi:10.1109/CVPR.2011.5995521 (specks). Own
    code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft, ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.errors import ShapeMismatch
from unblur.motion.features import noise_sigma
from unblur.motion.frequency import quotient
from unblur.motion.l0_latent import Framed, l0_latent
from unblur.motion.psf_tools import clean_grid
from unblur.motion.spatial import gradients, saturated_mask
from unblur.motion.windows import most_structured
from unblur.tapers import ramp_taper

CROP_PX = 512
"""Side of the part that is looked at, the one with most structure."""

LEAST_SIDE_PX = 64
"""Shortest side of a part that can be searched, px."""

_AROUND_LEFT_OUT = 3


@dataclass(frozen=True)
class SearchParams:
    """How a search goes about it; the numbers were chosen on validation photos.

    Attributes:
        weight: price of a gradient of the latent image, bright parts about 1.
        weight_per_noise: added to it per standard deviation of the noise, same unit.
        ridge: least regularisation of the PSF, as a share of the latent gradients' mean power.
        ridge_per_power: the same per variance of the noise, bright parts about 1; both add up by
            their squares: about 0.2, 0.4 and 1.3 at 1, 2 and 4 % noise. One that grows with the
            noise itself (16 per standard deviation) is as good at 4 % and better at 1 % on photos
            of 512 px, but it loses long motion: 0.3 dB on 14 pictures of Lai's, up to 2.6.
        turns: of latent image and PSF on each level. To stop at a similarity of 0.99 between two
            turns saves a fifth of the time and costs 0.37 dB (91 windows).
        beta_last: of the latent image, see :func:`unblur.motion.l0_latent.l0_latent`.
        beta_growth: of the latent image.
        faint: shares of the PSF's peak (low, high) between which the cut lies that drops what is
            faint. Where it lies is measured, see :func:`_faint_share`; with both alike it is fixed.
        speck: share of the exposure below which a separate part of the PSF is dropped.
        coarsest_px: about the shorter side of the smallest picture. On it the motion must be
            short enough to be found from nothing, and long enough to be seen.
        growth_px: by how much each level may extend what the level before has found.
        two_tones: whether the picture is taken for paper and ink.
    """

    weight: float = 0.004
    weight_per_noise: float = 0.3
    ridge: float = 0.2
    ridge_per_power: float = 800.0
    turns: int = 5
    beta_last: float = 1e3
    beta_growth: float = 4.0
    faint: tuple[float, float] = (0.01, 0.15)
    speck: float = 0.1
    coarsest_px: int = 48
    growth_px: int = 2
    two_tones: bool = False


SEARCH = SearchParams()
"""The search for motion of any length at the picture's own size."""

FAINT_DEVIATIONS = 3.0
"""Standard deviations of the quotient's own noise that a value of the PSF must exceed."""

_RING_PX = (2, 8)
"""Noise is measured from so far beyond the PSF's reach to so far beyond three times that."""

_BRIGHT_PERCENT, _LEAST_BRIGHT = 98, 1e-3
_PAPER_BINS = 64
_PAPER_BLUR = 1.5
"""Of the histogram that tells the paper: its bins, and by how many of them it is smoothed."""

_FACTOR = 2**0.5
_REFINED_LEVELS = 3


def estimate_psf_map(
    luma_linear: FloatArray,
    *,
    initial: Psf | None = None,
    noise: float | None = None,
    crop_px: int = CROP_PX,
    params: SearchParams = SEARCH,
) -> Psf:
    """Return the PSF that blurred a photo, taken to be the same all over.

    Args:
        luma_linear: (H, W) float32 in [0, 1], luma, linear light, sides of LEAST_SIDE_PX or more.
        initial: a first estimate, in px of ``luma_linear``; only the finest levels refine it.
        noise: standard deviation of the noise, linear light; measured if omitted.
        crop_px: longest side of the part that is looked at.
        params: of the search.

    Returns:
        The PSF, its centroid at the centre; a point where nothing is to be seen.

    Raises:
        ShapeMismatch: not a plane, or too small.
    """
    if luma_linear.ndim != 2 or min(luma_linear.shape) < LEAST_SIDE_PX:
        raise ShapeMismatch(
            f"a PSF is estimated from (H, W) with sides >= {LEAST_SIDE_PX}, got {luma_linear.shape}"
        )
    part = np.ascontiguousarray(most_structured(luma_linear, max(crop_px, LEAST_SIDE_PX)))
    bright = bright_level(part)
    sigma = noise_sigma(part) if noise is None else noise
    weight = params.weight + params.weight_per_noise * sigma / bright
    ridge = float(np.hypot(params.ridge, params.ridge_per_power * (sigma / bright) ** 2))
    fills = initial is None
    unknown = saturated_mask(part) if fills else saturated_mask(part, around=_AROUND_LEFT_OUT)
    usable = (~unknown).astype(np.float32)
    sharpest = part / np.float32(bright)
    paper = paper_level(sharpest) if params.two_tones else None
    levels = np.log(min(part.shape) / params.coarsest_px) / np.log(_FACTOR)
    count = max(int(levels) if initial is None else 0, _REFINED_LEVELS - 1)
    psf = _first(initial, count)
    for level in range(count, -1, -1):
        if level < count:
            psf = psf.scaled(_FACTOR).centred()
        planes = _shrunk(sharpest, level), _shrunk(usable, level)
        psf = _solve_level(*planes, psf, weight, ridge, params, fills=fills, paper=paper)
    return psf


def bright_level(plane: FloatArray) -> float:
    """Return how bright the bright parts of a plane, (H, W) float32, are."""
    return max(float(np.percentile(plane, _BRIGHT_PERCENT)), _LEAST_BRIGHT)


def paper_level(plane: FloatArray) -> float:
    """Return the most frequent value of a plane, (H, W) float32."""
    counts, edges = np.histogram(plane, _PAPER_BINS)
    most = int(np.argmax(ndimage.gaussian_filter1d(counts.astype(float), _PAPER_BLUR)))
    return float(edges[most] + edges[most + 1]) / 2


def _first(initial: Psf | None, count: int) -> Psf:
    """Return the PSF to begin with on the coarsest level."""
    if initial is not None:
        return initial.scaled(_FACTOR**-count).centred()
    # Not a point: the photo itself explains itself perfectly without any blur.
    return Psf(np.array([[0, 0, 0], [0, 1, 1], [0, 0, 0]], np.float32))


def _shrunk(plane: FloatArray, level: int) -> FloatArray:
    if level == 0:
        return plane
    height, width = (max(1, round(side / _FACTOR**level)) for side in plane.shape)
    resized = Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.float32)


def _solve_level(
    blurry: FloatArray,
    usable: FloatArray,
    psf: Psf,
    weight: float,
    ridge: float,
    params: SearchParams,
    *,
    fills: bool,
    paper: float | None,
) -> Psf:
    """Let latent image and PSF take turns on one level of the pyramid."""
    height, width = blurry.shape
    most = (min(height, width) - 1) // 4
    reach = min(max(_reach(psf) + params.growth_px, 2), most)
    psf = Psf(psf.embedded(2 * reach + 1))
    counted = ramp_taper(height, width, reach)
    unknown = usable <= 0.9
    if not fills:
        counted = counted * ~unknown
    fills = fills and bool(unknown.any())
    framed = Framed(blurry, reach)
    shape, inside = framed.shape, framed.inside
    observed = _transformed(gradients(blurry) * counted, reach)
    for _ in range(params.turns):
        otf = psf.otf(shape)
        latent, _ = l0_latent(
            framed.spectrum,
            otf,
            shape,
            weight,
            beta_last=params.beta_last,
            growth=params.beta_growth,
            paper=paper,
            begun=framed.canvas,
        )
        if fills:
            predicted = fft.irfft2(fft.rfft2(latent) * otf, s=shape)[inside]
            filled = np.where(unknown, predicted, blurry).astype(np.float32)
            framed = Framed(filled, reach)
            observed = _transformed(gradients(filled) * counted, reach)
        edges = _transformed(gradients(latent[inside]) * counted, reach)
        solved = quotient(edges, observed, _padded((height, width), reach), ridge)
        grid = _within(solved, reach)
        if not grid.any():
            return psf
        faint = float(np.clip(_faint_share(solved, grid, reach), *params.faint))
        psf = Psf(clean_grid(grid, faint, params.speck)).centred()
        if _reach(psf) > reach:
            psf = Psf(psf.embedded(2 * reach + 1))
    return psf


def _reach(psf: Psf) -> int:
    return max(psf.shape) // 2


def _transformed(planes: FloatArray, reach: int) -> NDArray[Any]:
    """Return the half spectra of (2, H, W) gradients, with room for a PSF of a reach."""
    return np.asarray(fft.rfft2(planes, s=_padded(planes.shape[1:], reach), axes=(1, 2)))


def _padded(shape: tuple[int, ...], reach: int) -> list[int]:
    """Return sides that a PSF of a reach does not wrap around, fast to transform."""
    return [fft.next_fast_len(side + 2 * reach, real=True) for side in shape]


def _within(solved: FloatArray, reach: int) -> FloatArray:
    """Return the (2 reach + 1) square of a periodic map about its origin, >= 0."""
    steps = np.arange(-reach, reach + 1)
    return np.asarray(np.maximum(solved[np.ix_(steps, steps)], 0), dtype=np.float32)


def _faint_share(solved: FloatArray, grid: FloatArray, reach: int) -> float:
    """Return the share of a PSF's peak that its own noise may reach.

    Just beyond the PSF's reach the map should be 0; what it is there is its noise. With little
    noise a long faint stretch of the motion is kept, which a fixed cut would drop; with much
    noise nothing is kept that is no better than what lies outside.
    """
    inner, beyond = _RING_PX
    outer = min(3 * reach + beyond, (min(solved.shape) - 1) // 2)
    if outer < reach + inner:
        return 1.0
    steps = np.arange(-outer, outer + 1)
    ring = np.maximum(np.abs(steps)[:, None], np.abs(steps)) >= reach + inner
    noise = float(solved[np.ix_(steps, steps)][ring].std())
    return FAINT_DEVIATIONS * noise / float(grid.max())
