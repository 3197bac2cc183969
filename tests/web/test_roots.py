"""The private folders of servers: held while they run, swept up after those that were killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unblur.web.roots import make_root, sweep
from unblur.web.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
NAME = "unblur-web-" + "0" * 32
HOLD = """if True:
    import sys
    from unblur.web.roots import make_root
    root, held = make_root()
    (root / "photo").write_bytes(b"x")
    print(root, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def other():
    """A process that holds a folder, and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_a_folder_is_swept_when_nobody_holds_it_whoever_has_its_number(folder, other):
    """No number of a process counts: the one that made the folder may be anybody's by now."""
    process, root = other
    sweep()
    assert root.exists()
    process.kill()
    process.wait()
    store = Store(1000)
    assert not root.exists() and store.root.is_dir()
    sweep()
    assert store.root.is_dir()
    store.close()
    assert list(folder.iterdir()) == []


def test_other_folders_stay(folder):
    (folder / "kept").mkdir()
    (folder / "kept" / "photo").write_bytes(b"x")
    (folder / "unblur-web-mine").mkdir()
    (folder / f"{NAME}0").mkdir()
    (folder / NAME).symlink_to(folder / "kept", target_is_directory=True)
    (folder / NAME.replace("0", "1")).write_text("a file")
    before = sorted(folder.rglob("*"))
    sweep()
    assert sorted(folder.rglob("*")) == before


def test_a_folder_that_nobody_holds_is_swept(folder):
    (folder / NAME).mkdir()
    (folder / NAME / "photo").write_bytes(b"x")
    sweep()
    assert not (folder / NAME).exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_folder_of_another_user_stays(folder):
    (folder / NAME).mkdir()
    os.chown(folder / NAME, 12345, 12345)
    sweep()
    assert (folder / NAME).is_dir()


def test_folders_are_private_from_the_start(folder):
    root, held = make_root()
    assert root.stat().st_mode & 0o777 == 0o700
    os.close(held)
