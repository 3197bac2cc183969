"""Samples of restoration networks from stored PSF pairs: any motion and light, much of it wrong.

What a photo's bank is made with is mostly an estimate, sometimes the true PSF, a point, or the PSF
of another motion; part of the photo may have moved otherwise, all of it may be sharp or out of
focus. So the network learns where to mistrust what it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unblur.blur.camera import draw_camera
from unblur.blur.formation import apply_psf, move_object
from unblur.blur.psf import Psf
from unblur.blur.register import moved, restored_offset
from unblur.blur.synthesis import Synthesiser, object_mask
from unblur.color import FloatArray, linear_to_srgb, luma
from unblur.restoration.inputs import network_input
from unblur.restoration.noise import noise_beside_motion
from unblur.spec import Bank
from unblur.training.bank_psf import NO_MOTION, BankPsf
from unblur.training.pages import draw_page
from unblur.training.psf_pairs import PsfPair, read_pairs
from unblur.training.shards import Arrays
from unblur.training.windows import crops_of

_HELD_BACK = 25
"""One pair in so many is for validation only."""


@dataclass(frozen=True)
class PairedRecipe:
    """How stored PSFs and photos are put together. Shares add up to at most 1, drawn by hand.

    Attributes:
        candidates: share of banks made with an estimate; which of the pair's is drawn evenly.
        true: with the true PSF, which users may know.
        none: with a point. The rest: with the estimate of another motion.
        objects: share of photos part of which moved otherwise, or stood still.
        sharp: share of photos that did not move at all.
        defocus: share of photos out of focus.
        pages: share of photos that are pages of text, see :mod:`unblur.training.pages`.
        mismatched_confidence: largest confidence given with a PSF of another motion.
    """

    candidates: float = 0.72
    true: float = 0.2
    none: float = 0.03
    objects: float = 0.08
    sharp: float = 0.04
    defocus: float = 0.03
    pages: float = 0.15
    mismatched_confidence: float = 0.7


PAIRED = PairedRecipe()


def pairs_of(path: Path, *, validation: bool) -> list[PsfPair]:
    """Return the pairs of a file that are for training, or those that are held back.

    Raises:
        BadValue: no such file, or not one of pairs.
    """
    every = read_pairs(path)
    held = [p for i, p in enumerate(every) if i % _HELD_BACK == 0]
    kept = [p for i, p in enumerate(every) if i % _HELD_BACK != 0]
    return held if validation or not kept else kept


class PairedMaker:
    """Blurs windows by stored motions and makes the banks that would have been made of them.

    Args:
        pairs: file of PSF pairs, see :mod:`unblur.training.psf_pairs`.
        validation: whether to use the pairs that are held back.
        synthesise: its recipe blurs what the pairs do not.
        bank: what the network is shown.
        recipe: shares.
    """

    def __init__(
        self,
        pairs: Path,
        synthesise: Synthesiser,
        *,
        validation: bool,
        bank: Bank = "tv",
        recipe: PairedRecipe = PAIRED,
    ) -> None:
        self._pairs = pairs_of(pairs, validation=validation)
        self._synthesise, self._bank, self._recipe = synthesise, bank, recipe

    def __call__(
        self, window: FloatArray, crop_px: int, crops: int, rng: np.random.Generator
    ) -> list[Arrays]:
        """Return crops of one window.

        Args:
            window: (H, W, 3) float32 in [0, 1], sharp, with the margins that the blur uses up.
            crop_px, crops: side and number of the crops.
            rng: source of all randomness.
        """
        pair = self._pair(rng)
        used = self._choose(pair, rng)
        if rng.random() < self._recipe.pages:
            window = draw_page(window.shape[0], window.shape[1], rng)
        camera = draw_camera(self._synthesise.recipe.camera, rng)
        light = self._synthesise.scene(window, camera, rng)
        blurred, follows = self._blur(light, pair.true, rng)
        made = self._synthesise.developed(light, blurred, pair.true, camera, rng)
        linear = camera.curve.to_linear(made.blurry)
        blurry, sharp = (
            linear_to_srgb(np.clip(camera.curve.to_linear(side), 0, 1))
            for side in (made.blurry, made.sharp)
        )
        noise = noise_beside_motion(luma(linear), used.psf)
        everywhere = np.ones(blurry.shape[:2], np.float32)
        image = network_input(self._bank, blurry, [(used.psf, everywhere)], used.confidence, noise)
        if used.meant and follows:
            sharp = moved(sharp, restored_offset(used.psf, pair.true))
        return crops_of(image, np.moveaxis(sharp, 2, 0), crop_px, crops, rng)

    def _pair(self, rng: np.random.Generator) -> PsfPair:
        drawn = self._pairs[int(rng.integers(len(self._pairs)))]
        return drawn.turned(int(rng.integers(4)), mirror=bool(rng.random() < 0.5))

    def _choose(self, pair: PsfPair, rng: np.random.Generator) -> BankPsf:
        recipe, draw = self._recipe, rng.random()
        if draw < recipe.candidates:
            return BankPsf(*self._candidate(pair, rng), meant=True)
        if draw < recipe.candidates + recipe.true:
            return BankPsf(pair.true.centred(), 1.0, meant=True)
        if draw < recipe.candidates + recipe.true + recipe.none:
            return NO_MOTION
        psf, _ = self._candidate(self._pair(rng), rng)
        return BankPsf(psf, float(rng.uniform(0, recipe.mismatched_confidence)), meant=False)

    def _candidate(self, pair: PsfPair, rng: np.random.Generator) -> tuple[Psf, float]:
        names = sorted(pair.candidates)
        return pair.candidates[names[int(rng.integers(len(names)))]]

    def _blur(
        self, light: FloatArray, psf: Psf, rng: np.random.Generator
    ) -> tuple[FloatArray, bool]:
        """Return the blurred light, and whether the PSF says where the sharp photo lies."""
        recipe, draw = self._recipe, rng.random()
        if draw < recipe.objects:
            still = rng.random() < 0.7
            other = Psf.delta(3) if still else self._synthesise.draw_psf("line", rng)
            front, behind = (psf, other) if rng.random() < 0.5 else (other, psf)
            mask = object_mask(light.shape[:2], rng)
            return move_object(light, mask, object_psf=front, background_psf=behind), True
        if draw < recipe.objects + recipe.sharp:
            return light, False
        if draw < recipe.objects + recipe.sharp + recipe.defocus:
            return apply_psf(light, self._synthesise.draw_psf("defocus", rng)), False
        return apply_psf(light, psf), True
