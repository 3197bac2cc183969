"""Names of any bytes and any length, and things that are no regular files."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.test_formats import picture
from unblur.errors import BadPsf, BadValue, CannotWrite, NothingFound, UnblurError, UnreadableImage
from unblur.files import read_regular
from unblur.io import Photo, find_images, read_photo, write_bytes, write_photo
from unblur.io.atomic import stage, sweep
from unblur.io.folders import search
from unblur.io.outputs import plan_outputs, set_apart, wanted_outputs
from unblur.paths import fitted, folded, names_of, readable, shown
from unblur.pipeline.field_files import load_motion

PHOTO = Photo.from_array(picture(3))
ODD = "Gr\udcf6\udcdfe.jpg"


@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_whatever_a_name_is_it_can_be_shown_on_one_line(name):
    text = shown(name)
    assert text.encode() is not None and text.isprintable()
    assert readable(name).encode() is not None


def test_bytes_that_are_no_utf8_are_told_and_can_be_found_again():
    assert shown(ODD) == r"Gr\xf6\xdfe.jpg"
    told = names_of(f"/photos/{ODD}")
    assert told == {
        "path": r"/photos/Gr\xf6\xdfe.jpg",
        "path_uri": "file:///photos/Gr%F6%DFe.jpg",
    }
    assert names_of("/photos/Größe.jpg") == {"path": "/photos/Größe.jpg"}


@given(st.text("aä漢🎞\udcf6", min_size=1, max_size=300))
def test_names_made_of_others_fit_and_differ(stem):
    name = fitted(stem, ".unblurred.jpg", windows=False)
    assert len(os.fsencode(name)) <= 255 and name.endswith(".unblurred.jpg")
    assert fitted(stem, ".unblurred.jpg", windows=False) == name
    assert fitted(stem + "b", ".unblurred.jpg", windows=False) != name


@pytest.mark.parametrize("stem", ["CON", "nul", "com1.x", "a:b", "LPT9", 'a"b'])
def test_what_windows_keeps_for_itself_gets_another_name_there(stem):
    name = fitted(stem, ".jpg", windows=True)
    assert name != f"{stem}.jpg" and "_" in name
    assert fitted(stem, ".jpg", windows=False) == f"{stem}.jpg"
    assert fitted("console", ".jpg", windows=True) == "console.jpg"


@pytest.mark.parametrize("stem", ["a" * 245, "漢" * 82, "\udcf6" * 250, "🎞" * 62])
def test_long_names_are_written_through_names_that_fit(tmp_path, stem):
    photo = tmp_path / f"{stem}.png"
    write_photo(PHOTO, photo)
    ((_, target),) = plan_outputs(find_images([photo]), None)
    write_photo(PHOTO, target)
    assert target.stem.endswith(".unblurred") and len(list(tmp_path.iterdir())) == 2
    assert [item.path for item in find_images([tmp_path])] == [photo]


def test_hidden_files_of_long_names_are_found_again(tmp_path):
    target = tmp_path / f"{'漢' * 80}.png"
    stage(b"x", target)
    assert sweep([target]) == 1 and not list(tmp_path.iterdir())


def test_one_list_of_extensions_in_folders(tmp_path):
    names = [
        *("a.jfif", "b.JPE", "c.jp2", "d.j2k", "e.tif", "f.TIFF", "g.heics", "h.hif", "i.avif"),
        *("j.pjpeg", "k.ppm", "l.dib", "m.webp", "n.gif", "o.cr3", "p.mpo"),
    ]
    for name in [*names, "q.txt", "r", "s.mp4", ".hidden.jpg", "a.unblurred.jpg"]:
        (tmp_path / name).write_bytes(b"x")
    found = search([tmp_path])
    assert [item.path.name for item in found.files] == names
    assert found.passed_over == {tmp_path: {"other type": 3}}


def test_nothing_found_is_an_error_that_says_what_there_is(tmp_path):
    with pytest.raises(NothingFound, match="there is nothing in it") as caught:
        search([tmp_path])
    assert caught.value.exit_code == 7
    (tmp_path / "a.txt").write_bytes(b"x")
    os.mkfifo(tmp_path / "b.jpg")
    with pytest.raises(NothingFound, match="1 of other type, 1 not a regular file"):
        search([tmp_path])


@pytest.fixture
def odd_files(tmp_path):
    """A FIFO, a socket, a device and a folder, all called as photos are."""
    folder = tmp_path / "odd"
    (folder / "folder.png").mkdir(parents=True)
    os.mkfifo(folder / "fifo.png")
    (folder / "device.png").symlink_to("/dev/zero")
    here = Path.cwd()
    os.chdir(folder)  # a socket's path may be 107 bytes long
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind("socket.png")
    finally:
        os.chdir(here)
    return folder


@pytest.mark.parametrize("name", ["fifo.png", "socket.png", "device.png", "folder.png"])
def test_only_regular_files_are_read_and_written(odd_files, name):
    path = odd_files / name
    with pytest.raises(UnreadableImage, match="a regular file is expected"):
        read_photo(path)
    with pytest.raises(BadPsf, match=r"a regular file is expected|cannot read"):
        load_motion(path)
    with pytest.raises(BadValue):
        read_regular(path)
    for overwrite in (False, True):
        with pytest.raises(UnblurError):
            write_bytes(b"x", path, overwrite=overwrite)
    assert path.exists() and not path.is_file()
    assert not [p for p in odd_files.iterdir() if p.name.endswith(".part")]


def test_what_is_no_regular_file_is_passed_over_in_folders(odd_files):
    write_photo(PHOTO, odd_files / "photo.png")
    found = search([odd_files])
    assert [item.path.name for item in found.files] == ["photo.png"]
    assert found.passed_over == {odd_files: {"not a regular file": 3}}


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "real.png", tmp_path / "link.png"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_photo(PHOTO, link, overwrite=True)
    assert link.is_symlink() and real.read_bytes() != b"old"
    np.testing.assert_array_equal(read_photo(real).samples, PHOTO.samples)
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["real.png"]


def test_a_link_that_leads_nowhere_is_refused_with_a_word(tmp_path):
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "gone.png")
    with pytest.raises(CannotWrite, match=r"leads to .*gone\.png, which is not there"):
        write_photo(PHOTO, link, overwrite=True)
    assert link.is_symlink() and len(list(tmp_path.iterdir())) == 1


def names(plan):
    return [target.name for _, target in plan]


def test_meeting_results_get_names_of_their_own(tmp_path):
    for name in ("IMG_1.HEIC", "IMG_1.jpg", "IMG_2.JPG", "img_2.jpg", "\u00e9.png", "e\u0301.png"):
        (tmp_path / name).write_bytes(b"x")
    items = find_images([tmp_path])
    apart = set_apart(wanted_outputs(items, None), on_collision="suffix")
    assert sorted(names(apart)) == sorted(
        [
            *("IMG_1-heic.unblurred.jpg", "IMG_1.unblurred.jpg"),
            *("IMG_2.unblurred.JPG", "img_2-2.unblurred.jpg"),
            *("e\u0301.unblurred.png", "\u00e9-2.unblurred.png"),
        ]
    )
    assert len({folded(name) for name in names(apart)}) == 6
    again = set_apart(wanted_outputs(items, tmp_path / "out"), on_collision="suffix")
    assert len({folded(name) for name in names(again)}) == 6


@given(st.lists(st.sampled_from("aAbB"), max_size=4), st.integers(0, 5))
def test_with_suffixes_nothing_ever_meets(stems, seed):
    endings = [".jpg", ".JPG", ".heic", ".png", "-2.jpg", "-heic.jpg"]
    photos = dict.fromkeys(
        Path(f"/in/{stem}{endings[(n + seed) % 6]}") for n, stem in enumerate(stems)
    )
    items = [item for path in photos for item in [type_of(path)]]
    plan = set_apart(wanted_outputs(items, Path("/out/")), on_collision="suffix")
    assert len({folded(str(target)) for _, target in plan}) == len(items)


def type_of(path):
    from unblur.io import InputFile

    return InputFile(path, Path(path.name))
