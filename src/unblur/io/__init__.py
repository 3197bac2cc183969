"""Photos in and out of files: formats, metadata, folders, atomic writes."""

from unblur.io.atomic import commit, destination, is_staged_for, stage, sweep, write_bytes
from unblur.io.decode import page_count, read_photo
from unblur.io.encode import same_format, write_photo
from unblur.io.folders import InputFile, find_images
from unblur.io.limits import MAX_PIXELS
from unblur.io.outputs import check_free, check_no_photo, plan_outputs
from unblur.io.photo import Encoding, Metadata, Photo, Region

__all__ = [
    "MAX_PIXELS",
    "Encoding",
    "InputFile",
    "Metadata",
    "Photo",
    "Region",
    "check_free",
    "check_no_photo",
    "commit",
    "destination",
    "find_images",
    "is_staged_for",
    "page_count",
    "plan_outputs",
    "read_photo",
    "same_format",
    "stage",
    "sweep",
    "write_bytes",
    "write_photo",
]
