"""Writing is all or nothing, never over a file that was not to be replaced."""

import errno
import io
import os

import numpy as np
import pytest

from tests.io.test_formats import picture
from unblur.errors import BadValue, CannotWrite, UnsupportedImage, WouldOverwrite
from unblur.io import Photo, read_photo, same_format, write_bytes, write_photo

PHOTO = Photo.from_array(picture(3))


def test_existing_files_are_not_touched_unless_asked(tmp_path):
    target = tmp_path / "a.png"
    target.write_bytes(b"precious")
    with pytest.raises(WouldOverwrite, match="--overwrite"):
        write_photo(PHOTO, target)
    assert target.read_bytes() == b"precious"
    target.chmod(0o640)
    write_photo(PHOTO, target, overwrite=True)
    np.testing.assert_array_equal(read_photo(target).samples, PHOTO.samples)
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_file_that_appears_meanwhile_stays(tmp_path, monkeypatch):
    target = tmp_path / "a.png"
    real = os.fsync

    def intrude(handle):
        target.write_bytes(b"first")
        real(handle)

    monkeypatch.setattr(os, "fsync", intrude)
    with pytest.raises(WouldOverwrite):
        write_photo(PHOTO, target)
    assert target.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a.png"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_full_disk_leaves_nothing_behind_and_the_old_file_whole(tmp_path, monkeypatch, overwrite):
    target = tmp_path / "a.png"
    if overwrite:
        target.write_bytes(b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match="No space left"):
        write_photo(PHOTO, target, overwrite=overwrite)
    assert os.listdir(tmp_path) == (["a.png"] if overwrite else [])
    assert not overwrite or target.read_bytes() == b"old"


def test_folders_are_made_and_never_written_over(tmp_path):
    write_photo(PHOTO, tmp_path / "new" / "deep" / "a.png")
    assert (tmp_path / "new" / "deep" / "a.png").is_file()
    (tmp_path / "b.png").mkdir()
    with pytest.raises(CannotWrite, match="folder"):
        write_photo(PHOTO, tmp_path / "b.png", overwrite=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotWrite):
        write_bytes(b"x", tmp_path / "file" / "a.png")


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.heic", "a.gif"])
def test_formats_that_are_not_written(tmp_path, name):
    with pytest.raises(UnsupportedImage, match="not written"):
        write_photo(PHOTO, tmp_path / name)
    assert not os.listdir(tmp_path)


def test_same_format_tells_whether_a_copy_would_do(tmp_path):
    write_photo(PHOTO, tmp_path / "a.jpg")
    photo = read_photo(tmp_path / "a.jpg")
    assert same_format(photo, tmp_path / "b.jpeg", None)
    assert not same_format(photo, tmp_path / "b.png", None)
    assert same_format(photo, object(), None)
    assert not same_format(photo, object(), "png")


def test_a_given_format_outweighs_the_name(tmp_path):
    write_photo(PHOTO, tmp_path / "a.jpg", format="png")
    assert read_photo(tmp_path / "a.jpg").encoding.format == "PNG"


@pytest.mark.parametrize("name", ["a" * 5000 + ".png", "a\0b.png"])
def test_impossible_names(tmp_path, name):
    with pytest.raises(CannotWrite):
        write_photo(PHOTO, tmp_path / name)
    assert not os.listdir(tmp_path)


def test_streams_that_take_no_bytes():
    closed = io.BytesIO()
    closed.close()
    for stream in (closed, io.StringIO()):
        with pytest.raises(CannotWrite):
            write_photo(PHOTO, stream)


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_out_of_range(quality):
    with pytest.raises(BadValue, match="between 1 and 100"):
        write_photo(PHOTO, io.BytesIO(), format="jpg", quality=quality)


def test_too_wide_for_the_format(tmp_path):
    wide = Photo.from_array(np.zeros((1, 17_000, 3), np.uint8))
    with pytest.raises(UnsupportedImage, match="WEBP cannot hold"):
        write_photo(wide, tmp_path / "a.webp")
    assert not os.listdir(tmp_path)
