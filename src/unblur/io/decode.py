"""Files in all formats -> :class:`Photo`. What a file is, its content decides, not its name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

from PIL import Image, UnidentifiedImageError

from unblur.errors import (
    BadValue,
    ImageTooLarge,
    UnblurError,
    UnreadableImage,
    UnsupportedImage,
)
from unblur.io import png16
from unblur.io.avif import decode_avif
from unblur.io.bmff import Still, read_still
from unblur.io.extras import check_heif, deep_heif, read_raw, register_heif
from unblur.io.formats import is_heif, is_lossless_webp, is_raw, name_note
from unblur.io.limits import HARD_LIMIT, MAX_PIXELS, check_size
from unblur.io.losses import animation_of
from unblur.io.metadata import exif_metadata, oriented, read_metadata
from unblur.io.opened import bits_of, losses_of, options_of, pillow_tags, stored_format, tags_of
from unblur.io.photo import Encoding, Photo, Samples
from unblur.io.pillow_modes import samples_of
from unblur.io.readable import Readable, load
from unblur.io.tiff_bounds import check_tiff
from unblur.io.tiff_read import STARTS, left_out, needs_tifffile, pages_of, read_deep_tiff
from unblur.io.tones import tone_of
from unblur.opening import HEIF, PHOTO_FORMATS, check_opened, open_image

_LEAST_BYTES, _PIXEL_BYTES = 256_000_000, 16
"""A file may have as many bytes as its pixels could take in the widest form (RGBA, 32 bits), and
RAW and metadata any sensible number; longer ones are not read."""

_MOST_BYTES = _PIXEL_BYTES * HARD_LIMIT


def read_photo(
    source: Readable,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
    page: int | None = None,
) -> Photo:
    """Read a photo.

    JPEG, PNG, WebP, TIFF, BMP, AVIF; HEIC with the extra ``heif``, camera RAW with ``raw``,
    deep TIFF with ``tiff``. The depth is kept: 16-bit files give uint16, float TIFF float32.
    The EXIF orientation is applied. Palettes become RGB, CMYK is converted through its
    profile; such changes are in the notes.

    Args:
        source: a path, the bytes of a file in any buffer, or an opened binary file.
        max_pixels: larger photos are refused before decoding.
        name: what messages call the photo, where the source does not tell; its extension counts.
        page: which page of a TIFF, from 1; the first, with a note of the others, if omitted.

    Raises:
        UnreadableImage: missing, empty, truncated, damaged or not an image.
        UnsupportedImage: an image of a kind that is not handled, or an animation.
        ImageTooLarge: more pixels than allowed.
        BadValue: a float image with NaN or values outside [0, 1]; there is no such page.
        MissingExtra: the format needs an optional package.
    """
    data, known_as, suffix = load(source, name, max_bytes=most_bytes(max_pixels))
    wanted = _Wanted(known_as, min(max_pixels, HARD_LIMIT), page)
    photo = _guarded(lambda: _read(data, wanted, suffix), known_as)
    return replace(photo, notes=(*name_note(suffix, photo.encoding.format), *photo.notes))


def most_bytes(max_pixels: int) -> int:
    """Return how long the file of a photo of so many pixels may be; longer ones are not read."""
    return max(_LEAST_BYTES, _PIXEL_BYTES * max_pixels)


def page_count(source: Readable) -> int:
    """Return how many pages a file has: those of a TIFF, 1 for all others and for damaged ones.

    Raises:
        UnreadableImage: it cannot be read at all, or claims more than it holds.
    """
    data, known_as, _ = load(source, max_bytes=_MOST_BYTES)
    if not data.startswith(STARTS):
        return 1
    check_tiff(data, known_as)
    try:
        with warnings.catch_warnings(), open_image(data, ("TIFF",)) as image:
            warnings.simplefilter("ignore")
            return len(pages_of(image))
    except Exception:  # what is wrong with it, reading it tells
        return 1


@dataclass(frozen=True)
class _Wanted:
    """What is to be read: the file's name for messages, most pixels, page from 1 or None."""

    name: str
    limit: int
    page: int | None


