"""Clips with a recorded camera path: true PSFs, better frames, and words for what is missing."""

import functools
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.io.test_gyro import payload, with_telemetry
from tests.video.fakes import texture, write_clip
from unblur.blur.recorded import RecordedPath
from unblur.cli import main
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.errors import BadValue
from unblur.video import GyroOptions, restore_clip
from unblur.video.known import MOST_NODES, FrameMotion, known_input

av = pytest.importorskip("av", reason="videos need PyAV")

FILE = Path(__file__).parents[2] / "benchmarks" / "gyro.py"
SPEC = importlib.util.spec_from_file_location("benchmark_of_gyroscopes", FILE)
bench = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = bench
SPEC.loader.exec_module(bench)

CAMERA = bench.Camera(192, 160, 190.0, 0.03, 0.012)


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    """Film a photo with a turning camera, three frames: clip, log, sharp frames and path."""
    folder = tmp_path_factory.mktemp("shot")
    rng = np.random.default_rng(11)
    shake = bench.Shake.draw(rng, 0.2, 2.0)
    with Image.open(bench.SHARP / "astronaut.jpg") as image:
        cut = np.asarray(image.convert("RGB").crop((100, 0, 380, 240)), np.float32)
    scene = srgb_to_linear(cut / 255)
    filmed = [CAMERA.film(scene, shake, k, moments=48) for k in range(3)]

    def coded(light):
        return np.round(linear_to_srgb(np.clip(light, 0, 1).astype(np.float32)) * 255)

    bench.write_clip(folder / "a.mp4", [coded(b).astype(np.uint8) for _, b in filmed])
    shake.write_log(folder / "a.gcsv", rng, 12.0)
    return folder, [coded(s) / 255 for s, _ in filmed], shake


def test_psfs_of_a_log_are_the_true_ones(shot):
    folder, _, shake = shot
    alike = bench.similarities(CAMERA, shake, folder / "a.gcsv", 3)
    assert min(alike) > 0.95 and np.mean(alike) >= 0.97


@pytest.fixture(scope="module")
def restored(shot):
    """Return a function that restores the clip by its log, some ms late, or without: each once."""
    folder = shot[0]

    @functools.cache
    def restore(late_ms):
        gyro, target = None, folder / f"restored-{late_ms}.mp4"
        if late_ms is not None:
            gyro = GyroOptions(folder / "a.gcsv", 190.0, "0.03", offset_ms=late_ms)
        report = restore_clip(folder / "a.mp4", target, gyro=gyro, threads=1)
        return report, bench.read_clip(target)

    return restore


def scores(frames, sharp):
    return np.array([bench.psnr_db(a, s) for a, s in zip(frames, sharp, strict=True)])


def test_frames_gain_by_their_log(shot, restored):
    folder, sharp, _ = shot
    report, known = restored(0.0)
    assert report.frames == 3 and not report.notes
    gains = scores(known, sharp) - scores(bench.read_clip(folder / "a.mp4"), sharp)
    assert min(gains) > 1.0
    _, estimated = restored(None)
    assert np.mean(scores(known, sharp) - scores(estimated, sharp)) > 0.5


@pytest.mark.parametrize("late_ms", [0.0, None])
def test_flicker_is_no_worse_than_the_clips_own(shot, restored, late_ms):
    folder, sharp, _ = shot
    before, (_, after) = bench.read_clip(folder / "a.mp4"), restored(late_ms)
    assert bench.flicker(after, sharp) <= bench.flicker(before, sharp)


def test_a_wrong_sign_or_clock_is_no_help(shot, restored):
    """The gain comes from the log: the same log of another moment loses it."""
    right, wrong = (scores(restored(late_ms)[1], shot[1]).mean() for late_ms in (0.0, 60.0))
    assert right > wrong + 1.0


