"""What a network file says about itself: a frozen value that travels inside the ONNX file."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from unblur.errors import BadValue, CorruptWeights, SpecMismatch
from unblur.files import from_json
from unblur.toml import from_dict

SPEC_KEY = "unblur.spec"
"""Key of the JSON text in the ONNX file's metadata."""

FORMAT = 1
"""Version of the network interface; files of another version are refused."""


Bank = Literal["none", "wiener", "tv"]
"""What the input of a restoration network tells of the motion."""


@dataclass(frozen=True)
class ModelSpec:
    """A network's name, interface, origin and quality.

    Attributes:
        name: file name without suffix.
        task: what it does, as its training config names it: "kernel" (motion features -> PSF),
            "restore" (blurry photo and bank -> restored photo), "frame" (frame and memory ->
            both) ...
        multiple_of: image sides must be multiples of this; 1 for networks that see no image.
        halo_px: context to read around a tile, on each side; what lies further off hardly counts.
        parameters: number of weights.
        licence: of the weights.
        trained_on: what data, in a sentence.
        samples: training samples seen.
        metrics: validation figures by name.
        recipe: the training config as JSON.
        state_channels: of the memory at quarter resolution ("frame" only; 0 otherwise).
        bank: what its input tells of the motion, see :data:`unblur.restoration.inputs.CHANNELS`
            ("restore" only). Files from before there was a choice do not tell; theirs is "wiener".
        privacy: what differentially private training has spent, and on what terms; empty if it
            was not private.
        inputs: names of the channels of each input, by the input's name, in order; empty in
            files that are older than this field.
        format: version of the interface.
    """

    name: str
    task: str
    multiple_of: int
    halo_px: int
    parameters: int
    licence: str
    trained_on: str
    samples: int
    metrics: dict[str, float] = field(default_factory=dict)
    recipe: str = ""
    state_channels: int = 0
    bank: Bank = "wiener"
    privacy: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> str:
        """Return the spec as JSON."""
        values = dataclasses.asdict(self)
        for younger in ("privacy", "inputs"):
            if not values[younger]:
                del values[younger]  # so that programs from before it can read the rest
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, where: str) -> ModelSpec:
        """Read a spec.

        Raises:
            CorruptWeights: not JSON, other fields, values of another type or out of range, or
                another version of the interface.
            SpecMismatch: it was trained on a bank that is not made any more.
        """
        try:
            values = from_json(text)
            if not isinstance(values, dict):
                raise BadValue(f"it must be an object, got {type(values).__name__}")
            version = values.get("format", FORMAT)
            if version != FORMAT:
                raise CorruptWeights(
                    f"{where} has interface version {version}, this program reads {FORMAT}; "
                    "use a matching version of unblur"
                )
            if values.get("bank") == "edges":
                raise SpecMismatch(
                    f"{where} was trained on the bank 'edges', which this version does not make "
                    "any more; train it again on the bank 'tv', or use the version that made it"
                )
            spec = from_dict(cls, values, where="its specification")
            spec.check()
        except (ValueError, RecursionError, BadValue) as error:
            raise CorruptWeights(f"{where} carries no readable specification: {error}") from error
        return spec

    def check(self) -> None:
        """Refuse numbers that no network can have.

        Raises:
            BadValue: one is out of range.
        """
        least = {"multiple_of": 1, "halo_px": 0, "parameters": 0, "samples": 0, "state_channels": 0}
        for name, limit in least.items():
            if getattr(self, name) < limit:
                raise BadValue(f"{name} must be at least {limit}, got {getattr(self, name)}")


Layout = Literal["nchw", "nhwc"]
ValueRange = Literal["0..1", "0..255", "-1..1"]


@dataclass(frozen=True)
class ForeignSpec:
    """What is known of a network from elsewhere: kept beside its file on the user's model store.

    Attributes:
        name: as given to ``--model``.
        sha256: of the ONNX file, hexadecimal.
        layout: order of axes of its image, batch first.
        value_range: of the sRGB values that it takes and gives.
        multiple_of: image sides must be multiples of this.
        window_px: (height, width) of a tile: the only size it takes if ``fixed``, else the
            largest that it is given.
        fixed: whether it takes one size only.
        halo_px: context that a tile reads beyond its own pixels, on each side.
        output: which of its outputs is the restored image.
        bytes: size of the file.
        parameters: number of weights; 0 if unknown.
        seconds_per_mpx: measured when it was added, one thread, overlap of tiles left out.
        licence: of the weights, as the user or the source states it.
        origin: file or package that it came from.
        architecture: of the network, if known.
        trained_on: the data, if known.
        format: version of this record.
    """

    name: str
    sha256: str
    layout: Layout
    value_range: ValueRange
    multiple_of: int
    window_px: tuple[int, int]
    fixed: bool
    halo_px: int
    output: int
    bytes: int
    parameters: int
    seconds_per_mpx: float
    licence: str
    origin: str
    architecture: str = ""
    trained_on: str = ""
    format: int = FORMAT

    def to_json(self) -> str:
        """Return the record as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False, sort_keys=True)
