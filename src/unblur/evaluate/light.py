"""Data sets whose numbers are proportional to light, and methods that expect sRGB."""

from __future__ import annotations

from collections.abc import Callable

from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.evaluate.cases import Case
from unblur.evaluate.samples import Samples
from unblur.motion.field import MotionField

Method = Callable[[Samples, Case], "tuple[Samples, MotionField | None] | None"]
"""(blurry samples, case) -> (restored samples, motion), or None where it does not apply."""

LINEAR = "linear"
"""Value of the fact "light" of photos that hold linear light as real numbers."""


def in_srgb(method: Method) -> Method:
    """Return a method that is given sRGB, and whose results are turned back for scoring.

    Photos are sRGB unless their case says otherwise, and pass untouched.
    """

    def run(samples: Samples, case: Case) -> tuple[Samples, MotionField | None] | None:
        if case.facts.get("light") != LINEAR:
            return method(samples, case)
        given = linear_to_srgb(samples)
        result = method(given, case)
        if result is None:
            return None
        restored, motion = result
        return (samples if restored is given else srgb_to_linear(restored)), motion

    return run
