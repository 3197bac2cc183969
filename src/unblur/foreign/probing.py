"""What an unknown ONNX file wants and gives, found out by asking it.

Read from the file: how many inputs and outputs, order of axes, fixed sizes. Tried: which side
lengths it takes, which range of values it answers with the picture that it was shown.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from unblur.color import FloatArray
from unblur.engines.foreign import ForeignEngine
from unblur.engines.onnx import open_session
from unblur.errors import BadValue, EngineFailed, SpecMismatch
from unblur.pipeline.tile_work import FADE_PX
from unblur.runtime import ONE_THREAD
from unblur.spec import ForeignSpec, Layout, ValueRange

MULTIPLES = (1, 2, 4, 8, 16, 32, 64, 128)
"""Side lengths are tried as odd multiples of these, the smallest first."""

_WINDOW_PX, _HALO_PX = 512, 32
_BASE_PX = 128
_ALIKE = 0.12
"""Largest mean difference, of 1, between a smooth picture and a deblurring network's answer."""


@dataclass(frozen=True)
class Wishes:
    """What the user knows of a network, and what else is to be recorded; None is found out.

    Attributes:
        layout, value_range, multiple_of, output, halo_px: as in :class:`ForeignSpec`.
        window_px: side of the tiles.
        licence, origin, architecture, trained_on: for the record.
        parameters: number of weights, 0 if unknown.
    """

    layout: Layout | None = None
    value_range: ValueRange | None = None
    multiple_of: int | None = None
    window_px: int | None = None
    output: int | None = None
    halo_px: int | None = None
    licence: str = "unstated"
    origin: str = ""
    architecture: str = ""
    trained_on: str = ""
    parameters: int = 0


def probe(data: bytes, name: str, sha256: str, wishes: Wishes) -> ForeignSpec:
    """Return what is found out about an ONNX file.

    Args:
        data: the file.
        name: of the model.
        sha256: of the file.
        wishes: what is known already.

    Raises:
        CorruptWeights: not an ONNX file that ONNX Runtime can load.
        SpecMismatch: no network with one image in and one image of the same size out, or one
            whose ways cannot be told; the message names the option that would tell.
    """
    session, _ = open_session(data, ONE_THREAD)
    shape = _input_shape(session)
    layouts = [wishes.layout] if wishes.layout else _layouts(shape)
    sides = shape[2:] if layouts[0] == "nchw" else shape[1:3]
    fixed = (sides[0], sides[1]) if all(isinstance(side, int) for side in sides) else None
    spec = ForeignSpec(
        name=name,
        sha256=sha256,
        layout=layouts[0],
        value_range=wishes.value_range or "0..1",
        multiple_of=wishes.multiple_of or 1,
        window_px=fixed or (_BASE_PX, _BASE_PX),
        fixed=fixed is not None,
        halo_px=wishes.halo_px or 0,
        output=wishes.output or 0,
        bytes=len(data),
        parameters=wishes.parameters,
        seconds_per_mpx=0.0,
        licence=wishes.licence,
        origin=wishes.origin,
        architecture=wishes.architecture,
        trained_on=wishes.trained_on,
    )
    count = len(session.get_outputs())
    outputs = range(count) if wishes.output is None else [wishes.output]
    if wishes.output is not None and not 0 <= wishes.output < count:
        raise BadValue(f"the network has {count} outputs, number {wishes.output} is not among them")
    del session
    candidates = [replace(spec, layout=ly, output=o) for ly in layouts for o in outputs]
    # One that takes one size only is tried once, when its cost is measured.
    spec = candidates[0] if fixed and len(candidates) == 1 else _the_one(data, candidates)
    spec = spec if spec.fixed else _with_window(data, spec, wishes)
    if wishes.halo_px is None:
        room = (min(spec.window_px) - 3 * FADE_PX - 1) // 2
        spec = replace(spec, halo_px=max(0, min(_HALO_PX, room)))
    spec = replace(spec, seconds_per_mpx=_cost(data, spec))
    if wishes.value_range is None:
        spec = replace(spec, value_range=_value_range(data, spec))
    return spec


def picture(height: int, width: int) -> FloatArray:
    """Return a smooth coloured picture, (H, W, 3) float32 in [0, 1], the same each time."""
    y, x = np.mgrid[:height, :width] / 48.0
    waves = [np.sin(x + 0.6 * y), np.cos(y - 0.3 * x + 1), np.sin(1.3 * x + 2) * np.cos(y)]
    return (0.5 + 0.3 * np.stack(waves, axis=2)).astype(np.float32)


def _input_shape(session: Any) -> list[Any]:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(node.name for node in inputs)
        raise SpecMismatch(f"the network has {len(inputs)} inputs ({names}); one image is expected")
    if inputs[0].type != "tensor(float)":
        raise SpecMismatch(
            f"the network takes {inputs[0].type}; only tensor(float) is run: convert it to float32"
        )
    if len(inputs[0].shape) != 4:
        raise SpecMismatch(
            f"the network takes an input of shape {inputs[0].shape}; an image has four axes: "
            "batch, channels, height, width in some order"
        )
    return list(inputs[0].shape)


