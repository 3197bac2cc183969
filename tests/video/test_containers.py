"""Every container and codec that docs/video.md names: times, sizes, orientation."""

import itertools
import re
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.io.test_video_turn import EIGHT, matrix
from tests.video.fakes import Inverting, apart, exactly, read_back, texture, write_clip
from unblur.errors import BadValue
from unblur.io import video_codecs
from unblur.io.video import Frame
from unblur.video import ClipOptions
from unblur.video.pipeline import restore_frames

av = pytest.importorskip("av", reason="videos need PyAV")

from unblur.io.video_read import VideoSource  # noqa: E402
from unblur.io.video_write import EncodeOptions, VideoSink  # noqa: E402

ABOVE = [folder / "shared" / "data" / "cases" for folder in Path(__file__).parents]
CASES = next((folder for folder in ABOVE if folder.is_dir()), ABOVE[0])
SUFFIXES = sorted(video_codecs._FORMATS)
PAIRS = [(s, c) for s in SUFFIXES for c in video_codecs.HOLDS[video_codecs._FORMATS[s]]]
NINETY = Fraction(1, 90_000)
UNEVEN_MS = [0, 33, 66, 166, 200, 233, 333, 400]


def clip_of(path, stamps, base, *, size=(96, 64), codec="libx264", turn=None, rate=25):
    """Write frames of a moving texture with stamps of our own."""
    with av.open(str(path), "w") as container:
        quality = {"crf": "8"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=rate, options=quality)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if size[0] % 2 or size[1] % 2:
            stream.pix_fmt = "yuv444p"
        stream.codec_context.time_base = base
        if codec != "libx264":
            stream.codec_context.qmin = stream.codec_context.qmax = 2
        if turn is not None:
            stream.set_display_matrix(turn)
        for number, stamp in enumerate(stamps):
            picture = texture(size[1], size[0] + 40, 3)[:, 2 * number :][:, : size[0]]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt, interpolation=exactly())
            frame.pts, frame.time_base = stamp, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def inverted(source, target, **stored):
    clip = VideoSource(source)
    sink = VideoSink(target, source=clip, options=EncodeOptions(**stored))
    return restore_frames(clip, sink, Inverting(), ClipOptions())


def times_of(path):
    with av.open(str(path)) as container:
        stamps = [float(f.time) for f in container.decode(container.streams.video[0])]
    return np.array(stamps) - stamps[0]


def test_the_guide_names_what_is_written():
    text = (Path(__file__).parents[2] / "docs" / "video.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `\.(.+?) \| (.+?) \|$", text, flags=re.M)
    told = {
        (suffix, codec)
        for names, codecs in rows
        for suffix in re.findall(r"\.\w+", f".{names}")
        for codec in re.findall(r"\w+", codecs)
    }
    assert told == set(PAIRS)


@pytest.mark.parametrize(("suffix", "codec"), PAIRS)
def test_each_pair_keeps_frames_and_times_of_a_90000_clock(tmp_path, suffix, codec):
    clip = clip_of(tmp_path / "in.ts", [3600 * k for k in range(8)], NINETY)
    report = inverted(clip, tmp_path / f"out{suffix}", codec=codec)
    assert report.frames == 8 and not report.notes
    assert np.allclose(times_of(tmp_path / f"out{suffix}"), np.arange(8) / 25, atol=0.0011)
    old, new = read_back(clip)[0], read_back(tmp_path / f"out{suffix}")[0]
    assert max(apart(255.0 - a, b) for a, b in zip(old, new, strict=True)) < 9


def shown_at(path, seconds):
    """Return the number of the frame that is shown at each moment, by its moving texture."""
    frames, times, *_ = read_back(path)
    times = np.array(times) - times[0]
    wanted = [255.0 - texture(64, 136, 3)[:, 2 * k :][:, :96] for k in range(9)]
    numbers = []
    for moment in seconds:
        frame = frames[int(np.searchsorted(times, moment + 1e-4)) - 1]
        numbers.append(int(np.argmin([apart(picture, frame) for picture in wanted])))
    return numbers


