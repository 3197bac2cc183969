"""What settings are worth on a pair, in dB.

A setting is worth what it gains on the blurry photo; losses count three times, and a sharp photo
that does not come back as it was counts as 1 dB lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from unblur.errors import ShapeMismatch
from unblur.evaluate.cases import Case
from unblur.evaluate.harm import UNHARMED_DB
from unblur.evaluate.light import curve_of
from unblur.evaluate.samples import Samples, as_uint8
from unblur.motion.picture import Picture
from unblur.motion.remembering import RememberingEstimator
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.pipeline.settings import Settings
from unblur.psnr import psnr_db
from unblur.runtime import ALL_THREADS, Runtime
from unblur.zoo.models import default_session

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
        runtime: how networks are run.

    Attributes:
        device: short name of the device that runs them.
    """

    def __init__(self, model: str, runtime: Runtime = ALL_THREADS) -> None:
        models = default_session(runtime).models(model)
        self.device = models.device
        estimator = RememberingEstimator(models.estimator, most=2 * MOST_PAIRS)
        self._models = replace(models, estimator=estimator)
        # A cache for each bench, since it holds photos.
        self._read = lru_cache(maxsize=MOST_PAIRS)(self._pictures)

    def worth(self, case: Case, settings: Settings) -> float:
        """Return what settings are worth on a pair, in dB; see the module's text."""
        blurry, sharp = self._read(_Key(case))
        before = psnr_db(blurry.samples, sharp.samples, data_range=255)
        after = psnr_db(self.restore(blurry, settings), sharp.samples, data_range=255)
        gain = 0.0 if before == after else float(np.clip(after - before, -20, 20))
        kept = psnr_db(self.restore(sharp, settings), sharp.samples, data_range=255)
        harm = HARM_DB if kept < UNHARMED_DB else 0.0
        return (gain if gain > 0 else LOSS_WEIGHT * gain) - harm

    def restore(self, picture: Picture, settings: Settings) -> Samples:
        """Return a picture as it is restored by settings; its motion is estimated once."""
        return restore_picture(picture, self._models, RestoreOptions(settings=settings)).samples

    def _pictures(self, key: _Key) -> tuple[Picture, Picture]:
        """Return the middles of a pair's photos, blurry and sharp."""
        blurry, sharp = as_uint8(key.case.blurry.read()), as_uint8(key.case.read_sharp())
        if blurry.shape != sharp.shape:
            raise ShapeMismatch(
                f"{key.case.name}: blurry is {blurry.shape}, sharp {sharp.shape}; tuning needs "
                "pairs of one size"
            )
        curve = curve_of(key.case)
        return Picture(_middle(blurry), curve), Picture(_middle(sharp), curve)


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
