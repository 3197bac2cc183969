"""``unblur video``: the motion blur out of clips, folders of frames and raw pipes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unblur.cli.common import progress_bar
from unblur.cli.options import runtime_options
from unblur.cli.say import say, say_json
from unblur.paths import is_folder, names_of, shown

if TYPE_CHECKING:
    from unblur.io.video import FrameSink, FrameSource
    from unblur.runtime import Runtime
    from unblur.video.pipeline import ClipOptions, ClipReport
    from unblur.zoo.models import Session

_STD = Path("-")


class SizeType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """``WIDTHxHEIGHT`` in px -> (width, height)."""

    name = "WIDTHxHEIGHT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Parse a size; see :class:`click.ParamType`."""
        if isinstance(value, tuple):
            return value
        try:
            width, height = (int(part) for part in str(value).lower().split("x"))
        except ValueError:
            self.fail(f"expected WIDTHxHEIGHT, as 640x360, got {value!r}", param, ctx)
        if min(width, height) < 1:
            self.fail(f"sides must be at least 1, got {value!r}", param, ctx)
        return width, height


@dataclasses.dataclass(frozen=True)
class Pipes:
    """How raw frames lie in pipes."""

    size: tuple[int, int] | None
    fps: Fraction
    pix_fmt: str


@click.command()
@click.argument("clip", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Video file, folder (for a folder of frames) or - for raw frames. "
    "Default: beside the clip, NAME.unblurred.mp4 or the folder NAME.unblurred.",
)
@click.option(
    "--model",
    help="'frame' (FrameRNN, which sees the frames on both sides; default), 'photo' (the photo "
    "network, steadied by the frames before; --gyro takes it), 'pipeline' (all that photos get, "
    "each frame by itself, slow) or an ONNX file of FrameRNN.",
)
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True)
@click.option("--preview", "seconds", type=click.FloatRange(min=0.01), help="Only so many seconds.")
@click.option("--side-by-side", is_flag=True, help="The original left, the result right.")
@click.option(
    "--codec", help="h264, h265, vp9, av1, mpeg4, mpeg2 or ffv1. Default: by the container."
)
@click.option(
    "--crf", type=click.IntRange(0, 63), help="Quality: lower is better and larger (h264: 18)."
)
@click.option(
    "--keep-interlaced",
    is_flag=True,
    help="Restore interlaced clips field by field and store them so. Default: deinterlace.",
)
@click.option(
    "--gyro",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Recorded camera path: gyroflow's .gcsv, or a video with GoPro's track (CLIP itself).",
)
@click.option("--focal-px", type=click.FloatRange(min=1), help="Focal length in px, for --gyro.")
@click.option("--shutter", help="Exposure, for --gyro: 1/100 (s) or 50% of the frame interval.")
@click.option("--readout-ms", type=click.FloatRange(min=0), help="Of the rolling shutter.")
@click.option("--gyro-offset-ms", type=float, default=0.0, help="When the log's time 0 is.")
@click.option("--size", type=SizeType(), help="Of raw frames on standard input.")
@click.option("--fps", default="25", show_default=True, help="Of raw frames, as 25 or 30000/1001.")
@click.option(
    "--pix-fmt",
    type=click.Choice(["rgb24", "bgr24"]),
    default="rgb24",
    show_default=True,
    help="Of raw frames.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing results (never the clip).")
