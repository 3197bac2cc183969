"""What a format cannot hold is converted before writing, and told.

Colour that a file tells in numbers (PNG cICP, gAMA, cHRM; nclx of AVIF and HEIC) is kept as it is
where the format has a place for it, else as an ICC profile; where there is none, or 8 bits cannot
hold HDR, the samples are converted to sRGB.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unblur.color import FloatArray, linear_to_srgb, quantise, to_float
from unblur.io import avif
from unblur.io.color_tags import PRIMARIES, ColorTags, is_srgb, primaries_name
from unblur.io.photo import Photo, Samples, in_depth
from unblur.io.profiles import adapted, grey_profile, made_profile, to_srgb
from unblur.io.tones import tone_of
from unblur.tone import HLG, LINEAR, PQ, SRGB, Tone

NO_ALPHA = ("JPEG", "BMP")
_NO_PROFILE = ("BMP",)
_EIGHT_BITS = ("JPEG", "WEBP", "BMP")

_WHITE = {PQ.name: 203 / 1000, HLG.name: float(HLG.to_linear(np.array([0.75], np.float32))[0])}
"""Linear light of the white of a sheet of paper in HDR: 203 cd/m2, 75 % of HLG (ITU-R BT.2408)."""

_KNEE = 0.75
"""Share of white from which HDR light is compressed, so that highlights do not all become white."""

_BAND_ROWS = 256
_CONVERTED = Tone(SRGB, "file", source="converted to sRGB")


def fitted(photo: Photo, kind: str) -> Photo:
    """Return a photo as a format can hold it, with notes of what had to be changed.

    Args:
        photo: any.
        kind: Pillow's name of the format, a value of SUFFIXES.

    Returns:
        The photo itself if it fits; fitting what fits changes nothing.
    """
    photo = _with_fitting_colour(photo, kind)
    if kind in _EIGHT_BITS or (kind == "AVIF" and avif.codec() is None):
        photo = _in(photo, np.dtype(np.uint8), f"8 bits, which is what {kind} holds here")
    elif kind in ("PNG", "AVIF"):
        photo = _in(photo, np.dtype(np.uint16), "16 bits") if _is_float(photo) else photo
    if kind == "AVIF" and photo.samples.dtype == np.uint16 and "bits" not in photo.encoding.options:
        photo = _noted(
            photo, "16-bit samples are written with 10 bits, which is what AVIF holds here"
        )
    if kind in NO_ALPHA and photo.alpha is not None:
        photo = _noted(photo, f"transparency was laid over white, for {kind} has none")
    if photo.encoding.format == "HEIF":
        photo = _noted(photo, f"HEIC is read only; the result is {kind}")
    return photo


def _noted(photo: Photo, note: str) -> Photo:
    return photo if note in photo.notes else replace(photo, notes=(*photo.notes, note))


def _is_float(photo: Photo) -> bool:
    return photo.samples.dtype.kind == "f"


def _in(photo: Photo, dtype: np.dtype[np.uint8] | np.dtype[np.uint16], what: str) -> Photo:
    if photo.samples.dtype in (dtype, np.uint8):
        return photo
    told = photo.encoding.options.get("bits", 8 * photo.samples.dtype.itemsize)
    form = "floating-point" if _is_float(photo) else f"{told}-bit"
    alpha = None if photo.alpha is None else in_depth(photo.alpha, dtype)
    converted = replace(photo, samples=in_depth(photo.samples, dtype), alpha=alpha)
    return _noted(converted, f"{form} samples are written with {what}")


def _with_fitting_colour(photo: Photo, kind: str) -> Photo:
    tags = photo.metadata.color
    if kind in _NO_PROFILE or (tags is not None and tags.is_hdr and not _holds_hdr(photo, kind)):
        return _as_srgb(photo, kind)
    if tags is None:
        return _telling_its_curve(photo) if kind == "TIFF" and _is_float(photo) else photo
    return photo if kind == "PNG" else _without_chunks(photo, tags, kind)


def _holds_hdr(photo: Photo, kind: str) -> bool:
    """Return whether a format keeps HDR in the depth it has."""
    as_deep = photo.samples.dtype == np.uint8 or avif.codec() is not None
    return kind in ("PNG", "TIFF") or (kind == "AVIF" and as_deep)


def _without_chunks(photo: Photo, tags: ColorTags, kind: str) -> Photo:
    """Tell the colour by what formats other than PNG have: code points or a profile."""
    metadata = photo.metadata
    if tags.mastering or tags.light_level:
        photo = _noted(photo, f"the mastering display's data (mDCV, cLLI) left out of {kind}")
    if kind == "AVIF" and tags.cicp is not None:
        tags = replace(tags, mastering=None, light_level=None)
        return replace(photo, metadata=replace(metadata, color=tags))
    if metadata.icc_profile is not None and not tags.is_hdr:
        return replace(photo, metadata=replace(metadata, color=None))
    return _as_profile(photo, tags)


def _as_profile(photo: Photo, tags: ColorTags) -> Photo:
    """Tell the colour by an ICC profile; by none where it is sRGB."""
    curve = tone_of(replace(photo.metadata, icc_profile=None), photo.channels).curve
    primaries = tags.primaries or PRIMARIES[1]
    bare = replace(photo.metadata, color=None)
    if curve == SRGB and is_srgb(primaries) and not _is_float(photo):
        return replace(photo, metadata=bare)
    name = f"{primaries_name(primaries)}, {curve.name}"
    if photo.channels == 1:
        profile = grey_profile(curve)
    else:
        profile = made_profile(primaries, curve, name, tags.cicp)
    told = replace(photo, metadata=replace(bare, icc_profile=profile))
    source = tags.source or ("PNG gAMA and cHRM" if tags.srgb_intent is None else "PNG sRGB")
    return _noted(told, f"colour told by {source} ({name}) is kept as an ICC profile")


def _telling_its_curve(photo: Photo) -> Photo:
    """Give a floating-point TIFF a profile where it would be taken for linear light otherwise."""
    curve = photo.tone.curve
    if photo.metadata.icc_profile is not None or curve == LINEAR:
        return photo
    grey = photo.channels == 1
    profile = grey_profile(curve) if grey else made_profile(PRIMARIES[1], curve, curve.name)
    return replace(photo, metadata=replace(photo.metadata, icc_profile=profile))


def _as_srgb(photo: Photo, kind: str) -> Photo:
    """Convert the samples to sRGB: by LittleCMS from a profile, else from the colour tags."""
    metadata, tags = photo.metadata, photo.metadata.color
    bare = replace(metadata, color=None, icc_profile=None)
    if tags is None or (metadata.icc_profile is not None and tags.cicp is None):
        if metadata.icc_profile is None:
            return photo
        image = replace(photo, alpha=None).to_pil()
        shown = to_srgb(image, metadata.icc_profile)
        if shown is None:
            return _noted(replace(photo, metadata=bare), f"its colour profile left out of {kind}")
        alpha = None if photo.alpha is None else in_depth(photo.alpha, np.dtype(np.uint8))
        converted = replace(photo, samples=np.asarray(shown), alpha=alpha, metadata=bare)
        note = f"colours were converted to sRGB by the profile, which {kind} cannot hold"
        return _noted(replace(converted, tone=_CONVERTED), note)
    curve = tone_of(metadata, photo.channels).curve
    primaries = tags.primaries or PRIMARIES[1]
    if curve == SRGB and is_srgb(primaries):
        return replace(photo, metadata=bare)
    name = f"{primaries_name(primaries)}, {curve.name}"
    converted = replace(photo, samples=_converted(photo, tags), metadata=bare, tone=_CONVERTED)
    note = f"colours ({name}) were converted to sRGB for {kind}"
    if tags.is_hdr:
        note += ", HDR light beyond white compressed into it; PNG and TIFF keep it"
    return _noted(converted, note)


def _converted(photo: Photo, tags: ColorTags) -> Samples:
    """Return the samples in sRGB, in their own depth."""
    curve = tone_of(photo.metadata, photo.channels).curve
    white = np.float32(_WHITE.get(curve.name, 1.0) if tags.is_hdr else 1.0)
    matrix = np.linalg.solve(adapted(PRIMARIES[1]), adapted(tags.primaries or PRIMARIES[1]))
    out = np.empty_like(photo.samples)
    for y in range(0, photo.height, _BAND_ROWS):
        light = curve.to_linear(to_float(photo.samples[y : y + _BAND_ROWS])) / white
        if photo.channels == 3:
            light = light @ matrix.T.astype(np.float32)
        if tags.is_hdr:
            light = _compressed(light)
        out[y : y + _BAND_ROWS] = quantise(linear_to_srgb(np.clip(light, 0, 1)), out.dtype)
    return out


def _compressed(light: FloatArray) -> FloatArray:
    """Bend light beyond the knee towards white, colours kept in proportion."""
    brightest = np.maximum(light.max(axis=2, keepdims=True), np.float32(1e-6))
    room = np.float32(1 - _KNEE)
    bent = 1 - room * np.exp(-np.maximum(brightest - np.float32(_KNEE), 0) / room)
    return np.asarray(light * np.where(brightest > _KNEE, bent / brightest, 1), np.float32)
