"""Which of several PSFs explains a window best: each is tried, and what it makes is judged.

How well a PSF reproduces the blurry window says nothing: no blur at all reproduces it perfectly,
and long wrong motions nearly so. How much its restoration looks like a sharp picture says more. So
a window is restored with each candidate (:mod:`unblur.motion.trial`), and JudgeNet, which has
learned from the true errors of such trials, says which one it would be: it sees the ringing and
the ghosts themselves.

Without networks a linear score of what can be counted must do. Ringing and ghosts are many small
gradients where a sharp picture has few large ones:

    score_i = sum_f weight_f (x_if - mean over candidates of x_f)

The larger the better. What is the same for all candidates of a window falls out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.psf_tools import similarity
from unblur.motion.trial import Trial, gradient_density, gradient_length, try_psf
from unblur.motion.windows import span
from unblur.tone import ToneCurve

Origin = Literal["fused", "searched", "searched_small", "long", "begun", "two_tones"]
"""Where a candidate comes from; see :mod:`unblur.motion.candidates`."""

ORIGINS: tuple[Origin, ...] = (
    "fused",
    "searched",
    "searched_small",
    "long",
    "begun",
    "two_tones",
)

SEEN = ("density", "length", "misfit", "overshoot", "motion", "most_alike", "alike")
NOISY = ("density", "length", "misfit", "alike")
"""What is known of a candidate whatever its origin, and what of it counts by the noise too; see
:func:`features`."""

FEATURES = (
    *SEEN,
    *(f"{name}_noise" for name in NOISY),
    *ORIGINS[1:],
    *(f"{origin}_noise" for origin in ORIGINS[1:]),
)
"""What is known of a candidate, in order."""

NUMBERS = ("noise", "motion", "linear", "density", "length", "side")
"""What JudgeNet is told of a trial besides its pixels; see :func:`network_input`."""

TRIED_PX = 384
"""Side of the part of a window in which candidates are tried."""

LEARNED_PX = 64.0
"""Longest motion that JudgeNet has learned from. It is asked about longer motion on a smaller
picture, where that is no longer; of such a picture a window shows a larger part, too."""


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
    """The linear score's weights, one for each of FEATURES.

    Attributes:
        weights: dB of the restored window per unit of the feature; fitted on 182 windows with all
            candidates, 48 of them pages, as ``benchmarks/light_and_choice.py`` does by ridge
            regression. Judged by the other windows (ten parts), the mean is 24.93 dB where
            FuseNet's candidate alone has 24.52 and the best candidate 25.74; 13 % lose more than
            half a decibel against FuseNet's.
        shortest: a candidate shorter than so many times FuseNet's is not taken: a photo always
            explains itself, blur and all, and a search may fall for that. On 223 windows the mean
            is the same (+0.01 dB), and 8.5 % in place of 10.3 % lose half a decibel.
    """

    weights: tuple[float, ...] = (
        *(-3.3, 0.891, -0.211, -1.183, 0.088, 0.711, -0.059),
        *(1.059, 0.311, -0.304, -0.5),
        *(-0.255, -0.206, -0.491, -0.08, -0.192),
        *(0.03, -0.046, 0.2, -0.07, 0.102),
    )
    shortest: float = 0.6


JUDGE = JudgeParams()


class Judge:
    """Chooses among candidates.

    Args:
        network: runs JudgeNet; without it the linear score decides.
        params: of the linear score.
    """

    def __init__(self, network: Engine | None = None, params: JudgeParams = JUDGE) -> None:
        self._network, self._params = network, params

    @property
    def has_network(self) -> bool:
        """Whether JudgeNet looks, or gradients are counted."""
        return self._network is not None

    def best(
        self,
        samples: FloatArray,
        curve: ToneCurve,
        noise: float,
        candidates: Sequence[Candidate],
    ) -> Candidate:
        """Return the candidate that makes the best picture of a window.

        Args:
            samples, curve, noise, candidates: as for :meth:`scores`.
        """
        if len(candidates) == 1:
            return candidates[0]
        return candidates[int(np.argmax(self.scores(samples, curve, noise, candidates)))]

    def scores(
        self,
        samples: FloatArray,
        curve: ToneCurve,
        noise: float,
        candidates: Sequence[Candidate],
    ) -> NDArray[np.float64]:
        """Return the scores of a window's candidates, dB up to a constant, (N,).

        Args:
            samples: (H, W) float32 in [0, 1], encoded.
            curve: their tone curve.
            noise: standard deviation of the noise, in units of the samples.
            candidates: at least one.
        """
        trials = [try_psf(samples, curve, c.psf, noise) for c in candidates]
        if self._network is None:
            return self._linear_scores(trials, noise, candidates)
        lengths_px = [c.psf.length_px() for c in candidates]
        pictures, curves = [trial.samples for trial in trials], [curve] * len(trials)
        return network_scores(self._network, samples, pictures, lengths_px, noise, curves)

    def unchanged(self, samples: FloatArray, curve: ToneCurve, noise: float) -> float:
        """Return the score of a window as it is, dB.

        JudgeNet's scores of one window share a constant that another window, or the same one at
        another size, does not; what is gained over the window as it is can be compared.

        Args:
            samples, curve, noise: as for :meth:`scores`.

        Raises:
            ValueError: there is no network.
        """
        if self._network is None:
            raise ValueError("gains are told by JudgeNet only; this judge has no network")
        return float(network_scores(self._network, samples, [samples], [0.0], noise, [curve])[0])

    def _linear_scores(
        self, trials: Sequence[Trial], noise: float, candidates: Sequence[Candidate]
    ) -> NDArray[np.float64]:
        params = self._params
        known = features(trials, noise, candidates)
        scores: NDArray[np.float64] = known @ np.asarray(params.weights)
        lengths = np.array([candidate.psf.length_px() for candidate in candidates])
        fused = [c.psf.length_px() for c in candidates if c.origin == "fused"]
        scores[lengths < params.shortest * max(fused, default=0.0)] = -np.inf
        return scores


def network_scores(
    network: Engine,
    samples: FloatArray,
    trials: Sequence[FloatArray],
    lengths_px: Sequence[float],
    noise: float,
    curves: Sequence[ToneCurve],
) -> NDArray[np.float64]:
    """Return JudgeNet's scores of the trials of one window, dB up to a constant, (N,).

    Args:
        network: runs JudgeNet.
        samples: (H, W) float32 in [0, 1], the window, encoded.
        trials: samples of each trial, as the window's.
        lengths_px: of the motion that each undoes.
        noise: standard deviation of the noise, in units of the samples.
        curves: in whose light each was made.
    """
    step = network.spec.multiple_of
    height, width = (side // step * step for side in samples.shape)
    pictures, numbers = network_input(samples, trials, lengths_px, noise, curves)
    (scores,) = network(np.ascontiguousarray(pictures[:, :, :height, :width]), numbers)
    return np.asarray(scores, np.float64)


def network_input(
    samples: FloatArray,
    trials: Sequence[FloatArray],
    lengths_px: Sequence[float],
    noise: float,
    curves: Sequence[ToneCurve],
) -> tuple[FloatArray, FloatArray]:
    """Return what JudgeNet sees of trials: pictures (N, 2, H, W) and numbers (N, 6, 1, 1), float32.

    The numbers, those of NUMBERS, are about 0 and of size 1: the noise; the length of the motion;
    whether the light is that of the samples; how the density and the mean length of the gradients
    changed; the window's side.

    Args:
        samples, trials, lengths_px, noise, curves: as for :func:`network_scores`.
    """
    density, length = gradient_density(samples), gradient_length(samples)
    level, side = np.log(max(noise, 1e-3) / 0.01), np.log(samples.shape[0] / 224)
    numbers = [
        (
            level,
            np.log2(length_px + 1) - 3.5,
            float(curve.is_linear),
            5 * (gradient_density(trial) - density),
            2 * (gradient_length(trial) - length),
            side,
        )
        for trial, length_px, curve in zip(trials, lengths_px, curves, strict=True)
    ]
    pictures = np.stack([np.stack([samples, trial]) for trial in trials]).astype(np.float32)
    return pictures, np.array(numbers, np.float32)[:, :, None, None]


def features(
    trials: Sequence[Trial], noise: float, candidates: Sequence[Candidate]
) -> NDArray[np.float64]:
    """Return what is known of candidates, (N, len(FEATURES)).

    Args:
        trials: what each candidate made of the window.
        noise, candidates: as for :meth:`Judge.best`.

    Returns:
        Of each: density and mean length of the gradients of its trial; logarithms of misfit,
        overshoot and length of the motion; similarity to the candidate most alike, and the mean
        over the others; some of it times the noise, a logarithm that is 0 at 1 %; 1 for its
        origin if that is not "fused", and the same times the noise.
    """
    level = float(np.log(max(noise, 1e-3) / 0.01))
    psfs = [candidate.psf for candidate in candidates]
    alike = np.array([[similarity(a, b) for b in psfs] for a in psfs]) - np.eye(len(psfs))
    rows: list[list[float]] = []
    for candidate, trial, near in zip(candidates, trials, alike, strict=True):
        seen = {
            "density": gradient_density(trial.samples),
            "length": gradient_length(trial.samples),
            "misfit": float(np.log(trial.misfit + 1e-2)),
            "overshoot": float(np.log(trial.overshoot + 1e-3)),
            "motion": float(np.log2(candidate.psf.length_px() + 1)),
            "most_alike": float(near.max()),
            "alike": float(near.sum()) / max(len(psfs) - 1, 1),
        }
        origin = [float(candidate.origin == other) for other in ORIGINS[1:]]
        rows.append(
            [
                *(seen[name] for name in SEEN),
                *(seen[name] * level for name in NOISY),
                *origin,
                *(value * level for value in origin),
            ]
        )
    return np.array(rows)


def middle_part(plane: FloatArray) -> FloatArray:
    """Return the middle of a plane, where it is larger than candidates are tried on."""
    rows, columns = (slice(*span(side // 2, side, TRIED_PX)) for side in plane.shape)
    return np.ascontiguousarray(plane[rows, columns])
