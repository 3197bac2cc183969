"""A large photo's preview: restored at screen size, shown until the photo itself is.

One window tells the motion and a Wiener filter undoes it, the same all over. That is enough for a
look at a photo that is shown at a fraction of its size, where the motion is short and the noise
low; the result itself has nothing of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from unblur.errors import UnblurError
from unblur.io import Photo
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import gate_of, restore_picture
from unblur.zoo.models import Models, Session

NAME = "preview.jpg"

LONGEST_PX = 1024
"""Longer side of a preview, at most."""

_FROM_PIXELS = 2_000_000
"""Smaller photos are done about as soon."""

_RESTORER, _ROUNDS, _QUALITY = "wiener", 2, 88


def write_preview(photo: Photo, folder: Path, session: Session, *, tone: str = "auto") -> bool:
    """Write a photo's preview into a folder, if it is large and looks moved.

    Args:
        photo: as it was read.
        folder: gets the picture NAME.
        session: holds the networks.
        tone: as :meth:`Photo.with_tone` takes it; where nobody tells the curve it is sRGB's.

    Returns:
        Whether there is one.
    """
    if photo.width * photo.height < _FROM_PIXELS:
        return False
    step = -(-max(photo.width, photo.height) // LONGEST_PX)
    small = np.asarray(photo.to_pil().reduce(step).convert("RGB"))
    estimator = session.quick_estimator(rounds=_ROUNDS)
    models = Models(estimator, None, session.restorer(_RESTORER), session.device)
    try:
        picture = Picture(small, photo.with_tone(tone).tone.curve)
        field = estimator.propose(picture)
        if gate_of(models, RestoreOptions()).judge(picture, field).reason:
            return False
        result = restore_picture(picture, models, RestoreOptions(psf=field))
    except UnblurError:  # as of a photo that is too narrow; whatever it is, the result will tell
        return False
    if not result.report.changed:
        return False
    profile = photo.metadata.icc_profile
    Image.fromarray(result.samples).save(folder / NAME, quality=_QUALITY, icc_profile=profile)
    return True
