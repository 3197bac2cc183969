"""Which of several PSFs explains a window best: each is tried, and what it makes is judged.

How well a PSF reproduces the blurry window says nothing: no blur at all reproduces it perfectly,
and long wrong motions nearly so. How much its restoration looks like a sharp picture says more:
ringing and ghosts are many small gradients where a sharp picture has few large ones. So a window
is restored with each candidate (:mod:`unblur.motion.trial`), and a linear score of what came out,
learned from the true errors of candidates on synthetic windows, tells them apart:

    score_i = sum_f weight_f (x_if - mean over candidates of x_f)

The larger the better. What is the same for all candidates of a window falls out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.trial import gradient_density, gradient_length, try_psf
from unblur.motion.windows import span
from unblur.tone import ToneCurve

Origin = Literal["fused", "searched", "searched_small", "long"]
"""Where a candidate comes from: FuseNet; the search; the search begun on a smaller picture; the
search for long motion on the picture at half its size."""

ORIGINS: tuple[Origin, ...] = ("fused", "searched", "searched_small", "long")

FEATURES = (
    "density",
    "length",
    "misfit",
    "overshoot",
    "motion",
    "searched",
    "searched_small",
    "long",
    "searched_noise",
    "searched_small_noise",
    "long_noise",
)
"""What is known of a candidate, in order; see :func:`features`."""

TRIED_PX = 384
"""Side of the part of a window in which candidates are tried."""


@dataclass(frozen=True)
class Candidate:
    """A PSF that may be the one.

    Attributes:
        psf: which, in px of the window.
        origin: where it comes from.
    """

    psf: Psf
    origin: Origin


@dataclass(frozen=True)
class JudgeParams:
    """The score's weights, one for each of FEATURES.

    Attributes:
        weights: dB of the restored window per unit of the feature; fitted on 137 windows by
            ``benchmarks/light_and_choice.py``, ridge regression.
        favour_db: added to the score of what FuseNet has found. Judged by the other windows, none
            of 45 then became worse than with FuseNet's answer alone, and the mean gained 0.18 dB;
            without it 0.16, and the worst lost 2.9.
    """

    weights: tuple[float, ...] = (
        *(-2.918, -1.974, -0.828, -0.857, 0.2),
        *(-0.177, -0.071, -0.835),
        *(0.125, 0.199, 0.099),
    )
    favour_db: float = 1.0


JUDGE = JudgeParams()


def best(
    samples: FloatArray,
    curve: ToneCurve,
    noise: float,
    candidates: Sequence[Candidate],
    params: JudgeParams = JUDGE,
) -> Candidate:
    """Return the candidate that makes the best picture of a window.

    Args:
        samples: (H, W) float32 in [0, 1], encoded.
        curve: their tone curve.
        noise: standard deviation of the noise, in units of the samples.
        candidates: at least one.
        params: of the score.
    """
    if len(candidates) == 1:
        return candidates[0]
    scores = features(samples, curve, noise, candidates) @ np.asarray(params.weights)
    scores += [params.favour_db * (c.origin == "fused") for c in candidates]
    return candidates[int(np.argmax(scores))]


def features(
    samples: FloatArray, curve: ToneCurve, noise: float, candidates: Sequence[Candidate]
) -> NDArray[np.float64]:
    """Return what is known of candidates, (N, len(FEATURES)).

    Args:
        samples, curve, noise, candidates: as for :func:`best`.

    Returns:
        Of each: density and mean length of the gradients of its trial; logarithms of misfit,
        overshoot and length of the motion; and what :func:`origin_features` says.
    """
    rows: list[list[float]] = []
    for candidate in candidates:
        trial = try_psf(samples, curve, candidate.psf, noise)
        rows.append(
            [
                gradient_density(trial.samples),
                gradient_length(trial.samples),
                float(np.log(trial.misfit + 1e-2)),
                float(np.log(trial.overshoot + 1e-3)),
                float(np.log2(candidate.psf.length_px() + 1)),
                *origin_features(candidate.origin, noise),
            ]
        )
    return np.array(rows)


def origin_features(origin: Origin, noise: float) -> list[float]:
    """Return 1 for a candidate's origin if it is not "fused", and the same times the noise.

    The noise is a logarithm, 0 at 1 %: searches are good where there is little of it.
    """
    named: list[Any] = [origin == other for other in ORIGINS[1:]]
    level = float(np.log(max(noise, 1e-3) / 0.01))
    return [float(n) for n in named] + [float(n) * level for n in named]


def middle_part(plane: FloatArray) -> FloatArray:
    """Return the middle of a plane, where it is larger than candidates are tried on."""
    rows, columns = (slice(*span(side // 2, side, TRIED_PX)) for side in plane.shape)
    return np.ascontiguousarray(plane[rows, columns])
