"""Scenes in which not everything moved alike, and what the product makes of them.

Sharp photos are composed in linear light, blurred, given noise and stored in 8 bits. The seed, the
kind and the number of a scene make it; equal photos give equal scenes. The kinds:

* ``object``: something moved 8 to 40 px before a still background, covering 5 to 50 % of the photo;
* ``panning``: a still subject before a moved background;
* ``framed``: a shaken photo in a frame, between bars or above a caption, pasted on afterwards;
* ``stamped``: a shaken photo with text drawn over it afterwards: a date, a caption, a watermark;
* ``stamped_object``: a moved object before a still background, with such text;
* ``shake``: a plain shaken photo;
* ``sharp``: a sharp photo.

Truth and masks are known, so each scene is scored by part. *Still* is what did not move, and what
was not exposed: how far the result is from the input there (``same``: bit for bit; ``still``: dB
gained, negative for harm). *Moved* is everything that moved, where at least half of the light is
its own (``moved``: dB gained, at the best shift). ``acted``: share of the moved part that was
changed.

Run: ``python benchmarks/moved.py [--photos DIR] [--each N] [--kinds object,panning] [--seed N]
[--only subject] [--save DIR] [--json FILE]``

FILE holds a row for each scene; a run goes on where an earlier one with the same FILE stopped.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.blur.trajectory import line, tremor, unit_diameter
from unblur.color import linear_to_srgb, quantise, srgb_to_linear, to_float
from unblur.motion.picture import Picture
from unblur.pipeline.only import WORDS
from unblur.pipeline.outcome import Result
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.zoo.models import Session

SHARP = Path(__file__).parents[1] / "examples" / "sharp"
EACH = {
    "object": 28,
    "panning": 10,
    "framed": 6,
    "stamped": 10,
    "stamped_object": 6,
    "shake": 8,
    "sharp": 8,
}
SIDE_PX = (384, 480)
FARTHEST_PX = 3
FRAME_PX = 8
CAPTIONS = ("2024-07-13 18:42:07", "CAM 02  REC", "Summer at the lake", "(c) studio 7", "48 km/h")


@dataclass(frozen=True, eq=False)
class Scene:
    """A composed photo with its truth.

    Attributes:
        name: kind and number.
        samples: (H, W, 3) uint8, what the camera stored.
        truth: (H, W, 3) float32 sRGB, without motion.
        moved: (H, W) float32, share of each pixel's light that moved; 0 where nothing did.
        pasted: (H, W) bool, what was drawn after the exposure.
        psf: of what moved; a point where nothing did.
        share: of the photo that moved.
    """

    name: str
    samples: np.ndarray
    truth: np.ndarray
    moved: np.ndarray
    pasted: np.ndarray
    psf: Psf
    share: float


def scene(kind: str, number: int, photos: list[np.ndarray], seed: int) -> Scene:
    """Return a scene."""
    rng = np.random.default_rng([seed, list(EACH).index(kind), number])
    shape = _shape(rng)
    order = rng.permutation(len(photos))
    back, front = (_crop(photos[i], shape, rng) for i in order[:2])
    pasted = np.zeros(shape, bool)
    moved = np.zeros(shape, np.float32)
    psf, truth = Psf.delta(), back
    if kind in ("object", "stamped_object", "panning"):
        share = float(np.exp(rng.uniform(np.log(0.05), np.log(0.5))))
        mask = _blob(shape, share, rng)
        psf = _motion(line(rng) if rng.random() < 0.75 else tremor(rng), (8, 40), rng)
        truth = mask[..., None] * front + (1 - mask[..., None]) * back
        if kind == "panning":
            light = mask[..., None] * front + (1 - mask[..., None]) * apply_psf(back, psf)
            moved = 1 - mask
        else:
            moved = apply_psf(mask[..., None], psf)[..., 0]
            light = apply_psf(mask[..., None] * front, psf) + (1 - moved[..., None]) * back
    elif kind == "sharp":
        light = back
    else:
        psf = _motion(tremor(rng), (8, 30), rng)
        light, moved = apply_psf(back, psf), np.ones(shape, np.float32)
    samples = _stored(light, rng)
    truth = linear_to_srgb(np.clip(truth, 0, 1))
    if kind.startswith("stamped"):
        samples, pasted = _stamp(samples, rng)
    if kind == "framed":
        samples, truth, moved, pasted = _framed(samples, truth, moved, rng)
    share = float((moved > 0.5).mean())
    if rng.random() < 0.4:
        samples = _jpeg(samples)
    return Scene(f"{kind}_{number:02d}", samples, truth, moved, pasted, psf, share)


def _shape(rng: np.random.Generator) -> tuple[int, int]:
    height, width = sorted(int(rng.integers(SIDE_PX[0] - 96, SIDE_PX[1])) for _ in range(2))
    return (width, height) if rng.random() < 0.25 else (height, width)


def _crop(photo: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return a crop in linear light, the photo shrunk to just above its size where it is large."""
    height, width = photo.shape[:2]
    least = max(shape[0] / height, shape[1] / width)
    scale = max(least, float(rng.uniform(min(1.0, least), 1.0))) if least <= 1 else least
    size = (max(shape[1], round(width * scale)), max(shape[0], round(height * scale)))
    picture = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS)
    y, x = (int(rng.integers(a - b + 1)) for a, b in zip(size[::-1], shape, strict=True))
    part = np.asarray(picture)[y : y + shape[0], x : x + shape[1]]
    return srgb_to_linear(to_float(part))


