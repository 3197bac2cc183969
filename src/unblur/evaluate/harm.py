"""What counts as harm, and what a model does to photos that need nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unblur.errors import UnblurError
from unblur.evaluate.methods import gated, split_settings
from unblur.evaluate.samples import read_rgb8
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.psnr import psnr_db
from unblur.runtime import ALL_THREADS, Runtime
from unblur.tone import SRGB, parse_tone
from unblur.zoo.models import default_session

WORSE_BY_DB = 0.1
"""A restored photo counts as harmed if its PSNR is this much below the blurry one's."""

UNHARMED_DB = 50.0
"""A sharp photo counts as untouched if its output is at least this similar to it."""


def unharmed(
    photos: Sequence[Path], model: str, *, tone: str = "auto", runtime: Runtime = ALL_THREADS
) -> list[dict[str, Any]]:
    """Run a model on sharp photos and return how similar each comes back.

    The model may have a gate's suffix and settings, as in
    :func:`unblur.evaluate.methods.method_of`; the photos are sRGB unless ``tone`` names a curve.

    Returns:
        A row for each: path, error (why it could not be read, or None), psnr_db of output
        against input (infinite if identical), harmed (below UNHARMED_DB), blur_probability.
    """
    model, settings = split_settings(model)
    model, gate = gated(model)
    models = default_session(runtime).models(model)
    rows: list[dict[str, Any]] = []
    for path in photos:
        try:
            samples = read_rgb8(path)
        except UnblurError as error:
            unread = {"psnr_db": None, "harmed": False, "blur_probability": None}
            rows.append({"path": str(path), "error": str(error), **unread})
            continue
        options = RestoreOptions(gate=gate, settings=settings)
        result = restore_picture(Picture(samples, parse_tone(tone) or SRGB), models, options)
        motion, similarity = result.motion, psnr_db(result.samples, samples, data_range=255)
        probability = None if motion is None else round(motion.blur_probability, 4)
        rows.append(
            {
                "path": str(path),
                "error": None,
                "psnr_db": similarity,
                "harmed": similarity < UNHARMED_DB,
                "blur_probability": probability,
            }
        )
    return rows
