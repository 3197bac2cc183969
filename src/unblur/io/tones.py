"""Which tone curve a photo has, from the best evidence in its file."""

from __future__ import annotations

from unblur.io.color_tags import Cicp, ColorTags
from unblur.io.metadata import EXIF_IFD, INTEROP, loaded
from unblur.io.photo import Metadata
from unblur.io.profiles import profile_curve
from unblur.tone import LINEAR, SRGB, Tone, power_curve

_COLOR_SPACE, _SRGB_SPACE = 0xA001, 1
_ADOBE_RGB = power_curve(2.2)


def tone_of(metadata: Metadata, channels: int, *, floating: bool = False) -> Tone:
    """Return a photo's tone curve.

    The order is that of the PNG specification: code points (cICP), ICC profile, sRGB, gAMA. In
    AVIF and HEIC the profile comes first, but for the curves of HDR, which profiles can hardly
    tell. Then come floating-point samples, which are linear light, and EXIF; if nothing says
    anything, sRGB is assumed.

    Args:
        metadata: of the photo.
        channels: of its samples, 1 or 3.
        floating: whether a file stored floating-point samples.
    """
    tags = metadata.color or ColorTags()
    first = tags.cicp if tags.source.startswith("PNG") or tags.is_hdr else None
    return (
        _by_codes(first, tags.source)
        or _by_profile(metadata.icc_profile, channels)
        or _by_codes(tags.cicp, tags.source)
        or _by_png(tags)
        or (Tone(LINEAR, "file", source="floating-point samples") if floating else None)
        or _by_exif(metadata.exif)
        or Tone()
    )


def profile_cicp(profile: bytes | None) -> Cicp | None:
    """Return the code points that an ICC profile of version 4.4 may hold."""
    place = (profile or b"").find(b"cicp\0\0\0\0", 128)
    if profile is None or place < 0 or place + 12 > len(profile):
        return None
    primaries, transfer, matrix, full = profile[place + 8 : place + 12]
    return Cicp(primaries, transfer, matrix, bool(full))


def _by_codes(cicp: Cicp | None, source: str) -> Tone | None:
    curve = None if cicp is None else cicp.curve
    return None if curve is None else Tone(curve, "file", source=source)


def _by_profile(profile: bytes | None, channels: int) -> Tone | None:
    if profile is None:
        return None
    cicp = profile_cicp(profile)
    curve = cicp.curve if cicp is not None and cicp.is_hdr else profile_curve(profile, channels)
    return None if curve is None else Tone(curve, "file", source="ICC profile")


def _by_png(tags: ColorTags) -> Tone | None:
    if tags.srgb_intent is not None:
        return Tone(SRGB, "file", source=tags.source or "PNG sRGB")
    curve = tags.gamma_curve
    return None if curve is None else Tone(curve, "file", source="PNG gAMA")


def _by_exif(exif: bytes | None) -> Tone | None:
    """EXIF knows sRGB, and Adobe RGB by the name of its interoperability rule."""
    if exif is None:
        return None
    try:
        details = loaded(exif).get_ifd(EXIF_IFD)
        space, rule = details.get(_COLOR_SPACE), details.get(INTEROP)
        named = rule.get(1) if isinstance(rule, dict) else None
    except Exception:  # damaged EXIF must not cost the photo; Pillow raises many kinds
        return None
    if space == _SRGB_SPACE:
        return Tone(SRGB, "file", source="EXIF ColorSpace")
    if named in ("R03", b"R03", "R03\0", b"R03\0"):
        return Tone(_ADOBE_RGB, "file", source="EXIF interoperability R03 (Adobe RGB)")
    return None
