"""The referee: how far each window's restoration may be trusted.

Its witnesses: the probability that there is motion blur at all, the length of motion that the
windows agree on, and the expected quality of the estimated PSFs. Where they do not convince, the
photo stays as it is. What they must reach is in :mod:`unblur.restoration.settings`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray, srgb_to_linear, to_float
from unblur.engines.base import Engine
from unblur.io.reduced import shrunk_luma
from unblur.motion.detect import Detection, detect_luma
from unblur.motion.field import MotionField
from unblur.motion.kernel import PsfEstimate
from unblur.restoration.settings import DEFAULTS, Settings

_SEEN_PX = 2048

_LOST, _DARK = 0.2, 0.005
"""Share of its light that no photo loses by having its motion undone, but for what lies in the
dark: blur moves light about, and only lamps that are clipped when sharp lose some. Of photos that
were restored well the largest change was 0.16; a wrong motion in too small a photo lost 0.23."""
_LAMP = 3.0
"""Times the mean light from which on a pixel may be a lamp's: at night a photo rightly loses 0.35
by their being clipped, and elsewhere less than 0.15."""


def is_sharp(field: MotionField, settings: Settings = DEFAULTS) -> bool:
    """Return whether the photo as a whole shows no motion blur.

    Texture, soft lenses and sharpening can look like a little motion, so a short motion must be
    nearly certain and a long one only likely. The default bounds were chosen on validation
    photos so that sharp ones stay untouched.
    """
    length = typical_length(field)
    wanted = settings.likely if length >= settings.long_px else settings.certain
    return length < settings.shortest_px or field.blur_probability < wanted


def is_likely_sharp(
    detection: Detection, field: MotionField, settings: Settings = DEFAULTS
) -> bool:
    """Return whether both witnesses together find a photo sharp.

    The motion field looks at the blur as a kernel, the blur detector at the picture as well, so
    each is deceived by other photos; their odds are multiplied as those of independent witnesses.
    """
    still, moved = 1 - field.blur_probability, field.blur_probability
    sharp = detection.probabilities[0]
    for_sharp, against = sharp * still, (1 - sharp) * moved
    return for_sharp >= settings.likely_sharp * (for_sharp + against)


def lost_light(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Return the share of its light by which a restoration changes a photo too much, or 0.

    Args:
        before, after: (H, W, C) photos, sRGB.

    Returns:
        The largest change of a channel's mean in linear light, of a photo that lost light without
        its lamps if that is less; 0 where it may well be.
    """
    step = max(1, min(before.shape[:2]) // 256)
    was, now = (
        srgb_to_linear(to_float(np.ascontiguousarray(photo[::step, ::step])))
        for photo in (before, after)
    )
    changes = [_change(was, now)]
    lamp = _LAMP * was.mean()
    dim = (was.mean(axis=2) < lamp) & (now.mean(axis=2) < lamp)
    if now.mean() < was.mean() and dim.mean() > 0.5:
        changes.append(_change(was[dim], now[dim]))
    return min(changes) if min(changes) > _LOST else 0.0


def _change(was: FloatArray, now: FloatArray) -> float:
    """Return the largest relative change of a channel's mean."""
    before, after = (light.reshape(-1, light.shape[-1]).mean(axis=0) for light in (was, now))
    return float(np.abs((after + _DARK) / (before + _DARK) - 1).max())


def detection(samples: NDArray[Any], motion: MotionField, engine: Engine) -> Detection:
    """Return the blur detector's verdict, on the scale at which the motion was measured.

    Of a large photo the middle is looked at, so that memory stays bounded.
    """
    middle = []
    for side in samples.shape[:2]:
        first = max(0, side - _SEEN_PX * motion.scale) // 2
        middle.append(slice(first, first + _SEEN_PX * motion.scale))
    seen = shrunk_luma(samples[middle[0], middle[1]], motion.scale)
    return detect_luma(seen, engine, scale=motion.scale)


def typical_length(field: MotionField) -> float:
    """Return the length by which the gate judges, in px of the scale it was measured on.

    That of the first look: the search that follows explains sharp photos, too, by some motion.
    """
    return field.mean_length_px() if field.first_px is None else field.first_px


def trust_map(field: MotionField, settings: Settings = DEFAULTS) -> FloatArray:
    """Return how much of the restoration to apply at each window.

    Returns:
        (rows, columns) float32 in [0, 1]; 0 leaves the pixels untouched.
    """
    if is_sharp(field, settings):
        return np.zeros((len(field.centres_y), len(field.centres_x)), np.float32)
    trust = [[_trust(window, field, settings) for window in row] for row in field.windows]
    return np.array(trust, np.float32)


def _trust(window: PsfEstimate, field: MotionField, settings: Settings) -> float:
    # A window of a uniformly shaken photo moved with all others, even if it shows nothing.
    probability = max(window.blur_probability, field.blur_probability if field.uniform else 0.0)
    moved = rise(probability, *settings.probability)
    return moved * rise(window.confidence, *settings.confidence)


def rise(value: float, low: float, high: float) -> float:
    """Return a smooth step: 0 up to ``low``, 1 from ``high`` on."""
    t = float(np.clip((value - low) / (high - low), 0, 1))
    return t * t * (3 - 2 * t)
