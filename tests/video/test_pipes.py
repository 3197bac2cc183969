"""Raw frames through pipes, and the video command."""

import io
import json

import numpy as np
import pytest

from tests.calling import runner
from tests.video.fakes import Inverting, apart, read_back, texture, write_clip
from unblur.cli import main
from unblur.errors import BadValue, UnreadableImage
from unblur.io.video_raw import RawSink, RawSource
from unblur.video import models

FRAMES = [texture(40, 56, seed) for seed in range(4)]
RAW = b"".join(frame.tobytes() for frame in FRAMES)


@pytest.fixture
def model(monkeypatch):
    made = Inverting()
    monkeypatch.setattr(models, "load_frame_model", lambda name=None, session=None: made)
    return made


def test_frames_are_split_by_their_size_even_if_the_pipe_drips():
    class Dripping(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 997))

    source = RawSource(Dripping(RAW), width=56, height=40, rate=25)
    assert all(np.array_equal(f.samples, x) for f, x in zip(source, FRAMES, strict=True))


def test_blue_first_is_turned_round_both_ways():
    out = io.BytesIO()
    sink = RawSink(out, pix_fmt="bgr24")
    for frame in RawSource(io.BytesIO(RAW), width=56, height=40, rate=25, pix_fmt="bgr24"):
        assert frame.samples[0, 0, 0] == RAW[2] or frame.origin
        sink.write(frame)
    sink.finish()
    assert out.getvalue() == RAW


def test_incomplete_frames_and_other_formats_are_refused():
    with pytest.raises(UnreadableImage, match="within frame 4"):
        list(RawSource(io.BytesIO(RAW[:-5]), width=56, height=40, rate=25))
    with pytest.raises(BadValue, match="yuv420p"):
        RawSource(io.BytesIO(), width=8, height=8, rate=25, pix_fmt="yuv420p")
    with pytest.raises(BadValue, match="above 0"):
        RawSource(io.BytesIO(), width=0, height=8, rate=25)


def test_pipe_to_pipe(model):
    done = runner().invoke(main, ["video", "-", "-o", "-", "--size", "56x40"], input=RAW)
    assert done.exit_code == 0, done.stderr
    assert done.stdout_bytes == b"".join((255 - frame).tobytes() for frame in FRAMES)
    assert "4 frames" in done.stderr


def test_pipes_need_a_size(model):
    done = runner().invoke(main, ["video", "-", "-o", "-"], input=RAW)
    assert done.exit_code == 2 and "--size" in done.stderr
    done = runner().invoke(main, ["video", "-", "-o", "-", "--size", "56"], input=RAW)
    assert done.exit_code == 2 and "WIDTHxHEIGHT" in done.stderr


def test_a_pipe_becomes_a_file_and_a_file_a_pipe(model, tmp_path):
    pytest.importorskip("av", reason="videos need PyAV")
    target = str(tmp_path / "out.mp4")
    call = ["video", "-", "-o", target, "--size", "56x40", "--fps", "20", "--crf", "5"]
    done = runner().invoke(main, call, input=RAW)
    assert done.exit_code == 0, done.stderr
    frames, times, *_ = read_back(tmp_path / "out.mp4")
    assert np.allclose(times, np.arange(4) / 20, atol=1e-3)
    assert apart(255.0 - FRAMES[0], frames[0]) < 4
    done = runner().invoke(main, ["video", target, "-o", "-"])
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout_bytes) == len(RAW)


def test_the_command_tells_what_it_did(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=range(0, 400, 40), size=(48, 32))
    call = ["video", str(clip), "--model", "photo", "--json"]
    done = runner().invoke(main, call)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["frames"] == 10 and told["cuts"] == []
    assert told["output"].endswith("in.unblurred.mp4")
    assert runner().invoke(main, call).exit_code == 6  # it exists now


@pytest.mark.parametrize(
    ("call", "code", "says"),
    [
        (["none.mp4"], 3, "does not exist"),
        (["in.mp4", "-o", "out.abc"], 3, "extension"),
        (["in.mp4", "--codec", "h263"], 3, "h265"),
        (["in.mp4", "--model", "frames"], 4, "did you mean 'frame'"),
        (["in.mp4", "--preview", "0"], 2, "preview"),
        (["-", "-o", "-", "--size", "4x4", "--fps", "x"], 2, "--fps"),
    ],
)
def test_mistakes_are_told(tmp_path, monkeypatch, call, code, says):
    write_clip(tmp_path / "in.mp4", times_ms=[0, 40])
    monkeypatch.chdir(tmp_path)
    done = runner().invoke(main, ["video", *call])
    assert (done.exit_code, says in done.stderr) == (code, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "in.mp4").write_bytes(b"x")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    done = runner().invoke(main, ["video", str(tmp_path / "in.mp4"), "--model", "photo"])
    assert done.exit_code == 5 and "unblur[video]" in done.stderr
