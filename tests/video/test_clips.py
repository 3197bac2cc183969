"""Clips in, clips out: times, rotation, tags and sound are kept; nothing is half written."""

import threading
import time

import numpy as np
import pytest
from PIL import Image

from tests.video.fakes import Inverting, apart, read_back, texture, write_clip
from unblur.errors import (
    BadValue,
    CannotWrite,
    InputError,
    UnknownModel,
    UnreadableImage,
    WouldOverwrite,
)
from unblur.io.video import ClipInfo, Frame
from unblur.io.video_folder import FolderSink, FolderSource
from unblur.runtime import Runtime
from unblur.video import ClipLimits, ClipOptions, pipeline, restore_clip
from unblur.video.memory import FrameMemory
from unblur.video.models import RelatesFrames
from unblur.video.pipeline import restore_frames
from unblur.video.stages import Stage
from unblur.video.steady import SteadyPhoto

VARIABLE = [0, 33, 66, 166, 200, 201, 333, 400, 433, 466, 500, 700]


@pytest.fixture
def video():
    av = pytest.importorskip("av", reason="videos need PyAV")
    from unblur.io import video_read, video_write

    del av
    return video_read, video_write


def inverted(video, source, target, options=None, **stored):
    reader, writer = video
    opened = reader.VideoSource(source)
    sink = writer.VideoSink(target, source=opened, options=writer.EncodeOptions(**stored))
    model = Inverting()
    return restore_frames(opened, sink, model, options or ClipOptions()), model


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_times_rotation_tags_and_sound_are_kept(video, tmp_path, suffix):
    clip = write_clip(tmp_path / "in.mp4", times_ms=VARIABLE, rotation=90, sound=True)
    report, model = inverted(video, clip, tmp_path / f"out{suffix}")
    before, after = read_back(clip), read_back(tmp_path / f"out{suffix}")
    assert report.frames == model.steps == len(VARIABLE) == len(after[0])
    start = after[1][0] - before[1][0]  # a container may count from the first sound
    assert np.allclose(np.array(after[1]) - start, np.array(VARIABLE) / 1000, atol=0.0015)
    assert after[2] == 90
    assert after[3] == (1, 1, 1)
    assert after[4] == before[4] and len(before[4]) > 10
    for old, new in zip(before[0], after[0], strict=True):
        assert apart(255.0 - old, new) < 4


def test_containers_that_cannot_say_it_get_turned_pictures(video, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=[0, 40, 80], rotation=90)
    inverted(video, clip, tmp_path / "out.avi")
    old, new = read_back(clip), read_back(tmp_path / "out.avi")
    assert old[0][0].shape == (64, 96, 3) and new[0][0].shape == (96, 64, 3)
    assert apart(255.0 - np.rot90(old[0][0]), new[0][0]) < 8


def test_sound_that_does_not_fit_is_left_out_and_told(video, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=[0, 40, 80], sound=True)
    report, _ = inverted(video, clip, tmp_path / "out.webm")
    assert any("audio" in note and "aac" in note for note in report.notes)
    assert len(read_back(tmp_path / "out.webm")[0]) == 3


def test_previews_end_early_with_their_sound(video, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=range(0, 2000, 50), sound=True)
    report, _ = inverted(video, clip, tmp_path / "out.mp4", ClipOptions(seconds=0.5), seconds=0.5)
    assert report.frames == 10
    whole, part = read_back(clip)[4], read_back(tmp_path / "out.mp4")[4]
    assert 0 < len(part) < 0.4 * len(whole)


def test_side_by_side_shows_the_original_on_the_left(video, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=[0, 40])
    inverted(video, clip, tmp_path / "out.mp4", ClipOptions(side_by_side=True))
    (both, _), (old, _) = read_back(tmp_path / "out.mp4")[0], read_back(clip)[0]
    assert both.shape == (64, 192, 3)
    assert apart(both[:, :96], old) < 6
    assert apart(both[:, 96:], 255.0 - old) < 6


def test_odd_sides_survive(video, tmp_path):
    reader, writer = video
    del reader
    sink = writer.VideoSink(tmp_path / "odd.mp4", source=None)
    for number in range(3):
        sink.write(Frame(texture(35, 51, number)))
    sink.finish()
    frames = read_back(tmp_path / "odd.mp4")[0]
    assert len(frames) == 3 and frames[0].shape == (35, 51, 3)


