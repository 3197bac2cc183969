"""How blurred sequences are drawn; :mod:`unblur.blur.clip` draws them."""

from __future__ import annotations

from dataclasses import dataclass

from unblur.blur.camera import Span
from unblur.blur.clip_paths import STEPS
from unblur.errors import BadValue


@dataclass(frozen=True)
class ClipRecipe:
    """How blurred sequences are made from sharp pictures; equal seeds give equal clips.

    Attributes:
        frames: per clip.
        travel_px: mean way of the camera per frame interval, drawn log-uniformly.
        duty: share of the frame interval in which the shutter is open, drawn uniformly.
        still: share of clips whose camera does not move.
        pan: share of clips with a steady pan under the shake.
        uneven: share of clips whose camera rests in some frames and hurries in others.
        gyro: share of shakes taken from the recorded trace, if there is one.
        frame_rate: frames per second of recorded shakes, drawn uniformly.
        roll_deg: largest turn of the camera about its axis over the clip, drawn from 0 up.
        roll: share of clips that turn.
        moving_object: share of clips with an object that moves on its own.
        object_travel_px: mean way of the object per frame interval, drawn log-uniformly.
        objects: most objects in those clips, drawn uniformly from 1 up.
        comb: share of clips whose exposures are a few moments, as means of a fast camera's frames
            are.
        moments: how many, drawn uniformly.
        turning: share of clips whose camera turns and zooms while the shutter is open.
        turning_deg, turning_zoom: largest turn and zoom per frame interval, drawn from 0 up.
        margin_px: how far from its middle the path may lead, blur included.
    """

    frames: int = 5
    travel_px: Span = (3.0, 40.0)
    duty: Span = (0.2, 1.0)
    still: float = 0.08
    pan: float = 0.4
    uneven: float = 0.5
    gyro: float = 0.4
    frame_rate: Span = (15.0, 60.0)
    roll_deg: float = 3.0
    roll: float = 0.25
    moving_object: float = 0.3
    object_travel_px: Span = (2.0, 24.0)
    objects: int = 1
    comb: float = 0.0
    moments: tuple[int, int] = (5, 15)
    turning: float = 0.0
    turning_deg: float = 2.0
    turning_zoom: float = 0.03
    margin_px: int = 80

    @property
    def room_px(self) -> int:
        """What paths may use of the margin: some is left for rounding and drawing."""
        return self.margin_px - 4

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise BadValue(f"a clip must have at least 1 frame, got {self.frames}")
        if not 0 < self.duty[0] <= self.duty[1] <= 1:
            raise BadValue(f"clip duty must be (low, high) in (0, 1], got {self.duty}")
        for name in ("travel_px", "object_travel_px", "frame_rate"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise BadValue(f"clip {name} must be (low, high) above 0, got ({low}, {high})")
        if not 2 <= self.moments[0] <= self.moments[1] <= STEPS or self.objects < 1:
            raise BadValue(
                f"clip moments must be (low, high) from 2 to {STEPS} and objects at least 1, "
                f"got {self.moments} and {self.objects}"
            )
        if self.margin_px < 8:
            raise BadValue(f"clip margin_px must be at least 8, got {self.margin_px}")
