"""Interlaced clips: deinterlaced and told, or kept by fields; never flagged wrongly."""

from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner

from tests.video.fakes import Inverting, apart, exactly, texture
from tests.video.test_containers import CASES
from unblur.cli import main
from unblur.errors import BadValue
from unblur.io.video_fields import INTERLACED_CODING
from unblur.video import ClipOptions, models
from unblur.video.pipeline import restore_frames

av = pytest.importorskip("av", reason="videos need PyAV")

from unblur.io.video_read import VideoSource  # noqa: E402
from unblur.io.video_write import EncodeOptions, VideoSink  # noqa: E402

WIDTH, HEIGHT, FRAMES = 96, 64, 8
STEP_PX = 3


def moment(number):
    """Return the whole picture at a moment; two moments a frame."""
    wide = texture(HEIGHT, WIDTH + STEP_PX * 2 * FRAMES + 8, 5)
    return wide[:, STEP_PX * number :][:, :WIDTH]


def graph(steps, size, base):
    made = av.filter.Graph()
    nodes = [
        made.add_buffer(
            width=size[0], height=size[1], format=av.VideoFormat("yuv420p"), time_base=base
        )
    ]
    nodes += [made.add(name, told) for name, told in steps]
    made.link_nodes(*nodes, made.add("buffersink")).configure()
    return made


