"""Sequences of frames: alignment, the recurrent network's memory, scene cuts, whole clips."""

from unblur.video.burst import BurstReport, restore_burst
from unblur.video.facade import ClipLimits, restore_clip
from unblur.video.gyro import GyroOptions
from unblur.video.pipeline import ClipOptions, ClipReport

__all__ = [
    "BurstReport",
    "ClipLimits",
    "ClipOptions",
    "ClipReport",
    "GyroOptions",
    "restore_burst",
    "restore_clip",
]
