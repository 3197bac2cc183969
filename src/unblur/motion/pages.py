"""Pages, labels and plates: even light, and PSFs refined on the picture of two tones they imply.

Paper and ink say much of what a sharp page looks like, if the paper is of one light. Light falls on
most pages unevenly; it varies slowly, and motion does not change what varies slowly. So a page is
divided by the light of its paper, a quadratic over the page, fitted to the pixels that are about
as bright as paper is there.

A search (:mod:`unblur.motion.coarse_to_fine`) keeps few gradients, since it begins with nothing. Of
a page whose PSF is nearly known, more can be believed: with a much lighter prior the latent image
keeps serifs and corners, and the PSF that turns it into the photo, by non-negative least squares
(:mod:`unblur.motion.polish`), is thinner and more complete. From a wrong PSF the same leads farther
astray, so what it leads to is a candidate like others. The fewer edges the picture of two tones has
that a candidate implies, the better it is.

References:
    Pan, Hu, Su, Yang, Deblurring text images via L0-regularized intensity and gradient prior, CVPR
    2014, doi:10.1109/CVPR.2014.371 (the picture of two tones). Own code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.coarse_to_fine import bright_level, paper_level
from unblur.motion.features import noise_sigma
from unblur.motion.l0_latent import Framed, l0_latent
from unblur.motion.polish import least_squares_psf
from unblur.motion.psf_tools import clean_grid, similarity
from unblur.motion.spatial import gradients
from unblur.tapers import ramp_taper


@dataclass(frozen=True)
class PageParams:
    """How a page is known, its PSFs refined, and the best of them chosen (docs/benchmarks.md).

    Chosen on 68 to 80 drawn pages in either light.

    Attributes:
        within_db: what may be a page is taken for one where JudgeNet finds a PSF of two tones no
            more than so much worse than the best.
        paper: least light of what is taken for paper, bright parts about 1. Dark skies and rooms
            are of one light, too: without it 14 of 59 estimates on photos that are no pages are
            refined.
        refined: so many of the candidates that it finds best are refined, what a third search for
            two tones has found among them: with that and four in place of three 28 pages gain
            0.5 dB.
        weight: price of a gradient of the latent image, paper about 1: a quarter of the search's.
            Half of the search's is as good on average.
        weight_per_noise: added to it per standard deviation of the noise, same unit.
        beta_last, beta_growth: of the latent image, see :func:`unblur.motion.l0_latent.l0_latent`.
        finer: share of that price in a second round of turns, where edges that are nearly known
            show more of the PSF: 0.2 dB on the mean of 24 pages, most with little noise, though
            some lose. Nothing but the second round is worse, a third one is not better.
        turns: of latent image and PSF in each round. Twelve in place of six change nothing on
            average.
        settled: similarity of two PSFs in turn from which on further turns change nothing.
        growth_px: by how much the PSF may reach beyond what it began with, in all turns.
        faint: share of the PSF's peak below which it is dropped.
        speck: share of the exposure below which a separate part of it is dropped.
        per_edges_db: what it counts for that a PSF's picture of two tones has e times as many
            edges as another one's. By JudgeNet alone the mean is 21.18 dB and the worst page loses
            11 dB against what was chosen without refinement (20.62 dB); with 5, 10 and 25 the mean
            is 21.5 to 21.6 and the worst -0.8, where the best candidate has 21.9.
        edge: square of a gradient from which on it is an edge.
        rim_px: in which edges are not counted: what lies beyond it is unknown.
    """

    within_db: float = 2.0
    paper: float = 0.5
    refined: int = 4
    weight: float = 0.001
    weight_per_noise: float = 0.075
    beta_last: float = 1e3
    beta_growth: float = 4.0
    finer: float = 0.3
    turns: int = 6
    settled: float = 0.998
    growth_px: int = 4
    faint: float = 0.03
    speck: float = 0.1
    per_edges_db: float = 10.0
    edge: float = 1e-4
    rim_px: int = 20


PAGE = PageParams()

_FITTED_EACH_PX = 3
"""Of every so many rows and columns one is fitted."""
_TERMS = (3, 3, 6, 6)
"""Terms of the light in each round of the fit: a plane, then a quadratic."""
_PAPER_WITHIN = (0.15, 0.08)
"""Share of the paper's light within which a pixel counts as paper, in the first round and later."""
_LEAST_LIGHT = 0.2
"""Share of the most frequent light below which no part of a page is taken to be lit."""
_LEAST_EDGES = 1e-4