def test_a_scene_cut_empties_the_memory(video, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=range(0, 480, 40), scenes=(0, 0))
    report, model = inverted(video, clip, tmp_path / "same.mp4")
    assert report.cuts == () and model.resets == 1

    class Scenes:
        info = ClipInfo(96, 64, 8, None)

        def __iter__(self):
            for number in range(8):
                level = np.linspace(0, 90, 96) if number < 5 else np.linspace(250, 120, 96)
                yield Frame(np.broadcast_to(level[None, :, None], (64, 96, 3)).astype(np.uint8))

        def close(self):
            pass

    class Nowhere:
        def write(self, frame):
            pass

        def finish(self):
            pass

        def discard(self):
            pass

    model = Inverting()
    report = restore_frames(Scenes(), Nowhere(), model, ClipOptions())
    assert report.cuts == (5,) and model.resets == 2


class Failing(Inverting):
    def __init__(self, error):
        super().__init__()
        self._error = error

    def step(self, frame, analysis=None, following=None):
        if self.steps == 5:
            raise self._error
        return super().step(frame)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_ctrl_c_and_failures_leave_nothing_behind(video, tmp_path, error):
    reader, writer = video
    clip = write_clip(tmp_path / "in.mp4", times_ms=range(0, 2400, 40), sound=True)
    source = reader.VideoSource(clip)
    sink = writer.VideoSink(tmp_path / "out.mp4", source=source)
    before = threading.active_count()
    with pytest.raises(type(error)):
        restore_frames(source, sink, Failing(error), ClipOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
    assert threading.active_count() <= before


class Numbered:
    """Frames whose brightness is their number; they are never looked at in order."""

    info = ClipInfo(8, 8, 30, None)

    def __iter__(self):
        for number in range(30):
            yield Frame(np.full((8, 8, 3), number, np.uint8))

    def close(self):
        pass


class Kept:
    def __init__(self):
        self.seen = []

    def write(self, frame):
        self.seen.append(int(frame.samples[0, 0, 0]))

    def finish(self):
        pass

    def discard(self):
        self.seen = None


class Dawdling(Inverting):
    def __init__(self, fails_at=None):
        super().__init__()
        self._fails_at = fails_at

    def analyse(self, frame):
        number = round(float(frame[0, 0, 0]) * 255)
        if number == self._fails_at:
            raise MemoryError
        time.sleep(0.02 * (number % 3 == 0))
        return number

    def step(self, frame, analysis=None, following=None):
        assert analysis == round(float(frame[0, 0, 0]) * 255)
        return frame


@pytest.mark.parametrize("threads", [1, 2, 6])
def test_frames_looked_at_side_by_side_stay_in_order(threads):
    sink = Kept()
    report = restore_frames(Numbered(), sink, Dawdling(), ClipOptions(), runtime=Runtime(threads))
    assert sink.seen == list(range(30)) and report.busy["analyse"] > 0.15
    assert report.to_dict()["busy"]["look"] == report.busy["analyse"]  # its old name


class Comparing(Dawdling):
    def relate(self, before, analysis, following):
        return before, analysis, following

    def step(self, frame, analysis=None, following=None):
        return super().step(frame, analysis[1])


def test_frames_are_compared_ahead_only_for_a_model_that_asks_for_it(monkeypatch):
    begun = []
    monkeypatch.setattr(
        pipeline, "Stage", lambda *given, **how: begun.append(given) or Stage(*given, **how)
    )
    for model, stages in ((Comparing(), 3), (Dawdling(), 2)):
        begun.clear()
        sink = Kept()
        restore_frames(Numbered(), sink, model, ClipOptions())
        assert sink.seen == list(range(30)) and len(begun) == stages
    assert not issubclass(SteadyPhoto, RelatesFrames) and issubclass(FrameMemory, RelatesFrames)


def test_a_failing_look_ends_the_work():
    sink, before = Kept(), threading.active_count()
    with pytest.raises(MemoryError):
        restore_frames(Numbered(), sink, Dawdling(fails_at=11), ClipOptions(), runtime=Runtime(6))
    assert sink.seen is None and threading.active_count() <= before


def test_failures_of_writing_come_out_and_end_the_work():
    class Endless:
        info = ClipInfo(8, 8, None, None)

        def __iter__(self):
            while True:
                yield Frame(np.zeros((8, 8, 3), np.uint8))

        def close(self):
            self.closed = True

    class Full:
        discarded = False

        def write(self, frame):
            raise CannotWrite("no space left")

        def finish(self):
            raise AssertionError

        def discard(self):
            self.discarded = True

    source, sink = Endless(), Full()
    with pytest.raises(CannotWrite, match="no space"):
        restore_frames(source, sink, Inverting(), ClipOptions())
    assert sink.discarded and source.closed


def test_broken_and_missing_files_are_refused(video, tmp_path):
    (tmp_path / "text.mp4").write_text("not a video")
    whole = write_clip(tmp_path / "in.mp4", times_ms=range(0, 400, 40)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    for name in ("text.mp4", "cut.mp4", "none.mp4"):
        with pytest.raises(UnreadableImage, match=r"cannot read|no frame|not exist"):
            restore_clip(tmp_path / name, tmp_path / "out.mp4", model="photo")
    assert not (tmp_path / "out.mp4").exists()


def test_results_are_never_written_over_the_clip_or_by_accident(video, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=[0, 40])
    (tmp_path / "there.mp4").write_bytes(b"old")
    with pytest.raises(WouldOverwrite, match="itself"):
        restore_clip(clip, clip, model="photo", overwrite=True)
    with pytest.raises(WouldOverwrite, match="exists"):
        restore_clip(clip, tmp_path / "there.mp4", model="photo")
    with pytest.raises(BadValue, match="extension"):
        restore_clip(clip, tmp_path / "out.wmv", model="photo")
    with pytest.raises(UnknownModel, match="frame, photo"):
        restore_clip(clip, tmp_path / "out.mp4", model="fram")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "there.mp4"]


def test_limits_are_kept(video, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=range(0, 4000, 100))
    for limits in (ClipLimits(seconds=2), ClipLimits(pixels=1000), ClipLimits(frames=10)):
        with pytest.raises(BadValue, match="allowed"):
            restore_clip(clip, tmp_path / "out.mp4", model="photo", limits=limits)
    report = restore_clip(
        clip, tmp_path / "out.mp4", model="photo", limits=ClipLimits(5, 10**6, 100)
    )
    assert report.frames == 40


def test_folders_keep_names_order_depth_and_formats(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for name, seed in [("f10.png", 3), ("f2.png", 2), ("f1.jpg", 1)]:
        Image.fromarray(texture(40, 56, seed)).save(folder / name)
    Image.fromarray(texture(40, 56, 4)[..., 0]).save(folder / "g.png")
    source = FolderSource(folder)
    assert [item.relative.name for item in source.files] == ["f1.jpg", "f2.png", "f10.png", "g.png"]
    sink = FolderSink(tmp_path / "out", source.files)
    report = restore_frames(source, sink, Inverting(), ClipOptions())
    assert report.frames == 4
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        p.name for p in folder.iterdir()
    )
    with Image.open(tmp_path / "out" / "f2.png") as new:
        assert np.array_equal(new, 255 - texture(40, 56, 2))
    with Image.open(tmp_path / "out" / "g.png") as grey:
        assert grey.mode == "L"


def test_frames_go_into_a_folder_beside_theirs(tmp_path):
    from click.testing import CliRunner

    from unblur.cli import main

    folder = tmp_path / "holiday.2024"
    folder.mkdir()
    Image.fromarray(texture(40, 56, 3)).save(folder / "a.png")
    words = ["video", str(folder), "--model", "photo", "--strength", "0"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "holiday.2024.unblurred" / "a.png").is_file()
    assert CliRunner().invoke(main, words).exit_code == 6  # there is one already
    assert CliRunner().invoke(main, [*words, "-o", str(tmp_path / "v2.clean")]).exit_code == 0
    for name in ("a.mp4", "a.png", "a.WEBM"):
        done = CliRunner().invoke(main, [*words, "-o", str(tmp_path / name)])
        assert done.exit_code == 3 and "would be a file" in done.output


def test_folders_refuse_what_would_lose_frames(tmp_path):
    with pytest.raises(InputError, match="no photos found"):
        restore_clip(tmp_path, tmp_path / "out", model="photo")
    Image.fromarray(texture(8, 8)).save(tmp_path / "a.png")
    with pytest.raises(WouldOverwrite, match="itself"):
        restore_clip(tmp_path, tmp_path, model="photo")
    with pytest.raises(BadValue, match="into a folder"):
        restore_clip(tmp_path, tmp_path / "out.mp4", model="photo")
    with pytest.raises(BadValue, match="preview"):
        restore_clip(tmp_path, tmp_path / "o", model="photo", options=ClipOptions(seconds=1.0))
