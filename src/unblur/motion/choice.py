"""Which of several candidates is taken for a window: each is tried, and what it makes is judged.

Of long motion a smaller picture tells more. A page of two tones tells more of its PSF than other
pictures, and JudgeNet, which is fond of what is crisp, is not left alone there
(:mod:`unblur.motion.pages`). What is chosen is corrected (:mod:`unblur.motion.correction`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray
from unblur.motion.candidates import SMALL_PAGE_SEARCH, searched_psf
from unblur.motion.coarse_to_fine import bright_level, paper_level
from unblur.motion.correction import CORRECTION, CorrectionParams, corrections
from unblur.motion.features import noise_sigma
from unblur.motion.judge import LEARNED_PX, Candidate, Judge, middle_part
from unblur.motion.pages import PAGE, PageParams, TwoTones, evenly_lit
from unblur.motion.threads import in_threads
from unblur.runtime import ALL_THREADS, Runtime
from unblur.tone import SRGB, ToneCurve


def choose(
    window: FloatArray,
    found: Sequence[Candidate],
    *,
    tone: ToneCurve = SRGB,
    judge: Judge | None = None,
) -> Candidate:
    """Return the candidate that makes the best picture of a window.

    Args:
        window: (H, W) float32 luma, linear light.
        found: the candidates, at least one.
        tone: curve of the photo's samples.
        judge: chooses; one without a network if omitted.
    """
    return (judge or Judge()).best(*_encoded(window, tone), found)


def choose_corrected(
    window: FloatArray,
    found: Sequence[Candidate],
    judge: Judge,
    *,
    half: FloatArray | None = None,
    tone: ToneCurve = SRGB,
    params: CorrectionParams = CORRECTION,
    page: PageParams = PAGE,
    runtime: Runtime = ALL_THREADS,
) -> Candidate:
    """Choose among candidates, the chosen PSF corrected as far as that does not make it worse.

    Args:
        window, found, tone: as for :func:`choose`.
        judge: tells. Without a network it cannot tell corrections, and nothing is corrected.
        half: luma of the picture about the window at half its size, on which long candidates are
            tried; None to try all on the window.
        params: of the correction.
        page: what is done where the window is a page.
        runtime: says how many candidates are worked on at the same time there.
    """
    if not judge.has_network:
        return choose(window, found, tone=tone, judge=judge)
    tried = _Tried([window] if half is None else [window, half], tone, judge)
    gains = tried.gains(found)
    if is_page(window, found, gains, page):
        chosen, least = _chosen_on_page(window, found, gains, tried, page, runtime)
    else:
        chosen, least = found[int(np.argmax(gains))], float(gains.max())
    least -= params.doubt_db
    part = middle_part(window)
    # Of 33 windows none took the second turn where the first had made it worse.
    for psf in corrections(part, chosen.psf, noise_sigma(part), params):
        corrected = replace(chosen, psf=psf)
        if tried.gains([corrected])[0] < least:
            break
        chosen = corrected
    return chosen


def is_page(
    window: FloatArray,
    found: Sequence[Candidate],
    gains: NDArray[np.float64],
    params: PageParams = PAGE,
) -> bool:
    """Return whether what a search for two tones has found on paper is about as good as anything.

    Args:
        window: (H, W) float32 luma, linear light.
        found: candidates.
        gains: what undoing each would gain, dB.
        params: how much worse it may be, and how bright paper is.
    """
    told = [gain for one, gain in zip(found, gains, strict=True) if one.origin == "two_tones"]
    if not told or max(told) < float(gains.max()) - params.within_db:
        return False
    return paper_level(window / np.float32(bright_level(window))) >= params.paper


def _chosen_on_page(
    window: FloatArray,
    found: Sequence[Candidate],
    gains: NDArray[np.float64],
    tried: _Tried,
    params: PageParams,
    runtime: Runtime,
) -> tuple[Candidate, float]:
    """Return the best of a page's candidates, refined ones among them, and its gain, dB."""
    even = evenly_lit(window)
    two_tones, noise = TwoTones(even, params), noise_sigma(middle_part(window))
    other = Candidate(searched_psf(even, SMALL_PAGE_SEARCH, noise=noise), "two_tones")
    found, gains = [*found, other], np.concatenate([gains, tried.gains([other])])
    best = [found[i].psf for i in np.argsort(-gains)[: params.refined]]
    refined = in_threads(two_tones.refined, best, runtime=runtime)
    more = [Candidate(psf, "two_tones") for rounds in refined for psf in rounds]
    among, told = [*found, *more], np.concatenate([gains, tried.gains(more)])
    psfs = [one.psf for one in among]
    edges = np.array(in_threads(two_tones.share_of_edges, psfs, runtime=runtime))
    chosen = int(np.argmax(told - params.per_edges_db * np.log(edges)))
    return among[chosen], float(told[chosen])


class _Tried:
    """Tells what candidates would gain over the window as it is.

    Args:
        planes: luma of the window, linear light, and perhaps that of the picture about it at half
            its size, on which what is too long for the window is tried.
        tone: curve of the photo's samples.
        judge: one with a network.
    """

    def __init__(self, planes: Sequence[FloatArray], tone: ToneCurve, judge: Judge) -> None:
        self._planes, self._tone, self._judge = planes, tone, judge
        self._sizes: dict[int, tuple[FloatArray, ToneCurve, float]] = {}
        self._unchanged: dict[int, float] = {}

    def gains(self, found: Sequence[Candidate]) -> NDArray[np.float64]:
        """Return what undoing each candidate would gain, dB, each told at the size that suits it.

        Args:
            found: candidates, in px of the window.
        """
        gains = np.empty(len(found))
        most = len(self._planes) - 1
        level = [min(int(c.psf.length_px() > LEARNED_PX), most) for c in found]
        for halvings in set(level):
            among = [i for i, own in enumerate(level) if own == halvings]
            shrunk = [_halved(found[i], halvings) for i in among]
            size = self._size(halvings)
            gains[among] = self._judge.scores(*size, shrunk) - self._unchanged[halvings]
        return gains

    def _size(self, halvings: int) -> tuple[FloatArray, ToneCurve, float]:
        """Return the samples of a size, their curve, and their noise."""
        if halvings not in self._sizes:
            self._sizes[halvings] = _encoded(self._planes[halvings], self._tone)
            self._unchanged[halvings] = self._judge.unchanged(*self._sizes[halvings])
        return self._sizes[halvings]


def _halved(candidate: Candidate, halvings: int) -> Candidate:
    return replace(candidate, psf=candidate.psf.scaled(0.5)) if halvings else candidate


def _encoded(window: FloatArray, tone: ToneCurve) -> tuple[FloatArray, ToneCurve, float]:
    """Return the samples of a window's middle part, their curve, and their noise."""
    curve = tone.of_luma()
    samples = curve.to_encoded(np.clip(middle_part(window), 0, 1))
    return samples, curve, noise_sigma(samples)
