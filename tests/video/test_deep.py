"""Deep and bright clips: bits, chroma, mastering display, content light and tags are kept."""

import struct
from fractions import Fraction

import numpy as np
import pytest

from tests.video.fakes import Inverting, exactly
from unblur.io.video_light import Light, Mastering, light_notes, light_options
from unblur.video import ClipOptions
from unblur.video.pipeline import restore_frames

av = pytest.importorskip("av", reason="videos need PyAV")

from unblur.io.video_pixels import choose, kind_of, losses  # noqa: E402
from unblur.io.video_read import VideoSource  # noqa: E402
from unblur.io.video_write import EncodeOptions, VideoSink  # noqa: E402

P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329))
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
BT2020_PQ, BT2020_HLG, BT709 = (9, 16, 9), (9, 18, 9), (1, 1, 1)


def ramp(number):
    """Return a smooth 16-bit picture: 8 bits would leave steps in it."""
    level = np.linspace(9000, 21000, 128)[None, :] + np.linspace(0, 900, 96)[:, None]
    return np.stack([level + 300 * number, level, level * 0.8], axis=2).astype(np.uint16)


def deep_clip(
    path, *, codec="libx265", pixels="yuv420p10le", tags=BT2020_PQ, light=True, full=False
):
    options = {"preset": "veryfast", "crf": "1"} if codec in ("libx264", "libx265") else {}
    told = "log-level=none"
    if light:
        told += f":master-display={DISPLAY}:max-cll=1000,400"
    if codec == "libx265":
        options["x265-params"] = told
    if codec == "libx264" and light:
        options["x264-params"] = f"mastering-display={DISPLAY}:cll=1000,400"
    if codec == "libsvtav1":
        options = {"preset": "10", "crf": "8"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixels
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = tags
        context.color_range = 2 if full else 1
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(ramp(number), format="rgb48le").reformat(
                format=pixels,
                dst_colorspace=tags[2],
                dst_color_range=2 if full else 1,
                interpolation=exactly(),
            )
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def inverted(source, target, **stored):
    clip = VideoSource(source)
    sink = VideoSink(target, source=clip, options=EncodeOptions(**stored))
    return restore_frames(clip, sink, Inverting(), ClipOptions())


def facts(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        frames = list(container.decode(stream))
        side = {d.type.name: bytes(d) for d in frames[0].side_data}
        tags = context.color_primaries, context.color_trc, context.colorspace, context.color_range
        pixels = [
            f.reformat(format="rgb48le", interpolation=exactly()).to_ndarray() for f in frames
        ]
        return context.codec.canonical_name, frames[0].format.name, tags, side, pixels


def display_in(side):
    parts = struct.unpack("=22i", side["MASTERING_DISPLAY_METADATA"])
    return [top / bottom for top, bottom in zip(parts[:20:2], parts[1:20:2], strict=True)]


KEPT = [
    ("libx265", "yuv420p10le", "out.mp4", None, "hevc", "yuv420p10le"),
    ("libx265", "yuv422p10le", "out.mkv", None, "hevc", "yuv422p10le"),
    ("libx265", "yuv420p12le", "out.mov", None, "hevc", "yuv420p12le"),
    ("libx265", "yuv420p10le", "out.ts", None, "hevc", "yuv420p10le"),
    ("libx265", "yuv420p10le", "out.mp4", "av1", "av1", "yuv420p10le"),
    ("libx265", "yuv420p10le", "out.webm", None, "av1", "yuv420p10le"),
    ("libx265", "yuv422p10le", "out.mp4", "h264", "h264", "yuv422p10le"),
    ("libx264", "yuv422p10le", "out.mp4", None, "h264", "yuv422p10le"),
]


@pytest.mark.parametrize(("codec", "pixels", "target", "asked", "became", "stored"), KEPT)
def test_bits_light_and_tags_are_kept(tmp_path, codec, pixels, target, asked, became, stored):
    clip = deep_clip(tmp_path / "in.mp4", codec=codec, pixels=pixels)
    report = inverted(clip, tmp_path / target, codec=asked, crf=4)
    old, new = facts(clip), facts(tmp_path / target)
    assert new[:2] == (became, stored)
    assert new[2] == (*BT2020_PQ, 1)
    wanted = [v for xy in P3 for v in xy] + [0.005, 1000]
    assert np.allclose(display_in(new[3]), wanted, rtol=2e-3, atol=1e-4)
    assert struct.unpack("=2I", new[3]["CONTENT_LIGHT_LEVEL"]) == (1000, 400)
    assert not any("bits" in note or "lost" in note for note in report.notes)
    assert any("PQ" in note for note in report.notes)
    error = np.stack(new[4]).astype(float) + np.stack(old[4]) - 65535
    assert np.abs(error).mean() < 150  # half a level of 8 bits
    levels = [len(np.unique(p[4][2][:, :, 1])) for p in (old, new)]
    assert levels[1] > 0.6 * levels[0] > 60  # 8 bits have 47 levels there


@pytest.mark.parametrize(
    ("pixels", "asked", "depth", "word"),
    [
        ("yuv422p10le", "mpeg4", 8, "mastering display and content light are lost"),
        ("yuv420p10le", "mpeg2", 8, "mastering display and content light are lost"),
        ("yuv420p10le", "vp9", 8, "mastering display and content light are lost"),
        ("yuv422p10le", "av1", 10, "colours are coarser (yuv420p10le)"),
        ("yuv420p12le", "av1", 10, "the result has 10 bits"),
        ("yuv420p10le", "ffv1", 10, "mastering display and content light are lost"),
    ],
)
def test_what_is_lost_is_named(tmp_path, pixels, asked, depth, word):
    clip = deep_clip(tmp_path / "in.mp4", pixels=pixels)
    report = inverted(clip, tmp_path / "out.mkv", codec=asked)
    assert any(word in note for note in report.notes), report.notes
    assert any("more than 8 bits" in note for note in report.notes) == (
        depth < 10 or "12" in pixels
    )
    assert kind_of(av, facts(tmp_path / "out.mkv")[1]).depth == depth


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("tags", [BT2020_HLG, BT709, (12, 13, 6)])
def test_clips_without_mastering_data_get_none(tmp_path, tags, full):
    clip = deep_clip(tmp_path / "in.mkv", tags=tags, light=False, full=full)
    inverted(clip, tmp_path / "out.mp4")
    _, stored, kept, side, pixels = facts(tmp_path / "out.mp4")
    assert stored == "yuv420p10le" and kept == (*tags, 2 if full else 1)
    assert "MASTERING_DISPLAY_METADATA" not in side and "CONTENT_LIGHT_LEVEL" not in side
    error = np.stack(pixels).astype(float) + np.stack(facts(clip)[4]) - 65535
    assert np.abs(error.mean()) < (150 if full else 100)  # half an 8-bit level, as FFmpeg converts


def test_apples_players_find_hevc_by_its_name(tmp_path):
    clip = deep_clip(tmp_path / "in.mkv")
    inverted(clip, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_ten_bit_av1_stays_av1(tmp_path):
    clip = deep_clip(tmp_path / "in.mp4", codec="libsvtav1", light=False)
    inverted(clip, tmp_path / "out.mp4")
    assert facts(tmp_path / "out.mp4")[:2] == ("av1", "yuv420p10le")


def test_raw_frames_of_deep_clips_have_eight_bits_and_say_so(tmp_path):
    import io

    from unblur.io.video_raw import RawSink

    clip = deep_clip(tmp_path / "in.mkv", light=False)
    stream, source = io.BytesIO(), VideoSource(clip)
    report = restore_frames(source, RawSink(stream, source=source), Inverting(), ClipOptions())
    raw = np.frombuffer(stream.getvalue(), np.uint8).reshape(6, 96, 128, 3).astype(float)
    assert np.abs(raw - (255 - np.stack(facts(clip)[4]) / 257)).max() <= 0.51
    assert any("8 bits" in note for note in report.notes)


def test_the_format_that_loses_least_is_chosen():
    hevc = tuple(f"yuv{c}p{d}" for c in (420, 422, 444) for d in ("", "10le", "12le"))
    for had, wanted in [
        ("yuv420p", "yuv420p"),
        ("p010le", "yuv420p10le"),
        ("yuv422p10be", "yuv422p10le"),
        ("yuv444p16le", "yuv444p12le"),
        ("yuv440p", "yuv444p"),
        ("yuv411p", "yuv422p"),
        ("gray", "yuv420p"),
        ("gray10le", "yuv420p10le"),
        ("yuva420p", "yuv420p"),
        ("rgb24", "yuv420p"),
        ("gbrp10le", "yuv420p10le"),
        ("pal8", "yuv420p"),
        ("nv12", "yuv420p"),
        ("yuvj422p", "yuv422p"),
    ]:
        assert choose(av, had, hevc, (96, 64)) == wanted, had
    assert choose(av, "yuv420p10le", hevc, (95, 64)) == "yuv444p10le"
    assert choose(av, "rgb24", ("yuv420p", "bgr0"), (96, 64)) == "bgr0"
    assert not losses(av, "gray", "yuv420p") and not losses(av, "rgb24", "yuv420p")
    assert losses(av, "yuv444p", "yuv420p")


def test_broken_mastering_data_is_passed_over():
    class Data:
        def __init__(self, name, data):
            self.type, self._data = type("T", (), {"name": name}), data

        def __bytes__(self):
            return self._data

    from unblur.io.video_light import light_of

    class Frame:
        side_data = (
            Data("MASTERING_DISPLAY_METADATA", struct.pack("=22i", *([1, 0] * 10), 1, 1)),
            Data("CONTENT_LIGHT_LEVEL", b"\1"),
            Data("DYNAMIC_HDR_PLUS", b""),
            Data("DOVI_METADATA", b""),
            Data("DOVI_RPU_BUFFER", b""),
        )

    light = light_of(Frame)
    assert set(light.others) == {"HDR10+ dynamic metadata", "Dolby Vision metadata"}
    assert light.mastering is light.content is None
    assert light_options(light, "mpeg4") == {}
    notes = light_notes(light, "libx265", 1)
    assert len(notes) == 2 and all("not kept" in note for note in notes)
    master = Mastering(P3, (0.005, 1000.0))
    assert light_options(Light(master), "libx265") == {"master-display": DISPLAY}
