"""The small pictures of the report: one window of each photo, the same for every model."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from unblur.color import as_rgb, linear_to_srgb, luma, to_float
from unblur.evaluate.cases import Case
from unblur.evaluate.light import curve_of
from unblur.evaluate.samples import Samples, as_uint8
from unblur.io import Region
from unblur.tone import SRGB

HEIGHT_PX, WIDTH_PX = 288, 384
"""Of the window, in pixels of the photo; smaller photos are shown whole."""

_STEP = 16
_OVERVIEW_PX = 176
_QUALITY = 82


@dataclass(frozen=True, eq=False)
class View:
    """What is shown of one photo.

    Attributes:
        blurry: (H, W, 3) uint8.
        sharp: likewise, or None if there is no picture that lies on the blurry one.
        window: the part that is shown.
    """

    blurry: Samples
    sharp: Samples | None
    window: Region

    def facts(self) -> dict[str, Any]:
        """Return size and window for JSON."""
        w = self.window
        return {"size": list(self.blurry.shape[:2]), "window": [w.y0, w.x0, w.y1, w.x1]}


def view_of(blurry: Samples, case: Case) -> View:
    """Return what is shown of a case.

    Args:
        blurry: (H, W, 1) or (H, W, 3), uint8 or float in [0, 1].
        case: of several sharp pictures, the middle one is shown.
    """
    shown = displayed(blurry, case)
    sharp = None
    if case.sharp:
        sharp = displayed(case.sharp[len(case.sharp) // 2].read(), case)
    if sharp is not None and sharp.shape != shown.shape:
        sharp = None
    return View(shown, sharp, telling_window(shown, sharp))


def displayed(samples: Samples, case: Case) -> Samples:
    """Return samples of a case as a screen shows them, (H, W, 3) uint8 sRGB.

    Args:
        samples: (H, W, 1) or (H, W, 3), uint8 or float in [0, 1], in the light of the case.
        case: says which that is.
    """
    curve = curve_of(case)
    if curve != SRGB:
        samples = linear_to_srgb(curve.to_linear(to_float(samples)))
    return as_rgb(as_uint8(samples))


def telling_window(blurry: Samples, sharp: Samples | None) -> Region:
    """Return the window in which the blur destroyed most; it knows of no model.

    Args:
        blurry: (H, W, 3) uint8.
        sharp: the same shape; without it, the window of most structure is taken.
    """
    grey = luma(blurry.astype(np.float32))
    if sharp is None:
        lost = np.zeros_like(grey)
        lost[:, 1:] += np.abs(np.diff(grey, axis=1))
        lost[1:] += np.abs(np.diff(grey, axis=0))
    else:
        lost = np.square(grey - luma(sharp.astype(np.float32)))
    height, width = (min(w, s) for w, s in zip((HEIGHT_PX, WIDTH_PX), grey.shape, strict=True))
    sums = np.pad(lost.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    ys = np.arange(0, grey.shape[0] - height + 1, _STEP)[:, None]
    xs = np.arange(0, grey.shape[1] - width + 1, _STEP)[None, :]
    totals = sums[ys + height, xs + width] - sums[ys, xs + width]
    totals += sums[ys, xs] - sums[ys + height, xs]
    row, column = np.unravel_index(int(np.argmax(totals)), totals.shape)
    y, x = int(ys[row, 0]), int(xs[0, column])
    return Region(y, x, y + height, x + width)


def cut_jpeg(image: Samples, window: Region) -> bytes:
    """Return a window of a picture as a small JPEG.

    Args:
        image: (H, W, 3) uint8.
        window: inside the picture.
    """
    shown = np.ascontiguousarray(image[window.y0 : window.y1, window.x0 : window.x1])
    return _jpeg(Image.fromarray(shown), _QUALITY)


def overview_jpeg(image: Samples) -> bytes:
    """Return the whole picture, (H, W, 3) uint8, reduced to a thumbnail."""
    small = Image.fromarray(image)
    small.thumbnail((_OVERVIEW_PX, _OVERVIEW_PX))
    return _jpeg(small, 70)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    with io.BytesIO() as stream:
        image.save(stream, "JPEG", quality=quality, optimize=True)
        return stream.getvalue()
