"""A photo in any sensible form is taken; of anything else it is said what is."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unblur
from unblur.errors import BadValue, InputError, ShapeMismatch, UnreadableImage
from unblur.io import Region
from unblur.io.sources import as_photo
from unblur.pipeline.accepted import as_mask, as_motion, as_settings, combined_mask

RNG = np.random.default_rng(3)
SAMPLES = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)


def png():
    with io.BytesIO() as stream:
        Image.fromarray(SAMPLES).save(stream, "PNG")
        return stream.getvalue()


class Place:
    """A path-like that is no Path."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return str(self.path)


class Tensor:
    """What offers itself as an array, as a tensor of PyTorch does; or fails to."""

    def __init__(self, array, error=None):
        self.array, self.error = array, error

    def __array__(self, dtype=None, copy=None):
        if self.error is not None:
            raise self.error
        return self.array

    def __len__(self):
        return len(self.array)


FORMS = {
    "bytes": lambda path: png(),
    "bytearray": lambda path: bytearray(png()),
    "memoryview": lambda path: memoryview(png()),
    "memoryview of samples": lambda path: memoryview(SAMPLES),
    "str": str,
    "path": lambda path: path,
    "path-like": Place,
    "DirEntry": lambda path: list(os.scandir(path.parent))[0],  # noqa: RUF015  # closes it
    "BytesIO": lambda path: io.BytesIO(png()),
    "opened file": lambda path: path.open("rb"),
    "array": lambda path: SAMPLES,
    "tensor": lambda path: Tensor(SAMPLES),
    "PIL": lambda path: Image.fromarray(SAMPLES),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_sensible_form_is_the_same_photo(tmp_path, form):
    path = tmp_path / "a.png"
    path.write_bytes(png())
    source = FORMS[form](path)
    try:
        np.testing.assert_array_equal(as_photo(source).samples, SAMPLES)
    finally:
        if hasattr(source, "close"):
            source.close()


def test_the_front_door_takes_them_too(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png())
    for source in (bytearray(png()), memoryview(png()), Place(path), io.BytesIO(png())):
        restored = unblur.restore(source)
        assert not restored.report.changed
        np.testing.assert_array_equal(restored.samples, SAMPLES)
    with pytest.raises(BadValue, match="small"):
        unblur.analyse(Tensor(SAMPLES))
    np.testing.assert_array_equal(unblur.read_photo(Place(path)).samples, SAMPLES)


WRONG = {
    "None": (None, BadValue, "a photo is a path"),
    "list": ([[1, 2], [3, 4]], BadValue, "one photo at a time"),
    "tuple of paths": ((Path("a"), Path("b")), BadValue, "one photo at a time"),
    "number": (3, BadValue, "got int"),
    "bool array": (SAMPLES > 9, BadValue, "uint8, uint16 or floats"),
    "int64 array": (SAMPLES.astype(np.int64), BadValue, "the scale is not guessed"),
    "complex array": (SAMPLES.astype(complex), BadValue, "uint8, uint16 or floats"),
    "object array": (np.array([[None]]), BadValue, "uint8, uint16 or floats"),
    "NaN": (np.full((30, 40, 3), np.nan), BadValue, "NaN"),
    "0 to 255 as floats": (SAMPLES.astype(float), BadValue, "the scale is not guessed"),
    "channels first": (np.moveaxis(SAMPLES, 2, 0), BadValue, "channels first"),
    "a batch": (SAMPLES[None], ShapeMismatch, "an image array must be"),
    "masked": (np.ma.masked_equal(SAMPLES, 7), BadValue, "masked"),
    "tensor on a card": (Tensor(SAMPLES, TypeError("cuda:0")), BadValue, r"\.cpu\(\)"),
    "tensor with gradients": (Tensor(SAMPLES, RuntimeError("grad")), BadValue, "detach"),
    "text stream": (io.StringIO("x"), UnreadableImage, "open it with 'rb'"),
    "empty": (b"", UnreadableImage, "empty"),
}


@pytest.mark.parametrize("form", WRONG)
def test_of_anything_else_it_is_said_what_is_taken(form):
    source, error, says = WRONG[form]
    for call in (unblur.restore, unblur.analyse):
        with pytest.raises(error, match=says):
            call(source)
    assert issubclass(error, InputError)


def test_masks_regions_psfs_and_settings_are_checked():
    photo = as_photo(SAMPLES)
    assert as_mask(SAMPLES[..., 0] > 9).dtype == bool
    assert combined_mask(photo, None, [[0, 1], [1, 0]]).shape == (2, 2)
    for mask, error in (
        (np.full((30, 40), np.nan), BadValue),
        (np.full((30, 40), 255), BadValue),
        (SAMPLES / 255, ShapeMismatch),
        ("white", ShapeMismatch),
    ):
        with pytest.raises(error):
            as_mask(mask)
    with pytest.raises(ShapeMismatch, match="the photo's size"):
        combined_mask(photo, Region(0, 0, 5, 5), np.ones((3, 3)))
    with pytest.raises(BadValue, match="Region"):
        combined_mask(photo, (0, 0, 5, 5), None)
    assert as_motion(np.full((3, 3), 1 / 9)).shape == (3, 3)
    for wrong in (3, [1, 2]):
        with pytest.raises(BadValue):
            as_motion(wrong)
        with pytest.raises(BadValue):
            as_settings(wrong)
