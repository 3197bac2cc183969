"""What a recorded gyroscope is worth: clips of a turning camera, restored with and without its log.

A camera turns about all three axes (smooth random angular velocity, seeded) while it films a sharp
photo far away. Each frame is the mean, in linear light, of the photo seen from many moments of
its exposure, line by line later by the rolling shutter's read-out, then noise, 8 bits and H.264.
The log is a ``.gcsv`` at 400 samples/s with noise and steps as those of cheap gyroscopes. The very
same clip is restored by ``photo`` with estimated PSFs and with ``--gyro``.

PSNR is that of the luma in sRGB up to a shift (as for PSFs, where a picture lies is a matter of
choice), against the photo as it stands in the middle of each line's exposure; flicker is the mean
change from frame to frame other than that of the sharp clip, in grey levels. ``similarity`` is
that of the PSFs from the log with true ones from 1001 moments of the path, at nine places of each
frame; the rendering and the true PSFs share no code with ``unblur.blur.recorded``.

Run: ``python benchmarks/gyro.py [--photos DIR] [--clips N] [--frames N] [--size WxH] [--seed N]``
``[--threads N] [--json FILE]``
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial.transform import Rotation

from unblur.blur.psf import Psf
from unblur.blur.recorded import RecordedPath
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.evaluate.metrics import kernel_similarity
from unblur.evaluate.protocols.shifts import best_shift
from unblur.video import ClipOptions, GyroOptions, restore_clip
from unblur.video.known import FrameMotion

SHARP = Path(__file__).parents[1] / "examples" / "sharp"
RATE = 25
STEP_S = 1 / 8000

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shake:
    """A camera path: angular velocity about x right, y down, z forward at even steps of STEP_S."""

    omega: Array
    poses: Array

    @classmethod
    def draw(cls, rng: np.random.Generator, seconds: float, strength: float) -> Shake:
        """Draw waves of 1 to 12 Hz, up to ``strength`` rad/s."""
        times = np.arange(round((seconds + 0.4) / STEP_S)) * STEP_S - 0.2
        waves = rng.uniform(1, 12, (3, 8, 1)), rng.uniform(0, 2 * np.pi, (3, 8, 1))
        heights = rng.normal(size=(3, 8, 1)) * strength / np.sqrt(8)
        omega = (heights * np.sin(2 * np.pi * waves[0] * times + waves[1])).sum(axis=1).T
        turns = Rotation.from_rotvec((omega[1:] + omega[:-1]) / 2 * STEP_S).as_matrix()
        poses = np.empty((len(times), 3, 3))
        poses[0] = np.eye(3)
        for k, turn in enumerate(turns):
            poses[k + 1] = poses[k] @ turn
        middle = poses[len(poses) // 2]
        return cls(omega, np.einsum("ji,njk->nik", middle, poses))

    def at(self, seconds: Array | float) -> Array:
        """Return the poses at the nearest steps."""
        index = np.round((np.asarray(seconds) + 0.2) / STEP_S).astype(int)
        return self.poses[np.clip(index, 0, len(self.poses) - 1)]

    def write_log(self, path: Path, rng: np.random.Generator, readout_ms: float) -> None:
        """Write the log: 400 samples/s, noise of 0.005 rad/s, steps of 1/1000 rad/s."""
        every = round(1 / 400 / STEP_S)
        omega = self.omega[::every] + rng.normal(0, 0.005, (len(self.omega[::every]), 3))
        # gyroflow's axes: up, left, back
        rows = np.round(np.stack([-omega[:, 1], -omega[:, 0], -omega[:, 2]], axis=1) * 1000)
        lines = ["GYROFLOW IMU LOG", "version,1.3", "id,benchmark", "orientation,XYZ"]
        lines += [f"frame_readout_time,{readout_ms}", "frame_readout_direction,0"]
        lines += ["tscale,0.0001", "gscale,0.001", "t,gx,gy,gz"]
        lines += [
            f"{round((k * every * STEP_S - 0.2) * 10_000)},{row[0]:.0f},{row[1]:.0f},{row[2]:.0f}"
            for k, row in enumerate(rows)
        ]
        path.write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Camera:
    """A camera with a rolling shutter."""

    width: int
    height: int
    focal_px: float
    exposure_s: float
    readout_s: float

    def line_times(self, frame: int) -> Array:
        """Return when each line of a frame is exposed half."""
        return frame / RATE + self.readout_s * (np.arange(self.height) / (self.height - 1) - 0.5)

    def seen(self, scene: Any, poses: Array) -> Any:
        """Return the scene (linear) from one pose for each line."""
        xs = np.arange(self.width) - (self.width - 1) / 2
        ys = np.arange(self.height) - (self.height - 1) / 2
        rays = np.stack(
            [*np.broadcast_arrays(xs[None] / self.focal_px, ys[:, None] / self.focal_px)], axis=-1
        )
        rays = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], axis=2)
        world = np.einsum("hij,hwj->hwi", poses, rays)
        places = world[..., :2] / world[..., 2:] * self.focal_px
        middle = (np.array(scene.shape[1::-1]) - 1) / 2
        at = [places[..., 1] + middle[1], places[..., 0] + middle[0]]
        planes = [
            ndimage.map_coordinates(scene[..., c], at, order=1, mode="mirror") for c in range(3)
        ]
        return np.stack(planes, axis=2)

    def film(self, scene: Any, shake: Shake, frame: int, moments: int) -> tuple[Any, Any]:
        """Return a frame's sharp and blurred light."""
        times = self.line_times(frame)
        sharp = self.seen(scene, shake.at(times))
        parts = (np.arange(moments) + 0.5) / moments - 0.5
        blurred = sum(self.seen(scene, shake.at(times + p * self.exposure_s)) for p in parts)
        return sharp, blurred / moments

    def true_psf(self, shake: Shake, place: Array, middle_s: float) -> Psf:
        """Draw what a point of the picture (px from the axis) leaves behind."""
        moments = middle_s + (np.arange(1001) / 1000 - 0.5) * self.exposure_s
        ray = np.array([place[0] / self.focal_px, place[1] / self.focal_px, 1.0])
        world = shake.at(middle_s) @ ray
        seen = np.einsum("nji,j->ni", shake.at(moments), world)
        points = seen[:, :2] / seen[:, 2:] * self.focal_px
        return Psf.from_points(points - points.mean(axis=0))


