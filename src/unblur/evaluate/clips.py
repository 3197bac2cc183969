"""How well blurred sequences are restored: quality, what memory is worth, and flicker.

Clips are made from held-back sharp photos by a seeded recipe, so that every figure can be had
again. Methods: ``blurry`` (nothing is done), ``photo`` (the photo pipeline on each frame), a
frame model's name (its memory kept), and NAME/K (its memory emptied every K frames; NAME/1 has
none).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unblur.blur.camera import CameraRecipe
from unblur.blur.clip import Clip, ClipSynthesiser
from unblur.blur.clip_recipe import ClipRecipe
from unblur.blur.trajectory import GyroTrace
from unblur.color import FloatArray, as_rgb
from unblur.errors import BadValue, UnreadableImage
from unblur.evaluate.metrics import ssim
from unblur.io import InputFile, read_photo
from unblur.opening import opened
from unblur.psnr import psnr_db
from unblur.runtime import ALL_THREADS, Runtime
from unblur.video.models import FrameModel, RelatesFrames, load_frame_model
from unblur.zoo.models import default_session

SIDE_PX = 256
"""Side of the frames."""

RECIPE = ClipRecipe(frames=8, travel_px=(4.0, 30.0), still=0.0)
CAMERA = CameraRecipe(
    sigma_read=(0.002, 0.01), shot=(0.00005, 0.0005), jpeg_share=0.6, jpeg_quality=(70.0, 95.0)
)
"""What the figures in the documents are made with."""


@dataclass(frozen=True)
class ClipRow:
    """One method on one clip.

    Attributes:
        photo: the scene.
        method: see the module.
        psnr_db, ssim: mean over the frames.
        last_psnr_db: of the last frame.
        flicker: see :func:`flicker`, in grey levels of 255.
    """

    photo: str
    method: str
    psnr_db: float
    ssim: float
    last_psnr_db: float
    flicker: float


def evaluate_clips(
    photos: Sequence[InputFile],
    methods: Sequence[str],
    *,
    clips: int = 20,
    seed: int = 7,
    recipe: ClipRecipe = RECIPE,
    camera: CameraRecipe = CAMERA,
    gyro: GyroTrace | None = None,
    runtime: Runtime = ALL_THREADS,
    progress: Callable[[int, int], None] | None = None,
) -> list[ClipRow]:
    """Return a row for each clip and method.

    Args:
        photos: sharp photos; those too small are left out.
        methods: see the module.
        clips: how many are made; each of another photo as long as there are enough.
        seed: equal seeds, equal clips.
        recipe, camera: how they move and what the camera adds.
        gyro: a recorded hand, or None.
        runtime: how networks are run.
        progress: called with (clips done, clips in all).

    Raises:
        UnreadableImage: no photo is large enough.
        BadValue: a method that is none.
        UnknownModel: a model that is not there.
    """
    runs = {name: _method(name, runtime) for name in methods}
    rows: list[ClipRow] = []
    made = make_clips(photos, clips, seed=seed, recipe=recipe, camera=camera, gyro=gyro)
    for number, (name, clip) in enumerate(made):
        for method, run in runs.items():
            rows.append(_row(name, method, run(clip.blurry), clip.sharp))
        if progress is not None:
            progress(number + 1, clips)
    return rows


def make_clips(
    photos: Sequence[InputFile],
    count: int,
    *,
    seed: int,
    recipe: ClipRecipe,
    camera: CameraRecipe,
    gyro: GyroTrace | None = None,
) -> Iterator[tuple[str, Clip]]:
    """Yield named clips; clip ``i`` depends on the seed, on ``i`` and on the photos only."""
    side = SIDE_PX + 2 * recipe.margin_px
    chosen = large_enough(photos, side)
    synthesise = ClipSynthesiser(recipe, camera, gyro)
    order = np.random.default_rng(seed).permutation(len(chosen))
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        item = chosen[int(order[number % len(chosen)])]
        passing = chosen[int(rng.integers(len(chosen)))]
        scene, other = (_window(p, side, rng) for p in (item, passing))
        yield item.relative.as_posix(), synthesise([scene], rng, passing=other)


def flicker(restored: FloatArray, sharp: FloatArray) -> float:
    """Return how much a sequence changes from frame to frame other than it should.

    ``mean |(r_t - r_(t-1)) - (s_t - s_(t-1))|`` in grey levels of 255: 0 for the sharp sequence
    and for any error that stays the same.

    Args:
        restored, sharp: (T, H, W, 3) float32 sRGB in [0, 1], T at least 2.
    """
    error = restored - sharp
    return float(np.abs(np.diff(error, axis=0)).mean() * 255)


def summary(rows: Sequence[ClipRow]) -> dict[str, dict[str, float]]:
    """Return each method's means over the clips."""
    out = {}
    for method in dict.fromkeys(row.method for row in rows):
        mine = [row for row in rows if row.method == method]
        keys = ("psnr_db", "ssim", "last_psnr_db", "flicker")
        out[method] = {k: float(np.mean([getattr(row, k) for row in mine])) for k in keys}
    return out


def _row(photo: str, method: str, restored: FloatArray, sharp: FloatArray) -> ClipRow:
    pairs = list(zip(restored, sharp, strict=True))
    psnrs = [psnr_db(r, s, data_range=1.0) for r, s in pairs]
    alike = float(np.mean([ssim(r, s, data_range=1.0) for r, s in pairs]))
    flickers = flicker(restored, sharp) if len(pairs) > 1 else 0.0
    return ClipRow(photo, method, float(np.mean(psnrs)), alike, psnrs[-1], flickers)


def _method(name: str, runtime: Runtime) -> Callable[[FloatArray], FloatArray]:
    if name == "blurry":
        return lambda frames: frames
    base, _, every = name.rpartition("/")
    if not every.isdigit():
        base, every = name, ""
    elif int(every) < 1:
        raise BadValue(f"'{name}': memory is emptied every 1 or more frames")
    model = load_frame_model(base, session=default_session(runtime))
    return lambda frames: restored_frames(model, frames, reset_every=int(every) if every else None)


def restored_frames(
    model: FrameModel, frames: FloatArray, *, reset_every: int | None = None
) -> FloatArray:
    """Return frames (T, H, W, 3) restored in order, each rounded to 8 bits as a file would."""
    model.reset()
    out = []
    shown = [model.analyse(frame) for frame in frames]
    for number, frame in enumerate(frames):
        if reset_every and number % reset_every == 0:
            model.reset()
        # Memory is what is emptied: the frames beside it, as they were filmed, stay where they are.
        before = shown[number - 1] if number else None
        following = shown[number + 1] if number + 1 < len(frames) else None
        ready = shown[number]
        if isinstance(model, RelatesFrames):
            ready = model.relate(before, ready, following)
        restored = model.step(frame, ready, following)
        out.append(np.round(np.clip(restored, 0, 1) * 255) / 255)
    return np.stack(out).astype(np.float32)


def large_enough(photos: Sequence[InputFile], side: int) -> list[InputFile]:
    """Return the photos whose sides have so many px.

    Raises:
        UnreadableImage: there is none.
    """
    found = []
    for item in photos:
        with opened(item.path) as image:
            if min(image.size) >= side:
                found.append(item)
    if not found:
        raise UnreadableImage(f"no photo has sides of at least {side} px, as clips need")
    return found


def _window(item: InputFile, side: int, rng: np.random.Generator) -> FloatArray:
    samples = as_rgb(read_photo(item.path).srgb())
    y, x = (int(rng.integers(n - side + 1)) for n in samples.shape[:2])
    return np.ascontiguousarray(samples[y : y + side, x : x + side])
