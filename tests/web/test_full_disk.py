"""A full disk is told in a word, to uploads, jobs, results and ZIPs, and leaves the server well."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.web.serving import Client
from unblur.errors import CannotWrite, DiskFull, is_disk_full
from unblur.web import work
from unblur.web.orders import Order, Rendering, Wanted

NAMESPACE = ["unshare", "--map-root-user", "--mount"]
INSIDE = """
mount -t tmpfs -o size=4m tmpfs "$0" && exec "$1" -m unblur serve --no-open --port 0 --threads 1
"""


def full():
    return OSError(errno.ENOSPC, "No space left on device")


def test_what_says_that_the_disk_is_full():
    assert is_disk_full(full()) and is_disk_full(OSError(errno.EDQUOT, "quota"))
    try:
        try:
            raise full()
        except OSError as error:
            raise CannotWrite("no") from error
    except CannotWrite as error:
        assert is_disk_full(error)
    assert not is_disk_full(OSError(errno.ENOENT, "none")) and not is_disk_full(ValueError())
    assert DiskFull.http_status == 507


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_worker_says_so(monkeypatch, tmp_path, wrapped):
    def write(*arguments):
        try:
            raise full()
        except OSError as error:
            if wrapped:
                raise CannotWrite("cannot write") from error
            raise

    monkeypatch.setattr(work, "_photo", write)
    monkeypatch.setattr(work, "_rendering", write)
    source = tmp_path / "input.bin"
    wanted = Wanted("a.jpg", source, tmp_path, changed=True)
    for order in (Order("restore", tmp_path, source), Rendering(wanted, tmp_path / "out")):
        answer = work.answer(order, lambda progress: None)
        assert (answer.code, answer.status) == ("DiskFull", 507) and "full" in answer.message


def test_an_upload_says_so(client, server, monkeypatch):
    before = sorted(server[1].store.root.iterdir()), server[1].store.stored_bytes
    with monkeypatch.context() as patched:
        patched.setattr(type(server[1].store), "folder", lambda *_: (_ for _ in ()).throw(full()))
        status, headers, text = client.ask("POST", "/api/uploads", b"photo")
    assert status == 507 and json.loads(text)["error"]["code"] == "DiskFull"
    assert "full" in json.loads(text)["error"]["message"] and headers["retry-after"]
    assert (sorted(server[1].store.root.iterdir()), server[1].store.stored_bytes) == before
    client.send(b"photo")


@pytest.fixture
def small_disk(tmp_path):
    """A client of a server whose disk has 4 MB."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare of Linux for a disk of its own")
    process = subprocess.Popen(
        [*NAMESPACE, "sh", "-c", INSIDE, str(tmp_path), sys.executable],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    reading = threading.Thread(target=process.stderr.read, daemon=True)
    with process:
        try:
            line = process.stderr.readline()
            if "the page is at" not in line:
                pytest.skip(f"this system gives no disk of its own: {line.strip()}")
            reading.start()
            yield Client(int(line.split(":")[-1].split("/")[0])).begin()
        finally:
            process.terminate()
            process.wait(30)
            if reading.ident is not None:  # the pipe is closed only when nobody reads it any more
                reading.join(30)


def test_a_disk_that_is_full(small_disk, sharp_jpeg):
    client = small_disk
    rng = np.random.default_rng(0)
    status, _, text = client.ask("POST", "/api/uploads", rng.bytes(6_000_000))
    assert status == 507 and json.loads(text)["error"]["code"] == "DiskFull"
    # Room again: a photo is restored and taken, until there is no more.
    job = client.restore(sharp_jpeg, "a.jpg")
    assert job["state"] == "done"
    filler = client.send(rng.bytes(2_400_000))
    failed = client.restore(_large(sharp_jpeg), "b.jpg")
    assert failed["error"]["code"] == "DiskFull", failed
    many = "&".join([f"job={job['id']}"] * 200)
    assert client.ask("GET", f"/api/zip?format=bmp&{many}")[0] == 507
    client.ask("DELETE", f"/api/uploads/{filler['id']}")
    assert len(client.take(job, "?format=png")[1]) > 1000


def _large(jpeg):
    """A sharp photo that takes little room, and whose picture for the page takes much."""
    with Image.open(io.BytesIO(jpeg)) as image:
        tiled = np.tile(np.asarray(image.convert("RGB")), (3, 3, 1))[:1100, :1400]
    stream = io.BytesIO()
    Image.fromarray(tiled).save(stream, "JPEG", quality=80)
    assert stream.tell() < 400_000
    return stream.getvalue()


def test_paths_stay_private_when_a_result_fails(tmp_path):
    source = Path(tmp_path / "input.bin")
    source.write_bytes(b"no photo")
    wanted = Wanted("a.jpg", source, tmp_path, changed=True)
    answer = work.answer(Rendering(wanted, tmp_path / "out"), lambda progress: None)
    assert answer.code == "UnreadableImage" and str(tmp_path) not in answer.message
