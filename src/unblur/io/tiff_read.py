"""Deep and unusual TIFF files: all that Pillow would cut to 8 bits, or does not know.

Reference:
    TIFF 6.0 specification, Adobe 1992; BigTIFF; tifffile's reading of both.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image

from unblur.color import quantise
from unblur.errors import MissingExtra, UnreadableImage, UnsupportedImage
from unblur.io.photo import Samples
from unblur.io.tiff_bounds import check_segments

_BITS, _PHOTOMETRIC, _SUBFILE, _LARGEST = 258, 262, 254, 281
_CHANNELS, _DEPTH = 277, 32997
_ASSOCIATED, _UNASSOCIATED = 1, 2
_REDUCED_OR_MASK = 1 | 4
_KINDS = {"MINISWHITE": 1, "MINISBLACK": 1, "RGB": 3}
_TWELVE_BITS = 4095

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF and BigTIFF files begin."""


def needs_tifffile(image: Image.Image) -> bool:
    """Return whether Pillow would lose depth of an opened TIFF file."""
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits = tags.get(_BITS, (1,))
    bits = bits if isinstance(bits, tuple) else (bits,)
    if max(bits) <= 8:
        return False
    plain_grey = image.mode == "F" or (image.mode in ("I;16", "I;16B") and bits == (16,))
    return not (plain_grey and tags.get(_PHOTOMETRIC) == 1 and _LARGEST not in tags)


def left_out(image: Any, name: str) -> tuple[str, ...]:
    """Return a note of the channels that Pillow passes over in an opened TIFF file's page.

    Raises:
        UnsupportedImage: the page has several layers, of which Pillow would take the first.
    """
    layers = _first(image.tag_v2.get(_DEPTH, 1))
    if layers > 1:
        raise UnsupportedImage(f"{name} is a TIFF of {layers} layers; save them as pages")
    further = _first(image.tag_v2.get(_CHANNELS, 1)) - len(image.getbands())
    return (_left_out(further),) if further > 0 else ()


def _first(value: Any) -> int:
    try:
        return int(value[0] if isinstance(value, tuple) else value)
    except (IndexError, TypeError, ValueError):
        return 1


def _left_out(count: int) -> str:
    which = "one further channel" if count == 1 else f"{count} further channels"
    return f"{which}, neither colour nor transparency, left out"


def pages_of(image: Any) -> list[int]:
    """Return the numbers (from 0) of an opened TIFF's pages; previews and masks are none."""
    count = int(getattr(image, "n_frames", 1))
    if count == 1:
        return [0]
    pages = []
    for number in range(count):
        image.seek(number)
        if not int(image.tag_v2.get(_SUBFILE, 0)) & _REDUCED_OR_MASK:
            pages.append(number)
    return pages or [0]


def read_deep_tiff(
    data: bytes, name: str, limit: int, number: int = 0
) -> tuple[Samples, tuple[str, ...]]:
    """Return the samples of a page, (H, W) or (H, W, C), and notes.

    Grey (white or black is zero) and RGB of up to 16 bits, or floating; planes apart or together,
    strips or tiles, either byte order. Fewer than 16 bits are spread over 16.

    Args:
        data: the file.
        name: for messages.
        limit: most pixels.
        number: of the page, from 0.

    Raises:
        MissingExtra: a package of the extra ``tiff`` is not installed.
        UnsupportedImage: of another kind; the message tells which.
        UnreadableImage: damaged.
    """
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtra("tifffile", "tiff", f"reading {name}, a deep TIFF,") from error
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page: Any = file.pages[number]
            colours = _checked(page, name, limit)
            check_segments(page, lambda at, length: data[at : at + length], name)
            values = _pixels(page, name)
    except (tifffile.TiffFileError, IndexError, struct.error) as error:
        raise UnreadableImage(f"cannot decode {name}: {error}") from error
    if page.planarconfig == 2 and values.ndim == 3:
        values = np.moveaxis(values, 0, 2)
    values, notes = _in_full_depth(values, page)
    if page.photometric.name == "MINISWHITE":
        values = _inverted(values)
    return _with_alpha(values, colours, tuple(int(e) for e in page.extrasamples), notes)