def evenly_lit(luma: FloatArray) -> FloatArray:
    """Return a page as if light fell on it evenly.

    Args:
        luma: (H, W) float32, linear light, moved or not.

    Returns:
        (H, W) float32, linear light; the paper has its most frequent light all over.
    """
    bright = bright_level(luma)
    level = bright * paper_level(luma / np.float32(bright))
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in luma.shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    fitted = terms[::_FITTED_EACH_PX, ::_FITTED_EACH_PX].reshape(-1, terms.shape[-1])
    values = luma[::_FITTED_EACH_PX, ::_FITTED_EACH_PX].ravel()
    light, factors = np.full(values.shape, level), np.array([level])
    for turn, count in enumerate(_TERMS):
        is_paper = np.abs(values - light) < level * _PAPER_WITHIN[min(turn, 1)]
        if is_paper.sum() <= count:
            break
        factors = np.linalg.lstsq(fitted[is_paper][:, :count], values[is_paper], rcond=None)[0]
        light = fitted[:, :count] @ factors
    found = np.maximum(terms[..., : len(factors)] @ factors, _LEAST_LIGHT * level)
    return np.asarray(luma * (level / np.maximum(found, 1e-6)), np.float32)


class TwoTones:
    """A page, and the pictures of two tones that PSFs imply.

    Args:
        page: (H, W) float32 luma, linear light, evenly lit.
        params: of the pictures and the turns.
    """

    def __init__(self, page: FloatArray, params: PageParams = PAGE) -> None:
        bright = bright_level(page)
        self._params, self._blurry = params, page / np.float32(bright)
        self._paper = paper_level(self._blurry)
        self._noise = noise_sigma(page) / bright
        self._weight = params.weight + params.weight_per_noise * self._noise

    def refined(self, psf: Psf) -> tuple[Psf, ...]:
        """Return a PSF made better on the picture that it implies, as it is after each round.

        Centroids are at the centre; the one given where nothing is to be seen.
        """
        rounds = []
        for weight in (self._weight, self._params.finer * self._weight):
            psf = self._in_turns(psf, weight)
            rounds.append(psf)
        return tuple(rounds)

    def _in_turns(self, psf: Psf, weight: float) -> Psf:
        """Let a PSF and the picture that it implies take turns, gradients at a given price."""
        params, blurry = self._params, self._blurry
        reach = min(max(psf.shape) // 2 + params.growth_px, (min(blurry.shape) - 1) // 4)
        framed = Framed(blurry, reach)
        counts = ramp_taper(*blurry.shape, reach)
        observed = gradients(blurry) * counts
        for _ in range(params.turns):
            edges = gradients(self._picture(framed, psf, weight)) * counts
            grid = least_squares_psf(edges, observed, reach, self._noise)
            if not grid.any():
                return psf
            before, psf = psf, Psf(clean_grid(grid, params.faint, params.speck)).centred()
            if similarity(before, psf) >= params.settled:
                break
        return psf

    def share_of_edges(self, psf: Psf) -> float:
        """Return how much of the picture that a PSF implies is edges, in (0, 1].

        Under a wrong PSF ringing and ghosts are edges, too.
        """
        framed = Framed(self._blurry, max(psf.shape) // 2)
        picture = self._picture(framed, psf, self._weight)
        rim = min(self._params.rim_px, (min(picture.shape) - 1) // 3)
        inner = slice(rim, -rim)
        squared = np.square(gradients(picture[inner, inner])).sum(axis=0)
        return max(float(np.mean(squared > self._params.edge)), _LEAST_EDGES)

    def _picture(self, framed: Framed, psf: Psf, weight: float) -> FloatArray:
        params = self._params
        latent, _ = l0_latent(
            framed.spectrum,
            psf.otf(framed.shape),
            framed.shape,
            weight,
            beta_last=params.beta_last,
            growth=params.beta_growth,
            paper=self._paper,
            begun=framed.canvas,
        )
        return latent[framed.inside]
