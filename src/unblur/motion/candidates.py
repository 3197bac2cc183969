"""Several PSFs of one window, found in ways that go astray on different photos.

:mod:`unblur.motion.choice` chooses the best.

* *fused*: what FuseNet makes of KernelNet's estimates and the searches. Steady, at its best where
  there is noise; motion that is longer than its grid it cannot tell.
* *begun*: what a search finds that begins with FuseNet's PSF.
* *searched*, *searched_small*: the search from nothing and a last step by least squares. At its
  best with little noise, of any length; where it goes astray it does so wholly.
* *two_tones*: the search of a picture that is taken for paper and ink: pages, labels, plates, with
  two prices of a gradient. Only where one light covers much of the window, as paper does.
* *long*: the search of the picture at half its size, begun on a very small one and with a lighter
  prior. Very long motion is still motion there, where at full size no blur at all explains the
  picture better; short motion it makes longer than it is. Only where FuseNet's PSF or the one that
  was proposed is not short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.coarse_to_fine import (
    LEAST_SIDE_PX,
    SEARCH,
    SearchParams,
    bright_level,
    estimate_psf_map,
    paper_level,
)
from unblur.motion.features import noise_sigma
from unblur.motion.judge import TRIED_PX, Candidate, middle_part
from unblur.motion.pages import evenly_lit
from unblur.motion.polish import polished
from unblur.motion.psf_tools import similarity
from unblur.motion.threads import in_threads
from unblur.runtime import ALL_THREADS, Runtime

SMALL_SEARCH = SearchParams(coarsest_px=24)
"""The search begun on a smaller picture: it goes astray elsewhere. Only small windows, which tell
less and cost less, are searched like this too."""

PAGE_SEARCH = SearchParams(two_tones=True)
"""The search of pictures of two tones ..."""

LIGHT_PAGE_SEARCH = replace(PAGE_SEARCH, weight=0.002, weight_per_noise=0.15)
"""... that which lets twice as many gradients be: it goes astray on other pages ..."""

SMALL_PAGE_SEARCH = replace(LIGHT_PAGE_SEARCH, coarsest_px=24)
"""... and the same begun on a smaller picture, only where it is a page (motion/choice.py)."""

LONG_SEARCH = SearchParams(coarsest_px=24, weight=0.0015, faint=(0.01, 0.1))
"""The search for very long motion, on a picture of half the size."""

LONG_FROM_PX = 20.0
"""Length of FuseNet's PSF from which on very long motion is searched for. Below it that candidate
was taken of none of 61 windows that moved by 5 to 60 px."""

LONG_PROPOSED_PX = 12.0
"""The same of the PSF that was proposed. What has moved by 100 px shows no detail, and FuseNet may
take it for out of focus, where KernelNet still saw some motion."""

AGREED = 0.94
"""Similarity of FuseNet's PSF and the search's from which on no others are sought: nine of 61
windows, which lose 0.05 dB by it (with 0.9 fourteen, which lose 0.5). Of a page both may agree on
what the search for two tones does better: three of 40 lost 2 to 5 dB."""

SAME = 0.97
"""Similarity from which on of two candidates one is tried."""

_PAPER_WITHIN = 0.05
_PAPER, _DARK_PAPER, _BRIGHT = 0.12, 0.35, 0.5
"""Share of a window within so much of its most frequent light, bright parts about 1, from which on
it may be a page: more where that light is dark, since much of many photos is. 72 of 73 moved pages
reach it, and 49 of 97 moved photos; leaving the others out costs nothing (docs/results.md)."""


def searched_psf(
    luma: FloatArray,
    params: SearchParams = SEARCH,
    *,
    initial: Psf | None = None,
    noise: float | None = None,
) -> Psf:
    """Return the PSF of a window by search and a last step by least squares.

    Args:
        luma: (H, W) float32, linear light, sides of LEAST_SIDE_PX or more.
        params: of the search.
        initial: PSF to begin with; from nothing if omitted.
        noise: standard deviation of the middle part's noise, linear light; measured if omitted.
    """
    part = middle_part(luma)
    found = estimate_psf_map(luma, initial=initial, params=params)
    return polished(part, found, noise_sigma(part) if noise is None else noise)


def long_psf(half: FloatArray) -> Psf:
    """Return the PSF of a picture found at half its size, in px of the picture itself.

    Args:
        half: (H, W) float32 luma of the picture at half its size, linear light, sides of
            LEAST_SIDE_PX or more.
    """
    return estimate_psf_map(half, params=LONG_SEARCH, crop_px=max(half.shape)).scaled(2.0)


def candidates(
    window: FloatArray,
    fused: Psf | None,
    half: FloatArray | None,
    *,
    begun: Sequence[Psf] = (),
    proposed_px: float = 0.0,
    runtime: Runtime = ALL_THREADS,
) -> list[Candidate]:
    """Return the PSFs of a window that all ways lead to.

    Args:
        window: (H, W) float32 luma, linear light, sides of LEAST_SIDE_PX or more.
        fused: what the networks have found; None where there are none.
        half: luma of the picture about the window at half its size; None to look for no long
            motion.
        begun: what searches of the window have found already, that from nothing first; where that
            agrees with ``fused`` nothing else is sought, but of what may be a page. Empty to
            search.
        proposed_px: length of the motion that was proposed first.
        runtime: says how many searches are worked on at the same time.
    """
    is_page, found = may_be_page(window), at_hand(window, fused, begun)
    if begun and fused is not None and not is_page and similarity(fused, found[1].psf) >= AGREED:
        return found
    noise = noise_sigma(middle_part(window))
    search = partial(searched_psf, window, noise=noise)
    tasks: list[Callable[[], Candidate]] = []
    if not begun:
        tasks.append(lambda: Candidate(search(), "searched"))
    if max(window.shape) <= TRIED_PX:
        tasks.append(lambda: Candidate(search(SMALL_SEARCH), "searched_small"))
    if is_page:
        page = partial(searched_psf, evenly_lit(window), noise=noise)
        tasks.append(lambda: Candidate(page(PAGE_SEARCH), "two_tones"))
        tasks.append(lambda: Candidate(page(LIGHT_PAGE_SEARCH), "two_tones"))
    may_be_long = proposed_px >= LONG_PROPOSED_PX or not _is_short(fused)
    if half is not None and min(half.shape) >= LEAST_SIDE_PX and may_be_long:
        tasks.append(lambda: Candidate(long_psf(half), "long"))
    if fused is not None:
        tasks.append(lambda: Candidate(search(initial=fused), "begun"))
    return found + in_threads(lambda task: task(), tasks, runtime=runtime)


def at_hand(window: FloatArray, fused: Psf | None, begun: Sequence[Psf]) -> list[Candidate]:
    """Return the PSFs of a window that have been found on the way to FuseNet's, and that.

    Args:
        window, fused, begun: as for :func:`candidates`.
    """
    found = [] if fused is None else [Candidate(fused, "fused")]
    if begun:
        part = middle_part(window)
        found.append(Candidate(polished(part, begun[0], noise_sigma(part)), "searched"))
    for psf in begun[1:]:
        if all(similarity(psf, other.psf) < SAME for other in found):
            found.append(Candidate(psf, "begun"))
    return found


def may_be_page(window: FloatArray) -> bool:
    """Return whether one light covers so much of a window, (H, W) linear light, as paper does."""
    light = window / np.float32(bright_level(window))
    level = paper_level(light)
    share = float(np.mean(np.abs(light - np.float32(level)) < _PAPER_WITHIN))
    return share >= (_PAPER if level >= _BRIGHT else _DARK_PAPER)


def _is_short(fused: Psf | None) -> bool:
    return fused is not None and fused.length_px() < LONG_FROM_PX