def _checked(page: Any, name: str, limit: int) -> int:
    """Return the number of colour channels of a page that can be read, or raise."""
    kind = page.photometric.name
    if kind not in _KINDS:
        raise UnsupportedImage(
            f"{name} is a TIFF of {page.bitspersample} bits and kind {kind}; convert it to RGB"
        )
    colours = _KINDS[kind]
    further = page.samplesperpixel - colours
    if further < 0 or page.imagedepth != 1:
        raise UnsupportedImage(
            f"{name} has {page.samplesperpixel} channels of kind {kind} in "
            f"{page.imagedepth} layers; save it as grey or RGB"
        )
    if page.imagewidth * page.imagelength > limit:
        raise UnsupportedImage(
            f"{name} has {page.imagewidth * page.imagelength / 1e6:.0f} megapixels, "
            f"the limit is {limit / 1e6:.0f}"
        )
    dtype = None if page.dtype is None else np.dtype(page.dtype)
    if dtype is None or dtype.kind not in "uf" or (dtype.kind == "u" and dtype.itemsize > 2):
        form = {1: "unsigned integers", 2: "signed integers", 3: "floating point"}.get(
            int(page.sampleformat), "samples of an unknown form"
        )
        raise UnsupportedImage(
            f"{name} holds {form} of {page.bitspersample} bits; save it with unsigned integers "
            "of 8 or 16 bits, or floating point in [0, 1]"
        )
    return colours


def _pixels(page: Any, name: str) -> Samples:
    try:
        values: Samples = np.asarray(page.asarray())
    except (ValueError, ImportError) as error:
        if "imagecodecs" not in str(error):
            raise UnreadableImage(f"cannot decode {name}: {error}") from error
        raise _missing_codec(page, name, error) from error
    return values


def _missing_codec(page: Any, name: str, error: Exception) -> Exception:
    packed = getattr(page.compression, "name", page.compression)
    what = f"reading {name}, a TIFF compressed by {packed},"
    try:
        import imagecodecs
    except ImportError:
        return MissingExtra("imagecodecs", "tiff", what)
    assert imagecodecs
    return UnsupportedImage(f"{name} is a TIFF compressed by {packed}, which is not read: {error}")


def _in_full_depth(values: Samples, page: Any) -> tuple[Samples, tuple[str, ...]]:
    """Return native float32, uint8 or uint16 samples whose white is the largest number."""
    if values.dtype.kind == "f":
        return values.astype(np.float32), ()
    bits = int(page.bitspersample)
    largest = page.tags.get(_LARGEST)
    top = (1 << bits) - 1
    if largest is not None:
        told = largest.value[0] if isinstance(largest.value, tuple) else largest.value
        top = int(told) if 255 < int(told) < top and values.max(initial=0) <= int(told) else top
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    full = 65535 if values.dtype == np.uint16 else 255
    if top != full:
        used = top.bit_length()
        spread = (values.astype(np.float64) * (full / top) + 0.5).astype(values.dtype)
        return spread, (f"{used}-bit samples were spread over {full.bit_length()} bits",)
    if full == 65535 and 0 < values.max(initial=0) <= _TWELVE_BITS:
        note = (
            f"no sample of 16 bits is above {_TWELVE_BITS}: if these are values of 12 bits, "
            "multiply them by 16 first"
        )
        return values, (note,)
    return values, ()


def _inverted(values: Samples) -> Samples:
    """Return grey whose zero was white with black zero."""
    top = 1.0 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    out = values.copy()
    plane = out[..., 0] if out.ndim == 3 else out
    plane[...] = top - plane
    return out


def _with_alpha(
    values: Samples, colours: int, extra: tuple[int, ...], notes: tuple[str, ...]
) -> tuple[Samples, tuple[str, ...]]:
    """Return colours and the transparency among the further channels, if there is one."""
    if values.ndim == 2 or values.shape[2] == colours:
        return values, notes
    further = values.shape[2] - colours
    kinds = (*extra, *(0,) * further)[:further]
    alpha = next((i for i, kind in enumerate(kinds) if kind in (_ASSOCIATED, _UNASSOCIATED)), None)
    dropped = further - (alpha is not None)
    if dropped:
        notes = (*notes, _left_out(dropped))
    if alpha is None:
        return np.ascontiguousarray(values[..., :colours]), notes
    values = np.concatenate(
        [values[..., :colours], values[..., colours + alpha : colours + alpha + 1]], axis=2
    )
    if kinds[alpha] == _ASSOCIATED:
        return _straight(values), (*notes, "premultiplied transparency made straight")
    return values, notes


def _straight(values: Samples) -> Samples:
    """Undo the multiplication of the colours by alpha, the last channel."""
    top = 1.0 if np.issubdtype(values.dtype, np.floating) else float(np.iinfo(values.dtype).max)
    share = values[..., -1:].astype(np.float32) / np.float32(top)
    colours = values[..., :-1] / np.float32(top) / np.maximum(share, np.float32(1e-6))
    straight = quantise(np.clip(colours, 0, 1).astype(np.float32), values.dtype)
    return np.concatenate([straight, values[..., -1:]], axis=2)
