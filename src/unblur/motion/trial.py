"""Trial restorations: what a PSF makes of a window, and how much that looks like a picture.

A window is deconvolved by total variation with unknown borders. Noise is about equally strong all
over the *samples* that a camera stores, not over the light that they encode; where the tone curve
``f`` is steep, light is uncertain. So with the slope ``s = f'(sample)``, ``s0`` its root mean
square, light in units of ``s0`` counts ``(s0 / s)^2``, and its gradients cost ``s0 / s``: as if
they were measured in the samples.

Of the result, encoded again, two measures tell much: a wrong PSF leaves ringing and ghosts, many
small gradients where a sharp picture has few large ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.blur.masked_tv import masked_tv
from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.spatial import gradients
from unblur.tone import ToneCurve


@dataclass(frozen=True)
class TrialParams:
    """Constants of trial restorations.

    Attributes:
        weight: of the total variation, in standard deviations of the samples' noise.
        least_noise: least noise reckoned with.
        least_slope: least slope of the tone curve reckoned with, as a share of ``s0``.
        white: samples above count as saturated, and so do those ``around_px`` about them, unless
            ``paper``, a share of all, are so bright: paper is no brighter than it looks.
    """

    weight: float = 0.12
    least_noise: float = 0.002
    least_slope: float = 0.15
    white: float = 0.99
    around_px: int = 2
    paper: float = 0.5


TRIAL = TrialParams()

_SOFT = 1e-4
"""Square of a gradient below which its length hardly falls further: quantisation, faint noise."""

_FRAME_PX = 2


@dataclass(frozen=True, eq=False)
class Trial:
    """What a PSF made of a window.

    Attributes:
        samples: (H, W) float32 in [0, 1], encoded as the window was.
        misfit: how far it is from the window when it is blurred again, root mean square, in units
            of the noise reckoned with.
        overshoot: root mean square of what lay outside of [0, 1], light in units of its slope.
    """

    samples: FloatArray
    misfit: float
    overshoot: float


def try_psf(
    samples: FloatArray,
    curve: ToneCurve,
    psf: Psf,
    noise: float,
    params: TrialParams = TRIAL,
) -> Trial:
    """Return what a PSF makes of a window.

    Args:
        samples: (H, W) float32 in [0, 1], encoded.
        curve: their tone curve.
        psf: that is tried.
        noise: standard deviation of the noise, in units of the samples.
        params: of the restoration.
    """
    slope = curve.slope(samples)
    typical = max(float(np.sqrt(np.mean(np.square(slope)))), 1e-6)
    least = np.float32(params.least_slope * typical)
    relative = np.asarray(np.maximum(slope, least) / np.float32(typical), np.float32)
    saturated = _saturated(samples, params)
    counted = ~saturated
    noise = max(noise, params.least_noise)
    light = curve.to_linear(samples) / np.float32(typical)
    solved = masked_tv(
        light[None],
        psf,
        params.weight * noise,
        saturated=saturated if saturated.any() else None,
        relative_noise=None if curve.is_linear else relative,
    )
    left = (light - solved.reblurred[0]) / relative * counted
    found = solved.light[0] * np.float32(typical)
    clipped = np.clip(found, 0, 1)
    share = max(float(counted.mean()), 1e-3)
    return Trial(
        samples=curve.to_encoded(clipped),
        misfit=float(np.sqrt(np.mean(np.square(left)) / share)) / noise,
        overshoot=float(np.sqrt(np.mean(np.square((found - clipped) * counted)) / share)),
    )


def gradient_length(samples: FloatArray) -> float:
    """Return the logarithm of the mean length of a picture's gradients."""
    squared = np.square(gradients(samples)).sum(axis=0)
    return float(np.log(np.mean(np.sqrt(squared + np.float32(_SOFT)))))


def gradient_density(samples: FloatArray) -> float:
    """Return the logarithm of L1 over L2 of a picture's gradients, each a mean over its pixels.

    The smaller, the fewer and stronger they are; contrast does not matter.

    Reference:
        Krishnan, Tay, Fergus, Blind deconvolution using a normalized sparsity measure, CVPR 2011,
        doi:10.1109/CVPR.2011.5995521.
    """
    inner = slice(_FRAME_PX, -_FRAME_PX)
    squared = np.square(gradients(samples)[:, inner, inner]).sum(axis=0)
    length = float(np.sqrt(squared).mean())
    return float(np.log((length + 1e-9) / (np.sqrt(float(squared.mean())) + 1e-9)))


def _saturated(samples: FloatArray, params: TrialParams) -> NDArray[np.bool_]:
    bright = samples > params.white
    if bright.mean() > params.paper:
        return np.zeros_like(bright)
    return np.asarray(ndimage.binary_dilation(bright, iterations=params.around_px))
