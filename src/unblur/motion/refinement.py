"""Refining: first candidates made sharper, and others sought.

Several ways lead to a PSF: KernelNet's further estimates, which begin with its first candidate; the
coarse-to-fine search, which begins with nothing; and the same search begun with what KernelNet, or
the search itself, makes of the picture at half its size, where motion is short and noise is low.
Each goes astray elsewhere; :mod:`unblur.motion.fusion` tells what they amount to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.candidates import at_hand, candidates
from unblur.motion.choice import choose, choose_corrected
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.fusion import collapsed, fuse, least_energy
from unblur.motion.judge import LEARNED_PX, Candidate, Judge
from unblur.motion.kernel import Observed, estimate, observe_all
from unblur.motion.pages import TwoTones, evenly_lit
from unblur.motion.params import MOTION, MotionParams
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.psf_tools import likeness, similarity
from unblur.motion.pyramid import LumaReader
from unblur.motion.sources import (
    FUSED_SEARCH,
    estimate_shared,
    half_size,
    searched,
    wide_windows,
)
from unblur.motion.threads import in_threads
from unblur.motion.windows import span
from unblur.runtime import ALL_THREADS, Runtime
from unblur.tone import SRGB, ToneCurve


@dataclass(frozen=True, eq=False)
class SharedEstimate:
    """The one PSF of a picture that moved alike everywhere.

    Attributes:
        psf: which.
        confidence: of KernelNet's last estimate.
        fused_confidence: of FuseNet, in the PSF itself; None where it had not the last word.
        middle: (y, x) of the window that was searched, the one that shows most.
        is_long: whether a search found it on the picture at half the size, or so long that it is
            longer than JudgeNet has learned from on one of twice the size: finer than that it is
            not known, and searching on there would lose it.
        is_page: whether it was found in a picture of paper and ink.
    """

    psf: Psf
    confidence: float
    fused_confidence: float | None
    middle: tuple[int, int]
    is_long: bool = False
    is_page: bool = False


def refine_windows(
    observed: Sequence[Observed],
    first: Sequence[PsfEstimate],
    shared: Psf,
    engine: Engine,
    *,
    params: MotionParams = MOTION,
    runtime: Runtime = ALL_THREADS,
) -> list[PsfEstimate]:
    """Sharpen the estimates of windows that moved differently, each by itself.

    Args:
        observed: the windows.
        first: their estimates so far.
        shared: the one PSF that explains all of them best; it counts where it explains a window
            as well as the window's own, which was made from much less.
        engine: runs KernelNet.
        params: how far, and how candidates are weighted.
        runtime: says how many windows are worked on at the same time.
    """
    estimates = list(first)
    refine = params.refine
    for _ in range(refine.rounds - 1):
        before = [e.psf for e in estimates]
        estimates = estimate(observed, engine, candidates=before, runtime=runtime)
        if (
            min(similarity(a, e.psf) for a, e in zip(before, estimates, strict=True))
            > refine.settled
        ):
            break
    if len(observed) > refine.most_searched or not refine.thorough:
        return estimates

    def searched(pair: tuple[Observed, PsfEstimate]) -> PsfEstimate:
        window, estimate = pair[0].window, pair[1]
        if window.std() < refine.flat:
            return estimate
        found = estimate_psf_map(
            window, initial=estimate.psf, noise=estimate.noise, params=FUSED_SEARCH
        )
        own = estimate.confidence**refine.trust_power + 1e-6
        others, trust = [found, shared], [own, own, 1.0]
        psf = least_energy(window, estimate.psf, others, trust, params.fusion)
        return replace(estimate, psf=psf)

    return in_threads(searched, list(zip(observed, estimates, strict=True)), runtime=runtime)


def refine_shared(
    read: LumaReader,
    shape: tuple[int, int],
    first: Psf,
    engine: Engine,
    fuse_engine: Engine | None = None,
    *,
    judge: Judge | None = None,
    tone: ToneCurve = SRGB,
    proposed_px: float = 0.0,
    params: MotionParams = MOTION,
    runtime: Runtime = ALL_THREADS,
) -> SharedEstimate:
    """Sharpen the one PSF of a picture that moved alike everywhere, and search for others.

    Args:
        read: returns luma (linear light, float32) of the picture's ``[y0:y1, x0:x1]``.
        shape: (H, W) of the picture.
        first: the candidate so far.
        engine: runs KernelNet.
        fuse_engine: runs FuseNet; without it the candidates' mean is taken.
        judge: chooses among the candidates; one without a network if omitted.
        tone: curve of the photo's samples.
        proposed_px: typical length of the windows' motion; that of their mean is shorter where they
            differ.
        params: how far, and how candidates are weighted.
        runtime: says how many windows and searches are worked on at the same time.

    Returns:
        What makes the best picture of the window that shows most.
    """
    fused, part, found = fused_shared(
        read, shape, first, engine, fuse_engine, params=params, runtime=runtime
    )
    if not found:
        return fused
    if not params.refine.thorough:
        chosen = choose(part, at_hand(part, fused.psf, found), tone=tone, judge=judge)
    else:
        half = half_size(read, shape, fused.middle, params.refine)
        among = candidates(
            part,
            fused.psf,
            half,
            begun=found[:1],
            proposed_px=max(proposed_px, first.length_px()),
            runtime=runtime,
        )
        chosen = choose_corrected(
            part, among, judge or Judge(), half=half, tone=tone, runtime=runtime
        )
    if chosen.psf is fused.psf:
        return replace(fused, is_long=_is_long(chosen))
    return replace(
        fused,
        psf=chosen.psf,
        fused_confidence=None,
        is_long=_is_long(chosen),
        is_page=chosen.origin == "two_tones",
    )


def _is_long(chosen: Candidate) -> bool:
    return chosen.origin == "long" or 2 * chosen.psf.length_px() > LEARNED_PX


def fused_shared(
    read: LumaReader,
    shape: tuple[int, int],
    first: Psf,
    engine: Engine,
    fuse_engine: Engine | None = None,
    *,
    params: MotionParams = MOTION,
    runtime: Runtime = ALL_THREADS,
) -> tuple[SharedEstimate, FloatArray, list[Psf]]:
    """Return what the networks make of a picture that moved alike everywhere.

    Args:
        read, shape, first, engine, fuse_engine, params, runtime: as for :func:`refine_shared`.

    Returns:
        The estimate, luma of the window that shows most, and what searches found there, that from
        nothing first; where the window shows nothing, KernelNet alone is asked.
    """
    refine = params.refine
    windows = wide_windows(read, shape, refine)
    part, middle = windows[0]
    observed = observe_all([window for window, _ in windows], runtime=runtime)
    estimated, confidence, _ = estimate_shared(
        observed, first, engine, params=refine, runtime=runtime
    )
    if part.std() < refine.flat:
        return SharedEstimate(estimated, confidence, None, middle), part, []
    found = searched(read, shape, part, middle, engine, params=refine, runtime=runtime)
    if fuse_engine is None:
        mean = least_energy(part, estimated, found, params=params.fusion)
        return SharedEstimate(mean, confidence, None, middle), part, found
    psf, fused_confidence = fuse(observed[0], estimated, found, fuse_engine, params.fusion)
    return SharedEstimate(psf, confidence, fused_confidence, middle), part, found


def finer(
    read: LumaReader,
    shape: tuple[int, int],
    psf: Psf,
    middle: tuple[int, int],
    *,
    is_page: bool = False,
    params: MotionParams = MOTION,
) -> Psf | None:
    """Carry a PSF up to a picture of twice the size.

    Args:
        read: returns luma of the larger picture, as for :func:`refine_shared`.
        shape: (H, W) of the larger picture.
        psf: as found on the smaller one.
        middle: (y, x) on the larger picture, around which it is searched.
        is_page: whether it is refined as that of a page, too; what leaves the fewest edges is
            taken. Of seven large drawn pages one gains 10.7 dB by it, six stay as they are; taken
            unseen, it cost another one 3.7 dB.
        params: how large a part is searched, and what the PSF must keep.

    Returns:
        The PSF in px of the larger picture, or None if the search lost the motion or found another.
    """
    if not params.refine.thorough:
        return psf.scaled(2.0)
    side = params.refine.carried_px
    (y0, y1), (x0, x1) = (span(m, size, side) for m, size in zip(middle, shape, strict=True))
    begun = psf.scaled(2.0)
    part = read(y0, x0, y1, x1)
    found = estimate_psf_map(part, initial=begun, crop_px=side, params=FUSED_SEARCH)
    if is_page:
        two_tones = TwoTones(evenly_lit(part))
        found = min(found, *two_tones.refined(begun), key=two_tones.share_of_edges)
    lost = collapsed(found, begun, params.fusion)
    if lost or likeness(found, begun) < params.refine.carried:
        return None
    return found
