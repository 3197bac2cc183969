"""What the caller may choose, and the report of what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.errors import BadValue
from unblur.motion.field import MotionField
from unblur.pipeline.only import Only, Point, check_only
from unblur.pipeline.settings import DEFAULTS, Settings

TILE_PX = 768
"""Side of the tiles unless the caller says otherwise: the largest at which four in work stay
below 1 GB."""


@dataclass(frozen=True, eq=False)
class RestoreOptions:
    """What the caller may choose.

    Attributes:
        strength: 0 leaves the photo, 1 applies the restoration fully.
        psf: use this PSF everywhere, or this field of them, instead of estimating; the gate
            then stands aside.
        mask: (H, W) bool or float in [0, 1]; only where it is above 0 is anything restored, and
            only there the motion is looked for.
        only: what is restored, where not all that moved; see :data:`unblur.pipeline.only.Only`.
        at: (x, y), where the subject is; None for the largest piece of all that moved by itself.
        tile_px: side of the tiles; blind restorers have windows of their own.
        settings: of the gate and the bank; its strength is multiplied with the one above.
        gate: let the gate decide what is left alone; False restores the whole photo.
    """

    strength: float = 1.0
    psf: Psf | MotionField | None = None
    mask: NDArray[Any] | None = None
    only: Only | None = None
    at: Point | None = None
    tile_px: int = TILE_PX
    settings: Settings = DEFAULTS
    gate: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise BadValue(f"strength must be between 0 and 1, got {self.strength}")
        given, masked = self.psf is not None, self.mask is not None
        check_only(self.only, at=self.at, given=given, masked=masked, gate=self.gate)

    @property
    def applied(self) -> float:
        """Share of the correction that is applied: the strength times that of the settings."""
        return self.strength * self.settings.strength

    @property
    def gated(self) -> bool:
        """Whether the gate decides; it does not judge a motion that was given."""
        return self.gate and self.psf is None


@dataclass(frozen=True)
class Report:
    """What was done where, for people and machines.

    Attributes:
        model: name of the restorer.
        changed: whether any sample differs from the input.
        reason: why nothing was changed, or empty.
        motion: the motion field, see :meth:`MotionField.to_dict`; None for tiny photos, and
            where nobody asked for it.
        trust: rows of the gate's decisions, 0 untouched to 1 fully restored.
        noise: standard deviation of the luma's noise, linear light, of the photo as it is: of the
            finest detail, the median of the motion field's windows.
        restoration_noise: the noise that the restoration reckons with, on the motion's scale,
            measured where motion has left no signal; None where nothing was to be restored.
        strength: as asked for, times that of the settings.
        seconds: time for analysis and restoration.
        notes: remarks of the reader of the file and of the pipeline.
        tone: from samples to light: ``curve``, its ``evidence`` (caller, file, estimate or
            assumed), ``probability``, and the ``source`` in the file.
        device: short name of the device that ran the networks.
        only: what was to be restored where not all that moved; None for all.
        within: (y0, x0, y1, x1), the box in which alone the motion was looked for; None for the
            whole photo.
        parts: where ``only`` is given, the parts that moved: whose motion it is (``kind``), the
            ``share`` of the photo, ``length_px``, ``angle_deg``, ``confidence``, and whether it was
            ``restored``.
    """

    model: str
    changed: bool
    reason: str
    motion: dict[str, Any] | None
    trust: list[list[float]]
    noise: float
    restoration_noise: float | None
    strength: float
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tone: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    only: str | None = None
    within: list[int] | None = None
    parts: tuple[dict[str, Any], ...] = ()