def interlaced(path, codec, *, top_first, flagged=True, frames=FRAMES, progressive=0):
    """Write a clip whose frames hold two moments; the first ones may be progressive."""
    options = {"crf": "4"} if codec == "libx264" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if codec == "mjpeg":
            stream.pix_fmt = "yuvj420p"
        context = stream.codec_context
        context.field_order = 2 if top_first else 3
        if codec in ("mpeg2video", "mpeg4", "mjpeg"):
            context.qmin = context.qmax = 2
        if flagged:
            context.flags |= INTERLACED_CODING
        first, order = ("top", "tff") if top_first else ("bottom", "bff")
        weave = graph(
            [
                ("weave", f"first_field={first}"),
                ("setfield", f"mode={order if flagged else 'prog'}"),
            ],
            (WIDTH, HEIGHT // 2),
            Fraction(1, 50),
        )
        for number in range(frames):
            for part in (0, 1):
                whole = moment(2 * number + (part if number >= progressive else 0))
                rows = part if top_first else 1 - part
                field = av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(whole[rows::2]), format="rgb24"
                ).reformat(format="yuv420p", interpolation=exactly())
                field.pts, field.time_base = 2 * number + part, Fraction(1, 50)
                weave.vpush(field)
            frame = weave.vpull()
            if number < progressive:
                plain = graph([("setfield", "mode=prog")], (WIDTH, HEIGHT), Fraction(1, 25))
                plain.vpush(frame)
                frame = plain.vpull()
            if codec == "mjpeg":
                frame = frame.reformat(format="yuvj420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def restored(source, target, *, keep=False, **stored):
    clip = VideoSource(source, keep_interlaced=keep)
    options = EncodeOptions(keep_interlaced=keep, **stored)
    try:
        sink = VideoSink(target, source=clip, options=options)
    except BaseException:
        clip.close()
        raise
    return restore_frames(clip, sink, Inverting(), ClipOptions())


def facts(path):
    """Return frames, whether each is flagged, the stream's order, and whether top comes first."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        order = stream.codec_context.field_order
        flags = {frame.interlaced_frame for frame in frames}
        first = frames[2]
        top = None
        apart_ = graph([("separatefields", "")], (first.width, first.height), Fraction(1, 25))
        if first.format.name == "yuv420p" and not first.height % 2:
            apart_.vpush(first)
            field = np.frombuffer(apart_.vpull().planes[0], np.uint8)
            whole = np.frombuffer(first.planes[0], np.uint8)
            line = first.planes[0].line_size
            top = np.array_equal(field[: first.width], whole[: first.width])
            top &= not np.array_equal(field[: first.width], whole[line : line + first.width])
        pixels = [f.reformat(format="rgb24", interpolation=exactly()).to_ndarray() for f in frames]
        return pixels, flags, order, top


KINDS = [
    ("in.mp4", "libx264"),
    ("in.mkv", "libx264"),
    ("in.ts", "mpeg2video"),
    ("in.mpg", "mpeg2video"),
]
KINDS += [("in.avi", "mpeg4"), ("in.mp4", "mpeg4")]


@pytest.mark.parametrize("top_first", [True, False])
@pytest.mark.parametrize(("name", "codec"), KINDS)
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "out.mpg"])
def test_each_frame_becomes_one_moment(tmp_path, name, codec, top_first, target):
    clip = interlaced(tmp_path / name, codec, top_first=top_first)
    report = restored(clip, tmp_path / target)
    which = "top" if top_first else "bottom"
    assert any(f"interlaced ({which} field first): deinterlaced" in n for n in report.notes)
    pixels, flags, order, _ = facts(tmp_path / target)
    assert report.frames == len(pixels) == FRAMES and flags == {False} and order in (0, 1)
    with av.open(str(tmp_path / target)) as container:
        stamps = [float(f.time) for f in container.decode(video=0)]
    assert np.allclose(np.array(stamps) - stamps[0], np.arange(FRAMES) / 25, atol=0.002)
    combed = [combing(frame) for frame in pixels[1:-1]]
    before = [combing(frame) for frame in facts(clip)[0][1:-1]]
    assert max(combed) < 0.6 * min(before)
    for number in range(1, FRAMES - 1):  # the earlier field's moment
        error = apart(255.0 - moment(2 * number), pixels[number])
        assert error < 0.8 * apart(255.0 - moment(2 * number + 1), pixels[number])


def combing(frame):
    """Return how much more neighbouring lines differ than every second line."""
    grey = frame.astype(float) @ (0.25, 0.6, 0.15)
    return np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean()


@pytest.mark.parametrize("top_first", [True, False])
def test_the_stream_may_say_it_for_frames_that_cannot(tmp_path, top_first):
    clip = interlaced(tmp_path / "in.mkv", "mjpeg", top_first=top_first, flagged=False)
    report = restored(clip, tmp_path / "out.mkv")
    which = "top" if top_first else "bottom"
    assert any(f"({which} field first): deinterlaced" in note for note in report.notes)
    pixels, flags, order, _ = facts(tmp_path / "out.mkv")
    assert flags == {False} and order == 1
    for number in range(1, FRAMES - 1):
        error = apart(255.0 - moment(2 * number), pixels[number])
        assert error < 0.8 * apart(255.0 - moment(2 * number + 1), pixels[number])


@pytest.mark.parametrize("top_first", [True, False])
@pytest.mark.parametrize(
    ("target", "codec"),
    [("out.mp4", "h264"), ("out.mkv", "ffv1"), ("out.mpg", "mpeg2"), ("out.avi", "mpeg4")],
)
def test_fields_are_kept_in_their_order(tmp_path, top_first, target, codec):
    clip = interlaced(tmp_path / "in.ts", "mpeg2video", top_first=top_first)
    report = restored(clip, tmp_path / target, keep=True, codec=codec)
    assert report.frames == 2 * FRAMES
    assert any("its fields were restored" in note for note in report.notes)
    old, new = facts(clip), facts(tmp_path / target)
    assert new[1] == {True} and new[3] == top_first and len(new[0]) == FRAMES
    for before, after in zip(old[0], new[0], strict=True):
        assert apart(255.0 - before, after) < 9
    with av.open(str(tmp_path / target)) as container:
        stamps = [float(f.time) for f in container.decode(video=0)]
    assert np.allclose(np.array(stamps) - stamps[0], np.arange(FRAMES) / 25, atol=0.002)


def test_progressive_clips_stay_as_they_are(tmp_path):
    clip = interlaced(
        tmp_path / "in.mkv", "libx264", top_first=True, progressive=FRAMES, flagged=False
    )
    report = restored(clip, tmp_path / "out.mkv", keep=True)
    for before, after in zip(facts(clip)[0], facts(tmp_path / "out.mkv")[0], strict=True):
        assert apart(255.0 - before, after) < 6
    assert report.frames == FRAMES and not report.notes


@pytest.mark.parametrize("keep", [False, True])
def test_clips_that_become_interlaced_are_deinterlaced_from_there(tmp_path, keep):
    interlaced(tmp_path / "a.mpg", "mpeg2video", top_first=True, progressive=FRAMES, flagged=False)
    interlaced(tmp_path / "b.mpg", "mpeg2video", top_first=True)
    clip = tmp_path / "in.mkv"
    with av.open(str(clip), "w") as container, av.open(str(tmp_path / "a.mpg")) as first:
        stream = container.add_stream_from_template(first.streams.video[0])
        with av.open(str(tmp_path / "b.mpg")) as second:
            parts = (first.demux(video=0), second.demux(video=0))
            packets = [packet for part in parts for packet in part if packet.size]
            for number, packet in enumerate(packets):
                packet.stream, packet.time_base = stream, Fraction(1, 25)
                packet.pts = packet.dts = number
                container.mux(packet)
    report = restored(clip, tmp_path / "out.mkv", keep=keep)
    before = facts(clip)
    pixels, flags, *_ = facts(tmp_path / "out.mkv")
    assert before[1] == {False, True}
    assert report.frames == len(pixels) == 2 * FRAMES and flags == {False}
    assert any("deinterlaced" in note for note in report.notes)
    for number in range(2 * FRAMES - 1):
        if number < FRAMES:
            assert apart(255.0 - before[0][number], pixels[number]) < 9
        else:
            assert combing(pixels[number]) < 0.6 * combing(before[0][number])


def test_one_frame_is_enough(tmp_path):
    clip = interlaced(tmp_path / "in.mkv", "libx264", top_first=True, frames=1)
    assert restored(clip, tmp_path / "out.mkv").frames == 1
    assert restored(clip, tmp_path / "kept.mkv", keep=True).frames == 2


def test_what_cannot_hold_fields_is_refused_in_words(tmp_path):
    clip = interlaced(tmp_path / "in.mkv", "libx264", top_first=True)
    with pytest.raises(BadValue, match="stores no interlaced pictures; choose --codec h264"):
        restored(clip, tmp_path / "out.mp4", keep=True, codec="h265")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


def test_colours_and_tags_survive_the_filter(tmp_path):
    clip = tmp_path / "in.mkv"
    interlaced(tmp_path / "plain.mkv", "ffv1", top_first=True)
    with av.open(str(tmp_path / "plain.mkv")) as source, av.open(str(clip), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, 14, 9
        context.color_range = 2
        for frame in source.decode(video=0):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    restored(clip, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        context = container.streams.video[0].codec_context
        tags = context.color_primaries, context.color_trc, context.colorspace, context.color_range
    assert tags == (9, 14, 9, 2)
    mean = [np.mean(facts(tmp_path / name)[0]) for name in ("in.mkv", "out.mkv")]
    assert abs(255 - mean[0] - mean[1]) < 1.5


@pytest.mark.skipif(not CASES.is_dir(), reason="the reported clips are not here")
def test_the_reported_clip(tmp_path, monkeypatch):
    made = Inverting()
    monkeypatch.setattr(models, "load_frame_model", lambda name=None, session=None: made)
    monkeypatch.setattr("unblur.video.facade.load_frame_model", lambda *a, **k: made)
    clip = str(CASES / "interlaced.mp4")
    for more, flagged in (([], {False}), (["--keep-interlaced"], {True})):
        target = tmp_path / f"out{len(more)}.mp4"
        done = CliRunner().invoke(main, ["video", clip, "-o", str(target), *more])
        assert done.exit_code == 0, done.stderr
        assert "interlaced" in done.output
        assert facts(target)[1] == flagged
