"""The error tree is complete, drawn as it is, and tells the world its codes."""

import pickle

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
        assert cls.exit_code in {1, 3, 4, 5, 6, 7}
        assert 400 <= cls.http_status < 600
        assert cls.__doc__


def test_whatever_a_message_holds_it_is_one_line_of_bounded_length():
    message = str(errors.BadValue("no task 'a\nb" + 9999 * "(" + "'; known: kernel\r\n"))
    assert message.startswith("no task 'a b(((") and message.endswith("known: kernel")
    assert len(message) < 1500 and len(message.splitlines()) == 1
    again = pickle.loads(pickle.dumps(errors.BadValue(message)))
    assert str(again) == message and isinstance(again, errors.BadValue)


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


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("wiene", ["wiener", "unblur"], "did you mean 'wiener'? known: unblur, wiener"),
        ("zzz", ["b", "a"], "known: a, b"),
    ],
)
def test_hints_name_the_nearest_first_and_all(name, known, hint):
    assert errors.nearest(name, known) == hint


def test_codes_belong_to_branches_of_the_tree():
    branches = {
        errors.InputError: 3,
        errors.NothingFound: 7,
        errors.ModelError: 4,
        errors.EngineError: 5,
        errors.OutputError: 6,
        errors.RequestError: 3,
    }
    for branch, code in branches.items():
        assert branch.__base__ is errors.UnblurError
        assert {cls.exit_code for cls in tree(branch)} == {code}
    assert len(tree(errors.UnblurError)) == 1 + sum(len(tree(branch)) for branch in branches)
    drawn = errors.__doc__
    for cls in tree(errors.UnblurError):
        line = next(row for row in drawn.splitlines() if row.split()[:1] == [cls.__name__])
        if cls.__base__ is Exception or cls.__base__ is errors.UnblurError:
            assert f"exit {cls.exit_code}" in line and f"http {cls.http_status}" in line
        elif cls.http_status != cls.__base__.http_status:
            assert f"http {cls.http_status}" in line
