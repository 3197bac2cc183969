"""The front door for Python and for the local page: a clip in, a restored clip out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from unblur.errors import BadValue, UnreadableImage
from unblur.io.animation import is_webp, write_as_video
from unblur.io.outputs import is_folder as is_for_photos
from unblur.io.video import FrameSink, FrameSource, is_video
from unblur.io.video_codecs import codec_for
from unblur.io.video_folder import FolderSink, FolderSource
from unblur.io.video_read import VideoSource
from unblur.io.video_write import EncodeOptions, VideoSink
from unblur.paths import exists, is_folder, shown
from unblur.runtime import Runtime
from unblur.video.gyro import GyroOptions, GyroSource
from unblur.video.known import known_model
from unblur.video.models import PHOTO, load_frame_model
from unblur.video.pipeline import ClipOptions, ClipReport, Progress, restore_frames
from unblur.zoo.models import Session, default_session


@dataclass(frozen=True)
class ClipLimits:
    """What a caller lets in; None for no limit.

    Attributes:
        seconds: length of the clip.
        pixels: of one frame.
        frames: in all.
    """

    seconds: float | None = None
    pixels: int | None = None
    frames: int | None = None


def restore_clip(
    source: str | Path,
    target: str | Path,
    *,
    model: str | None = None,
    options: ClipOptions | None = None,
    encode: EncodeOptions | None = None,
    limits: ClipLimits | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    session: Session | None = None,
    progress: Progress | None = None,
    gyro: GyroOptions | None = None,
) -> ClipReport:
    """Take the motion blur out of a video file, or out of a folder of frames.

    Args:
        source: any video that FFmpeg reads, or a folder of photos (taken in order of names).
        target: a video file, or, for a folder, a folder; appears whole or not at all.
        model: "photo", "frame", "pipeline", a FrameRNN's ONNX file, or None for the default;
            see :func:`unblur.video.models.load_frame_model`.
        options: preview, side by side, strength.
        encode: codec and quality of video files.
        limits: what is refused.
        overwrite: replace existing results.
        threads: for the networks; all processors if omitted.
        session: holds the networks, with threads of its own; see :func:`unblur.restore`.
        progress: called with (frames done, frames in all or None) after each.
        gyro: a recorded camera path; the frames' PSFs then follow from it and none is estimated.

    Returns:
        What was done.

    Raises:
        InputError, ModelError, EngineError, OutputError: see :mod:`unblur.errors`.
    """
    source, target = Path(source), Path(target)
    chosen, limits = options or ClipOptions(), limits or ClipLimits()
    if not exists(source):
        raise UnreadableImage(f"{shown(source)} does not exist; check the name")
    if source.is_file() and is_webp(source):
        codec_for(target, encode.codec if encode else None)
        with tempfile.TemporaryDirectory(prefix="unblur-") as beside:
            moved = Path(beside) / f"{source.stem[:40]}.mkv"
            write_as_video(source, moved)
            return restore_clip(
                moved,
                target,
                model=model,
                options=options,
                encode=encode,
                limits=limits,
                overwrite=overwrite,
                threads=threads,
                session=session,
                progress=progress,
                gyro=gyro,
            )
    owner = session or default_session(Runtime.of_process(threads))
    frames: FrameSource
    sink: FrameSink
    if gyro is not None:
        _check_gyro(source, model, encode)
    if is_folder(source):
        folder = FolderSource(source)
        _check(folder, limits)
        if exists(target) and not is_folder(target):
            raise BadValue(f"frames of a folder go into a folder, {shown(target)} is a file")
        if not is_folder(target) and (is_video(target) or not is_for_photos(target)):
            raise BadValue(
                f"frames of a folder go into a folder, {shown(target)} would be a file; "
                "name one without the extension"
            )
        network = load_frame_model(model, session=owner)
        frames, sink = folder, FolderSink(target, folder.files, overwrite=overwrite)
    else:
        stored = encode or EncodeOptions(seconds=chosen.seconds)
        codec_for(target, stored.codec)
        network = load_frame_model(model if gyro is None else PHOTO, session=owner)
        video = VideoSource(source, keep_interlaced=stored.keep_interlaced)
        try:
            _check(video, limits)
            frames = video
            if gyro is not None:
                frames = GyroSource(video, gyro, seconds=chosen.seconds)
                network = known_model(network)
            sink = VideoSink(target, source=video, options=stored, overwrite=overwrite)
        except BaseException:
            video.close()
            raise
    report = restore_frames(frames, sink, network, chosen, runtime=owner.runtime, progress=progress)
    return report.told_by(owner)


def _check_gyro(source: Path, model: str | None, encode: EncodeOptions | None) -> None:
    """Refuse what recorded motion cannot be used with."""
    if source.is_dir():
        raise BadValue("recorded motion needs a video file: frames of a folder have no times")
    if model not in (None, PHOTO):
        raise BadValue(f"recorded motion is used by the model photo, got '{model}'")
    if encode is not None and encode.keep_interlaced:
        raise BadValue("recorded motion is of whole frames; leave --keep-interlaced out")


def _check(source: FrameSource, limits: ClipLimits) -> None:
    info = source.info
    pixels = info.width * info.height
    if limits.pixels is not None and pixels > limits.pixels:
        raise BadValue(
            f"the frames have {pixels / 1e6:.1f} megapixels, {limits.pixels / 1e6:.1f} are allowed"
        )
    if limits.frames is not None and info.frames and info.frames > limits.frames:
        raise BadValue(f"the clip has {info.frames} frames, {limits.frames} are allowed")
    if limits.seconds is not None and info.frames and info.rate:
        seconds = float(info.frames / info.rate)
        if seconds > limits.seconds:
            raise BadValue(f"the clip lasts {seconds:.0f} s, {limits.seconds:.0f} s are allowed")
