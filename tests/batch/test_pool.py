"""Worker processes: every item once, whatever dies."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.batch import jobs
from unblur.batch import pool
from unblur.batch.pool import Lost, in_processes
from unblur.errors import MissingExtra, UnreadableImage
from unblur.runtime import Runtime

ROOT = Path(__file__).parents[2]


def test_every_item_has_its_result():
    assert dict(in_processes(jobs.square, range(9), 2)) == {n: n * n for n in range(9)}
    assert list(in_processes(jobs.square, [], 2)) == []


def test_processes_are_few_reused_and_of_one_thread(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    seen = dict(in_processes(jobs.process, range(8), 2)).values()
    assert len({pid for pid, _ in seen}) == 2
    assert os.getpid() not in {pid for pid, _ in seen}
    told = dict(in_processes(jobs.threads_and_signals, [0], 1))
    assert told == {0: ("1", True)}
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_process_is_replaced_after_a_while(monkeypatch):
    monkeypatch.setattr(pool, "RECYCLED_AFTER", 2)
    seen = [pid for _, (pid, _) in in_processes(jobs.process, range(5), 1)]
    assert len(set(seen)) == 3


def test_a_dead_process_takes_only_what_it_had_in_hand(tmp_path):
    once = tmp_path / "dies-once"
    once.touch()
    items = ["a", "deadly", "b", once, "c"]
    results = dict(in_processes(jobs.dies, items, 2))
    lost = results.pop(1)
    assert results == {0: "a", 2: "b", 3: str(once), 4: "c"}
    assert lost.ended and "SIGKILL" in lost.reason and "memory" in lost.reason


def test_what_a_job_raises_is_told_in_one_line():
    results = dict(in_processes(jobs.fails, range(4), 1))
    assert results[1] == Lost("RuntimeError: broken")
    assert "not enough memory" in results[2].reason
    assert (results[0], results[3]) == (0, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="the bound holds on Linux")
def test_more_memory_than_allotted_costs_only_the_item():
    results = dict(in_processes(jobs.takes_memory, [10, 2000, 20], 1, memory_mb=600))
    assert (results[0], results[2]) == (10_000_000, 20_000_000)
    assert "not enough memory" in results[1].reason


def test_an_item_that_takes_too_long_is_stopped_and_the_others_go_on(tmp_path):
    items = ["a", tmp_path, "b", "c"]
    results = dict(in_processes(jobs.never_lets_go, items, 2, timeout_s=1.5))
    lost = results.pop(1)
    assert results == {0: "a", 2: "b", 3: "c"}
    assert "more than 1.5 s" in lost.reason and "--timeout" in lost.reason and not lost.ended
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_time_is_counted_for_each_item_anew():
    results = dict(in_processes(jobs.sleeps, [0.4] * 5, 1, timeout_s=1.5))
    assert results == dict.fromkeys(range(5), 0.4)


def test_a_process_starts_no_programs():
    (lost,) = dict(in_processes(jobs.starts_a_program, [0], 1)).values()
    assert "starts no other program" in lost.reason


def test_processes_end_with_a_parent_that_is_killed(tmp_path):
    code = (
        "from pathlib import Path\nfrom tests.batch import jobs\n"
        "from unblur.batch.pool import in_processes\n"
        "if __name__ == '__main__':\n"
        f"    list(in_processes(jobs.says_who_and_waits, [Path({str(tmp_path)!r})] * 2, 2))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    with subprocess.Popen([sys.executable, str(script)], env=env) as parent:
        patience = time.monotonic() + 30
        while len(list(tmp_path.glob("[0-9]*"))) < 2:
            assert time.monotonic() < patience
            time.sleep(0.05)
        parent.send_signal(signal.SIGKILL)
    time.sleep(0.5)
    marks = {path: path.read_text() for path in tmp_path.glob("[0-9]*")}
    time.sleep(0.3)
    assert {path: path.read_text() for path in tmp_path.glob("[0-9]*")} == marks


def test_stopping_early_leaves_no_process_behind():
    results = in_processes(jobs.process, range(100), 2)
    _, (pid, _) = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_missing_extra_travels_between_processes():
    error = MissingExtra("pi-heif", "heif", "reading a.heic")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_batch_gives_each_photo_its_time_and_its_share_of_the_memory(monkeypatch, tmp_path):
    from unblur.batch import run as batch

    told = {}

    def fake(job, items, workers, **terms):
        told.update(terms, workers=workers, threads=job.keywords["settings"].runtime.threads)
        return ((number, Lost("given up")) for number in range(len(items)))

    monkeypatch.setattr(batch, "in_processes", fake)
    monkeypatch.setattr(batch, "physical_bytes", lambda: 16_000_000_000)
    settings = batch.Settings(
        "unblur", 1, None, None, None, True, None, Runtime(), None, *[False] * 3, 96
    )
    tasks = [batch.Task(f"{n}.png", str(tmp_path / f"{n}.png"), "") for n in range(3)]
    run = batch.Batch(tasks, settings).run
    outcomes = list(run(batch.How(workers=2)))
    assert told == {
        **{"memory_mb": 8000, "timeout_s": batch.TIMEOUT_S, "one_thread": True},
        **{"workers": 2, "threads": 1},
    }
    assert [outcome.row["error"] for _, outcome in outcomes] == ["given up"] * 3
    list(run(batch.How(timeout_s=7)))
    assert (told["timeout_s"], told["workers"], told["threads"]) == (7, 1, None)
    assert batch.How().here and not batch.How(timeout_s=7).here
    list(run(batch.How()))  # several photos: one that hangs or swells must not stop the others
    bounds = {"memory_mb": 16000, "timeout_s": batch.TIMEOUT_S, "one_thread": False, "workers": 1}
    assert told == {**bounds, "threads": None}
    told.clear()
    batch.Batch(tasks[:1], settings).run(batch.How())
    assert not told


def test_a_worker_of_a_cluster_ends_itself_when_time_is_up():
    code = (
        "import time\nfrom unblur.batch.cluster import in_time\n"
        "assert in_time(abs, -3, 30) == 3\n"
        "in_time(time.sleep, 60, 0.2)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=50).returncode == 75


def test_a_store_that_sends_without_end_is_given_up():
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    from unblur.batch.stores import fetch

    fsspec.filesystem("memory").pipe_file("/endless/a.jpg", bytes(3_000_000))
    assert len(fetch("memory://endless/a.jpg", max_bytes=3_000_000)) == 3_000_000
    with pytest.raises(UnreadableImage, match=r"at most 3 MB are read"):
        fetch("memory://endless/a.jpg", max_bytes=2_999_999)
