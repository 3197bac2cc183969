"""How blurry photos are drawn from sharp ones: the recipe that decides generalisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from unblur.blur.camera import CameraRecipe, Span
from unblur.blur.kinds import BlurKind
from unblur.errors import BadValue

MAX_REACH_PX = 31
"""Unless a recipe says otherwise, a PSF reaches at most this far from its centre, so that it fits
the 64-px kernel grid."""


@dataclass(frozen=True)
class SynthesisRecipe:
    """How blurry photos are made from sharp ones; equal seeds give equal pairs.

    Attributes:
        length_px: extent of the motion, drawn log-uniformly.
        shake: share of photos shaken without rotation about the optical axis.
        line: share blurred by steady motion.
        rotation: share of shakes that also roll about the optical axis.
        moving_object: share where an object moves on its own.
        defocus: share out of focus instead of moving.
        shallow: share of sharp subjects before a background out of focus.
        sharp: share left sharp.
        roll_deg: largest roll during the exposure.
        defocus_radius_px: radius of the disc.
        soft_share: share of scenes that are softened first, as photos that were enlarged or
            taken through a poor lens are; the sharp side is soft too.
        soft_sigma_px: Gaussian that softens them, drawn uniformly.
        night_share: share of scenes with little light and lamps, see
            :func:`unblur.blur.night.at_night`.
        gyro_share: share of shakes taken from the recorded trace, if there is one.
        gyro_file: text file of rows ``t_ns wx wy wz`` (rad/s), or empty.
        reach_px: a PSF reaches at most this far from its centre; longer motion is shrunk to
            fit. Sharp photos lose as much on each side.
        camera: what happens to the light after the blur.
    """

    length_px: Span = (2.0, 42.0)
    shake: float = 0.62
    line: float = 0.12
    rotation: float = 0.0
    moving_object: float = 0.0
    defocus: float = 0.08
    shallow: float = 0.0
    sharp: float = 0.18
    roll_deg: float = 1.5
    defocus_radius_px: Span = (1.0, 6.0)
    soft_share: float = 0.0
    soft_sigma_px: Span = (0.3, 1.0)
    night_share: float = 0.0
    gyro_share: float = 0.35
    gyro_file: str = ""
    reach_px: int = MAX_REACH_PX
    camera: CameraRecipe = field(default_factory=CameraRecipe)

    def __post_init__(self) -> None:
        if not 0 < self.length_px[0] <= self.length_px[1]:
            raise BadValue(f"length_px must be (low, high) above 0, got {self.length_px}")
        if self.reach_px < 2:
            raise BadValue(f"reach_px must be at least 2, got {self.reach_px}")
        if sum(self.shares().values()) <= 0 or min(self.shares().values()) < 0:
            raise BadValue("the shares of the blur kinds must be >= 0 and not all 0")

    def shares(self) -> dict[BlurKind, float]:
        """Return the relative frequency of each kind of blur."""
        return {kind: float(getattr(self, kind)) for kind in get_args(BlurKind)}
