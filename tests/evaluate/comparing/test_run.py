"""Comparisons: what is kept is not done again, what changed is, and stopping loses nothing."""

import gc
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.evaluate.comparing.fakes import fake_pool, write_pairs  # noqa: F401
from unblur.errors import BadValue, EngineFailed, UnknownModel
from unblur.evaluate.comparing import cache, run
from unblur.evaluate.comparing.cache import FileHashes, model_digest
from unblur.evaluate.comparing.crops import telling_window
from unblur.evaluate.comparing.job import Job
from unblur.evaluate.comparing.run import compare
from unblur.evaluate.comparing.worker_pool import WorkerPool
from unblur.runtime import Runtime


@pytest.fixture
def pairs(tmp_path):
    write_pairs(tmp_path / "pairs")
    return tmp_path / "pairs"


def test_every_model_sees_every_photo_once(pairs, tmp_path, fake_pool):  # noqa: F811
    steps = []
    job, models = Job(str(pairs)), ["good", "dark", "good"]
    found = compare(job, models, tmp_path / "out", progress=lambda *s: steps.append(s))
    assert found.models == ("blurry", "good", "dark") and found.whole and found.fresh == 12
    assert [row.method for row in found.rows] == ["blurry", "good", "dark"] * 4
    gains = [row.gain_db for row in found.rows if row.method == "good"]
    assert np.allclose(gains, 20 * np.log10(2), atol=0.1)
    assert all(row.cpu_seconds is not None for row in found.rows)
    assert [step[:2] for step in steps] == [(i, 12) for i in range(1, 13)]
    assert steps[0][2] is None and steps[-1][2] == 0 and steps[4][2] > 0
    for shot in found.shots:
        assert shot.size == (110, 150) and shot.window == (0, 0, 110, 150)
        assert set(shot.pictures) == {"blurry", "good", "dark", "sharp", "overview"}
        for path in shot.pictures.values():
            with Image.open(path) as image:
                image.load()


def test_the_second_run_does_nothing_and_says_the_same(pairs, tmp_path, fake_pool):  # noqa: F811
    first = compare(Job(str(pairs)), ["good"], tmp_path / "out")
    fake_pool.asked.clear()
    again = compare(Job(str(pairs)), ["good"], tmp_path / "out")
    assert fake_pool.asked == [] and again.fresh == 0
    assert again.rows == first.rows and again.shots == first.shots
    compare(Job(str(pairs)), ["good", "dark"], tmp_path / "out")
    assert {model for model, _ in fake_pool.asked} == {"dark"}


def test_what_changed_is_done_again(pairs, tmp_path, fake_pool, monkeypatch):  # noqa: F811
    def again(job=None):
        fake_pool.asked.clear()
        compare(job or Job(str(pairs)), ["good"], tmp_path / "out")
        return {photo for _, photo in fake_pool.asked}

    everything = {"p0", "p1", "p2", "p3"}
    assert again() == everything and again() == set()
    for side in ("blurry", "sharp"):
        Image.new("RGB", (150, 110), "red").save(pairs / side / "p2.png")
        assert again() == {"p2"}
    os.utime(pairs / "sharp" / "p1.png", (1, 1))  # another time, the same content
    assert again() == set()
    assert again(Job(str(pairs), crop_px=5)) == everything
    assert again(Job(str(pairs), runtime=Runtime(threads=3))) == everything
    monkeypatch.setattr(cache, "code_digest", lambda: "another version")
    assert again() == everything


def test_results_that_are_to_last_outlast_the_code(pairs, tmp_path, fake_pool, monkeypatch):  # noqa: F811
    job, models = Job(str(pairs)), ["good", "dark"]
    first = compare(job, models, tmp_path / "out", only=["p0", "p1"])
    assert not first.older
    monkeypatch.setattr(cache, "code_digest", lambda: "another version")
    monkeypatch.setattr(run, "code_digest", lambda: "another version")
    fake_pool.asked.clear()
    found = compare(job, models, tmp_path / "out", lasting=["dark"])
    asked = set(fake_pool.asked)
    assert asked == {(m, f"p{i}") for m in ("blurry", "good", "dark") for i in range(4)} - {
        ("dark", "p0"),
        ("dark", "p1"),
    }
    assert found.older == {"dark"} and found.whole
    assert all(path.is_file() for shot in found.shots for path in shot.pictures.values())
    fake_pool.asked.clear()
    # Another photo is other work, whatever lasts.
    Image.new("RGB", (150, 110), "red").save(pairs / "blurry" / "p0.png")
    compare(job, models, tmp_path / "out", lasting=["good", "dark"])
    assert set(fake_pool.asked) == {(m, "p0") for m in ("blurry", "good", "dark")}
    with pytest.raises(BadValue, match="'better' is to be kept"):
        compare(job, models, tmp_path / "out", lasting=["better"])


def test_a_model_is_its_networks_and_its_settings(tmp_path):
    tuned = tmp_path / "tuned.toml"
    tuned.write_text("strength = 0.5\n")
    name = f"unblur@{tuned}"
    before = model_digest(name)
    assert before == model_digest(name) != model_digest("unblur")
    tuned.write_text("strength = 0.6\n")
    assert model_digest(name) != before
    network = tmp_path / "mine.onnx"
    network.write_bytes(b"one")
    before = model_digest(str(network))
    network.write_bytes(b"two")
    assert model_digest(str(network)) != before


