"""In which light a case's samples are: as its data set knows, or as the user says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from unblur.color import linear_to_srgb, quantise, srgb_to_linear, to_float
from unblur.evaluate.cases import Case
from unblur.evaluate.samples import Samples
from unblur.motion.field import MotionField
from unblur.tone import LINEAR as LINEAR_CURVE
from unblur.tone import SRGB, ToneCurve, parse_tone

if TYPE_CHECKING:
    from unblur.evaluate.datasets.base import DataSet

Method = Callable[[Samples, Case], "tuple[Samples, MotionField | None] | None"]
"""(blurry samples, case) -> (restored samples, motion), or None where it does not apply."""

LINEAR = LINEAR_CURVE.name
"""Value of the fact "light" of photos whose samples are proportional to light."""


def curve_of(case: Case) -> ToneCurve:
    """Return the tone curve of a case: its fact "light" names it; sRGB's where there is none."""
    return parse_tone(str(case.facts.get("light", SRGB.name))) or SRGB


def in_light(found: DataSet, tone: str) -> DataSet:
    """Return a data set whose photos are in the light that the user says, and which says so.

    Args:
        found: the data set; what it knows of its own light holds for "auto" and "profile".
        tone: as :func:`unblur.tone.parse_tone` takes it.

    Raises:
        BadValue: there is no such curve.
    """
    curve = parse_tone(tone)
    if curve is not None:
        said = f"samples are taken as {curve.name}, as you say"
        cases = tuple(replace(c, facts={**c.facts, "light": curve.name}) for c in found.cases)
        return replace(found, cases=cases, notes=(*found.notes, said))
    known = sorted({curve_of(case).name for case in found.cases} - {SRGB.name})
    if not known:
        return found
    said = f"samples are taken as {', '.join(known)}, as this data set is"
    return replace(found, notes=(*found.notes, said))


def in_srgb(method: Method) -> Method:
    """Return a method that is given sRGB, and whose results are turned back for scoring.

    Photos are sRGB unless their case says otherwise, and pass untouched.
    """

    def run(samples: Samples, case: Case) -> tuple[Samples, MotionField | None] | None:
        curve = curve_of(case)
        if curve == SRGB:
            return method(samples, case)
        given = linear_to_srgb(curve.to_linear(to_float(samples)))
        result = method(given, case)
        if result is None:
            return None
        restored, motion = result
        if restored is given:
            return samples, motion
        return quantise(curve.to_encoded(srgb_to_linear(restored)), samples.dtype), motion

    return run
