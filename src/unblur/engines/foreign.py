"""Networks from elsewhere, run by ONNX Runtime: one image in, one image out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unblur.color import FloatArray
from unblur.engines.onnx import first_line, open_session
from unblur.errors import EngineFailed
from unblur.runtime import ALL_THREADS, Runtime
from unblur.spec import ForeignSpec, ModelSpec

_SCALES = {"0..1": (1.0, 0.0), "0..255": (255.0, 0.0), "-1..1": (2.0, -1.0)}


class ForeignEngine:
    """An ONNX file and what is known of it, ready to run.

    Args:
        source: the file, or its bytes.
        spec: its layout, its range of values, and which output counts; kept as ``record``.
        runtime: how it is run.

    Attributes:
        device: short name of the device that computes.

    Raises:
        CorruptWeights: no such file, or not ONNX.
        NoSuchDevice: the device that is asked for is not there.
    """

    def __init__(
        self,
        source: Path | bytes,
        spec: ForeignSpec,
        *,
        runtime: Runtime = ALL_THREADS,
    ) -> None:
        self.record = spec
        self.spec = ModelSpec(
            name=spec.name,
            task="restore",
            multiple_of=spec.multiple_of,
            halo_px=spec.halo_px,
            parameters=spec.parameters,
            licence=spec.licence,
            trained_on=spec.trained_on,
            samples=0,
            bank="none",
        )
        self._session, self.device = open_session(source, runtime)
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[spec.output].name

    def __call__(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """Run the network; see :class:`unblur.engines.base.Engine`.

        Args:
            inputs: one, (1, 3, H, W) float32 sRGB in [0, 1], sides as the network takes them.

        Returns:
            One image of that shape and range, unclipped.

        Raises:
            EngineFailed: a size that the network cannot take, or no memory.
        """
        (srgb,) = inputs
        scale, shift = _SCALES[self.record.value_range]
        batch = srgb * np.float32(scale) + np.float32(shift)
        if self.record.layout == "nhwc":
            batch = np.moveaxis(batch, 1, 3)
        feed: dict[str, Any] = {self._input: np.ascontiguousarray(batch, np.float32)}
        try:
            (result,) = self._session.run([self._output], feed)
        except Exception as error:
            raise EngineFailed(f"{self.spec.name} failed: {first_line(error)}") from error
        if self.record.layout == "nhwc" and result.ndim == 4:
            result = np.moveaxis(result, 3, 1)
        if result.shape != srgb.shape:
            raise EngineFailed(
                f"{self.spec.name} gave an image of shape {result.shape[1:]} for one of "
                f"{srgb.shape[1:]}; networks that change the size are not supported"
            )
        restored = (result - np.float32(shift)) / np.float32(scale)
        return (np.asarray(restored, dtype=np.float32),)
