"""Classical deconvolution, to compare with: our Wiener filter and scikit-image's methods."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from unblur.blur.canvas import border_width, extend_smoothly
from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.errors import MissingExtra
from unblur.restoration.lifted import lifted_wiener
from unblur.restoration.restorers import Deconvolution
from unblur.restoration.wiener import WIENER_BANK

RICHARDSON_LUCY_STEPS = 30
_RICHARDSON_LUCY_LEAST = 1e-6
"""Light below which a pixel is left out: without a bound, black ones are divided by rounding
errors, and a photo may end as noise."""


def wiener(
    blurry: FloatArray, psf: Psf, noise: float, *, regularisation: float = 1.0
) -> FloatArray:
    """Return our Wiener solution, saturated highlights lifted first.

    Args:
        blurry: (H, W, C) float32, linear light.
        psf: its PSF.
        noise: standard deviation of its luma's noise, linear light.
        regularisation: factor on the filter's, above 0.
    """
    return lifted_wiener(blurry, psf, noise, regularisation=regularisation)


def skimage_wiener(
    blurry: FloatArray, psf: Psf, noise: float, *, regularisation: float = 1.0
) -> FloatArray:
    """Return scikit-image's Wiener-Hunt deconvolution, balance from the noise.

    Reference:
        Orieux, Giovannelli, Rodet, JOSA A 2010; scikit-image ``restoration.wiener``. That
        function keeps only the real part of a complex OTF, so it is given the PSF itself.
    """
    restoration = _skimage()
    level = max(noise, WIENER_BANK.noise_span[0]) / WIENER_BANK.reference_noise
    balance = regularisation * WIENER_BANK.strengths[-1] * level

    def solve(plane: FloatArray) -> FloatArray:
        return np.asarray(restoration.wiener(plane, psf.array, balance, clip=False))

    return _per_channel(blurry, psf, solve)


def skimage_unsupervised_wiener(
    blurry: FloatArray, psf: Psf, noise: float, *, regularisation: float = 1.0
) -> FloatArray:
    """Return scikit-image's self-tuned Wiener-Hunt deconvolution (fixed seed).

    Its chain, stopped as early as it is by default, depends on the scale of the values: on
    0..255 it gives up to 1 dB more than on 0..1.
    """
    restoration = _skimage()

    def solve(plane: FloatArray) -> FloatArray:
        solved, _ = restoration.unsupervised_wiener(255 * plane, psf.array, clip=False, rng=0)
        return np.asarray(solved / 255, dtype=np.float32)

    return _per_channel(blurry, psf, solve)


def skimage_richardson_lucy(
    blurry: FloatArray, psf: Psf, noise: float, *, regularisation: float = 1.0
) -> FloatArray:
    """Return scikit-image's Richardson-Lucy deconvolution after a fixed number of steps."""
    restoration = _skimage()

    def solve(plane: FloatArray) -> FloatArray:
        solved = restoration.richardson_lucy(
            plane,
            psf.array,
            num_iter=RICHARDSON_LUCY_STEPS,
            clip=False,
            filter_epsilon=_RICHARDSON_LUCY_LEAST,
        )
        return np.asarray(solved)

    return _per_channel(np.maximum(blurry, 0), psf, solve)


CLASSICAL: dict[str, Deconvolution] = {
    "wiener": wiener,
    "skimage-wiener": skimage_wiener,
    "skimage-unsupervised-wiener": skimage_unsupervised_wiener,
    "skimage-richardson-lucy": skimage_richardson_lucy,
}
"""Names for ``--model`` and what they do with the estimated PSF."""

UNREGULARISED = ("skimage-unsupervised-wiener", "skimage-richardson-lucy")
"""Those that choose their regularisation themselves, or have none."""


def _skimage() -> ModuleType:
    try:
        from skimage import restoration
    except ImportError as error:
        raise MissingExtra("scikit-image", "classical", "this classical model") from error
    return restoration  # type: ignore[no-any-return,unused-ignore]


def _per_channel(
    blurry: FloatArray, psf: Psf, solve: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Run a periodic single-plane method on each channel of a smoothly extended image."""
    pads = [border_width(side) for side in psf.shape]
    padded = extend_smoothly(blurry, pads[0], pads[1])
    planes = [solve(np.ascontiguousarray(padded[..., c])) for c in range(blurry.shape[2])]
    height, width = blurry.shape[:2]
    core = np.stack(planes, axis=2)[pads[0] : pads[0] + height, pads[1] : pads[1] + width]
    return np.asarray(core, dtype=np.float32)
