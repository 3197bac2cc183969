"""Stand-ins for the networks: engines and restorers whose answers are known."""

import numpy as np

from unblur.motion.detect import BlurDetector
from unblur.motion.guided import KERNEL_MAPS
from unblur.motion.network import NetworkEstimator
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.spec import ModelSpec
from unblur.zoo.models import Models


class FirstWord(NetworkEstimator):
    """Believes what the stand-in says at once: searching the picture for what nobody put there
    takes seconds each time, and has tests of its own."""

    def refine(self, picture, field):
        return field.bare()


def models_of(restorer, engine, *, blur_engine=None):
    """Models of stand-ins."""
    detector = None if blur_engine is None else BlurDetector(blur_engine)
    return Models(FirstWord(engine), detector, restorer)


GATED = RestoreOptions()


def restore_samples(
    samples,
    restorer,
    engine,
    options=GATED,
    *,
    blur_engine=None,
    progress=None,
):
    """Restore with stand-ins; returns (samples, motion, report)."""
    models = models_of(restorer, engine, blur_engine=blur_engine)
    result = restore_picture(Picture(samples), models, options, progress=progress)
    return result.samples, result.motion, result.report


class FakeKernelEngine:
    """Says the same of every window: a line of some length, and how sure it is."""

    def __init__(self, *, length=9, blurred=True, confidence=0.9):
        self.spec = ModelSpec("fake", "kernel", 1, 0, 0, "none", "nothing", 0)
        psf = np.zeros((64, 64), np.float32)
        psf[32, 32 - length // 2 : 32 + length // 2 + 1] = 1
        self._psf = psf / psf.sum()
        logit = 8.0 if blurred else -8.0
        sure = np.log(confidence / (1 - confidence))
        self._facts = np.array([logit, sure, np.log2(max(length, 1)), 1, 0], np.float32)
        self.calls = 0

    def __call__(self, maps, pooled):
        self.calls += 1
        count = len(maps)
        assert maps.shape == (count, len(KERNEL_MAPS), 64, 64)
        assert pooled.shape == (count, 3, 8, 8)
        return np.repeat(self._psf[None], count, 0), np.repeat(self._facts[None], count, 0)


class LocalRestorer:
    """A 5 x 5 mean with the colours swapped around: local, not symmetric in its channels."""

    name = "local"
    regularised = False

    def __init__(self, halo_px=2, at_once=1):
        self.halo_px, self.at_once = halo_px, at_once
        self.tiles = []

    def __call__(self, tile):
        from scipy import ndimage

        self.tiles.append(tile.srgb.shape)
        return ndimage.uniform_filter(tile.srgb, size=(5, 5, 1), mode="nearest")[..., ::-1].copy()


class Brighten:
    """Adds a constant."""

    name = "brighten"
    halo_px = 0
    at_once = 1
    regularised = True

    def __call__(self, tile):
        return tile.srgb + np.float32(0.1)