def _layouts(shape: list[Any]) -> list[Layout]:
    known: list[Layout] = []
    if shape[1] == 3:
        known.append("nchw")
    if shape[3] == 3:
        known.append("nhwc")
    if known:
        return known
    if isinstance(shape[1], int) and isinstance(shape[3], int):
        raise SpecMismatch(
            f"the network takes images of shape {shape}; one of 3 channels is wanted"
        )
    return list(get_args(Layout))


def _the_one(data: bytes, candidates: list[ForeignSpec]) -> ForeignSpec:
    """Return the only candidate that runs and gives an image of the size it was given."""
    fitting, first = [], ""
    for spec in candidates:
        sides = [spec.window_px] if spec.fixed else [(_BASE_PX, _BASE_PX), (256, 256)]
        reasons = [_refusal(ForeignEngine(data, spec, runtime=ONE_THREAD), *side) for side in sides]
        if "" in reasons:
            fitting.append(spec)
        first = first or reasons[0]
    if not fitting:
        raise SpecMismatch(f"the network does not turn an image into one of its size: {first}")
    if len({spec.layout for spec in fitting}) > 1:
        raise SpecMismatch(
            "the order of the image's axes cannot be told; say --layout nchw or nhwc"
        )
    if len(fitting) > 1:
        numbers = ", ".join(str(spec.output) for spec in fitting)
        raise SpecMismatch(f"outputs {numbers} are images of its size; say which one: --output N")
    return fitting[0]


def _refusal(engine: ForeignEngine, height: int, width: int) -> str:
    """Return why a network does not restore an image of this size, empty if it does."""
    try:
        _restored(engine, picture(height, width))
    except EngineFailed as error:
        return str(error)
    return ""


def _restored(engine: ForeignEngine, image: FloatArray) -> FloatArray:
    """Return what a network makes of an image (H, W, 3)."""
    (result,) = engine(np.moveaxis(image, 2, 0)[None])
    return np.moveaxis(result[0], 0, 2)


def _with_window(data: bytes, spec: ForeignSpec, wishes: Wishes) -> ForeignSpec:
    """Return the record with the multiple of its sides, and a window that fits."""
    engine = ForeignEngine(data, spec, runtime=ONE_THREAD)
    multiple = wishes.multiple_of
    if multiple is None:
        # Unequal sides, neither of them a multiple of anything larger.
        fits = (m for m in MULTIPLES if not _refusal(engine, _odd(m), _odd(m) + 2 * m))
        multiple = next(fits, None)
    if multiple is not None:
        side = wishes.window_px or _WINDOW_PX
        side = max(multiple, side // multiple * multiple)
        return replace(spec, multiple_of=multiple, window_px=(side, side))
    for side in (256, _BASE_PX):  # it may take squares only
        if not _refusal(engine, side, side):
            return replace(spec, multiple_of=1, window_px=(side, side), fixed=True)
    raise SpecMismatch("the sizes that the network takes cannot be told; say --multiple N")


def _odd(multiple: int) -> int:
    """Return an odd multiple near the base size."""
    count = max(1, _BASE_PX // multiple)
    return multiple * (count + 1 - count % 2)


def _value_range(data: bytes, spec: ForeignSpec) -> ValueRange:
    """Return the range of values in which a smooth picture comes back most like it was."""
    apart: dict[ValueRange, float] = {}
    sides = spec.window_px if spec.fixed else (_odd(spec.multiple_of), _odd(spec.multiple_of))
    shown = picture(*sides)
    for candidate in get_args(ValueRange):
        engine = ForeignEngine(data, replace(spec, value_range=candidate), runtime=ONE_THREAD)
        difference = float(np.abs(_restored(engine, shown) - shown).mean())
        apart[candidate] = difference if math.isfinite(difference) else math.inf
    best = min(apart, key=lambda key: apart[key])
    if apart[best] > _ALIKE:
        found = ", ".join(f"{key}: {value:.2g}" for key, value in apart.items())
        raise SpecMismatch(
            f"in no range of values does a smooth picture come back alike (differences {found}); "
            "say --input-range 0..1, 0..255 or -1..1 if it is right nonetheless"
        )
    # Many networks add what they find to the picture and answer alike in any range; most take
    # 0..1. One for 0..255 has its say in grey levels, and is far off there.
    return "0..1" if apart["0..1"] <= _ALIKE / 2 else best


def _cost(data: bytes, spec: ForeignSpec) -> float:
    """Return the seconds of one thread for a megapixel, by one tile of at most 256 px."""
    side = 256 // spec.multiple_of * spec.multiple_of or spec.multiple_of
    sides = spec.window_px if spec.fixed else (min(side, spec.window_px[0]),) * 2
    engine = ForeignEngine(data, spec, runtime=ONE_THREAD)
    begun = time.process_time()
    reason = _refusal(engine, *sides)
    if reason:
        raise SpecMismatch(f"the network does not turn an image into one of its size: {reason}")
    return round((time.process_time() - begun) * 1e6 / (sides[0] * sides[1]), 3)