def write_clip(path: Path, frames: list[Any]) -> None:
    """Write frames (8 bits, sRGB) as H.264 of high quality."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "12"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, samples in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(samples, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def read_clip(path: Path) -> list[Any]:
    """Return a clip's frames, float sRGB."""
    import av

    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") / 255.0 for f in container.decode(video=0)]


def psnr_db(picture: Any, sharp: Any) -> float:
    """Return the PSNR of the luma up to a shift."""
    grey = np.array([0.25, 0.6, 0.15])
    aligned = best_shift(np.asarray(picture, float) @ grey, np.asarray(sharp, float) @ grey)
    return float(-10 * np.log10(aligned.ssd / aligned.fixed.size))


def flicker(frames: list[Any], sharp: list[Any]) -> float:
    """Return the mean change from frame to frame other than that of the sharp clip, grey levels."""
    errors = [np.asarray(a, float) - b for a, b in zip(frames, sharp, strict=True)]
    changes = [np.abs(b - a).mean() for a, b in pairwise(errors)]
    return float(np.mean(changes)) * 255


def similarities(camera: Camera, shake: Shake, log: Path, frames: int) -> list[float]:
    """Return how alike the log's PSFs are to the true ones, at nine places of each frame."""
    from unblur.io.gyro_logs import load_gyro_log

    told = load_gyro_log(log)
    path = RecordedPath(told.times_s, told.omega, (camera.focal_px, camera.focal_px))
    places = np.array(
        [
            (x * (camera.width - 1), y * (camera.height - 1))
            for y in (0, 0.5, 1)
            for x in (0, 0.5, 1)
        ]
    )
    axis = np.array([(camera.width - 1) / 2, (camera.height - 1) / 2])
    found = []
    for frame in range(frames):
        motion = FrameMotion(path, frame / RATE, camera.exposure_s, camera.readout_s)
        middles = motion.middles(places, camera.height, camera.width)
        drawn = path.psfs(places - axis, middles, camera.exposure_s)
        for psf, place, middle in zip(drawn, places - axis, middles, strict=True):
            found.append(kernel_similarity(psf, camera.true_psf(shake, place, float(middle))))
    return found


def measure(
    photo: Path, camera: Camera, frames: int, rng: np.random.Generator, folder: Path, threads: int
) -> dict[str, float]:
    """Film one clip, restore it both ways and score it."""
    with Image.open(photo) as image:
        scene = srgb_to_linear(np.asarray(image.convert("RGB"), np.float32) / 255)
    shake = Shake.draw(rng, frames / RATE, float(rng.uniform(0.5, 1.5)))
    filmed = [camera.film(scene, shake, k, moments=96) for k in range(frames)]
    noisy = [light + rng.normal(0, 0.004, light.shape) for _, light in filmed]
    stored = [
        np.round(linear_to_srgb(np.clip(n, 0, 1).astype(np.float32)) * 255).astype(np.uint8)
        for n in noisy
    ]
    sharp = [linear_to_srgb(np.clip(light, 0, 1).astype(np.float32)) for light, _ in filmed]
    clip, log = folder / "clip.mp4", folder / "clip.gcsv"
    write_clip(clip, stored)
    shake.write_log(log, rng, camera.readout_s * 1000)
    known = GyroOptions(log, camera.focal_px, f"{camera.exposure_s}")
    for name, gyro in (("estimated", None), ("known", known)):
        restore_clip(
            clip,
            folder / f"{name}.mp4",
            model="photo",
            options=ClipOptions(),
            overwrite=True,
            threads=threads,
            gyro=gyro,
        )
    scores = {}
    for name in ("blurry", "estimated", "known"):
        shown = read_clip(clip if name == "blurry" else folder / f"{name}.mp4")
        scores[name] = float(np.mean([psnr_db(a, b) for a, b in zip(shown, sharp, strict=True)]))
        scores[f"{name}_flicker"] = flicker(shown, sharp)
    alike = similarities(camera, shake, log, frames)
    return {**scores, "similarity": float(np.mean(alike)), "least_similarity": min(alike)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=SHARP)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    width, height = (int(side) for side in asked.size.split("x"))
    photos = sorted(p for p in asked.photos.iterdir() if p.suffix.lower() in (".jpg", ".png"))
    rows = []
    for number in range(asked.clips):
        rng = np.random.default_rng([asked.seed, number])
        camera = Camera(
            width,
            height,
            0.9 * width,
            float(rng.uniform(0.012, 0.035)),
            float(rng.uniform(0, 0.02)),
        )
        with tempfile.TemporaryDirectory() as folder:
            photo = photos[number % len(photos)]
            row = measure(photo, camera, asked.frames, rng, Path(folder), asked.threads)
        rows.append(row)
        print(" ".join(f"{key} {value:.3f}" for key, value in row.items()), flush=True)
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    print("mean: " + " ".join(f"{key} {value:.3f}" for key, value in mean.items()))
    if asked.json:
        asked.json.write_text(json.dumps({"clips": rows, "mean": mean}, indent=1))


if __name__ == "__main__":
    main()