@pytest.mark.parametrize(("suffix", "codec"), PAIRS)
def test_uneven_times_are_kept_or_the_shift_is_told(tmp_path, suffix, codec):
    clip = clip_of(tmp_path / "in.mkv", UNEVEN_MS, Fraction(1, 1000))
    report = inverted(clip, tmp_path / f"out{suffix}", codec=codec)
    told = [note for note in report.notes if "ms off" in note]
    counts = codec == "mpeg2" or suffix == ".avi"
    assert bool(told) == counts and report.frames == 8
    if counts:  # each frame is shown from 20 ms after its time at the latest
        moments = np.array(UNEVEN_MS) / 1000 + 0.021
        assert shown_at(tmp_path / f"out{suffix}", moments) == list(range(8))
    else:
        off = np.abs(times_of(tmp_path / f"out{suffix}") - np.array(UNEVEN_MS) / 1000)
        assert off.max() < 0.0015
    filled = suffix in (".avi", ".mpg", ".mpeg")
    assert any("repeated" in note for note in report.notes) == filled


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), 15, Fraction(30000, 1001), 60, 7, 100])
@pytest.mark.parametrize("name", ["out.mpg", "out.avi", "out.mp4"])
def test_rates_that_an_encoder_does_not_know_lose_no_frame(tmp_path, rate, name):
    step = round(90_000 / rate)
    clip = clip_of(tmp_path / "in.ts", [step * k for k in range(9)], NINETY, rate=rate)
    codec = "mpeg4" if name == "out.mp4" else None
    report = inverted(clip, tmp_path / name, codec=codec)
    assert report.frames == 9
    moments = (np.arange(9) + 0.3) / float(rate)
    assert shown_at(tmp_path / name, moments) == list(range(9))


def test_rates_beyond_the_codec_are_refused(tmp_path):
    clip = clip_of(tmp_path / "in.mkv", range(0, 40, 2), Fraction(1, 1000), rate=500)
    with pytest.raises(BadValue, match="240 frames/s"):
        inverted(clip, tmp_path / "out.mpg")


@pytest.mark.parametrize("suffix", [".avi", ".mpg", ".ts", ".mp4"])
def test_mpeg_streams_and_their_sound_stay_together(tmp_path, suffix):
    """Streams begin late; containers that begin at 0 take picture and sound along."""
    clip = tmp_path / "in.ts"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        voice = container.add_stream("mp2", rate=48000)
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(texture(64, 96, number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
            for part in range(2):
                tone = np.zeros((1, 1920), np.int16)
                sound = av.AudioFrame.from_ndarray(tone, format="s16", layout="stereo")
                sound.sample_rate, sound.pts = 48000, (2 * number + part) * 960
                container.mux(voice.encode(sound))
        container.mux(stream.encode(None))
        container.mux(voice.encode(None))
    inverted(clip, tmp_path / f"out{suffix}")

    def apart_s(path):
        with av.open(str(path)) as container:
            picture = next(container.decode(video=0)).time
        with av.open(str(path)) as container:
            return picture - next(container.decode(audio=0)).time

    # A reader that knows no time stamps guesses the reordering of one frame.
    assert abs(apart_s(tmp_path / f"out{suffix}") - apart_s(clip)) < 0.045


ODD = [(s, c) for s, c in PAIRS if s in (".mkv", ".avi", ".mpg", ".webm")]


@pytest.mark.parametrize(("suffix", "codec"), ODD)
@pytest.mark.parametrize("size", [(51, 35), (52, 35), (51, 36)])
def test_odd_sides_are_kept_or_refused_in_words(tmp_path, suffix, codec, size):
    sink = VideoSink(tmp_path / f"out{suffix}", source=None, options=EncodeOptions(codec=codec))
    pictures = [texture(size[1], size[0], number) for number in range(3)]
    only_even = codec in ("av1", "mpeg4") or (codec == "mpeg2" and size[0] % 2)
    if only_even:
        with pytest.raises(BadValue, match="even sides"):
            sink.write(Frame(pictures[0]))
        sink.discard()
        return
    for picture in pictures:
        sink.write(Frame(picture))
    sink.finish()
    frames = read_back(tmp_path / f"out{suffix}")[0]
    assert [frame.shape for frame in frames] == [(size[1], size[0], 3)] * 3


@pytest.mark.parametrize(
    ("suffix", "codec"), [p for p in itertools.product(SUFFIXES, video_codecs.CODECS)]
)
def test_pairs_that_do_not_fit_are_refused_before_any_work(tmp_path, suffix, codec):
    if (suffix, codec) in PAIRS:
        assert video_codecs.codec_for(tmp_path / f"out{suffix}", codec)
        return
    with pytest.raises(BadValue, match=f"does not hold {codec}; choose --codec"):
        VideoSink(tmp_path / f"out{suffix}", source=None, options=EncodeOptions(codec=codec))
    assert not list(tmp_path.iterdir())


def matrix_in(path):
    with av.open(str(path)) as container:
        frame = next(container.decode(container.streams.video[0]))
        found = [d for d in frame.side_data if d.type.name == "DISPLAYMATRIX"]
        return struct.unpack("=9i", bytes(found[0])) if found else None


def as_shown(path):
    """Return the first frame as a player shows it, by the definition of the matrix."""
    picture, turn = read_back(path)[0][0], matrix_in(path)
    if turn is None:
        return picture
    a, b, c, d = (round(turn[k] / (1 << 16)) for k in (0, 1, 3, 4))
    height, width = picture.shape[:2]
    q, p = np.mgrid[:height, :width]
    x, y = a * p + c * q, b * p + d * q
    shown = np.empty((int(np.ptp(y)) + 1, int(np.ptp(x)) + 1, 3), np.uint8)
    shown[y - y.min(), x - x.min()] = picture
    return shown


@pytest.mark.parametrize("entries", EIGHT[1:])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".3gp", ".mkv", ".avi", ".ts", ".flv"])
def test_all_orientations_are_kept_or_done(tmp_path, suffix, entries):
    clip = clip_of(tmp_path / "in.mp4", range(8), Fraction(1, 25), turn=matrix(*entries))
    assert matrix_in(clip) == matrix(*entries)
    report = inverted(clip, tmp_path / f"out{suffix}")
    old, new = as_shown(clip), as_shown(tmp_path / f"out{suffix}")
    assert old.shape == new.shape and apart(255.0 - old, new) < 9
    says_it = suffix in (".mp4", ".mov", ".3gp", ".mkv")
    assert matrix_in(tmp_path / f"out{suffix}") == (matrix(*entries) if says_it else None)
    assert any("turned itself" in note for note in report.notes) != says_it