def _blob(shape: tuple[int, int], share: float, rng: np.random.Generator) -> np.ndarray:
    """Return a soft mask: an ellipse, a box with round corners or an outline of a few waves."""
    height, width = shape
    aspect = float(np.exp(rng.uniform(-0.6, 0.6)))
    area = share * height * width
    ry, rx = np.sqrt(area / np.pi * aspect), np.sqrt(area / np.pi / aspect)
    ry, rx = min(ry, 0.46 * height), min(rx, 0.46 * width)
    y0 = rng.uniform(min(ry, height / 2), max(height - ry, height / 2))
    x0 = rng.uniform(min(rx, width / 2), max(width - rx, width / 2))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    v, u = (y - y0) / ry, (x - x0) / rx
    choice = rng.integers(3)
    if choice == 0:
        radius = np.hypot(u, v)
    elif choice == 1:
        radius = (np.abs(u * 1.13) ** 6 + np.abs(v * 1.13) ** 6) ** (1 / 6)
    else:
        angle = np.arctan2(v, u)
        waves = sum(
            rng.uniform(0, 0.14) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5)
        )
        radius = np.hypot(u, v) / (1 + waves)
    edge = float(rng.uniform(1.0, 2.5)) / min(ry, rx)
    return np.clip(0.5 - (radius - 1) / edge, 0, 1).astype(np.float32)


def _motion(points: np.ndarray, length_px: tuple[float, float], rng: np.random.Generator) -> Psf:
    length = float(np.exp(rng.uniform(*np.log(length_px))))
    path = unit_diameter(points) * length
    path = path - path.mean(axis=0)
    return Psf.from_points(path, size=2 * int(np.ceil(np.abs(path).max()) + 2) + 1)


