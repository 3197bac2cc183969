"""The command line as people use it: files, folders, pipes, options, mistakes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.calling import runner
from unblur.blur import Psf
from unblur.blur.psf_files import save_psf
from unblur.cli import main
from unblur.io import read_photo

ROOT = Path(__file__).parents[2]
SHAKEN = ROOT / "examples" / "photos" / "rocks-shaken.jpg"
SHARP = ROOT / "examples" / "photos" / "astronaut-sharp.jpg"

RUNNER = runner()


def unblur(*args, expect=0, **options):
    result = RUNNER.invoke(main, [str(a) for a in args], **options)
    assert result.exit_code == expect, result.output
    return result


@pytest.fixture
def shaken(tmp_path, proposals_only):
    """A piece of 160 x 120 px of a shaken photo, which is restored in no time."""
    path = tmp_path / "rocks.jpg"
    with Image.open(SHAKEN) as image:
        image.crop((180, 120, 340, 240)).save(path, quality=95)
    return path


def test_the_main_job_writes_beside_the_photo(tmp_path):
    shaken = tmp_path / "rocks.jpg"
    shaken.write_bytes(SHAKEN.read_bytes())
    before = shaken.read_bytes()
    result = unblur(shaken)
    out = shaken.with_name("rocks.unblurred.jpg")
    assert "undone" in result.stdout and str(out) in result.stdout
    assert shaken.read_bytes() == before
    restored, blurry = read_photo(out), read_photo(shaken)
    assert restored.samples.shape == blurry.samples.shape
    with Image.open(ROOT / "examples/sharp/rocks.jpg") as image:
        sharp = np.asarray(image.convert("RGB")).astype(float)
    errors = [np.mean((p.samples - sharp) ** 2) for p in (blurry, restored)]
    assert errors[1] < 0.9 * errors[0]


def test_a_sharp_photo_comes_back_byte_for_byte(tmp_path):
    result = unblur(SHARP, "-o", tmp_path / "out.jpg")
    assert "already sharp" in result.stdout
    assert (tmp_path / "out.jpg").read_bytes() == SHARP.read_bytes()


def test_existing_results_stop_the_command_before_any_work(shaken):
    unblur(shaken, "--strength", "0")
    result = unblur(shaken, expect=6)
    assert "--overwrite" in result.stderr
    unblur(shaken, "--strength", "0", "--overwrite")
    unblur(shaken, "-o", shaken, "--overwrite", expect=6)


def test_folders_keep_their_tree_and_one_bad_file_does_not_stop_the_rest(tmp_path, shaken):
    folder = tmp_path / "in" / "sub"
    folder.mkdir(parents=True)
    (folder / "good.jpg").write_bytes(SHARP.read_bytes())
    (folder / "bad.jpg").write_bytes(SHARP.read_bytes()[:500])
    (tmp_path / "in" / "empty.png").write_bytes(b"")
    report = tmp_path / "report.json"
    result = unblur(tmp_path / "in", "-o", tmp_path / "out", "--report", report, expect=3)
    assert (tmp_path / "out" / "sub" / "good.jpg").is_file()
    assert not (tmp_path / "out" / "sub" / "bad.jpg").exists()
    assert "bad.jpg" in result.stderr and "empty.png" in result.stderr
    assert "1 done, 2 failed" in result.stdout
    rows = json.loads(report.read_text())
    assert [bool(row["error"]) for row in rows] == [True, True, False]


def test_json_tells_what_was_done_where(shaken):
    (row,) = json.loads(unblur(shaken, "--json").stdout)
    assert row["changed"] and row["error"] is None
    assert row["model"] == "unblur"
    assert 5 < row["motion"]["length_px"] < 16
    assert row["trust"] and all(0 <= v <= 1 for values in row["trust"] for v in values)
    assert set(row["motion"]["windows"][0]) == {
        "y",
        "x",
        "length_px",
        "angle_deg",
        "confidence",
        "fused_confidence",
        "blur_probability",
    }


def test_standard_input_and_output(shaken):
    command = [sys.executable, "-c", "from unblur.cli import main; main()", "-", "-o", "-"]
    done = subprocess.run(
        command, input=shaken.read_bytes(), capture_output=True, check=True, cwd=ROOT
    )
    assert read_photo(done.stdout).samples.shape == read_photo(shaken).samples.shape
    assert done.stdout != shaken.read_bytes()
    sharp = subprocess.run(command, input=SHARP.read_bytes(), capture_output=True, check=True)
    assert sharp.stdout == SHARP.read_bytes()


def test_region_and_mask(shaken, tmp_path):
    blurry = read_photo(shaken).samples
    unblur(shaken, "-o", tmp_path / "r.png", "--region", "50,30,60,45")
    changed = (read_photo(tmp_path / "r.png").samples != blurry).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert ys.min() >= 30 and ys.max() < 75 and xs.min() >= 50 and xs.max() < 110
    mask = np.zeros(blurry.shape[:2], np.uint8)
    mask[60:100, 90:140] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    unblur(shaken, "-o", tmp_path / "m.png", "--mask", tmp_path / "mask.png")
    changed = (read_photo(tmp_path / "m.png").samples != blurry).any(axis=2)
    assert changed.any() and not changed[mask == 0].any()
    unblur(shaken, "-o", tmp_path / "x.png", "--region", "150,100,50,50", expect=3)
    unblur(shaken, "-o", tmp_path / "x.png", "--region", "1,2,3", expect=2)
    Image.new("L", (9, 7)).save(tmp_path / "small.png")
    result = unblur(shaken, "-o", tmp_path / "x.png", "--mask", tmp_path / "small.png", expect=3)
    assert "mask has shape (7, 9)" in result.stderr
    assert not (tmp_path / "x.png").exists()


def test_only_what_is_asked_for(shaken, tmp_path):
    result = unblur(shaken, "-o", tmp_path / "s.jpg", "--subject", "--json")
    (row,) = json.loads(result.stdout)
    assert (tmp_path / "s.jpg").read_bytes() == shaken.read_bytes()
    assert row["reason"] == "nothing that moved by itself was found"
    assert row["only"] == "subject"
    assert [part["kind"] for part in row["parts"]] == ["camera"]
    assert not row["parts"][0]["restored"]
    camera, whole = tmp_path / "c.png", tmp_path / "w.png"
    unblur(shaken, "-o", camera, "--only", "camera")
    unblur(shaken, "-o", whole)
    assert camera.read_bytes() == whole.read_bytes() != b""


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--subject", "--only", "objects"), 2, "exclude each other"),
        (("--only", "sky"), 2, "'camera', 'objects'"),
        (("--subject", "--region", "0,0,50,50"), 3, "leave it out where a region"),
        (("--only", "camera", "--no-gate"), 3, "without the gate"),
        (("--subject", "--psf", "psf.png"), 3, "a motion that is given"),
        (("--only", "objects", "--at", "5,5"), 3, "ask for 'subject' with it"),
        (("--subject", "--at", "5"), 2, "two whole numbers X,Y"),
    ],
)
def test_options_that_exclude_each_other_stop_the_command(options, code, words, tmp_path):
    result = unblur(SHARP, "-o", tmp_path / "x.png", *options, expect=code)
    assert words in result.stderr
    assert not (tmp_path / "x.png").exists()


def test_own_psf(shaken, tmp_path):
    save_psf(Psf.from_line(9, 30), tmp_path / "psf.png")
    result = unblur(shaken, "-o", tmp_path / "a.png", "--psf", tmp_path / "psf.png", "--json")
    (row,) = json.loads(result.stdout)
    assert row["motion"]["windows"][0]["angle_deg"] == pytest.approx(30, abs=3)
    np.save(tmp_path / "even.npy", np.ones((4, 4)))
    np.save(tmp_path / "zero.npy", np.zeros((5, 5)))
    for name, words in [("even.npy", "odd sides"), ("zero.npy", "positive sum"), ("no.npy", "no")]:
        result = unblur(shaken, "-o", tmp_path / "b.png", "--psf", tmp_path / name, expect=3)
        assert words in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("model", ["wiener", "skimage-wiener", "skimage-richardson-lucy"])
def test_other_models(shaken, tmp_path, model):
    region = ("--region", "50,50,60,50")  # keeps the slow ones quick
    (row,) = json.loads(
        unblur(shaken, "-o", tmp_path / "a.png", "--model", model, "--json", *region).stdout
    )
    assert row["model"] == model and row["changed"]


def test_unknown_model_suggests(shaken, tmp_path):
    result = unblur(shaken, "-o", tmp_path / "a.png", "--model", "wienr", expect=4)
    assert "did you mean 'wiener'" in result.stderr
    fake = tmp_path / "fake.onnx"
    fake.write_bytes(b"nothing")
    result = unblur(shaken, "-o", tmp_path / "a.png", "--model", fake, expect=4)
    assert "cannot load the network" in result.stderr
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", 3), (b"hello", 3), (SHARP.read_bytes()[:2000], 3)],
)
def test_bad_files_have_one_line_and_their_own_exit_code(tmp_path, content, code):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    result = unblur(path, expect=code)
    assert len(result.stderr.strip().splitlines()) == 1
    assert str(path) in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (40, 30)])
def test_tiny_photos_come_back(tmp_path, size):
    Image.new("RGB", size, (1, 2, 3)).save(tmp_path / "a.png")
    assert "too small" in unblur(tmp_path / "a.png").stdout
    assert (tmp_path / "a.unblurred.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_missing_files_limits_and_usage(tmp_path, shaken):
    assert "does not exist" in unblur(tmp_path / "none.jpg", expect=3).stderr
    assert "limit" in unblur(shaken, "--max-megapixels", "0.01", expect=3).stderr
    unblur(shaken, "--strength", "2", expect=2)
    unblur(shaken, "--strenth", "1", expect=2)
    unblur(shaken, SHARP, "-o", "-", expect=2)
    assert "name a folder" in unblur(shaken, SHARP, "-o", tmp_path / "a.png", expect=3).stderr


def test_location_is_stripped_from_unchanged_photos_too(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0)})
    with Image.open(SHARP) as image:
        image.save(tmp_path / "a.jpg", exif=exif, quality=92)
    unblur(tmp_path / "a.jpg", "-o", tmp_path / "kept.jpg")
    unblur(tmp_path / "a.jpg", "-o", tmp_path / "bare.jpg", "--strip-location")
    places = []
    for name in ("kept.jpg", "bare.jpg"):
        with Image.open(tmp_path / name) as image:
            places.append(bool(image.getexif().get_ifd(0x8825)))
    assert places == [True, False]


def test_format_and_quality(shaken, tmp_path):
    unblur(shaken, "-o", tmp_path / "d", "--format", "png", "--strength", "0")
    assert read_photo(tmp_path / "d" / "rocks.png").encoding.format == "PNG"
    unblur(shaken, "-o", tmp_path / "q.jpg", "--quality", "20")
    assert (tmp_path / "q.jpg").stat().st_size < shaken.stat().st_size / 2
    assert "not written" in unblur(shaken, "-o", tmp_path / "a.gif", expect=3).stderr


def test_synth_and_evaluate(tmp_path, proposals_only):
    out = tmp_path / "pairs"
    sharp = tmp_path / "sharp"
    sharp.mkdir()
    with Image.open(ROOT / "examples/sharp/rocks.jpg") as image:
        image.crop((150, 100, 350, 260)).save(sharp / "rocks.jpg", quality=95)
    recipe = ROOT / "configs" / "benchmark_recipe.toml"
    assert (
        "2 pairs"
        in unblur("synth", sharp, out, "--recipe", recipe, "--seed", 3, "--per-photo", 2).stdout
    )
    table = tmp_path / "table.json"
    result = unblur("evaluate", out, "--models", "blurry,wiener", "-o", table)
    assert "PSNR dB" in result.stdout
    assert {row["method"] for row in json.loads(table.read_text())["rows"]} == {"blurry", "wiener"}
    result = unblur("evaluate", sharp, "--sharp")
    assert "1 sharp photos through 'unblur'" in result.stdout
    unblur("evaluate", out, "--split", "val", expect=2)
    unblur("evaluate", sharp, expect=3)
    unblur("synth", sharp, out, expect=6)
    unblur("synth", sharp, tmp_path / "small", "--crop", 90)
    with Image.open(tmp_path / "small" / "blurry" / "rocks_0.png") as image:
        assert image.size == (90, 90)


def test_models_are_listed_and_shown():
    names = [row["name"] for row in json.loads(unblur("models", "list", "--json").stdout)]
    assert names[0] == "unblur" and "wiener" in names
    assert "(default)" in unblur("models", "list").stdout
    for network in ("kernel_net", "restore_net"):
        spec = json.loads(unblur("models", "show", network).stdout)
        assert spec["licence"] == "Apache-2.0"
        assert spec["samples"] > 10_000
        assert spec["recipe"]["name"] == network
    unblur("models", "show", "nothing", expect=4)


def test_version_and_help():
    assert "unblur" in unblur("--version").stdout
    for command in ("restore", "synth", "train", "export", "evaluate", "models"):
        assert command in unblur("--help").stdout
        assert unblur(command, "--help").stdout
