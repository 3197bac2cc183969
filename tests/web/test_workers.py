"""Files of strangers are read in processes that can be ended, and what ends with them."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.web import hostile
from tests.web.serving import SHARP, Client, running, started
from unblur.runtime import ONE_THREAD
from unblur.web.child import Child, Ended
from unblur.web.settings import RENDERERS, Limits, Settings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups of POSIX")


class NoKeeper:
    def note(self, pid, *, there):
        pass


@pytest.fixture
def child(tmp_path):
    """Return a function that makes a process of a target; all are ended."""
    children = []

    def make(target, *arguments):
        children.append(Child(target, arguments, NoKeeper(), threading.Event()))
        children[-1].start()
        return children[-1]

    yield make
    for one in children:
        one.end()


def soon(check, seconds=60.0):
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_there(pid):
    """Whether a process runs; one that nobody has waited for yet does not."""
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state not in "ZX"
    if Path("/proc/self").exists():
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def descendants(pid):
    """Return the numbers of all processes below one."""
    psutil = pytest.importorskip("psutil")
    return [p.pid for p in psutil.Process(pid).children(recursive=True)]


def test_what_a_worker_started_ends_with_it(child, tmp_path):
    note = tmp_path / "pid"
    one = child(hostile.starts_another, note)
    one.receive(time.monotonic() + 60)
    program = int(note.read_text())
    assert is_there(program)
    one.end()
    soon(lambda: not is_there(program), 10)
    assert not one.is_alive


def test_what_a_dead_worker_left_behind_ends_too(child, tmp_path):
    note = tmp_path / "pid"
    one = child(hostile.leaves_another_behind, note)
    with pytest.raises(Ended):
        one.receive(time.monotonic() + 60)
    program = int(note.read_text())
    assert is_there(program)
    one.end()
    soon(lambda: not is_there(program), 10)


def test_a_workers_word_is_never_unpickled(child, tmp_path):
    one = child(hostile.sends_a_pickle, tmp_path / "note")
    with pytest.raises(Ended):
        one.receive(time.monotonic() + 60)
    assert not (tmp_path / "note").exists()


def test_memory_has_a_bound(child):
    pytest.importorskip("resource")
    if sys.platform == "darwin":
        pytest.skip("macOS does not heed the limit")
    one = child(hostile.takes_memory, 500_000_000)
    assert one.receive(time.monotonic() + 60).result == {"bytes": 0}


def test_a_confined_process_starts_no_program():
    text = """if True:
        import os, subprocess
        from unblur.confine import confine
        confine()
        assert os.getsid(0) == os.getpgid(0) == os.getpid()
        for start in (
            lambda: subprocess.run(["true"]),
            lambda: os.system("true"),
            lambda: os.popen("true"),
            lambda: os.execv("/bin/true", ["true"]),
            lambda: os.posix_spawn("/bin/true", ["true"], {}),
            os.fork,
        ):
            try:
                start()
            except PermissionError as error:
                assert "no other program" in str(error)
            else:
                raise SystemExit("started")
    """
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0


def test_workers_are_confined(server):
    import resource

    worker = server[1].workers[0]
    assert os.getpgid(worker.pid) == os.getsid(worker.pid) == worker.pid != os.getpgid(0)
    if not hasattr(resource, "prlimit"):
        return
    memory = server[1].settings.limits.memory_bytes
    assert resource.prlimit(worker.pid, resource.RLIMIT_DATA) == (memory, memory)
    assert memory < resource.prlimit(worker.pid, resource.RLIMIT_AS)[0] < memory + 2 * 10**10
    assert resource.prlimit(worker.pid, resource.RLIMIT_CORE) == (0, 0)


def test_the_server_itself_opens_and_writes_no_picture(client, encoded, sharp_jpeg, monkeypatch):
    """All that clients ask for works while Pillow is broken in this process."""
    import zipfile

    def never(*arguments, **options):
        raise AssertionError("a picture was touched in the server's process")

    data = encoded()
    monkeypatch.setattr(Image, "open", never)
    monkeypatch.setattr(Image.Image, "save", never)
    monkeypatch.setattr(Image, "fromarray", never)
    monkeypatch.setattr(zipfile, "ZipFile", never)
    jobs = [client.restore(data, "a.jpg"), client.restore(sharp_jpeg, "b.jpg")]
    for query in ("", "?strength=0.5", "?format=png", "?location=strip", "?format=tiff"):
        for job in jobs:
            assert len(client.take(job, query)[1]) > 1000
    for name in ("before", "after", "motion"):
        assert client.ask("GET", f"/api/jobs/{jobs[0]['id']}/{name}")[0] == 200
    detection = client.wait(client.order(jobs[0]["upload"], task="detect"))
    assert client.ask("GET", f"/api/jobs/{detection['id']}/heat")[0] == 200
    assert client.ask("GET", f"/api/zip?job={jobs[0]['id']}&job={jobs[1]['id']}")[0] == 200


def test_nothing_of_a_result_stays_with_the_server(client, server, encoded):
    job = client.restore(encoded())
    before = sorted(server[1].store.root.iterdir()), server[1].store.stored_bytes
    client.take(job, "?format=png")
    assert client.ask("GET", f"/api/zip?job={job['id']}&job={job['id']}:7")[0] == 400
    assert client.ask("GET", f"/api/zip?job={job['id']}")[0] == 200
    soon(
        lambda: (sorted(server[1].store.root.iterdir()), server[1].store.stored_bytes) == before, 5
    )


def test_a_result_that_hangs_is_given_up_and_holds_up_nobody(sharp_jpeg):
    limits = Limits(render_seconds=3.0)
    with running(Settings(runtime=ONE_THREAD, limits=limits)) as (port, hub):
        client = Client(port).begin()
        job = client.restore(sharp_jpeg)
        client.take(job, "?format=png")  # now one of the processes is there
        (stuck,) = {c.pid for c in hub.renderers._all} - {None}
        os.kill(stuck, signal.SIGSTOP)
        begun = time.monotonic()
        codes = []
        path = f"/api/jobs/{job['id']}/result?format=png"
        threads = [
            threading.Thread(target=lambda: codes.append(client.ask("GET", path)[0]))
            for _ in range(RENDERERS)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            asked = time.monotonic()
            assert client.ask("GET", "/api/jobs")[0] == 200
            assert time.monotonic() - asked < 2
            time.sleep(0.1)
        assert sorted(codes) == [200, 413]
        assert time.monotonic() - begun < 30
        assert not is_there(stuck)
        client.take(job, "?format=png")


@pytest.mark.parametrize("limit", ["job_seconds", "reading_seconds"])
def test_a_photo_that_takes_too_long_is_given_up(encoded, limit):
    with running(Settings(runtime=ONE_THREAD, limits=Limits(**{limit: 2.0}))) as (port, hub):
        client = Client(port).begin()
        assert hub.workers[0].ready.wait(60)
        stuck = hub.workers[0].pid
        os.kill(stuck, signal.SIGSTOP)
        job = client.wait(client.order(client.send(encoded())["id"]))
        assert job["state"] == "failed" and job["error"]["code"] == "TimeOut"
        assert "2 s" in job["error"]["message"]
        assert not is_there(stuck)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_ends_at_once_and_whole_whatever_is_being_read(tmp_path, ending):
    """Restoring and a download hang, as in a decoder that holds on for hours."""
    with started(tmp_path, "--threads", "1") as (process, port):
        client = Client(port).begin()
        job = client.restore(SHARP.read_bytes())
        client.take(job, "?format=png")
        for pid in descendants(process.pid):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes() and not _keeps(pid):
                os.kill(pid, signal.SIGSTOP)
        client.order(job["upload"])
        path = f"/api/jobs/{job['id']}/result?format=png"
        asking = threading.Thread(target=_ask, args=(client, path), daemon=True)
        asking.start()
        time.sleep(0.5)
        below = descendants(process.pid)
        assert len(below) >= 3
        begun = time.monotonic()
        process.send_signal(ending)
        process.wait(30)
        assert time.monotonic() - begun < 8
        soon(lambda: not any(is_there(pid) for pid in below), 20)
        soon(lambda: not list(tmp_path.glob("unblur-web-*")), 20)
        asking.join(30)


def _ask(client, path):
    with contextlib.suppress(OSError, Exception):
        client.ask("GET", path)


def _keeps(pid):
    """Whether a process is the keeper: it alone has no numerical libraries loaded."""
    return "numpy" not in Path(f"/proc/{pid}/maps").read_text()
