"""Where a motion holds: what its edges say.

A motion turns every edge across its path into a ramp. So in linear light, of the range that the
brightness has within a few pixels, a step between pixels two apart can take only a share: for an
edge in a direction, the largest share of the exposure that the motion spends within two pixels of
that direction, over what it spends within six. An edge that is harder than that did not move like
this; one that is soft may have. Edges along the path say nothing.

Each edge pixel is evidence; it is spread over its surroundings at three scales, the nearest
counting most. The result is above 0 where the picture may have moved so, below 0 where it has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.features import noise_sigma


@dataclass(frozen=True)
class EdgeParams:
    """What an edge is, and what it is worth. Light is linear, full range 1.

    Chosen on composed scenes of training photos with their true motions (``benchmarks/moved.py``).
    In 24 of them edges of moved objects exceeded half of the range in 0 to 30 % of all cases,
    those of still backgrounds in 46 to 83 %.

    Attributes:
        around_px: half side of the square in which the brightness's range is taken.
        contrast: least range about an edge ...
        per_noise: ... and in standard deviations of the noise.
        white: light from which on a pixel is saturated.
        directions: in which edges are told apart, in half a turn.
        most_allowed: largest share that the motion itself may leave to a step, for an edge in this
            direction to say anything.
        fewest: directions that must say something, or the motion cannot be told from none.
        hard, beyond: share from which on an edge is hard, and by which it must exceed what the
            motion allows.
        spread: width of the transition from soft to hard.
        for_still, for_moved: what a hard, and a soft edge is worth.
        scales_px: Gaussians by which the evidence is spread, and what each counts.
        enough: edges at which the evidence of a scale counts half.
        doubt: share of certainty that is never reached.
        surely: evidence against motion from which on a single edge surely stood still, if so many
            lie ...
        together: ... together ...
        together_px: ... in a square of this side ...
        beside_px: ... and with them what is so near.
    """

    around_px: int = 3
    contrast: float = 0.02
    per_noise: float = 12.0
    white: float = 0.96
    directions: int = 12
    most_allowed: float = 0.5
    fewest: int = 4
    hard: float = 0.5
    beyond: float = 0.14
    spread: float = 0.15
    for_still: float = 1.5
    for_moved: float = 1.0
    scales_px: tuple[tuple[float, float], ...] = ((6.0, 1.0), (14.0, 0.6), (32.0, 0.25))
    enough: float = 6.0
    doubt: float = 0.15
    surely: float = 0.4
    together: int = 4
    together_px: int = 13
    beside_px: int = 4


EDGES = EdgeParams()

_STEP_PX, _SPAN_PX = 2, 6


def holds(luma: FloatArray, psfs: Sequence[Psf], params: EdgeParams = EDGES) -> FloatArray | None:
    """Return where a motion may hold in a picture.

    Args:
        luma: (H, W) float32, linear light.
        psfs: the motion, in px of ``luma``; several where it varies: what one of them allows is
            allowed.
        params: what edges are worth.

    Returns:
        (H, W) float32 in [-for_still, for_moved]: above 0 where it may, below where it does not,
        0 where nothing is seen; None where this motion cannot be told from none.
    """
    allowed = np.max([_allowed(psf, params) for psf in psfs], axis=0)
    if int(np.count_nonzero(allowed < params.most_allowed)) < params.fewest:
        return None
    evidence, seen = _evidence(luma, allowed, params)
    found, certain = np.zeros_like(luma), np.zeros_like(luma)
    for sigma, weight in params.scales_px:
        area = np.float32(2 * np.pi * sigma * sigma)
        count = _spread(seen.astype(np.float32), sigma) * area
        share = np.float32(weight) / (count + np.float32(params.enough))
        found += share * _spread(evidence, sigma) * area
        certain += share * count
    return np.asarray(found / (certain + np.float32(params.doubt)), np.float32)


def surely_still(luma: FloatArray, psf: Psf, params: EdgeParams = EDGES) -> NDArray[np.bool_]:
    """Return where several edges lie together that a motion would have softened.

    Args:
        luma: (H, W) float32, linear light.
        psf: the motion, in px of ``luma``.
        params: what edges are worth.

    Returns:
        (H, W), with what lies within a few pixels of them; nothing where this motion cannot be told
        from none.
    """
    allowed = _allowed(psf, params)
    if int(np.count_nonzero(allowed < params.most_allowed)) < params.fewest:
        return np.zeros(luma.shape, bool)
    evidence, _ = _evidence(luma, allowed, params)
    hard = evidence <= -params.surely
    near = ndimage.uniform_filter(hard.astype(np.float32), params.together_px)
    several = hard & (near * params.together_px**2 >= params.together - 0.5)
    return np.asarray(ndimage.binary_dilation(several, iterations=params.beside_px))


def _evidence(
    luma: FloatArray, allowed: NDArray[np.float64], params: EdgeParams
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return what each pixel says, and which say anything."""
    ratio, direction, is_edge = _edges(luma, params)
    limit = allowed[direction]
    seen = is_edge & (limit < params.most_allowed)
    bound = np.maximum(params.hard, limit + params.beyond)
    hard = np.clip((ratio - bound) / params.spread, -1, 1)
    worth = np.where(hard > 0, -params.for_still * hard, -params.for_moved * hard)
    return np.asarray(np.where(seen, worth, 0), np.float32), seen


