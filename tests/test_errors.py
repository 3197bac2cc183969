"""The error tree is complete, drawn as it is, and tells the world its codes."""

import numpy as np
import pytest

from unblur import checks, errors


def tree(cls):
    return [cls, *(c for sub in cls.__subclasses__() for c in tree(sub))]


def test_every_error_is_drawn_and_has_codes():
    classes = tree(errors.UnblurError)
    assert len(classes) > 15
    for cls in classes:
        assert cls.__name__ in errors.__doc__
        assert cls.exit_code in {1, 3, 4, 5, 6}
        assert 400 <= cls.http_status < 600
        assert cls.__doc__


def test_missing_extra_gives_the_command():
    message = str(errors.MissingExtra("rawpy", "raw", "reading RAW"))
    assert "pip install 'unblur[raw]'" in message


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        (np.zeros((3, 4)), errors.ShapeMismatch, r"\(3, 4\)"),
        (np.zeros((3, 4, 2)), errors.ShapeMismatch, "H, W, 3"),
        (np.zeros((0, 4, 3)), errors.ShapeMismatch, "at least one pixel"),
        (np.zeros((3, 4, 3), int), errors.BadValue, "floating"),
        (np.full((3, 4, 3), np.nan), errors.BadValue, "NaN"),
    ],
)
def test_images_are_checked(array, error, words):
    with pytest.raises(error, match=words):
        checks.check_image(array)
    checks.check_image(np.zeros((3, 4, 1), np.float32))
