"""What is to be compared: the same words for the process that asks and those that work."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from unblur.errors import BadValue
from unblur.evaluate.datasets import DataSet, open_dataset
from unblur.evaluate.light import in_light
from unblur.evaluate.protocols import Protocol, protocol_of
from unblur.evaluate.protocols.plain import plain_inside
from unblur.runtime import ALL_THREADS, Runtime


@dataclass(frozen=True)
class Job:
    """The data and how results are scored.

    Attributes:
        data: folder of the data set.
        dataset: which reader; "auto" tells it by the layout.
        protocol: how results are scored; "auto" as the data set is in papers.
        crop_px: pixels left out on each side when scoring; the plain protocol only.
        tone: curve of the samples, as :func:`unblur.evaluate.light.in_light` takes it.
        runtime: how networks are run.
    """

    data: str
    dataset: str = "auto"
    protocol: str = "auto"
    crop_px: int = 0
    tone: str = "auto"
    runtime: Runtime = ALL_THREADS

    def open(self) -> tuple[DataSet, Protocol]:
        """Return the data set and the protocol.

        Raises:
            UnreadableImage, BadValue: see :func:`unblur.evaluate.datasets.open_dataset`; or a
                crop that the protocol does not know.
        """
        found = in_light(open_dataset(Path(self.data), self.dataset), self.tone)
        protocol = protocol_of(found.protocol if self.protocol == "auto" else self.protocol)
        if not self.crop_px:
            return found, protocol
        if protocol.name != "plain":
            raise BadValue(
                f"pixels to crop go with the plain protocol, not with {protocol.name}; leave "
                "the crop out or choose --protocol plain"
            )
        return found, plain_inside(self.crop_px)

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Job:
        """Return the job that such a line tells of."""
        fields = json.loads(line)
        return cls(**{**fields, "runtime": Runtime(**fields["runtime"])})
