"""What a clip keeps on its way: subtitles, brightness, colours, depth, and nothing when stopped."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage

from tests.video.fakes import exactly, texture, write_clip
from unblur.io.video_write import EncodeOptions
from unblur.video import ClipOptions, restore_clip

av = pytest.importorskip("av", reason="videos need PyAV")

LINES = [(0.1, 0.4, "Hello"), (0.6, 0.4, "<i>World</i> & co")]
UNCHANGED = ClipOptions(strength=0.0)


def with_subtitles(folder):
    """Write a clip with sound and a track of subtitles."""
    clip = write_clip(folder / "plain.mp4", times_ms=range(0, 1200, 40), sound=True)
    stamps = [f"00:00:00,{round(1000 * s):03d} --> 00:00:01,000" for s, _, _ in LINES]
    rows = [f"{n + 1}\n{s}\n{LINES[n][2]}\n" for n, s in enumerate(stamps)]
    (folder / "lines.srt").write_text("\n".join(rows))
    with (
        av.open(str(folder / "in.mkv"), "w") as out,
        av.open(str(clip)) as picture,
        av.open(str(folder / "lines.srt")) as text,
    ):
        tracks = {s.index: out.add_stream_from_template(s) for s in picture.streams}
        lines = out.add_stream_from_template(text.streams[0])
        lines.metadata["language"] = "ger"
        packets = [(p, tracks[p.stream.index]) for p in picture.demux() if p.dts is not None]
        packets += [(p, lines) for p in text.demux() if p.dts is not None]
        for packet, track in sorted(packets, key=lambda item: item[0].dts * item[0].time_base):
            packet.stream = track
            out.mux(packet)
    return folder / "in.mkv"


def subtitles(path):
    """Return the codec, the language and the lines, with their times, of a clip's subtitles."""
    with av.open(str(path)) as container:
        track = container.streams.subtitles[0]
        told = track.codec_context.name, track.metadata.get("language")
        packets = [p for p in container.demux(track) if p.pts is not None]
        lines = [(round(float(p.pts * p.time_base), 2), bytes(p)) for p in packets]
    return (*told, [(at, text) for at, text in lines if text.strip(b"\0")])


@pytest.mark.parametrize(
    ("suffix", "form", "first", "second"),
    [
        (".mkv", "srt", b"Hello", b"<i>World</i> & co"),
        (".mp4", "mov_text", b"\0\x05Hello", b"\0\x0aWorld & co"),
        (".webm", "webvtt", b"Hello", b"World & co"),
    ],
)
def test_subtitles_are_kept_in_the_form_that_the_container_holds(
    tmp_path, suffix, form, first, second
):
    clip = with_subtitles(tmp_path)
    report = restore_clip(clip, tmp_path / f"out{suffix}", model="photo", options=UNCHANGED)
    assert not any("subtitle" in note for note in report.notes)
    before, after = subtitles(clip), subtitles(tmp_path / f"out{suffix}")
    assert after[:2] == (form, "ger")
    assert after[2] == [(before[2][0][0], first), (before[2][1][0], second)]


def test_subtitles_find_their_way_back(tmp_path):
    restore_clip(with_subtitles(tmp_path), tmp_path / "a.mp4", model="photo", options=UNCHANGED)
    restore_clip(tmp_path / "a.mp4", tmp_path / "b.mkv", model="photo", options=UNCHANGED)
    name, language, lines = subtitles(tmp_path / "b.mkv")
    assert (name, language) == ("srt", "ger")
    assert [text for _, text in lines] == [b"Hello", b"World & co"]


def test_subtitles_that_no_form_fits_are_left_out_and_told(tmp_path):
    clip = with_subtitles(tmp_path)
    report = restore_clip(clip, tmp_path / "out.ts", model="photo", options=UNCHANGED)
    assert any("subtitle track" in note for note in report.notes)


