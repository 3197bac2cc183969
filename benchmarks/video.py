"""Frames per second and peak memory of restoring a clip, end to end, at several sizes.

A clip of the shaken example photo, panned by hand over a few seconds, is written as H.264; or, with
``--blurred-every 10``, of the sharp one, every tenth frame blurred by the pan, as hand-held clips
are. Then it is read, restored and written again as H.264 by ``unblur.video.restore_clip``, each
size in a process of its own. ``peak`` is that process's largest resident set, with Python and ONNX
Runtime in it. ``cpu ms`` is the processor time of all threads for one frame: unlike ``frames/s`` it
hardly changes if the machine has other work to do; on N idle processors frames/s is at most
N x 1000 / ``cpu ms``. ``read``, ``analyse``, ``restore``, ``write``: time for one frame in each of
the four threads that work side by side; the slowest sets the pace. The first frames, in which
everything is loaded, are left out of no figure.

``--profile`` tells instead which functions the time goes to (see ``stages.py``).

Run: ``python benchmarks/video.py [--sizes 640x360 1280x720] [--frames N] [--threads N]
[--model NAME] [--blurred-every N] [--json FILE] [--profile]``
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from speed import ROOT, SHAKEN, peak_mb
from stages import Profile

from unblur.runtime import Runtime
from unblur.zoo.models import default_session

SHARP = ROOT / "examples" / "sharp" / "colosseum.jpg"

_MOMENTS = 16
"""Of which a blurred frame is the mean."""

STAGES = (
    ("samples to float", "unblur.video.pipeline", "to_float"),
    ("scene cuts", "unblur.video.cuts", "CutDetector.__call__"),
    ("analyse: around it", "unblur.video.memory", "FrameMemory.analyse"),
    ("analyse: around it", "unblur.video.steady", "SteadyPhoto.analyse"),
    ("analyse: is it blurred", "unblur.video.memory", "detail_of"),
    ("analyse: motion features", "unblur.motion.kernel", "motion_features"),
    ("relate: hints", "unblur.video.memory", "hints_of"),
    ("relate: around it", "unblur.video.memory", "FrameMemory.relate"),
    ("networks", "unblur.engines.onnx", "OnnxEngine.__call__"),
    ("memory: where it went", "unblur.video.memory", "block_shifts"),
    ("memory: where it went", "unblur.video.steady", "block_shifts"),
    ("memory: moved along", "unblur.video.memory", "write_moved_state"),
    ("memory: moved along", "unblur.video.steady", "moved_along"),
    ("memory: mixed", "unblur.video.steady", "mixed"),
    ("restore: steps of cells", "unblur.video.memory", "without_steps"),
    ("restore: around it", "unblur.video.memory", "FrameMemory.step"),
    ("restore: around it", "unblur.video.steady", "SteadyPhoto.step"),
    ("round", "unblur.video.pipeline", "quantise"),
    ("encode", "unblur.io.video_write", "VideoSink.write"),
)


def make_clip(width: int, height: int, frames: int, target: Path, every: int = 1) -> None:
    """Pan over an example photo, repeated as far as needed; H.264, 25 frames/s.

    Args:
        width, height: px.
        frames: how many.
        target: written to.
        every: so many-th frames are blurred by the pan; 1 takes the shaken photo instead.
    """
    import av

    with Image.open(SHAKEN if every == 1 else SHARP) as image:
        piece = np.asarray(image.convert("RGB"))
    room = 80
    repeats = (-(-(height + 2 * room) // piece.shape[0]), -(-(width + 2 * room) // piece.shape[1]))
    whole = np.tile(piece, (*repeats, 1))
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for k in range(frames):
            moments = _MOMENTS if every > 1 and k % every == every - 1 else 1
            parts = []
            for moment in (np.arange(moments) + 0.5) / moments - 0.5:
                y = room + round(room * 0.8 * math.sin((k + moment) / 9))
                x = room + round(room * 0.8 * math.sin((k + moment) / 7))
                parts.append(whole[y : y + height, x : x + width])
            part = np.round(np.mean(parts, axis=0)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(part, format="rgb24")))
        container.mux(stream.encode(None))


def measure(
    clip: Path, model: str | None, threads: int | None, profile: Profile | None = None
) -> dict[str, float]:
    """Restore a clip in this process and return what it cost."""
    from unblur.video import restore_clip
    from unblur.video.models import load_frame_model

    load_frame_model(model, session=default_session(Runtime.of_process(threads)))
    if profile is not None:
        profile.watch()
    begun, worked = time.perf_counter(), time.process_time()
    report = restore_clip(clip, clip.with_name("out.mp4"), model=model, threads=threads)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
    each = {key: 1000 * value / report.frames for key, value in report.busy.items()}
    return {
        "frames": report.frames,
        "seconds": seconds,
        "frames_per_second": report.frames / seconds,
        "cpu_ms": 1000 * cpu / report.frames,
        "peak_mb": peak_mb(),
        **{f"{key}_ms": value for key, value in each.items()},
    }


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["640x360", "1280x720"])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--model", help="frame, photo, or a FrameRNN's ONNX file")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--blurred-every", type=int, default=1, metavar="N")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--profile", action="store_true", help="tell where the time goes")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(options.one, options.model, options.threads)))
        return
    keys = ("frames_per_second", "cpu_ms", "read_ms", "analyse_ms", "restore_ms", "write_ms")
    print(f"{'size':<11}{'frames/s':>9}" + "".join(f"{k[:-3]:>9}" for k in keys[1:]) + "  peak MB")
    rows = []
    for size in options.sizes:
        width, height = (int(part) for part in size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / "clip.mp4"
            make_clip(width, height, options.frames, clip, options.blurred_every)
            if options.profile:
                profile = Profile(STAGES)
                row = measure(clip, options.model, options.threads, profile)
                print(
                    f"{size}, {row['frames']:.0f} frames, {row['frames_per_second']:.1f} a second"
                )
                print(profile.table(row["seconds"]))
                continue
            command = [sys.executable, __file__, "--one", str(clip)]
            command += ["--model", options.model] if options.model else []
            command += ["--threads", str(options.threads)] if options.threads else []
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        row = {"size": size, **json.loads(done.stdout)}
        rows.append(row)
        print(f"{size:<11}" + "".join(f"{row[k]:>9.1f}" for k in keys) + f"{row['peak_mb']:>9.0f}")
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
