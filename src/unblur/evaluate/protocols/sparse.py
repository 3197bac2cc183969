"""Non-blind deconvolution with a sparse prior: the yardstick of Levin's error ratio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.blur.psf import Psf

Plane = NDArray[np.float64]

SMOOTHNESS = 0.0068
STEPS = 70
"""What the authors of the benchmark use with its photos."""

_EXPONENT, _LEAST, _WEIGHT = 0.8, 0.01, 0.1
_ROUNDS = 2
_SOLVED = 1e-24
"""Of the first residual's energy: what is left then is rounding."""

_DIFFERENCES: tuple[tuple[NDArray[np.float64], float], ...] = (
    (np.array([[1.0, -1.0]]), 1.0),
    (np.array([[1.0], [-1.0]]), 1.0),
    (np.array([[-1.0, 2.0, -1.0]]), 0.25),
    (np.array([[-1.0], [2.0], [-1.0]]), 0.25),
    (np.array([[-1.0, 1.0], [1.0, -1.0]]), 0.25),
)


def sparse_deconvolution(
    blurry: Plane, psf: Psf, *, smoothness: float = SMOOTHNESS, steps: int = STEPS
) -> Plane:
    """Return the picture whose derivatives are sparse and that explains a blurry one.

    Minimises ``|k * x - y|^2 + smoothness sum_j c_j w |d_j * x|^0.8`` over pictures x that are
    larger than y by the PSF's reach, so that nothing is assumed of what lies outside; d_j are
    the five first and second differences, c_j is 1 and 0.25. By reweighted least squares: one
    round with equal weights, two with ``w max(|d_j * x|, 0.01)^(0.8 - 2)``, w = 0.1, each of
    ``steps`` steps of conjugate gradients from y.

    Args:
        blurry: (H, W), linear values, nominally in [0, 1].
        psf: by true convolution.
        smoothness: of the solution.
        steps: of each round.

    Returns:
        (H, W), not clipped.

    Reference:
        Levin, Fergus, Durand, Freeman, Image and depth from a conventional camera with a coded
        aperture, SIGGRAPH 2007, doi:10.1145/1276377.1276464, and its technical report on
        deconvolution using natural image priors.
    """
    problem = _Problem.of(blurry, psf, smoothness)
    equal = [np.ones_like(problem.differ(problem.start, d)) for d, _ in _DIFFERENCES]
    x = problem.solve(equal, steps)
    for _ in range(_ROUNDS):
        weights = [
            c * _WEIGHT * np.maximum(np.abs(problem.differ(x, d)), _LEAST) ** (_EXPONENT - 2)
            for d, c in _DIFFERENCES
        ]
        x = problem.solve(weights, steps)
    reach_y, reach_x = (side // 2 for side in psf.shape)
    return x[reach_y : reach_y + blurry.shape[0], reach_x : reach_x + blurry.shape[1]]


@dataclass(frozen=True, eq=False)
class _Problem:
    """The linear algebra: pictures larger than the blurry one by the PSF's reach."""

    observed: Plane
    mask: Plane
    start: Plane
    otf: NDArray[np.complex64]
    smoothness: float

    @classmethod
    def of(cls, blurry: Plane, psf: Psf, smoothness: float) -> _Problem:
        pads = [(side // 2, side // 2) for side in psf.shape]
        start = np.pad(blurry, pads, mode="edge")
        mask = np.pad(np.ones_like(blurry), pads)
        otf = psf.otf((start.shape[0], start.shape[1]))
        return cls(np.pad(blurry, pads), mask, start, otf, smoothness)

    def solve(self, weights: Sequence[Plane], steps: int) -> Plane:
        """Return the least-squares solution with given weights of the differences."""

        def normal(x: Plane) -> Plane:
            out = self.blur(self.mask * self.blur(x), adjoint=True)
            for (d, _), weight in zip(_DIFFERENCES, weights, strict=True):
                smooth = self.spread(weight * self.differ(x, d), d, x.shape)
                out = out + self.smoothness * smooth
            return out

        return _conjugate_gradients(
            normal, self.blur(self.observed, adjoint=True), self.start, steps
        )

    def blur(self, x: Plane, *, adjoint: bool = False) -> Plane:
        otf = np.conj(self.otf) if adjoint else self.otf
        return np.asarray(fft.irfft2(fft.rfft2(x) * otf, s=x.shape))

    @staticmethod
    def differ(x: Plane, d: Plane) -> Plane:
        """Return the differences where all pixels they need lie inside."""
        height, width = (n - k + 1 for n, k in zip(x.shape, d.shape, strict=True))
        out = np.zeros((height, width))
        for (i, j), factor in np.ndenumerate(d):
            out += factor * x[i : i + height, j : j + width]
        return out

    @staticmethod
    def spread(values: Plane, d: Plane, shape: tuple[int, ...]) -> Plane:
        """Return the adjoint of :meth:`differ`."""
        out = np.zeros(shape)
        height, width = values.shape
        for (i, j), factor in np.ndenumerate(d):
            out[i : i + height, j : j + width] += factor * values
        return out


def _conjugate_gradients(
    normal: Callable[[Plane], Plane], right: Plane, start: Plane, steps: int
) -> Plane:
    x = start
    residual = right - normal(x)
    direction, energy = residual, float(np.square(residual).sum())
    solved = _SOLVED * energy
    for _ in range(steps):
        if energy <= solved:
            break
        moved = normal(direction)
        length = energy / float((direction * moved).sum())
        x = x + length * direction
        residual = residual - length * moved
        before, energy = energy, float(np.square(residual).sum())
        direction = residual + energy / before * direction
    return x