def _stored(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    sigma = float(rng.uniform(0.002, 0.008))
    noisy = light + rng.normal(0, sigma, light.shape).astype(np.float32)
    return quantise(linear_to_srgb(np.clip(noisy, 0, 1)), np.dtype(np.uint8))


def _stamp(samples: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw text over a picture: opaque, in one colour, with an outline or half transparent."""
    height, width = samples.shape[:2]
    cover = np.zeros((height, width), np.float32)
    outline = np.zeros_like(cover)
    for _ in range(int(rng.integers(1, 3))):
        font = ImageFont.load_default(size=float(rng.integers(14, 30)))
        text = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
        layer, wide = (Image.new("L", (width, height)) for _ in range(2))
        box = ImageDraw.Draw(layer).textbbox((0, 0), text, font=font)
        x = int(rng.integers(6, max(7, width - box[2] - 6)))
        y = int(rng.choice([8, height - box[3] - 10]))
        ImageDraw.Draw(layer).text((x, y), text, fill=255, font=font)
        ImageDraw.Draw(wide).text((x, y), text, fill=255, font=font, stroke_width=1)
        cover = np.maximum(cover, np.asarray(layer) / np.float32(255))
        outline = np.maximum(outline, np.asarray(wide) / np.float32(255))
    colours = ((255, 255, 255), (255, 150, 20), (250, 230, 40), (0, 0, 0), (255, 255, 255))
    colour = np.array(colours[int(rng.integers(5))], np.float32)
    style = rng.random()
    picture = samples.astype(np.float32)
    if style < 0.3:
        picture = picture * (1 - outline[..., None]) + (255 - colour) * outline[..., None]
        touched = outline > 0
    else:
        touched = cover > 0
    if style > 0.8:
        cover = cover * np.float32(0.75)
    picture = picture * (1 - cover[..., None]) + colour * cover[..., None]
    return np.rint(picture).astype(np.uint8), touched


def _framed(
    samples: np.ndarray, truth: np.ndarray, moved: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    colour = int(rng.choice([0, 255, 235, 20]))
    wide = int(rng.integers(12, 48))
    style = rng.integers(3)
    pads = [((wide, wide), (wide, wide)), ((wide, wide), (0, 0)), ((6, wide + 24), (6, 6))][style]
    framed = np.pad(samples, (*pads, (0, 0)), constant_values=colour)
    pasted = np.pad(np.zeros(moved.shape, bool), pads, constant_values=True)
    if style == 2:
        picture = Image.fromarray(framed)
        font = ImageFont.load_default(size=16.0)
        at = (16, framed.shape[0] - wide // 2 - 20)
        ImageDraw.Draw(picture).text(at, CAPTIONS[2], fill=(255 - colour,) * 3, font=font)
        framed = np.asarray(picture)
    return framed, np.pad(truth, (*pads, (0, 0))), np.pad(moved, pads), pasted


def _jpeg(samples: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "JPEG", quality=93, subsampling=0)
    return np.asarray(Image.open(stream).convert("RGB"))


@dataclass(frozen=True)
class Score:
    """What became of a scene; see the module. None where a scene has no such part."""

    name: str
    length_px: float
    share: float
    changed: bool
    still: float | None
    same: float | None
    moved: float | None
    acted: float | None
    seconds: float
    reason: str


def score(made: Scene, result: Result, seconds: float) -> Score:
    """Return the score of a scene's result."""
    after = result.samples
    differs = (after != made.samples).any(axis=2)
    own = (made.moved > 0.5) & ~ndimage.binary_dilation(made.pasted, iterations=2)
    # What was drawn over counts as it is; what stood still counts against the truth.
    still = (made.moved < 0.02) & ~made.pasted
    kept = still | made.pasted
    target = np.where(made.pasted[..., None], to_float(made.samples), made.truth)
    before, now = to_float(made.samples), to_float(after)
    harm = same = gain = acted = None
    if kept.mean() > 0.002:
        # Pixels drawn over have no error before; noise of one level stands for it.
        harm = _psnr(now, target, kept) - _psnr(before, target, kept)
        same = float(1 - differs[kept].mean())
    if own.mean() > 0.01:
        gain = _best(now, made.truth, own) - _best(before, made.truth, own)
        acted = float(differs[own].mean())
    return Score(
        made.name,
        round(made.psf.length_px(), 1),
        round(made.share, 3),
        result.report.changed,
        harm,
        same,
        gain,
        acted,
        round(seconds, 2),
        result.report.reason,
    )


def _psnr(picture: np.ndarray, truth: np.ndarray, part: np.ndarray) -> float:
    error = float(np.square(picture - truth)[part].mean())
    return -10 * np.log10(max(error, (1 / 255) ** 2))


def _best(picture: np.ndarray, truth: np.ndarray, part: np.ndarray) -> float:
    """Return the PSNR of a part where it and the truth match best, to a quarter of a pixel."""
    inner = np.zeros_like(part)
    inner[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX] = part[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX]

    def at(dy: float, dx: float) -> float:
        moved = picture if dy == dx == 0 else ndimage.shift(picture, (dy, dx, 0), order=1)
        return _psnr(moved, truth, inner)

    whole = range(-FARTHEST_PX, FARTHEST_PX + 1)
    _, y, x = max((at(i, j), i, j) for i in whole for j in whole)
    return max(at(y + i, x + j) for i in (-0.5, 0, 0.5) for j in (-0.5, 0, 0.5))


def _summary(kind: str, scores: list[Score]) -> str:
    def mean(name: str) -> str:
        values = [v for s in scores if (v := getattr(s, name)) is not None]
        return f"{np.mean(values):+7.2f}" if values else "      -"

    stills = [s.still for s in scores if s.still is not None]
    worst = f"{min(stills):+7.2f}" if stills else "      -"
    least = min((s.moved for s in scores if s.moved is not None), default=None)
    acted = [s for s in scores if s.acted is not None and s.acted > 0.5]
    return (
        f"{kind:<16}{len(scores):>3}  {mean('still')} {worst} {mean('same')}  {mean('moved')} "
        f"{'      -' if least is None else f'{least:+7.2f}'}  {len(acted):>3}/{len(scores)} "
        f"{np.mean([s.seconds for s in scores]):6.2f}"
    )


def main() -> None:
    """Print a row for each kind, and what became of each scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=SHARP)
    parser.add_argument("--kinds", default=",".join(EACH))
    parser.add_argument("--each", type=int, help="scenes of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", choices=WORDS, help="restore this alone, as 'unblur restore' does"
    )
    parser.add_argument("--save", type=Path, help="folder for pictures: input, result, truth")
    parser.add_argument("--json", type=Path, help="JSON lines, one for each scene")
    args = parser.parse_args()
    photos = [
        np.asarray(Image.open(path).convert("RGB")) for path in sorted(args.photos.rglob("*.jpg"))
    ]
    models = Session(threads=1).models()
    options, known = RestoreOptions(only=args.only), _known(args.json)
    rows: dict[str, list[Score]] = {}
    for kind in args.kinds.split(","):
        for number in range(args.each or EACH[kind]):
            found = known.get(f"{kind}_{number:02d}")
            if found is None:
                made = scene(kind, number, photos, args.seed)
                begun = time.process_time()
                result = restore_picture(Picture(made.samples, assumed=True), models, options)
                found = score(made, result, time.process_time() - begun)
                _keep(args, made, result, found)
            rows.setdefault(kind, []).append(found)
            print(_line_of(found), flush=True)
    print("kind              n    still   worst    same    moved   least  acted   s each")
    for kind, scores in rows.items():
        print(_summary(kind, scores))


def _known(path: Path | None) -> dict[str, Score]:
    """Return the scores of an earlier run, by the names of their scenes."""
    if path is None or not path.is_file():
        return {}
    found = [Score(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    return {one.name: one for one in found}


def _keep(args: argparse.Namespace, made: Scene, result: Result, found: Score) -> None:
    """Write what is to be kept of a scene."""
    if args.save:
        _save(args.save, made, result)
    if args.json:
        with args.json.open("a", encoding="utf-8") as stream:
            print(json.dumps(asdict(found), default=float), file=stream)


def _line_of(s: Score) -> str:
    def told(value: float | None) -> str:
        return "-" if value is None else f"{value:+.2f}"

    return (
        f"{s.name:<20} {s.length_px:5.1f} px {100 * s.share:4.0f} %  still {told(s.still):>7} "
        f"same {told(s.same):>6} moved {told(s.moved):>7} acted {told(s.acted):>6} "
        f"{s.seconds:6.2f} s  {s.reason[:50]}"
    )


def _save(folder: Path, made: Scene, result: Result) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    truth = quantise(made.truth, np.dtype(np.uint8))
    Image.fromarray(np.concatenate([made.samples, result.samples, truth], axis=1)).save(
        folder / f"{made.name}.png"
    )


if __name__ == "__main__":
    main()