@runtime_options
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.option("--quiet", is_flag=True, help="Print errors only.")
def video(
    clip: Path,
    output: Path | None,
    model: str | None,
    strength: float,
    seconds: float | None,
    side_by_side: bool,
    codec: str | None,
    crf: int | None,
    keep_interlaced: bool,
    gyro: Path | None,
    focal_px: float | None,
    shutter: str | None,
    readout_ms: float | None,
    gyro_offset_ms: float,
    size: tuple[int, int] | None,
    fps: str,
    pix_fmt: str,
    overwrite: bool,
    runtime: Runtime,
    as_json: bool,
    quiet: bool,
) -> None:
    """Take the motion blur out of CLIP: a video, a folder of frames, or - for raw frames.

    Sound, subtitles, times, orientation, colour tags and depth are kept where the result's
    container and codec can; what is lost is told. Frames are taken as sRGB, whatever their tags say
    of the tone curve.
    """
    from unblur.io.folders import search
    from unblur.io.video_write import EncodeOptions
    from unblur.video import ClipOptions, GyroOptions, restore_clip
    from unblur.zoo.models import default_session

    known = None
    if gyro is not None:
        known = GyroOptions(gyro, focal_px, shutter, readout_ms, gyro_offset_ms)
    elif focal_px or shutter or readout_ms or gyro_offset_ms:
        raise click.UsageError("--focal-px, --shutter, --readout-ms and the like need --gyro")
    options = ClipOptions(seconds=seconds, side_by_side=side_by_side, strength=strength)
    encode = EncodeOptions(codec, crf, seconds, keep_interlaced)
    target = output or _beside(clip)
    with progress_bar("restoring", 1, hidden=quiet or as_json) as bar:

        def show(done: int, total: int | None) -> None:
            if total:
                bar.to(min(0.999, done / total))

        if is_folder(clip):
            search([clip], recursive=False)  # nothing found has an exit code of its own
        if _STD in (clip, target):
            if known is not None:
                raise click.UsageError("--gyro needs a video file on both sides")
            pipes = Pipes(size, _rate(fps), pix_fmt)
            source, sink = _piped(clip, target, pipes, encode, overwrite)
            report = _through_pipes(source, sink, model, options, default_session(runtime), show)
        else:
            report = restore_clip(
                clip,
                target,
                model=model,
                options=options,
                encode=encode,
                overwrite=overwrite,
                session=default_session(runtime),
                progress=show,
                gyro=known,
            )
        bar.to(1)
    _tell(clip, target, report, as_json=as_json, quiet=quiet)


def _tell(clip: Path, target: Path, report: ClipReport, *, as_json: bool, quiet: bool) -> None:
    to_errors = target == _STD
    if as_json:
        named = {**names_of(str(clip)), **names_of(str(target), "output")}
        row = {**named, **report.to_dict()}
        say_json(row, err=to_errors)
    elif not quiet:
        rate = report.frames / max(report.seconds, 1e-9)
        notes = "".join(f"; {note}" for note in report.notes)
        say(
            f"{shown(clip)} -> {shown(target)}: {report.frames} frames, {rate:.1f} frames/s, "
            f"{len(report.cuts)} scene cut(s){notes}",
            err=to_errors,
        )


def _beside(clip: Path) -> Path:
    from unblur.io.video_codecs import WRITTEN_SUFFIXES

    if clip == _STD:
        return _STD
    from unblur.paths import fitted

    if is_folder(clip):
        return clip.resolve().with_name(fitted(clip.resolve().name, ".unblurred"))
    written = clip.suffix.lower() in WRITTEN_SUFFIXES  # GIF, WebP and the like are only read
    return clip.with_name(fitted(clip.stem, f".unblurred{clip.suffix if written else '.mp4'}"))


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise click.UsageError(f"--fps must be a rate such as 25 or 30000/1001, got '{text}'")
    return rate


def _piped(
    clip: Path, target: Path, pipes: Pipes, encode: Any, overwrite: bool
) -> tuple[FrameSource, FrameSink]:
    """Return the two ends, at least one of which is a pipe."""
    from unblur.io.video_raw import RawSink, RawSource
    from unblur.io.video_read import VideoSource
    from unblur.io.video_write import VideoSink

    if clip == _STD:
        if pipes.size is None:
            raise click.UsageError("raw frames on standard input need --size WIDTHxHEIGHT")
        width, height = pipes.size
        raw = RawSource(
            sys.stdin.buffer, width=width, height=height, rate=pipes.fps, pix_fmt=pipes.pix_fmt
        )
        if target == _STD:
            return raw, RawSink(sys.stdout.buffer, pix_fmt=pipes.pix_fmt)
        return raw, VideoSink(
            target, source=None, rate=pipes.fps, options=encode, overwrite=overwrite
        )
    video = VideoSource(clip)
    return video, RawSink(sys.stdout.buffer, pix_fmt=pipes.pix_fmt, source=video)


def _through_pipes(
    source: FrameSource,
    sink: FrameSink,
    model: str | None,
    options: ClipOptions,
    session: Session,
    show: Callable[[int, int | None], None],
) -> ClipReport:
    from unblur.video.models import load_frame_model
    from unblur.video.pipeline import restore_frames

    try:
        network = load_frame_model(model, session=session)
    except BaseException:
        sink.discard()
        source.close()
        raise
    report = restore_frames(source, sink, network, options, runtime=session.runtime, progress=show)
    return report.told_by(session)
