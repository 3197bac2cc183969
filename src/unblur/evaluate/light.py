"""Data sets whose samples are proportional to light, and methods that expect sRGB."""

from __future__ import annotations

from collections.abc import Callable

from unblur.color import linear_to_srgb, quantise, srgb_to_linear, to_float
from unblur.evaluate.cases import Case
from unblur.evaluate.samples import Samples
from unblur.motion.field import MotionField
from unblur.tone import LINEAR as LINEAR_CURVE
from unblur.tone import SRGB, ToneCurve

Method = Callable[[Samples, Case], "tuple[Samples, MotionField | None] | None"]
"""(blurry samples, case) -> (restored samples, motion), or None where it does not apply."""

LINEAR = "linear"
"""Value of the fact "light" of photos whose samples are proportional to light."""


def curve_of(case: Case) -> ToneCurve:
    """Return the tone curve of a case: sRGB's unless the data set is known to be linear."""
    return LINEAR_CURVE if case.facts.get("light") == LINEAR else SRGB


def in_srgb(method: Method) -> Method:
    """Return a method that is given sRGB, and whose results are turned back for scoring.

    Photos are sRGB unless their case says otherwise, and pass untouched.
    """

    def run(samples: Samples, case: Case) -> tuple[Samples, MotionField | None] | None:
        if case.facts.get("light") != LINEAR:
            return method(samples, case)
        given = linear_to_srgb(to_float(samples))
        result = method(given, case)
        if result is None:
            return None
        restored, motion = result
        if restored is given:
            return samples, motion
        return quantise(srgb_to_linear(restored), samples.dtype), motion

    return run
