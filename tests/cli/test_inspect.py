"""``unblur inspect``: files, formats, refusals; and back through ``--psf``."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.motion.test_coarse_to_fine import scene
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.cli import main
from unblur.color import linear_to_srgb, quantise

pytestmark = pytest.mark.usefixtures("proposals_only")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    linear = np.repeat(scene(200, 232)[..., None], 3, axis=2)
    moved = apply_psf(linear, Psf.from_line(12, 30))
    Image.fromarray(quantise(linear_to_srgb(moved), np.dtype(np.uint8))).save(folder / "a.png")
    return folder


def run(*args):
    return CliRunner().invoke(main, ["inspect", "--threads", "1", *map(str, args)])


def test_all_formats_into_a_folder_and_back_through_psf(folder, tmp_path):
    result = run(folder / "a.png", "-o", tmp_path, "--format", "png,html,json,npz,psf")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"a.motion.{end}" for end in ("html", "json", "npz", "png", "psf.png")]
    assert json.loads((tmp_path / "a.motion.json").read_text("utf-8"))["name"] == "a.png"
    for given in ("a.motion.npz", "a.motion.psf.png"):
        photo, psf, out = (str(p) for p in (folder / "a.png", tmp_path / given, tmp_path / "out"))
        done = CliRunner().invoke(
            main, ["restore", photo, "--model", "wiener", "--psf", psf, "-o", f"{out}/{given}"]
        )
        assert done.exit_code == 0, done.output
        assert "undone" in done.output


def test_a_picture_beside_the_photo_is_no_photo_to_restore(folder):
    from unblur.io import find_images

    result = run(folder / "a.png", "--format", "png,psf")
    assert result.exit_code == 0, result.output
    assert (folder / "a.motion.png").is_file()
    assert (folder / "a.motion.psf.png").is_file()
    assert [item.path.name for item in find_images([folder])] == ["a.png"]
    again = run(folder / "a.png")
    assert again.exit_code == 6
    assert "--overwrite" in again.output


def test_files_tell_their_format_and_several_may_be_named(folder, tmp_path):
    files = [tmp_path / name for name in ("page.HTML", "n.json", "k.psf.png")]
    options = [part for file in files for part in ("-o", file)]
    result = run(folder / "a.png", *options, "--window", "10,10")
    assert result.exit_code == 0, result.output
    assert all(file.is_file() for file in files)
    with Image.open(files[2]) as image:
        assert image.mode.startswith("I")


def test_json_on_standard_output_writes_no_file(folder):
    before = sorted(folder.iterdir())
    result = run(folder / "a.png", "--json")
    assert json.loads(result.output)["width"] == 232
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--format", "svg"], 2, "unknown format 'svg'"),
        (["-o", "x.svg"], 2, "must end in"),
        (["-o", "x.png", "--format", "html"], 2, "goes with a folder"),
        (["--window", "1;2"], 2, "X,Y"),
        (["-o", "x.json", "--window", "999,1"], 3, "outside the photo"),
    ],
)
def test_wrong_usage_is_refused(folder, args, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(folder / "a.png", *args)
    assert result.exit_code == code, result.output
    assert message in result.output
    assert not list(tmp_path.iterdir())


def test_the_photo_itself_is_never_replaced(folder):
    before = (folder / "a.png").read_bytes()
    result = run(folder / "a.png", "-o", folder / "a.png", "--overwrite")
    assert result.exit_code == 6
    assert (folder / "a.png").read_bytes() == before
