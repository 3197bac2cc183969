"""The command on names and files that other programs trip over; each run is a real process."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def unblur(*args, expect=0, cwd=None, timeout=120, **variables):
    """Run the command with bytes for arguments; it must end, without a traceback."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHONIO"))}
    env |= {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-m", "unblur", *[os.fsencode(a) for a in args]]
    done = subprocess.run(
        command, env=env, cwd=cwd, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode == expect, (done.stdout, done.stderr)
    return done


def tiny(*paths, side_px=40):
    for path in paths:
        Image.new("RGB", (side_px, side_px), (9, 2, 3)).save(os.fsencode(path), "JPEG")


MANY = """
import json, sys
from unblur.cli import main
codes = []
for args in json.load(open(sys.argv[1])):
    try:
        main(args, prog_name="unblur")
    except SystemExit as end:
        codes.append(end.code)
print(json.dumps(codes))
"""


def many(folder, cases):
    """Run several commands in one process: their exit codes, and the process."""
    (folder / "cases.json").write_text(json.dumps([[str(a) for a in args] for args in cases]))
    done = subprocess.run(
        [sys.executable, "-c", MANY, folder / "cases.json"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        timeout=300,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return json.loads(done.stdout.splitlines()[-1]), done


NAMES = [b"Gr\xf6\xdfe.jpg", b"x" * 245 + b".jpg", ("漢" * 82 + ".jpg").encode(), b"new\nline.jpg"]
PLACES = {
    "utf-8": {"LC_ALL": "C.UTF-8"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "strict ASCII": {"PYTHONIOENCODING": "ascii:strict"},
    "strict Latin-1": {"PYTHONIOENCODING": "latin-1:strict"},
    "strict UTF-8": {"PYTHONIOENCODING": "utf-8:strict"},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_batch_of_hard_names_ends_with_summary_and_report(tmp_path, place):
    folder = os.fsencode(tmp_path) + b"/in"
    Path(os.fsdecode(folder)).mkdir()
    tiny(*[folder + b"/" + name for name in NAMES])
    report = tmp_path / "report.json"
    done = unblur(folder, "--report", report, **PLACES[place])
    assert b"4 done, 0 failed" in done.stdout and b"new\\nline" in done.stdout
    rows = json.loads(report.read_bytes().decode("utf-8"))
    assert [row["error"] for row in rows] == [None] * 4
    assert b"Gr%F6%DFe.jpg" in report.read_bytes()
    results = [name for name in os.listdir(folder) if name not in NAMES]
    assert len(results) == 4 and all(b".unblurred.jpg" in name for name in results)
    if place.startswith("strict"):
        printed = unblur(folder, "--json", "--overwrite", **PLACES[place]).stdout
        assert len(json.loads(printed.decode("latin-1" if "Latin" in place else "utf-8"))) == 4


def test_other_commands_and_kept_names(tmp_path):
    folder = os.fsencode(tmp_path) + b"/in"
    Path(os.fsdecode(folder)).mkdir()
    tiny(*[folder + b"/" + name for name in NAMES], side_px=100)
    done = unblur(
        *(
            "detect",
            folder,
            "--list",
            tmp_path / "list",
            "--threshold",
            "0",
            "--map",
            tmp_path / "m",
        ),
        PYTHONIOENCODING="ascii:strict",
    )
    assert b"4 photos" in done.stdout and b"\\xf6" in done.stdout
    assert folder + b"/Gr\xf6\xdfe.jpg\n" in (tmp_path / "list").read_bytes()
    assert len(os.listdir(tmp_path / "m")) == 4
    command = (folder, "-o", tmp_path / "out", "--resume", "--strength", "0")
    unblur(*command)
    assert set(NAMES) < set(os.listdir(os.fsencode(tmp_path / "out")))
    assert b"4 done (4 of them before)" in unblur(*command).stdout


def test_only_jfif_is_restored_and_nothing_has_its_own_exit_code(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    assert b"no photos found" in unblur(folder, expect=7).stderr
    assert json.loads(unblur("detect", folder, "--json", expect=7).stdout) == []
    assert b"no photos found" in unblur("video", folder, "-o", tmp_path / "f", expect=7).stderr
    (folder / "notes.txt").write_text("x")
    assert b"1 of other type" in unblur(folder, expect=7).stderr
    tiny(folder / "a.jfif", folder / "b.jfif")
    done = unblur(folder, "--report", tmp_path / "r.json")
    assert b"2 done, 0 failed, 1 passed over" in done.stdout
    assert (folder / "a.unblurred.jfif").exists()
    assert json.loads((tmp_path / "r.json").read_text())[-1]["passed_over"] == {"other type": 1}


def test_meeting_results_do_not_stop_the_rest(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    tiny(folder / "a.jpg", folder / "IMG_1.JPG", folder / "img_1.jpg", folder / "IMG_2.jpg")
    Image.new("RGB", (40, 30)).save(folder / "IMG_2.png")
    args = (folder, "-o", tmp_path / "out", "--format", "jpg")
    done = unblur(*args, expect=6)
    assert os.listdir(tmp_path / "out") == ["a.jpg"]
    assert b"1 done, 4 failed" in done.stdout and b"--on-collision suffix" in done.stderr
    unblur(*args, "--on-collision", "suffix", "--overwrite")
    assert sorted(os.listdir(tmp_path / "out")) == [
        *("IMG_1.jpg", "IMG_2-png.jpg", "IMG_2.jpg", "a.jpg", "img_1-2.jpg"),
    ]


def test_pipes_and_devices_are_never_waited_for(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    tiny(folder / "a.jpg")
    fifo = folder / "fifo.jpg"
    os.mkfifo(fifo)
    (folder / "device.png").symlink_to("/dev/zero")
    done = unblur(folder, "-o", tmp_path / "out")
    assert b"2 not a regular file" in done.stdout
    photo = folder / "a.jpg"
    cases = [
        ((fifo, "-o", tmp_path / "o1"), 3),
        (("/dev/zero", "-o", tmp_path / "o2.png"), 3),
        ((photo, "-o", fifo, "--overwrite"), 6),
        ((photo, "-o", "/dev/null", "--overwrite"), 6),
        ((photo, "--psf", fifo), 3),
        ((photo, "--mask", fifo), 3),
        ((photo, "--settings", fifo), 3),
        ((photo, "--report", fifo, "--overwrite"), 6),
        ((photo, "-o", tmp_path / "o3", "--resume", "--journal", fifo), 3),
        (("detect", fifo), 3),
        (("inspect", fifo), 3),
    ]
    if find_spec("av"):  # there is none for Python 3.10
        cases.append((("video", fifo, "-o", tmp_path / "o.mp4"), 3))
    codes, done = many(tmp_path, [args for args, _ in cases])
    assert codes == [code for _, code in cases]
    assert b"Traceback" not in done.stderr and done.stderr.count(b"FIFO") >= 9
    assert fifo.is_fifo() and Path("/dev/null").is_char_device()


def test_links_are_followed_but_never_to_a_photo(tmp_path):
    photo, real, link = tmp_path / "a.jpg", tmp_path / "real.jpg", tmp_path / "link.jpg"
    tiny(photo)
    real.write_bytes(b"old")
    link.symlink_to(real)
    assert b"exists already" in unblur(photo, "-o", link, expect=6).stderr
    unblur(photo, "-o", link, "--overwrite")
    assert link.is_symlink() and real.read_bytes() == photo.read_bytes()
    before = photo.read_bytes()
    (tmp_path / "back.jpg").symlink_to(photo)
    done = unblur(photo, "-o", tmp_path / "back.jpg", "--overwrite", expect=6)
    assert b"would replace the photo" in done.stderr
    assert photo.read_bytes() == before and (tmp_path / "back.jpg").is_symlink()


def test_a_full_standard_output_costs_neither_report_nor_results(tmp_path):
    photo = tmp_path / "a.jpg"
    tiny(photo)
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "unblur", photo, "--report", tmp_path / "r.json"],
            env=env,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode != 0 and b"Traceback" not in done.stderr
    assert json.loads((tmp_path / "r.json").read_text())[0]["error"] is None
    assert (tmp_path / "a.unblurred.jpg").exists()


def test_reports_and_lists_never_replace_a_photo_or_a_result(tmp_path):
    first, second, out = tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "o"
    tiny(first, second)
    link = tmp_path / "link.json"
    link.symlink_to(second)
    before = second.read_bytes()
    cases = [
        (first, second, "-o", out, "--report", second, "--overwrite"),
        (first, second, "-o", out, "--report", link, "--overwrite"),
        (first, second, "-o", out, "--report", out / "b.jpg", "--overwrite"),
        ("-", "-o", second, "--report", second, "--overwrite"),
        ("detect", first, second, "--list", second, "--overwrite"),
        ("detect", first, second, "--list", link, "--overwrite"),
        ("detect", first, second, "--map", out, "--list", out / "b.jpg.blur.png", "--overwrite"),
    ]
    codes, done = many(tmp_path, cases)
    assert codes == [6] * len(cases), done.stderr
    assert done.stderr.count(b"would replace the photo or result") == len(cases)
    assert second.read_bytes() == before and not out.exists()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no endless file")
def test_endless_standard_input_is_given_up(tmp_path):
    command = [sys.executable, "-m", "unblur", "-", "-o", tmp_path / "a.png"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(
            [*command, "--max-megapixels", "0.1"],
            stdin=endless,
            env=env,
            capture_output=True,
            timeout=120,
        )
    assert done.returncode == 3 and b"standard input has" in done.stderr
