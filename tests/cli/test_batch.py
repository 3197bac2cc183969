"""``unblur restore`` over many photos: workers, resume after any stop, stores, a cluster."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.test_cli import ROOT, SHAKEN, SHARP, unblur

JOURNAL = ".unblur-journal.jsonl"
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}


def colours(folder, count):
    """Photos that need hardly any work: too small to be restored."""
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (40, 30), (number, 2, 3)).save(folder / f"{number:02}.png")
    return folder


def marks(folder):
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.iterdir()}


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    (folder / "sub").mkdir(parents=True)
    with Image.open(SHAKEN) as image:
        image.crop((180, 120, 300, 220)).save(folder / "moved.png")
    with Image.open(SHARP) as image:
        image.crop((0, 0, 160, 130)).save(folder / "sub" / "sharp.jpg")
    (folder / "bad.jpg").write_bytes(b"hello")
    return folder


def rows_of(*args, **options):
    rows = json.loads(unblur(*args, "--json", **options).stdout)
    for row in rows:
        for told in ("seconds", "summary"):  # of which one time is never the other
            row.pop(told, None)
        row["output"] = row["output"] and Path(row["output"]).name
    return rows


def test_workers_give_what_one_process_gives(album, tmp_path):
    common = (album, "--model", "wiener", "--threads", "1")
    one = rows_of(*common, "-o", tmp_path / "one", expect=3)
    two = rows_of(*common, "-o", tmp_path / "two", "--workers", "2", expect=3)
    assert one == two
    assert [row["error"] is None for row in one] == [False, True, True]
    for name in ("moved.png", "sub/sharp.jpg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert not list((tmp_path / "two").rglob(".*"))


def test_the_sums_name_the_failed_photos_last_and_the_pace(album, tmp_path):
    result = unblur(album, "-o", tmp_path / "out", "--workers", "2", "--strength", "0", expect=3)
    assert "bad.jpg" in result.stderr and "Traceback" not in result.stderr
    assert "2 done, 1 failed" in result.stdout and "a minute" in result.stdout


def test_resume_does_nothing_twice_and_reports_everything(album, tmp_path):
    out, report = tmp_path / "out", tmp_path / "report.json"
    command = (album, "-o", out, "--resume", "--model", "wiener", "--report", report)
    unblur(*command, "--workers", "2", expect=3)
    first, before = json.loads(report.read_text()), marks(out / "sub")
    assert "2 done (2 of them before), 1 failed" in unblur(*command, expect=3).stdout
    assert marks(out / "sub") == before
    assert json.loads(report.read_text()) == first
    assert first[1]["changed"] and first[1]["motion"]


def test_resume_does_again_what_changed(tmp_path):
    photos, out = colours(tmp_path / "in", 3), tmp_path / "out"
    command = (photos, "-o", out, "--resume")
    unblur(*command)
    before = marks(out)
    Image.new("RGB", (40, 31)).save(photos / "00.png")
    Image.new("RGB", (40, 31)).save(photos / "03.png")
    (out / "01.png").unlink()
    assert "4 done (1 of them before), 0 failed" in unblur(*command).stdout
    after = marks(out)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"00.png", "01.png", "03.png", JOURNAL}
    assert (out / "00.png").read_bytes() == (photos / "00.png").read_bytes()
    assert "(4 of them before)" in unblur(*command, "--threads", "1").stdout
    assert "4 done, 0 failed" in unblur(*command, "--strength", "0.5").stdout
    assert "4 done, 0 failed" in unblur(*command, "--strip-metadata").stdout
    assert "4 done, 0 failed" in unblur(*command, "--subject").stdout


def test_resume_never_replaces_what_it_did_not_make(album, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "moved.png").write_bytes(b"precious")
    command = (album, "-o", out, "--resume", "--strength", "0")
    assert "this journal does not know it" in unblur(*command, expect=6).stderr
    assert (out / "moved.png").read_bytes() == b"precious"
    unblur(*command, "--overwrite", expect=3)
    assert (out / "moved.png").read_bytes() != b"precious"
    (out / "moved.png").write_bytes(b"edited by hand")
    unblur(*command, expect=6)


def test_resume_and_its_options_are_explained(tmp_path, album):
    out = tmp_path / "out"
    assert "--journal" in unblur(album, "--resume", expect=2).stderr
    assert "--resume" in unblur(album, "-o", out, "--journal", tmp_path / "j", expect=2).stderr
    assert "dask" in unblur(album, "--engine", "local", "--scheduler", "x", expect=2).stderr
    unblur(album, "--resume", "--journal", tmp_path / "j", "--strength", "0", expect=3)
    assert (album / "moved.unblurred.png").exists()
    (tmp_path / "r.json").touch()
    assert "exists" in unblur(album, "-o", out, "--report", tmp_path / "r.json", expect=6).stderr
    resumed = (album, "-o", out, "--resume", "--report", album / "moved.png")
    assert "moved.png exists" in unblur(*resumed, expect=6).stderr
    assert not out.exists()


# Results are staged by workers, and tests/batch/test_pool.py kills those.
KILLED = {
    "before the journal's line": "Journal.record = die",
    "in the middle of the line": "json.dumps = half",
    "before the result has its name": "batch.commit = die",
    "after the result has its name": "batch.commit = commit_and_die",
}
SCRIPT = """
import json, os, signal, sys
from unblur.cli import main
from unblur.batch import run as batch
from unblur.batch.journal import Journal