def test_all_nine_numbers_are_kept_and_a_lost_shift_is_told(tmp_path):
    turn = (*matrix(0, 1, -1, 0, 71.5, -3)[:6], round(71.5 * 65536), -3 << 16, 1 << 30)
    clip = clip_of(tmp_path / "in.mp4", range(8), Fraction(1, 25), turn=turn)
    report = inverted(clip, tmp_path / "out.mov")
    assert matrix_in(tmp_path / "out.mov") == turn and not report.notes
    report = inverted(clip, tmp_path / "out.mkv")
    assert any("shift by 71.5, -3 px" in note for note in report.notes)
    assert matrix_in(tmp_path / "out.mkv") == matrix(0, 1, -1, 0)


def test_pixels_that_are_not_square_stay_so_when_turned(tmp_path):
    clip = tmp_path / "in.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_matrix(matrix(0, 1, -1, 0))
        for number in range(8):
            frame = av.VideoFrame.from_ndarray(texture(64, 96), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    inverted(clip, tmp_path / "out.mp4")
    inverted(clip, tmp_path / "out.ts")
    for name, wanted in (("out.mp4", Fraction(4, 3)), ("out.ts", Fraction(3, 4))):
        with av.open(str(tmp_path / name)) as container:
            assert container.streams.video[0].sample_aspect_ratio == wanted


@pytest.mark.skipif(not CASES.is_dir(), reason="the reported clips are not here")
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
@pytest.mark.parametrize("name", ["mirrored.mp4", "mpeg2.mpg", "interlaced.mp4"])
def test_reported_clips_look_the_same_way(tmp_path, name, suffix):
    clip = CASES / name
    inverted(clip, tmp_path / f"out{suffix}")
    if name != "interlaced.mp4":
        assert apart(255.0 - as_shown(clip), as_shown(tmp_path / f"out{suffix}")) < 9
    count = len(read_back(clip)[0])
    assert len(times_of(tmp_path / f"out{suffix}")) == count


def test_raw_frames_are_turned_since_nothing_can_say_it(tmp_path):
    import io

    from unblur.io.video_raw import RawSink

    clip = clip_of(tmp_path / "in.mp4", range(4), Fraction(1, 25), turn=matrix(0, 1, -1, 0))
    stream, source = io.BytesIO(), VideoSource(clip)
    report = restore_frames(source, RawSink(stream, source=source), Inverting(), ClipOptions())
    raw = np.frombuffer(stream.getvalue(), np.uint8).reshape(4, 96, 64, 3)
    assert apart(255.0 - as_shown(clip), raw[0]) < 2
    assert any("turned" in note for note in report.notes)


def test_old_clips_keep_their_turn(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=[0, 40, 80], rotation=90)
    inverted(clip, tmp_path / "out.mp4")
    assert read_back(tmp_path / "out.mp4")[2] == 90