def _guarded(decode: Callable[[], Photo], name: str) -> Photo:
    """Run a decoder; what it raises becomes an error of ours, in one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decode()
    except UnblurError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        reason = str(error) or "not enough memory"
        raise ImageTooLarge(f"{name} is too large to decode: {reason}") from error
    except Exception as error:  # decoders raise anything on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableImage(f"cannot decode {name}: {reason}") from error


def from_pillow(image: Image.Image) -> Photo:
    """Return a Pillow image as a photo; see :func:`read_photo`."""

    def convert() -> Photo:
        check_opened(image)
        mode = image.mode
        image.load()
        metadata, orientation = read_metadata(image)
        metadata = replace(metadata, color=pillow_tags(image))
        samples, alpha, metadata, notes = samples_of(image, metadata)
        encoding = Encoding(stored_format(image), options_of(image), bits_of(samples), mode)
        return _turned(Photo(samples, alpha, metadata, encoding, notes), orientation)

    return _guarded(convert, "the Pillow image")


def _read(data: bytes, wanted: _Wanted, suffix: str) -> Photo:
    name, limit = wanted.name, wanted.limit
    check_tiff(data, name)
    if is_raw(data, suffix):
        return read_raw(data, name, limit)
    formats: tuple[str, ...] = PHOTO_FORMATS
    if is_heif(data):
        register_heif(name)
        check_heif(data, name)
        formats = (HEIF,)
    if data.startswith(png16.SIGNATURE):
        _, height, width = png16.depth_and_size(data)
        check_size(height * width, name, limit)
    try:
        image = open_image(data, formats)
    except UnidentifiedImageError:
        if data.startswith(STARTS):
            return _read_foreign_tiff(data, wanted)
        raise UnreadableImage(
            f"{name} is not an image of a known format (or is damaged at its start)"
        ) from None
    with image:
        _refuse_animation(image, name)
        number, notes = _page(image, wanted)
        check_size(image.width * image.height, name, limit)
        still = read_still(data) if image.format in ("HEIF", "AVIF") else Still()
        deep, more = _deep_samples(image, data, still, wanted, number)
        if deep is None and image.format == "TIFF":
            more = left_out(image, name)
        return _photo_of(image, data, still, deep, (*notes, *more))


def _refuse_animation(image: Image.Image, name: str) -> None:
    frames = animation_of(image)
    if frames > 1:
        raise UnsupportedImage(
            f"{name} is an animation of {frames} frames; 'unblur video' restores moving "
            "pictures: clips, and folders of frames"
        )


def _page(image: Image.Image, wanted: _Wanted) -> tuple[int, tuple[str, ...]]:
    """Go to the page that is wanted; return its number in the file, from 0, and notes."""
    pages = pages_of(image) if image.format == "TIFF" else [0]
    page = 1 if wanted.page is None else wanted.page
    if not 1 <= page <= len(pages):
        raise BadValue(f"{wanted.name} has {len(pages)} pages, there is no page {page}")
    number = pages[page - 1]
    if image.format == "TIFF":
        image.seek(number)
    if wanted.page is None and len(pages) > 1:
        return number, (f"only the first of {len(pages)} pages was taken",)
    return number, ()


def _deep_samples(
    image: Image.Image, data: bytes, still: Still, wanted: _Wanted, number: int
) -> tuple[Samples | None, tuple[str, ...]]:
    """Return the samples where Pillow would lose depth, else None, and notes."""
    if image.format == "PNG" and png16.depth_and_size(data)[0] == 16:
        return png16.decode_png16(data), ()
    if image.format == "TIFF" and needs_tifffile(image):
        return read_deep_tiff(data, wanted.name, wanted.limit, number)
    if image.format == "HEIF":
        return deep_heif(image, data)
    if image.format == "AVIF" and still.bits > 8:
        deep = decode_avif(data, still.bits)
        if deep is None:
            extra = "pip install 'unblur[avif]' keeps them"
            return None, (f"{still.bits}-bit samples were cut to 8 bits; {extra}",)
        return deep, ()
    return None, ()


def _photo_of(
    image: Image.Image, data: bytes, still: Still, deep: Samples | None, notes: tuple[str, ...]
) -> Photo:
    """Put a photo together from an opened image and, if Pillow would lose depth, its samples."""
    mode = image.mode
    if image.format == "PNG":
        image.load()  # metadata may follow the pixels
    losses = losses_of(image, data, still)
    metadata, orientation = read_metadata(image)
    metadata = replace(metadata, color=tags_of(image, data, still))
    if deep is None:
        if image.format == "TIFF":
            orientation = 1  # Pillow turns TIFF pixels itself while it loads them
        samples, alpha, metadata, more = samples_of(image, metadata)
    else:
        photo = Photo.from_array(deep)
        samples, alpha, more = photo.samples, photo.alpha, photo.notes
    options = options_of(image)
    if image.format == "WEBP":
        options = {"lossless": is_lossless_webp(data)}
    if still.bits > 8 and samples.dtype != "uint8":
        options = {"bits": still.bits}
    encoding = Encoding(stored_format(image), options, bits_of(samples), mode)
    photo = Photo(samples, alpha, metadata, encoding, (*notes, *more, *losses))
    return _turned(photo, orientation)


def _turned(photo: Photo, orientation: int) -> Photo:
    """Return a photo turned as EXIF asks, with its tone curve."""
    floating = photo.samples.dtype == "float32" and photo.encoding.format == "TIFF"
    return replace(
        photo,
        samples=oriented(photo.samples, orientation),
        alpha=None if photo.alpha is None else oriented(photo.alpha, orientation),
        tone=tone_of(photo.metadata, photo.channels, floating=floating),
    )


def _read_foreign_tiff(data: bytes, wanted: _Wanted) -> Photo:
    """Read a TIFF of a mode that Pillow does not know."""
    page = wanted.page or 1
    values, notes = read_deep_tiff(data, wanted.name, wanted.limit, page - 1)
    photo = Photo.from_array(values)
    tags = Image.Exif()
    if page == 1:
        tags.load(b"Exif\0\0" + data)
    metadata, orientation = exif_metadata(tags, tags.get(34675), tags.get(700))
    encoding = Encoding("TIFF", {"compression": "raw"}, bits_of(photo.samples), photo.encoding.mode)
    photo = replace(photo, metadata=metadata, encoding=encoding, notes=(*notes, *photo.notes))
    return _turned(photo, orientation)
