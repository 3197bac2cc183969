"""Where a photo shows nothing, the network's own lattice is taken out of its correction.

RestoreNet works on blocks (it halves its picture several times and puts it together again), so its
result of a perfectly flat field is not flat: it repeats with the block, by 0.1 to 0.6 of an 8-bit
level. Noise hides that in a photo of 8 bits; in clean 16-bit shadows it can be seen once they are
brightened.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from unblur.color import FloatArray

_FLAT, _ALIVE = 1 / 255, 2 / 255
"""Range of the samples around a place up to which it counts as flat, and from which it does not:
one level of 8 bits, which may be rounding, and two. Any real noise or texture is above."""


def without_lattice(blurry: FloatArray, restored: FloatArray, period_px: int) -> FloatArray:
    """Return the restored picture, its correction averaged over a block where the photo is flat.

    An average over exactly one period holds nothing that repeats with it, nor with a part of it.

    Args:
        blurry: (H, W, 3) float32, encoded.
        restored: the network's result.
        period_px: side of the blocks.

    Returns:
        The very array ``restored`` where nothing is flat.
    """
    height, width = blurry.shape[:2]
    rows, columns = height // period_px, width // period_px
    if not rows or not columns:
        return restored
    blocks = blurry[: rows * period_px, : columns * period_px]
    # With the neighbours of a block: what lies there reaches into it.
    high = ndimage.maximum_filter(_of_blocks(np.maximum, blocks, period_px), (3, 3, 1))
    low = ndimage.minimum_filter(_of_blocks(np.minimum, blocks, period_px), (3, 3, 1))
    spread = (high - low).max(axis=2)
    flat = np.clip((_ALIVE - spread) / (_ALIVE - _FLAT), 0, 1)
    if not flat.any():
        return restored
    share = np.repeat(np.repeat(flat, period_px, axis=0), period_px, axis=1)
    beyond = ((0, height - share.shape[0]), (0, width - share.shape[1]))
    share = np.pad(share, beyond, mode="edge")[..., None].astype(np.float32)
    correction = restored - blurry
    mean = ndimage.uniform_filter(correction, (period_px, period_px, 1), mode="nearest")
    return np.asarray(restored + share * (mean - correction), np.float32)


def _of_blocks(reduced: np.ufunc, picture: FloatArray, period_px: int) -> FloatArray:
    """Return the largest or smallest values (rows, columns, 3) of a picture's blocks."""
    height, width, channels = picture.shape
    # Rows first, whole ones at a time: a tenth of the time of both axes at once.
    lines = reduced.reduce(picture.reshape(height // period_px, period_px, width, channels), axis=1)
    lines = lines.reshape(len(lines), width // period_px, period_px, channels)
    return np.asarray(reduced.reduce(lines, axis=2), np.float32)