def test_stopping_keeps_what_is_done(pairs, tmp_path, fake_pool):  # noqa: F811
    fake_pool.stop_at = "p2"
    part = compare(Job(str(pairs)), ["good", "dark"], tmp_path / "out")
    assert not part.whole and [shot.name for shot in part.shots] == ["p0", "p1"]
    assert {row.name for row in part.rows} == {"p0", "p1"}
    fake_pool.stop_at = None
    fake_pool.asked.clear()
    rest = compare(Job(str(pairs)), ["good", "dark"], tmp_path / "out")
    # Of the photo at which it was stopped, two models were done.
    expected = [("dark", "p2"), ("blurry", "p3"), ("good", "p3"), ("dark", "p3")]
    assert fake_pool.asked == expected and rest.whole


def test_a_failure_costs_one_row_and_is_tried_again(pairs, tmp_path, fake_pool):  # noqa: F811
    found = compare(Job(str(pairs)), ["unsteady", "sometimes"], tmp_path / "out")
    (failure,) = found.failures
    assert failure[:2] == ("unsteady", "p1") and "a defect" in failure[2]
    assert [r.name for r in found.rows if r.method == "unsteady"] == ["p0", "p2", "p3"]
    assert [r.name for r in found.rows if r.method == "sometimes"] == ["p0"]
    fake_pool.asked.clear()
    compare(Job(str(pairs)), ["unsteady", "sometimes"], tmp_path / "out")
    assert fake_pool.asked == [("unsteady", "p1")]


def test_results_of_other_programs_take_part(pairs, tmp_path, monkeypatch, fake_pool):  # noqa: F811
    from unblur.evaluate import methods
    from unblur.evaluate.comparing import worker
    from unblur.evaluate.report import figures, words

    monkeypatch.setattr(worker, "method_of", methods.method_of)
    job, name = Job(str(pairs)), f"theirs={pairs / 'sharp'}"
    found = compare(job, [name], tmp_path / "out")
    assert found.models == ("blurry", "theirs") and found.given == {"theirs"}
    table = {line["model"]: line for line in figures.table(found)}
    assert table["theirs"]["psnr_db"] == float("inf") and table["theirs"]["seconds"] is None
    assert "theirs" in words.text_table(found) and "Cost" not in " ".join(words.verdict(found))
    fake_pool.asked.clear()
    Image.new("RGB", (150, 110)).save(pairs / "sharp" / "p0.png")
    compare(job, [name], tmp_path / "out")
    assert ("theirs=" + str(pairs / "sharp"), "p0") in fake_pool.asked
    with pytest.raises(BadValue, match="share a name"):
        compare(job, [name, "theirs=elsewhere"], tmp_path / "out")


def test_only_some_photos(pairs, tmp_path, fake_pool):  # noqa: F811
    found = compare(Job(str(pairs)), ["good"], tmp_path / "out", only=["p3", "p1"])
    assert [shot.name for shot in found.shots] == ["p1", "p3"]
    with pytest.raises(BadValue, match="no photo"):
        compare(Job(str(pairs)), ["good"], tmp_path / "out", only=["px"])
    with pytest.raises(BadValue, match="plain"):
        Job(str(pairs), protocol="unpaired", crop_px=3).open()


def test_working_processes_answer_die_and_are_replaced(pairs, tmp_path):
    with WorkerPool(Job(str(pairs), runtime=Runtime(threads=1))) as pool:
        pool.start(["blurry"])
        request = {"case": "p0", "before": None, "pictures": str(tmp_path / "pictures")}
        answer = pool.ask("blurry", request)
        assert answer["row"]["method"] == "blurry" and answer["size"] == [110, 150]
        assert {p.name for p in tmp_path.glob("*.jpg")} == {
            "pictures.jpg",
            "pictures-sharp.jpg",
            "pictures-overview.jpg",
        }
        pool._workers["blurry"]._process.kill()
        with pytest.raises(EngineFailed, match="p0"):
            pool.ask("blurry", request)
        assert pool.ask("blurry", request)["row"]["scores"] == answer["row"]["scores"]
        with pytest.raises(UnknownModel, match="unblurr"):
            pool.start(["unblurr"])
        processes = [worker._process for worker in pool._workers.values()]
    assert all(process.poll() is not None for process in processes)


def test_a_process_that_ends_at_once_leaves_no_open_pipe(pairs, monkeypatch):
    monkeypatch.setattr("sys.executable", shutil.which("true"))
    with WorkerPool(Job(str(pairs))) as pool, pytest.raises(EngineFailed, match="did not start"):
        pool.start(["a", "b"])
    gc.collect()


def test_the_window_is_where_the_blur_destroyed_most():
    sharp = np.full((400, 900, 3), 90, np.uint8)
    blurry = sharp.copy()
    blurry[350:380, 700:720] = 200
    window = telling_window(blurry, sharp)
    assert (window.y1 - window.y0, window.x1 - window.x0) == (288, 384)
    assert window.y0 <= 350 and window.y1 >= 380 and window.x0 <= 700 and window.x1 >= 720
    # Without a truth, where there is most structure.
    assert telling_window(blurry, None).x1 >= 720


def test_damaged_memory_of_hashes_is_no_obstacle(tmp_path):
    memory, file = tmp_path / "files.json", tmp_path / "file"
    memory.write_text("{damaged")
    file.write_bytes(b"content")
    hashes = FileHashes(memory)
    value = hashes.of(file)
    hashes.write()
    assert json.loads(memory.read_text())[str(file.resolve())][2] == value
    assert FileHashes(memory).of(file) == value and hashes.of(tmp_path / "none") == ""
