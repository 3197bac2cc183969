"""How a blurry image comes to be: convolution, varying PSFs, moving objects.

All functions work in linear light and use true convolution (see :mod:`unblur.blur.psf`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import fft

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.errors import BadValue, ShapeMismatch

Border = Literal["reflect", "edge", "zero", "wrap", "valid"]
_PAD_MODE = {"reflect": "symmetric", "edge": "edge", "zero": "constant"}


def apply_psf(image: FloatArray, psf: Psf, *, border: Border = "reflect") -> FloatArray:
    """Blur an image with one PSF by true convolution.

    ``blurry[y, x, c] = sum_ij psf[i, j] * image[y - i + cy, x - j + cx, c]`` with ``(cy, cx)``
    the centre of the PSF.

    Args:
        image: (H, W, C) float32, linear light.
        psf: the share of the exposure spent at each offset.
        border: how pixels outside the image are invented: mirrored with the edge pixel
            repeated ("reflect"), "edge", "zero" or periodic ("wrap"); "valid" invents none
            and shrinks the result by the PSF's sides minus one.

    Returns:
        New array of the same shape (smaller for "valid") and float32; not clipped.

    Raises:
        ShapeMismatch: the PSF is larger than the image and the border is "valid" or "wrap".

    Example:
        >>> psf = Psf.from_points([(0, 0), (1, 0), (2, -1)], size=5)
        >>> delta = np.zeros((5, 5, 1), np.float32); delta[2, 2] = 1
        >>> bool(np.allclose(apply_psf(delta, psf, border="zero")[..., 0], psf.array, atol=1e-6))
        True

    Reference:
        Hansen, Nagy, O'Leary, Deblurring Images: Matrices, Spectra, and Filtering, SIAM 2006.
    """
    ry, rx = psf.shape[0] // 2, psf.shape[1] // 2
    height, width = image.shape[:2]
    if border in ("valid", "wrap") and (psf.shape[0] > height or psf.shape[1] > width):
        raise ShapeMismatch(
            f"a PSF of {psf.shape} does not fit an image of {(height, width)}; "
            "use border='reflect' or a smaller PSF"
        )
    if border == "wrap":
        return _convolve_periodic(image, psf)
    if border == "valid":
        padded, out = image, (height - 2 * ry, width - 2 * rx)
    elif border in _PAD_MODE:
        padded = np.pad(image, ((ry, ry), (rx, rx), (0, 0)), mode=_PAD_MODE[border])  # type: ignore[call-overload]
        out = (height, width)
    else:
        raise BadValue(f"border must be one of reflect, edge, zero, wrap, valid; got {border!r}")
    full = _convolve_periodic(_extend(padded), psf)
    return full[ry : ry + out[0], rx : rx + out[1]]


def adjoint_psf(image: FloatArray, psf: Psf, *, border: Literal["zero", "wrap"]) -> FloatArray:
    """Apply the adjoint of :func:`apply_psf`: correlation with the PSF.

    Args:
        image: (H, W, C) float32.
        psf: as given to :func:`apply_psf`.
        border: "zero" or "wrap"; the adjoints of the others are not convolutions.
    """
    if border not in ("zero", "wrap"):
        raise BadValue(f"the adjoint exists for the borders zero and wrap, got {border!r}")
    return apply_psf(image, Psf(psf.array[::-1, ::-1]), border=border)


def apply_psf_grid(
    image: FloatArray, psfs: Sequence[Sequence[Psf]], *, border: Border = "reflect"
) -> FloatArray:
    """Blur an image with a PSF that varies smoothly over it.

    The PSFs belong to the nodes of an even grid whose first and last nodes lie on the image's
    edges; between nodes the blurred pixels are interpolated bilinearly:
    ``blurry = sum_n weight_n * (psf_n convolved with image)``.

    Args:
        image: (H, W, C) float32, linear light.
        psfs: rows of PSFs, at least 1 x 1, every row of one length.
        border: "reflect", "edge" or "zero".

    Returns:
        New (H, W, C) float32.

    Reference:
        Nagy and O'Leary, Restoring images degraded by spatially variant blur, SIAM J. Sci.
        Comput. 1998, doi:10.1137/S106482759528507X.
    """
    if border not in _PAD_MODE:
        raise BadValue(f"border must be reflect, edge or zero for a PSF grid; got {border!r}")
    reach = max(max(p.shape) // 2 for row in psfs for p in row)
    pad = ((reach, reach), (reach, reach), (0, 0))
    padded = np.pad(image, pad, mode=_PAD_MODE[border])  # type: ignore[call-overload]
    height, width = image.shape[:2]
    out = np.zeros_like(image)
    for i, row in enumerate(psfs):
        y0, y1, wy = hat(i, len(psfs), height)
        for j, psf in enumerate(row):
            x0, x1, wx = hat(j, len(row), width)
            if y0 == y1 or x0 == x1:
                continue  # more nodes than pixels: this one lies between two
            patch = padded[y0 : y1 + 2 * reach, x0 : x1 + 2 * reach]
            blurred = apply_psf(patch, Psf(psf.embedded(2 * reach + 1)), border="valid")
            out[y0:y1, x0:x1] += wy[:, None, None] * wx[None, :, None] * blurred
    return out


def move_object(
    image: FloatArray, mask: FloatArray, *, object_psf: Psf, background_psf: Psf
) -> FloatArray:
    """Blur an object and what lies behind it with different motions.

    ``blurry = K_o (m x) + (1 - K_o m) * K_b x``: the mask is blurred along with the object, so
    its border is a soft mix and nothing of the object's colour is lost.

    Args:
        image: (H, W, C) float32, linear light.
        mask: (H, W) float32 in [0, 1], 1 on the object.
        object_psf: motion of the object.
        background_psf: motion of everything else.
    """
    if mask.shape != image.shape[:2]:
        raise ShapeMismatch(f"the mask has shape {mask.shape}, the image {image.shape[:2]}")
    alpha = mask[..., None]
    front = apply_psf(alpha * image, object_psf)
    cover = apply_psf(np.ascontiguousarray(alpha), object_psf)
    return front + (1 - cover) * apply_psf(image, background_psf)


def hat(index: int, count: int, size: int) -> tuple[int, int, FloatArray]:
    """Return where node ``index`` of ``count`` counts along an axis, and how much.

    The weights of all nodes sum to 1 at every pixel.

    Returns:
        (first pixel, end pixel, weights of the pixels between).
    """
    if count == 1:
        return 0, size, np.ones(size, np.float32)
    position = np.linspace(0, count - 1, size) if size > 1 else np.zeros(1)
    weights = np.maximum(0, 1 - np.abs(position - index)).astype(np.float32)
    inside = np.nonzero(weights)[0]
    if len(inside) == 0:
        return 0, 0, weights[:0]
    low, high = int(inside[0]), int(inside[-1]) + 1
    return low, high, weights[low:high]


def _extend(image: FloatArray) -> FloatArray:
    """Zero-pad to sizes that the FFT likes; only rows and columns that are cut off wrap."""
    height, width = image.shape[:2]
    grow_y = fft.next_fast_len(height, real=True) - height
    grow_x = fft.next_fast_len(width, real=True) - width
    return np.pad(image, ((0, grow_y), (0, grow_x), (0, 0)))


def _convolve_periodic(image: FloatArray, psf: Psf) -> FloatArray:
    size = image.shape[:2]
    spectrum = fft.rfft2(image, axes=(0, 1)) * psf.otf(size)[..., None]
    result = fft.irfft2(spectrum, s=size, axes=(0, 1))
    return np.asarray(result, dtype=np.float32)
