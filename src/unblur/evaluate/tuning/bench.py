"""What settings are worth on a pair, in dB.

A setting is worth what it gains on the blurry photo; losses count three times, and a sharp photo
that does not come back as it was counts as 1 dB lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from unblur.errors import ShapeMismatch
from unblur.evaluate.cases import Case
from unblur.evaluate.harm import UNHARMED_DB
from unblur.evaluate.metrics import psnr_db
from unblur.evaluate.samples import Samples, as_uint8
from unblur.motion.field import MotionField
from unblur.restoration.catalogue import (
    load_blur_engine,
    load_fuse_engine,
    load_kernel_engine,
    load_restorer,
)
from unblur.restoration.pipeline import RestoreOptions, analyse_samples, restore_samples
from unblur.restoration.settings import Settings

MOST_PAIRS = 60
"""Of more pairs a part is drawn."""

LOSS_WEIGHT = 3.0
"""A dB lost counts as this many dB gained."""

HARM_DB = 1.0
"""A sharp photo that is changed counts as this much lost."""

_SIDE_PX = 768


class Bench:
    """Measures settings on pairs; what does not depend on the settings is done once.

    Args:
        model: whose pipeline.
        threads: of the networks.
    """

    def __init__(self, model: str, threads: int | None) -> None:
        self._restorer = load_restorer(model, threads=threads)
        self._kernel = load_kernel_engine(threads=threads)
        self._fuse = load_fuse_engine(threads=threads)
        self._blur = load_blur_engine(threads=threads)
        # A cache for each bench, since it holds photos.
        self._read = lru_cache(maxsize=MOST_PAIRS)(self._analysed)

    def worth(self, case: Case, settings: Settings) -> float:
        """Return what settings are worth on a pair, in dB; see the module's text."""
        (blurry, moved), (sharp, still) = self._read(_Key(case))
        before = psnr_db(blurry, sharp, data_range=255)
        after = psnr_db(self._restore(blurry, moved, settings), sharp, data_range=255)
        gain = 0.0 if before == after else float(np.clip(after - before, -20, 20))
        kept = psnr_db(self._restore(sharp, still, settings), sharp, data_range=255)
        harm = HARM_DB if kept < UNHARMED_DB else 0.0
        return (gain if gain > 0 else LOSS_WEIGHT * gain) - harm

    def _restore(self, samples: Samples, motion: MotionField | None, settings: Settings) -> Samples:
        restored, _, _ = restore_samples(
            samples,
            self._restorer,
            self._kernel,
            RestoreOptions(settings=settings),
            fuse_engine=self._fuse,
            blur_engine=self._blur,
            motion=motion,
        )
        return restored

    def _analysed(self, key: _Key) -> list[tuple[Samples, MotionField | None]]:
        blurry, sharp = as_uint8(key.case.blurry.read()), as_uint8(key.case.read_sharp())
        if blurry.shape != sharp.shape:
            raise ShapeMismatch(
                f"{key.case.name}: blurry is {blurry.shape}, sharp {sharp.shape}; tuning needs "
                "pairs of one size"
            )
        parts = [_middle(image) for image in (blurry, sharp)]
        return [
            (part, analyse_samples(part, self._kernel, fuse_engine=self._fuse)) for part in parts
        ]


@dataclass(frozen=True, eq=False)
class _Key:
    """A case as a key: facts are no hashable value, its name within the set is."""

    case: Case

    def __hash__(self) -> int:
        return hash(self.case.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.case.name == self.case.name


def _middle(image: Samples) -> Samples:
    parts = []
    for side in image.shape[:2]:
        first = max(0, side - _SIDE_PX) // 2
        parts.append(slice(first, first + _SIDE_PX))
    return np.ascontiguousarray(image[parts[0], parts[1]])
