"""The referee: how far each window's restoration may be trusted.

Its witnesses: the probability that there is motion blur at all, the length of motion that the
windows agree on, and the expected quality of the estimated PSFs. Where they do not convince, the
photo stays as it is.
"""

from __future__ import annotations

import numpy as np

from unblur.color import FloatArray
from unblur.motion.field import MotionField, visibility
from unblur.motion.kernel import PsfEstimate

SHARP_BELOW = 0.5
"""Mean blur probability of a photo below which it is left untouched."""

SHORTEST_PX = 4.6
"""Motion below this length (on the scale it was measured) is not told from a soft lens."""

_PROBABILITY = (0.25, 0.6)
_CONFIDENCE = (0.3, 0.5)


def is_sharp(field: MotionField) -> bool:
    """Return whether the photo as a whole shows no motion blur."""
    windows = [w for row in field.windows for w in row]
    weights = np.array([visibility(w) for w in windows])
    lengths = np.array([w.psf.length_px() for w in windows])
    typical = float(np.average(lengths, weights=weights))
    return field.blur_probability < SHARP_BELOW or typical < SHORTEST_PX


def trust_map(field: MotionField) -> FloatArray:
    """Return how much of the restoration to apply at each window.

    Returns:
        (rows, columns) float32 in [0, 1]; 0 leaves the pixels untouched.
    """
    if is_sharp(field):
        return np.zeros((len(field.centres_y), len(field.centres_x)), np.float32)
    trust = [[_trust(window, field) for window in row] for row in field.windows]
    return np.array(trust, np.float32)


def _trust(window: PsfEstimate, field: MotionField) -> float:
    # A window of a uniformly shaken photo moved with all others, even if it shows nothing.
    probability = max(window.blur_probability, field.blur_probability if field.uniform else 0.0)
    return _rise(probability, *_PROBABILITY) * _rise(window.confidence, *_CONFIDENCE)


def _rise(value: float, low: float, high: float) -> float:
    t = float(np.clip((value - low) / (high - low), 0, 1))
    return t * t * (3 - 2 * t)