def coloured(path, *, pixels="yuv420p", tags=(2, 2, 2), full=False):
    """Write six frames of smooth colours."""
    soft = ndimage.gaussian_filter(texture(64, 96, 2).astype(np.float32), (4, 4, 0))
    frames = [np.clip(soft + k, 0, 255).round().astype(np.uint8) for k in range(6)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = tags
        context.color_range = 2 if full else 1
        for k, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
                format=pixels,
                dst_colorspace=None if tags[2] == 2 else tags[2],
                dst_color_range=2 if full else 1,
                interpolation=exactly(),
            )
            picture.pts, picture.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def shown(path):
    """Return the frames as a careful player shows them, their pixel format and colour tags."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        tags = context.color_primaries, context.color_trc, context.colorspace
        frames = [
            f.reformat(format="rgb24", interpolation=exactly()).to_ndarray()
            for f in container.decode(stream)
        ]
        return frames, context.pix_fmt, tags, context.color_range


@pytest.mark.parametrize(
    ("pixels", "tags", "full"),
    [
        ("yuv420p", (2, 2, 2), False),
        ("yuv420p", (1, 1, 1), True),
        ("yuv420p", (6, 6, 6), False),
        ("yuv420p10le", (9, 18, 9), False),  # as a phone films HLG
        ("yuv422p10le", (1, 1, 1), False),
    ],
)
def test_brightness_colours_and_their_tags_are_kept(tmp_path, pixels, tags, full):
    coloured(tmp_path / "in.mkv", pixels=pixels, tags=tags, full=full)
    report = restore_clip(
        tmp_path / "in.mkv",
        tmp_path / "out.mkv",
        model="photo",
        options=UNCHANGED,
        encode=EncodeOptions(crf=1),
    )
    assert not any("bits" in note for note in report.notes)
    before, *_ = shown(tmp_path / "in.mkv")
    after, made, kept, reach = shown(tmp_path / "out.mkv")
    assert len(after) == len(before) == 6
    assert made.replace("j", "") == pixels and kept == tags
    assert (reach == 2) == full
    error = np.stack(after).astype(float) - np.stack(before)
    # FFmpeg cuts off half a grey level of the colours where the full range is used.
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < (1.3 if full else 0.4)
    assert np.abs(error).mean() < 2.5


STOPPED_AT = """
import sys, time
from unblur.video import models
class Slow:
    def reset(self): pass
    def analyse(self, frame): return None
    def step(self, frame, analysis=None, following=None):
        print("step", file=sys.stderr, flush=True)
        time.sleep(0.2)
        return frame
models.load_frame_model = lambda name=None, session=None: Slow()
import unblur.video.facade as facade
facade.load_frame_model = models.load_frame_model
from unblur.cli import main
main(["video", *sys.argv[1:], "--quiet"])
"""


@pytest.mark.skipif(os.name != "posix", reason="signals as on Unix")
def test_ctrl_c_ends_the_command_and_leaves_no_file(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times_ms=range(0, 8000, 40), sound=True)
    command = [sys.executable, "-c", STOPPED_AT, str(clip), "-o", str(tmp_path / "out.mp4")]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        try:
            for line in process.stderr:
                if line.startswith("step"):
                    break
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.stderr.read()
            assert process.wait(timeout=20) == 130
            assert time.monotonic() - asked < 10
        finally:
            process.kill()
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_preview_counts_from_the_first_frame(tmp_path):
    clip = write_clip(tmp_path / "in.mkv", times_ms=range(60_000, 62_000, 50), sound=True)
    options = ClipOptions(strength=0.0, seconds=0.5)
    report = restore_clip(clip, tmp_path / "out.mkv", model="photo", options=options)
    assert report.frames == 10
    with av.open(str(tmp_path / "out.mkv")) as container:
        times = [float(f.time) for f in container.decode(container.streams.video[0])]
    with av.open(str(tmp_path / "out.mkv")) as container:
        heard = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None]
    assert times[0] == pytest.approx(60, abs=0.1) and len(times) == 10
    assert 60 < max(heard) < 61
