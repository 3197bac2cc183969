"""The detector's front door for Python: a photo in any form in, what blurred it out."""

from __future__ import annotations

from pathlib import Path

from unblur.errors import BadValue
from unblur.io.reduced import Reduced, read_reduced, reduced_luma
from unblur.io.sources import Source, as_photo
from unblur.motion.detect import BlurDetector, Detection
from unblur.motion.windows import TELLING, WINDOW
from unblur.runtime import Runtime
from unblur.tone import ToneCurve
from unblur.zoo.models import Session, default_session

QUICK_PX = 1000
"""Longer side at which photos are judged quickly: what can be seen when a photo fills a screen. Of
a panorama more is read, so that the shorter side still fills a window."""


def detect(
    source: Source,
    *,
    full: bool = False,
    everywhere: bool = False,
    tone: ToneCurve | str = "auto",
    threads: int | None = None,
    session: Session | None = None,
) -> Detection:
    """Tell whether a photo is sharp, moved or out of focus.

    Args:
        source: as :func:`unblur.restore`.
        full: judge the full size; otherwise at one whose longer side is 1000 to 2000 px,
            where blur that would not be seen on a screen is not seen either. JPEG files are
            then read several times faster.
        everywhere: judge the whole photo, not only at its four most telling windows.
        tone: as :func:`unblur.restore`, but that nothing is estimated: sRGB where the file says
            nothing.
        threads: for the network; all processors if omitted.
        session: holds the network; see :func:`unblur.restore`.

    Raises:
        BadValue: the photo is too small to tell.
        InputError, ModelError, EngineError: see :mod:`unblur.errors`.

    Example:
        >>> import numpy as np, unblur
        >>> noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
        >>> 0 <= unblur.detect(noise).blur_probability <= 1
        True
    """
    detector = (session or default_session(Runtime.of_process(threads))).detector(mapped=True)
    return judge(read_luma(source, full=full, tone=tone), detector, everywhere=everywhere)


def read_luma(source: Source, *, full: bool, tone: ToneCurve | str = "auto") -> Reduced:
    """Return a photo's luma at full size or at that of a quick verdict.

    Raises:
        InputError: see :mod:`unblur.errors`.
    """
    if isinstance(source, str | Path) and not full:
        return read_reduced(Path(source), side_px=QUICK_PX, least_px=WINDOW, tone=tone)
    photo = as_photo(source).with_tone(tone)
    if full:
        return reduced_luma(photo, side_px=1 << 30)
    return reduced_luma(photo, side_px=QUICK_PX, least_px=WINDOW)


def judge(seen: Reduced, detector: BlurDetector, *, everywhere: bool = False) -> Detection:
    """Return the verdict on what :func:`read_luma` read.

    Raises:
        BadValue: the photo is too small to tell.
    """
    if not TELLING.fits(seen.luma.shape):
        raise BadValue(
            f"a photo of {seen.shape[1]} x {seen.shape[0]} px is too small to tell its blur; "
            f"it must have {TELLING}"
        )
    return detector(
        seen.luma,
        scale=seen.scale,
        shape=seen.shape,
        everywhere=everywhere,
        screened=seen.screened,
    )
