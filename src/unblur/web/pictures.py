"""What the page shows of a job: pictures before and after, motion, heat map; written as files."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unblur.blur.psf import Psf
from unblur.detection.heatmap import heat_map
from unblur.inspection.layering import colour_of
from unblur.io import Photo
from unblur.io.encode import written_format
from unblur.io.reduced import Reduced
from unblur.motion.detect import Detection
from unblur.motion.field import MotionField
from unblur.pipeline.facade import Restored
from unblur.pipeline.layers import Layers

_LOSSLESS_PIXELS = 2_500_000
"""Smaller photos are shown without loss, so that the page's blend is exact to the eye-dropper."""

_SHOWN_PIXELS = 36_000_000
"""Larger ones are shown at half size or less: browsers hold four bytes for each pixel, twice."""

_VERDICTS = (
    ("already sharp", "sharp"),
    ("too small", "small"),
    ("reliably enough", "unsure"),
)


def save(before: Photo, restored: Restored, folder: Path) -> dict[str, Any]:
    """Write what the page and the download need into a job's folder.

    Args:
        before: the photo that was read.
        restored: at full strength.
        folder: gets ``before`` and ``after`` (pictures for browsers), ``motion.json`` and, where
            something was changed, ``restored.npy`` (samples in the photo's depth).

    Returns:
        What is known about the job, for JSON.
    """
    photo, report = restored.photo, restored.report
    changed = report.changed
    suffix = show(before, folder / "before")
    if changed:
        show(photo, folder / "after")
        np.save(folder / "restored.npy", photo.samples)
    motion = restored.motion
    (folder / "motion.json").write_text(json.dumps(motion_to_draw(motion, report.trust)))
    return {
        "kind": "photo",
        "width": photo.width,
        "height": photo.height,
        "format": photo.encoding.format,
        "written_format": written_format(photo),
        "bits": photo.encoding.bits,
        "shown": suffix,
        "changed": changed,
        "verdict": "restored" if changed else verdict(report.reason),
        "reason": report.reason,
        "model": report.model,
        "tone": report.tone,
        "length_px": _or_none(motion, lambda m: round(m.length_px, 1)),
        "angle_deg": _or_none(motion, typical_angle),
        "uniform": _or_none(motion, lambda m: m.uniform),
        "blur_probability": _or_none(motion, lambda m: round(m.blur_probability, 4)),
        "seconds": report.seconds,
        "notes": list(report.notes),
    }


def _or_none(motion: MotionField | None, read: Any) -> Any:
    return None if motion is None else read(motion)


def verdict(reason: str) -> str:
    """Return a stable word for the pipeline's reason to leave a photo alone.

    Example:
        >>> verdict("this photo is already sharp: no motion blur found")
        'sharp'
    """
    return next((word for part, word in _VERDICTS if part in reason), "unchanged")


def show(photo: Photo, stem: Path) -> str:
    """Write a picture that browsers can show and return its suffix.

    PNG for small photos and for those with transparency, JPEG of high quality for the others;
    the colour profile is kept.
    """
    image = photo.to_pil()
    pixels = photo.width * photo.height
    step = 1
    while pixels / step**2 > _SHOWN_PIXELS:
        step += 1
    if step > 1:
        image = image.reduce(step)
    options: dict[str, Any] = {}
    if photo.metadata.icc_profile is not None:
        options["icc_profile"] = photo.metadata.icc_profile
    lossless = photo.alpha is not None or pixels <= _LOSSLESS_PIXELS
    suffix = ".png" if lossless else ".jpg"
    if lossless:
        image.save(stem.with_suffix(suffix), compress_level=1, **options)
    else:
        image.save(stem.with_suffix(suffix), quality=93, subsampling=0, **options)
    return suffix


def typical_angle(motion: MotionField) -> float | None:
    """Return the main direction of the moved windows in degrees, None where there are none."""
    moved = [w for row in motion.windows for w in row if w.blur_probability > 0.5]
    if not moved:
        return None
    doubled = np.exp(2j * np.deg2rad([w.psf.angle_deg() for w in moved]))
    weights = [w.confidence for w in moved]
    return round(float(np.rad2deg(np.angle(np.average(doubled, weights=weights))) / 2 % 180), 1)


def motion_to_draw(motion: MotionField | None, trust: list[list[float]]) -> dict[str, Any]:
    """Return the motion field with its PSFs as small pictures, for JSON.

    Each distinct PSF is ``{"width", "height", "data"}``: base64 of bytes, row by row, 255 for
    the largest value. Windows name theirs by number; places and scale are in photo px.
    """
    if motion is None:
        return {"scale": 1, "psfs": [], "windows": []}
    numbers: dict[int, int] = {}
    psfs: list[dict[str, Any]] = []
    windows = []
    for y, row in zip(motion.centres_y, motion.windows, strict=True):
        for x, window in zip(motion.centres_x, row, strict=True):
            key = 0 if motion.uniform else id(window.psf)
            if key not in numbers:
                numbers[key] = len(psfs)
                psfs.append(psf_to_draw(window.psf))
            windows.append(
                {
                    "x": round(x, 1),
                    "y": round(y, 1),
                    "psf": numbers[key],
                    "length_px": round(window.psf.length_px() * motion.scale, 1),
                    "angle_deg": round(window.psf.angle_deg(), 1),
                    "confidence": round(window.confidence, 3),
                    "blur_probability": round(window.blur_probability, 3),
                }
            )
    return {"scale": motion.scale, "psfs": psfs, "windows": windows, "trust": trust}


def psf_to_draw(psf: Psf) -> dict[str, Any]:
    """Return a PSF as a small picture, for JSON; see :func:`motion_to_draw`."""
    array = psf.cropped(threshold=0.02).array
    shown = np.round(array / array.max() * 255).astype(np.uint8)
    text = base64.b64encode(shown.tobytes()).decode()
    return {"width": shown.shape[1], "height": shown.shape[0], "data": text}


def save_layers(layers: Layers, photo: Photo, folder: Path) -> dict[str, Any]:
    """Write the layers' numbers as the greys of ``layers.png``; return what they are for JSON."""
    Image.fromarray(layers.labels).save(folder / "layers.png")
    told = layers.to_dict()
    for number, (layer, row) in enumerate(zip(layers.layers, told["layers"], strict=True)):
        row["colour"] = list(colour_of(layers, number))
        row["psf"] = None if layer.psf is None else psf_to_draw(layer.psf)
    return {"kind": "layers", "width": photo.width, "height": photo.height, **told}


def save_heat(detection: Detection, seen: Reduced, folder: Path) -> dict[str, Any]:
    """Write the heat map ``heat.jpg``, without its legend, and return the verdict for JSON."""
    picture = heat_map(detection, seen.luma)[: seen.luma.shape[0]]
    Image.fromarray(picture).save(folder / "heat.jpg", quality=88)
    return {"kind": "detection", **detection.to_dict()}