def die(*_, **__):
    if counted():
        os.kill(os.getpid(), signal.SIGKILL)

def counted(left=[4]):
    left[0] -= 1
    return left[0] == 0

original, dumps = batch.commit, json.dumps

def commit_and_die(*args, **options):
    original(*args, **options)
    die()

def half(value, **options):
    if counted():
        open(sys.argv[-1], "ab").write(dumps(value).encode()[:40])
        os.kill(os.getpid(), signal.SIGKILL)
    return dumps(value, **options)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("moment", KILLED)
def test_killed_at_its_worst_moments_a_batch_goes_on(tmp_path, moment):
    photos, out = colours(tmp_path / "in", 6), tmp_path / "out"
    script = textwrap.dedent(SCRIPT) + patch_of(KILLED[moment]) + "main(sys.argv[1:-1])\n"
    command = [str(photos), "-o", str(out), "--resume", "--quiet"]
    killed = subprocess.run(
        [sys.executable, "-c", script, *command, str(out / JOURNAL)], env=ENV, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    before = {name: mark for name, mark in marks(out).items() if not name.startswith(".")}
    assert 2 <= len(before) <= 4
    unblur(*command)
    after = marks(out)
    assert {name: after[name] for name in before} == before
    assert sorted(after) == [JOURNAL, *(f"{n:02}.png" for n in range(6))]
    for path in photos.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()


def patch_of(statement):
    """Return code that counts or dies first and then does what it stands in for."""
    if "= die" not in statement:
        return statement + "\n"
    place = statement.split(" = ")[0]
    return (
        f"_real = {place}\n"
        "def _first(*args, **options):\n    die()\n    return _real(*args, **options)\n"
        f"{place} = _first\n"
    )


def test_photos_in_a_store_with_a_url(album, tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    store = fsspec.filesystem("memory")
    for path in album.rglob("*.*"):
        store.pipe_file(f"/album/{path.relative_to(album).as_posix()}", path.read_bytes())
    store.pipe_file("/album/.hidden.jpg", b"x")
    store.pipe_file("/album/notes.txt", b"x")
    command = ("memory://album", "-o", "memory://results/x", "--strength", "0", "--resume")
    command = (*command, "--journal", tmp_path / "j")
    assert "2 done, 1 failed" in unblur(*command, expect=3).stdout
    assert sorted(store.find("/results")) == ["/results/x/moved.png", "/results/x/sub/sharp.jpg"]
    sharp = (album / "sub" / "sharp.jpg").read_bytes()
    assert store.cat_file("/results/x/sub/sharp.jpg") == sharp
    assert "(2 of them before)" in unblur(*command, expect=3).stdout
    store.pipe_file("/album/moved.png", (album / "moved.png").read_bytes())  # anew
    assert "(1 of them before)" in unblur(*command, expect=3).stdout
    unblur("memory://album/moved.png", "-o", tmp_path / "one", "--strength", "0")
    assert (tmp_path / "one" / "moved.png").exists()
    unblur(album / "moved.png", "-o", "memory://two/b.jpg", "--strength", "0")
    assert store.cat_file("/two/b.jpg").startswith(b"\xff\xd8")
    taken = unblur(album / "moved.png", "-o", "memory://two/b.jpg", expect=6)
    assert "--overwrite" in taken.stderr


def test_mistakes_with_stores_are_explained(album):
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    assert "nothing at" in unblur("memory://none", "-o", "memory://x", expect=3).stderr
    store = ("-o", "memory://y")
    assert "leave out" in unblur(album, *store, "--workers", "2", expect=3).stderr
    assert "cannot open" in unblur("nosuch://a/b.jpg", *store, expect=5).stderr
    assert "need an output" in unblur("memory://none", expect=3).stderr
    unblur(album, "-o", album.as_uri() + "-out", "--strength", "0", expect=3)
    assert (album.with_name("album-out") / "moved.png").is_file()


CLUSTER = """
import os, subprocess, sys, time
from pathlib import Path
from dask.distributed import Client, LocalCluster

if __name__ == "__main__":
    out = Path(sys.argv[2])
    options = dict(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    with LocalCluster(**options, silence_logs=50) as cluster, Client(cluster) as client:
        victim = next(iter(client.run(os.getpid).values()))
        command = [sys.executable, "-m", "unblur", "restore", sys.argv[1], "-o", str(out)]
        command += ["--scheduler", cluster.scheduler_address, "--resume", "--model", "wiener"]
        with subprocess.Popen([*command, "--report", sys.argv[3]]) as batch:
            while not list(out.glob("0*")):
                assert batch.poll() is None
                time.sleep(0.02)
            os.kill(victim, 9)
        print("exit", batch.returncode)
"""


@pytest.mark.slow
def test_a_cluster_goes_on_without_a_worker_that_is_killed(tmp_path):
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    photos = tmp_path / "in"
    photos.mkdir()
    with Image.open(SHAKEN) as image:
        for number in range(4):
            image.crop((180 + number, 120, 300 + number, 220)).save(photos / f"{number:03}.png")
    (photos / "bad.png").write_bytes(b"hello")
    script, report = tmp_path / "cluster.py", tmp_path / "report.json"
    script.write_text(CLUSTER)
    places = [str(photos), str(tmp_path / "out"), str(report)]
    done = subprocess.run(
        [sys.executable, str(script), *places],
        env=ENV,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "exit 3" in done.stdout, done.stdout[-800:] + done.stderr[-2000:]
    assert "4 done, 1 failed" in done.stdout
    rows = json.loads(report.read_text())
    assert [row["error"] is None for row in rows] == [True] * 4 + [False]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        JOURNAL,
        *(f"{n:03}.png" for n in range(4)),
    ]
    unblur(photos / "002.png", "-o", tmp_path / "alone.png", "--model", "wiener", "--threads", 1)
    assert (tmp_path / "alone.png").read_bytes() == (tmp_path / "out" / "002.png").read_bytes()


def test_a_cluster_that_is_not_there_is_named(tmp_path):
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    code = "import sys\nfrom unblur.batch import cluster\ncluster.PATIENCE = '1s'\n"
    code += "from unblur.cli import main\nmain(sys.argv[1:])"
    photos = colours(tmp_path / "in", 1)
    command = [str(photos), "-o", str(tmp_path / "out"), "--scheduler", "tcp://127.0.0.1:9"]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *command], env=ENV, capture_output=True, text=True, check=False
    )
    assert done.returncode == 5 and time.monotonic() - begun < 30
    assert done.stderr.startswith("unblur: cannot reach tcp://127.0.0.1:9")
    assert len(done.stderr.splitlines()) == 1