def _edges(
    luma: FloatArray, params: EdgeParams
) -> tuple[FloatArray, NDArray[np.intp], NDArray[np.bool_]]:
    """Return the share of the range in each pixel's step, its direction, and where edges are."""
    across, down = np.zeros_like(luma), np.zeros_like(luma)
    across[:, 1:-1] = luma[:, 2:] - luma[:, :-2]
    down[1:-1] = luma[2:] - luma[:-2]
    side = 2 * params.around_px + 1
    most = ndimage.maximum_filter(luma, side)
    span = most - ndimage.minimum_filter(luma, side)
    step = np.hypot(across, down)
    turn = np.arctan2(down, across) / np.pi * params.directions
    direction = np.round(turn).astype(np.intp) % params.directions
    least = max(params.contrast, params.per_noise * noise_sigma(luma))
    # A saturated lamp has hard edges however it moved.
    is_edge = (
        (span > least) & (most < params.white) & (step >= 0.999 * ndimage.maximum_filter(step, 3))
    )
    ratio = np.asarray(step / np.maximum(span, 1e-3), np.float32)
    return ratio, direction, is_edge


def _allowed(psf: Psf, params: EdgeParams) -> NDArray[np.float64]:
    """Return the share of a range that a motion leaves to a step, by direction.

    Directions are told only roughly, so the largest of three neighbours counts.
    """
    shares = _exposures(psf, params)
    return np.maximum(shares, np.maximum(np.roll(shares, 1), np.roll(shares, -1)))


def _exposures(psf: Psf, params: EdgeParams) -> NDArray[np.float64]:
    """Return, by direction, the largest share of the exposure within two pixels over six."""
    ys, xs = np.nonzero(psf.array)
    weights = psf.array[ys, xs].astype(np.float64)
    shares = np.empty(params.directions)
    for number in range(params.directions):
        angle = np.pi * number / params.directions
        place = xs * np.cos(angle) + ys * np.sin(angle)
        place = place - place.min() + _SPAN_PX
        low = np.floor(place).astype(np.intp)
        line = np.zeros(int(low.max()) + 2 + _SPAN_PX)
        np.add.at(line, low, weights * (1 - (place - low)))
        np.add.at(line, low + 1, weights * (place - low))
        pairs = line[:-1] + line[1:]
        best = int(np.argmax(pairs))
        shares[number] = pairs[best] / line[best - _STEP_PX : best - _STEP_PX + _SPAN_PX].sum()
    return shares


def _spread(plane: FloatArray, sigma: float) -> FloatArray:
    return np.asarray(ndimage.gaussian_filter(plane, sigma, truncate=2.5), np.float32)
