"""What a file holds beside its picture, and that a result will not: told in words."""

from __future__ import annotations

from typing import Any

from PIL import Image

from unblur.io.bmff import Still
from unblur.io.xmp import Name, parse, properties

_GAIN_MAPS = (b"urn:iso:std:iso:ts:21496:-1", b"HDRGainMap", b"hdr-gain-map/1.0/")
_SAMSUNG_CLIP = b"MotionPhoto_Data"

_AUXILIARY = {
    "hdrgainmap": "its HDR gain map",
    "auxid:2": "its depth map",
    "auxiliary:depth": "its depth map",
    "disparity": "its depth map",
    "portraiteffectsmatte": "its portrait matte",
    "semantic": "its mattes of hair, skin or sky",
}
"""By a part of the URN that names an auxiliary picture; transparency is not lost."""

CLIP = "the clip of its motion photo was left out"
GAIN_MAP = "its HDR gain map was left out: the result is the picture without it"


def jpeg_losses(image: Image.Image, data: bytes) -> tuple[str, ...]:
    """Return what a JPEG file holds beside its picture.

    Args:
        image: opened; of format JPEG or MPO.
        data: the file.
    """
    notes = list(claimed_losses(image))
    gain_map = GAIN_MAP in notes or any(mark in data for mark in _GAIN_MAPS)
    if gain_map and GAIN_MAP not in notes:
        notes.insert(0, GAIN_MAP)
    if _SAMSUNG_CLIP in data and CLIP not in notes:
        notes.append(CLIP)
    further = getattr(image, "n_frames", 1) - 1 - int(gain_map)
    if further > 0:
        notes.append(f"{_counted(further)} of the file (MPO) left out")
    return tuple(notes)


def claimed_losses(image: Image.Image) -> tuple[str, ...]:
    """Return what a photo's XMP says that its file holds beside the picture, in any format."""
    packet = parse(image.info.get("xmp"))
    said = [] if packet is None else list(properties(packet))
    meanings = {value.lower() for (_, local), value in said if local == "Semantic"}
    notes = [GAIN_MAP] if "gainmap" in meanings else []
    if any(_tells_clip(*entry) for entry in said) or "motionphoto" in meanings:
        notes.append(CLIP)
    if meanings & {"depth", "depthmap"} or any("depthmap" in space for (space, _), _ in said):
        notes.append("its depth map was left out")
    return tuple(notes)


def _tells_clip(name: Name, value: str) -> bool:
    _, local = name
    return local in ("MotionPhoto", "MicroVideo", "OLivePhotoVersion") and value not in ("", "0")


def heif_losses(image: Image.Image, still: Still) -> tuple[str, ...]:
    """Return what a HEIC file holds beside its picture."""
    found = {
        meaning
        for urn in still.auxiliary
        for part, meaning in _AUXILIARY.items()
        if part in urn.lower()
    }
    if b"tmap" in still.kinds.values() or b"tmap" in still.brands:
        found.add(_AUXILIARY["hdrgainmap"])
    notes = [GAIN_MAP if "gain" in what else f"{what} was left out" for what in sorted(found)]
    if image.info.get("depth_images") and not any("depth" in note for note in notes):
        notes.append("its depth map was left out")
    further = getattr(image, "n_frames", 1) - 1
    if further > 0:
        notes.append(f"{_counted(further)} of the file left out")
    return tuple(dict.fromkeys((*notes, *claimed_losses(image))))


def avif_losses(image: Image.Image, still: Still) -> tuple[str, ...]:
    """Return what an AVIF file holds beside its picture."""
    notes = (GAIN_MAP,) if b"tmap" in still.kinds.values() else ()
    return tuple(dict.fromkeys((*notes, *claimed_losses(image))))


def _counted(further: int) -> str:
    return "the second picture" if further == 1 else f"{further} further pictures"


def animation_of(image: Any) -> int:
    """Return how many frames an animation has; 1 for stills and for pages."""
    moving = image.format in ("GIF", "WEBP", "PNG", "AVIF")
    return int(getattr(image, "n_frames", 1)) if moving else 1