def test_a_field_is_as_fine_as_it_must_be():
    times = np.arange(0, 1, 0.002)
    steady = np.zeros((500, 3))
    steady[:, 1] = 0.5

    def nodes(omega, readout_s):
        path = RecordedPath(times, omega, (900.0, 900.0))
        return FrameMotion(path, 0.5, 0.02, readout_s).nodes(360, 640)

    one = nodes(steady, 0.0)
    assert [len(row) for row in one.grid] == [1]
    waving = steady * np.sin(times * 2 * np.pi * 12)[:, None]
    lines = nodes(waving, 0.02)
    assert len(lines.grid) > 2 and len(lines.grid[0]) == 1  # only the read-out makes a difference
    rolling = np.zeros((500, 3))
    rolling[:, 2] = 1.5
    both = nodes(rolling, 0.0)
    assert 2 < len(both.grid) <= MOST_NODES and 2 < len(both.grid[0]) <= MOST_NODES
    whole = sum(weight for _, weight in both.within(0, 360, 0, 640))
    assert np.allclose(whole, 1, atol=1e-5)
    part = both.within(100, 160, 40, 90)
    assert len(part) < sum(len(row) for row in both.grid)
    assert np.allclose(sum(weight for _, weight in part), 1, atol=1e-5)


def test_large_frames_are_seen_in_parts_without_seams(monkeypatch):
    path = RecordedPath(np.arange(0, 1, 0.002), np.full((500, 3), 0.6), (200.0, 200.0))
    nodes = FrameMotion(path, 0.5, 0.03).nodes(160, 192)
    frame = texture(160, 192, 2).astype(np.float32) / 255
    whole = known_input("wiener", frame, nodes)
    monkeypatch.setattr("unblur.video.known._TILE_PX", 96)
    parts = known_input("wiener", frame, nodes)
    assert np.abs(parts - whole).mean() < 0.01


def run(*words):
    return CliRunner().invoke(main, ["video", *(str(w) for w in words)])


def test_the_command_takes_a_log_and_tells_what_is_missing(shot, tmp_path):
    folder, *_ = shot
    clip, log, out = folder / "a.mp4", folder / "a.gcsv", tmp_path / "out.mp4"
    whole = ["--gyro", log, "--focal-px", 190, "--shutter", "75%", "--threads", 1]
    done = run(clip, "-o", out, *whole)
    assert done.exit_code == 0 and out.exists(), done.output
    for words, told in [
        (["--gyro", log, "--shutter", "1/50"], "give --focal-px"),
        (["--gyro", log, "--focal-px", 190], "give --shutter"),
        (["--gyro", log, "--focal-px", 190, "--shutter", "fast"], "as 1/100, or a share"),
        ([*whole, "--gyro-offset-ms", 9000], "covers 8.80 to"),
        ([*whole, "--model", "frame"], "used by the model photo"),
        ([*whole, "--keep-interlaced"], "leave --keep-interlaced out"),
        (["--focal-px", 190], "need --gyro"),
        (["--gyro", clip, "--focal-px", 190], "holds no gyroscope"),
    ]:
        done = run(clip, "-o", tmp_path / "none.mp4", *words)
        assert done.exit_code != 0 and told in done.stderr, (words, done.stderr)
        assert not (tmp_path / "none.mp4").exists()
    with pytest.raises(BadValue, match="video file"):
        restore_clip(tmp_path, tmp_path / "o", gyro=GyroOptions(log, 190.0, "1/50"))


def test_a_clips_own_track_tells_exposure_and_focal_length(tmp_path):
    from tests.io.test_gyro import klv

    more = klv("STRM", "", 1, klv("ZFOV", "f", 4, [90.0], "f") + klv("SROT", "f", 4, [9.0], "f"))
    data = payload([(0, 0, 0)] * 400, shut=[0.01] * 25, more=more)
    clip = with_telemetry(tmp_path / "a.mp4", [data])
    report = restore_clip(clip, tmp_path / "out.mp4", gyro=GyroOptions(clip), threads=1)
    assert report.frames == 25
    assert any("focal length 58 px" in note for note in report.notes)  # 115.4 px diagonal
    assert not any("--readout-ms" in note for note in report.notes)


def test_frames_beyond_the_log_are_left_alone_and_counted(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", times_ms=range(0, 4000, 40))
    rows = [f"{5 * k},3,3,3" for k in range(780)]  # 3.9 s of 4.0
    log = tmp_path / "a.gcsv"
    head = ["GYROFLOW IMU LOG", "tscale,0.001", "gscale,0.001", "t,gx,gy,gz"]
    log.write_text("\n".join(head + rows) + "\n")
    known = GyroOptions(log, 100.0, "1/100")
    report = restore_clip(clip, tmp_path / "out.mp4", gyro=known, threads=1)
    assert report.frames == 100
    counted = [note for note in report.notes if "does not cover" in note]
    assert counted and counted[0].startswith("2 frame(s)")
    assert any("--readout-ms" in note for note in report.notes)
