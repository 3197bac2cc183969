"""What people use to tell blurred photos today, and how detectors are scored.

Each measure takes an 8-bit grey photo and returns a number that is larger for sharper photos.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, stats

from unblur.errors import BadValue

Grey = NDArray[Any]

_DCT_BLOCKS = (8, 16, 32, 64)


def laplacian_variance(grey: Grey) -> float:
    """Return the variance of the Laplacian, the most used measure of all.

    Args:
        grey: (H, W), any real dtype.

    Reference:
        Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000,
        doi:10.1109/ICPR.2000.903548.
    """
    return float(ndimage.laplace(grey.astype(np.float64), mode="mirror").var())


def tenengrad(grey: Grey) -> float:
    """Return the mean squared Sobel gradient.

    Args:
        grey: (H, W), any real dtype.

    Reference:
        Krotkov, Focusing, Int. J. Computer Vision 1988, doi:10.1007/BF00127822.
    """
    values = grey.astype(np.float64)
    slopes = (ndimage.sobel(values, axis=axis, mode="mirror") for axis in (0, 1))
    return float(sum(np.square(slope).mean() for slope in slopes))


def fft_ratio(grey: Grey, *, cutoff: float = 0.125) -> float:
    """Return the share of the spectrum's energy beyond a frequency, mean brightness left out.

    Args:
        grey: (H, W), any real dtype.
        cutoff: in cycles per px, below 0.5.
    """
    values = grey.astype(np.float64)
    power = np.square(np.abs(fft.rfft2(values - values.mean())))
    wy, wx = fft.fftfreq(grey.shape[0])[:, None], fft.rfftfreq(grey.shape[1])
    return float(power[np.hypot(wy, wx) > cutoff].sum() / max(power.sum(), 1e-12))


def dct_sharpness(grey: Grey) -> float:
    """Return how much high-frequency energy blocks of several sizes have.

    The gradient magnitude is cut into blocks; of each block's cosine transform the upper half
    of the frequencies is kept, as the mean magnitude; blocks count by rank, the best tenth
    deciding. After the idea of multiscale fused and sorted transform coefficients.

    Args:
        grey: (H, W), any real dtype, sides at least 64.

    Reference:
        Golestaneh and Karam, Spatially-varying blur detection based on multiscale fused and
        sorted transform coefficients of gradient magnitudes, CVPR 2017, arXiv:1703.07478.
    """
    values = ndimage.gaussian_filter(grey.astype(np.float64), 0.5)
    slopes = np.hypot(*(ndimage.sobel(values, axis=axis, mode="mirror") for axis in (0, 1)))
    fused = 0.0
    for side in _DCT_BLOCKS:
        rows, columns = (length // side for length in slopes.shape)
        blocks = slopes[: rows * side, : columns * side].reshape(rows, side, columns, side)
        energy = np.abs(fft.dctn(blocks.swapaxes(1, 2), axes=(2, 3), norm="ortho"))
        high = np.add.outer(np.arange(side), np.arange(side)) >= side
        per_block = np.sort(energy[..., high].mean(axis=-1).ravel())
        fused += float(per_block[-max(1, len(per_block) // 10) :].mean())
    return fused


CLASSICAL: dict[str, Callable[[Grey], float]] = {
    "variance of Laplacian": laplacian_variance,
    "Tenengrad": tenengrad,
    "FFT energy ratio": fft_ratio,
    "DCT, multiscale": dct_sharpness,
}


def roc_auc(scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve: how often a positive outscores a negative.

    Args:
        scores: (N,), larger for positives.
        positive: (N,).

    Raises:
        BadValue: one of the classes is missing.
    """
    count = int(positive.sum())
    rest = len(positive) - count
    if count == 0 or rest == 0:
        raise BadValue(f"ROC needs both classes, got {count} positives and {rest} negatives")
    ranks = stats.rankdata(scores)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * rest))


def best_accuracy(scores: NDArray[Any], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the threshold of highest accuracy, and that accuracy.

    Scores at or above the threshold are called positive.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.concatenate([[0], np.cumsum(np.where(positive[order], 1, -1))])
    correct = hits + np.sum(~positive)
    ranked = scores[order]
    # A threshold between equal scores does not exist.
    allowed = np.concatenate([[True], ranked[1:] != ranked[:-1], [True]])
    best = int(np.argmax(np.where(allowed, correct, -1)))
    threshold = float("inf") if best == 0 else float(ranked[best - 1])
    return threshold, float(correct[best] / len(scores))


def calibration(
    probabilities: NDArray[Any], happened: NDArray[np.bool_], *, bins: int = 10
) -> tuple[float, list[dict[str, float]]]:
    """Return the expected calibration error, and the reliability per bin of equal width.

    Args:
        probabilities: (N,) in [0, 1], that something is so.
        happened: (N,), whether it was.
        bins: at least 1.

    Reference:
        Naeini, Cooper, Hauskrecht, Obtaining well calibrated probabilities using Bayesian
        binning, AAAI 2015.
    """
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    rows, error = [], 0.0
    for number in np.unique(which):
        inside = which == number
        said, was = float(probabilities[inside].mean()), float(happened[inside].mean())
        error += float(inside.mean()) * abs(said - was)
        rows.append(
            {"said": said, "was": was, "share": float(inside.mean()), "photos": int(inside.sum())}
        )
    return error, rows


def angle_apart_deg(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return the difference of directions, modulo 180 degrees, in [0, 90]."""
    apart = np.mod(np.asarray(a, np.float64) - np.asarray(b, np.float64), 180)
    return np.asarray(np.minimum(apart, 180 - apart))
