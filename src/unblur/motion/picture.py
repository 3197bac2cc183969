"""A photo's samples with the tone curve that encodes them: what motion is estimated from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from unblur.color import FloatArray, luma, to_float
from unblur.tone import SRGB, ToneCurve, shrunk_luma


@dataclass(frozen=True, eq=False)
class Picture:
    """A photo's samples and how they encode light; only ever read, piece by piece.

    Attributes:
        samples: (H, W, C) uint8, uint16 or float in [0, 1], C 1 or 3.
        tone: their tone curve.
        assumed: whether the curve is not known, so that an estimate may replace it.
    """

    samples: NDArray[Any]
    tone: ToneCurve = SRGB
    assumed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in px."""
        return self.samples.shape[0], self.samples.shape[1]

    def light(self, y0: int, x0: int, y1: int, x1: int) -> FloatArray:
        """Return ``[y0:y1, x0:x1]`` in linear light, (h, w, C) float32."""
        return self.tone.to_linear(to_float(self.samples[y0:y1, x0:x1]))

    def luma(self, y0: int, x0: int, y1: int, x1: int) -> FloatArray:
        """Return the luma of ``[y0:y1, x0:x1]``, linear light, (h, w) float32."""
        return luma(self.light(y0, x0, y1, x1))

    def part(self, y0: int, x0: int, y1: int, x1: int) -> Picture:
        """Return ``[y0:y1, x0:x1]`` as a picture of its own; the samples are shared."""
        return replace(self, samples=self.samples[y0:y1, x0:x1])

    def shrunk_luma(self, scale: int) -> FloatArray:
        """Return the luma shrunk by a whole factor, strip by strip.

        Args:
            scale: at least 1, at most a side; each value is the mean of a block, what is left over
                at the far sides is dropped.

        Returns:
            (H // scale, W // scale) float32, linear light.
        """
        return shrunk_luma(self.samples, scale, self.tone)
