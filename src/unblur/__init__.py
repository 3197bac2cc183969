"""Take the motion blur out of photos, on your own computer: explain the blur, then undo it.

``unblur.restore(photo)`` restores, ``unblur.analyse(photo)`` tells how the camera moved,
``unblur.detect(photo)`` whether it did.
Names are loaded when first used, so that importing the package is quick.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unblur.blur.psf import Psf as Psf
    from unblur.detection.facade import detect as detect
    from unblur.errors import UnblurError as UnblurError
    from unblur.io import Photo as Photo
    from unblur.io import Region as Region
    from unblur.io import read_photo as read_photo
    from unblur.io import write_photo as write_photo
    from unblur.motion.detect import Detection as Detection
    from unblur.motion.field import MotionField as MotionField
    from unblur.pipeline.facade import Restored as Restored
    from unblur.pipeline.facade import analyse as analyse
    from unblur.pipeline.facade import restore as restore
    from unblur.pipeline.report import Report as Report
    from unblur.runtime import Runtime as Runtime
    from unblur.zoo.models import Session as Session

__version__ = "0.2.0"

# From 1.29 on ONNX Runtime tells its maker what it runs on, unless this is set before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "Detection": "unblur.motion.detect",
    "MotionField": "unblur.motion.field",
    "Photo": "unblur.io",
    "Psf": "unblur.blur.psf",
    "Region": "unblur.io",
    "Report": "unblur.pipeline.report",
    "Restored": "unblur.pipeline.facade",
    "Runtime": "unblur.runtime",
    "Session": "unblur.zoo.models",
    "UnblurError": "unblur.errors",
    "analyse": "unblur.pipeline.facade",
    "detect": "unblur.detection.facade",
    "read_photo": "unblur.io",
    "restore": "unblur.pipeline.facade",
    "write_photo": "unblur.io",
}

__all__ = [*sorted(_HOMES), "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'unblur' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
