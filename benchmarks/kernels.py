"""Estimated PSFs against the true ones: similarity, the oracle gap, and what an estimate costs.

Photos of DATA's test split, blurred by a seeded recipe; one thing varies at a time, the others are
4-40 px of uniform shake, noise of 1 % of white in linear light, no JPEG, 512 px:

* length of the motion: 4-10, 10-20, 20-40, 40-80 px, and 80-150 px on 608 px;
* noise: 0.1, 0.2, 0.5, 1, 2, 4 %;
* JPEG of quality 95, 75, 50;
* size of the photo: 128, 256, 384, 640 px (4-20 px);
* kind: uniform, rolling (shake that also rolls about the optical axis), rotating (a camera that
  turns about all axes, with a focal length of 0.8 of the photo's side).

A photo's window and its path are the same wherever only the noise, or only the JPEG quality,
differs. *Similarity* is ``kernel_similarity`` with the true PSF, mean over nine places, the middles
of a photo's thirds. The *oracle gap* is the PSNR of a non-blind restoration given the true PSF
minus that of the same restoration given the estimate.
Methods: ``none`` (a point), ``look1`` and ``look3`` (KernelNet on the whole photo, after one and
three looks), ``classical`` (``estimate_psf_map``), ``unblur`` (all of it, as a photo is restored).
Intervals: 95 %, bootstrap over photos. Milliseconds: processor time of one thread.

Rows are kept in ``--cache`` as they come, so a run can be stopped and goes on where it was; rows
of other weights, or of another restoration, are measured anew. After a change of any method's code,
begin a new cache.

    python benchmarks/kernels.py DIR --photos 20 --cache kernels.jsonl --json kernels.json
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from unblur.blur import CameraRecipe, Pair, Psf, Synthesiser, SynthesisRecipe
from unblur.blur.camera import draw_camera
from unblur.blur.formation import apply_psf_grid
from unblur.blur.recorded import RecordedPath
from unblur.blur.synthesis import GRID_PX
from unblur.blur.trajectory import tremor
from unblur.color import FloatArray, as_rgb, luma, quantise, srgb_to_linear
from unblur.evaluate.metrics import kernel_similarity
from unblur.evaluate.pairs import find_sharp, pair_rng, sharp_window
from unblur.evaluate.statistics import bootstrap_interval
from unblur.io import InputFile, read_photo
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.features import noise_sigma
from unblur.motion.field import MotionField, uniform_field
from unblur.motion.kernel import estimate_psfs
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.pipeline.tiling import node_weights
from unblur.psnr import psnr_db
from unblur.runtime import ONE_THREAD
from unblur.tone import LINEAR
from unblur.zoo.catalogue import FUSE_NET, KERNEL_NET, weights_path
from unblur.zoo.models import default_session

REACH_PX = 63
LONG_REACH_PX = 80
FOCAL = 0.8
"""Focal length of the rotating camera, sides of the photo: a wide-angle lens."""

METHODS = ("none", "look1", "look3", "classical", "unblur")
Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of the table: what varies, and its value."""

    axis: str
    label: str
    length_px: tuple[float, float] = (4.0, 40.0)
    noise: float = 0.01
    jpeg: int | None = None
    kind: str = "uniform"
    side_px: int = 512
    reach_px: int = REACH_PX

    @property
    def name(self) -> str:
        """Axis and value."""
        return f"{self.axis} {self.label}"

    def recipe(self) -> SynthesisRecipe:
        """Return how the photos of this cell are blurred."""
        camera = CameraRecipe(
            sigma_read=(self.noise, self.noise),
            shot=(1e-9, 1e-9),
            jpeg_share=0.0 if self.jpeg is None else 1.0,
            jpeg_quality=(self.jpeg or 95, self.jpeg or 95),
        )
        rolls = self.kind == "rolling"
        return SynthesisRecipe(
            length_px=self.length_px,
            shake=0.0 if rolls else 0.75,
            line=0.0 if rolls else 0.25,
            rotation=1.0 if rolls else 0.0,
            defocus=0.0,
            sharp=0.0,
            reach_px=self.reach_px,
            camera=camera,
        )

    def pair(self, sharp: FloatArray, rng: np.random.Generator) -> Pair:
        """Return a pair of a sharp photo, with a margin of the reach."""
        synthesiser = Synthesiser(self.recipe())
        return (rotating if self.kind == "rotating" else Synthesiser.__call__)(
            synthesiser, sharp, rng
        )


def rotating(synthesiser: Synthesiser, sharp: FloatArray, rng: np.random.Generator) -> Pair:
    """Return a pair taken by a camera that turned about all its axes.

    The optical axis draws a path of tremor of the recipe's length; about itself the camera turns
    by as much as moves the corners by up to half of that.
    """
    recipe = synthesiser.recipe
    height, width = sharp.shape[:2]
    focal_px = FOCAL * (min(height, width) - 2 * recipe.reach_px)
    low, high = np.log(recipe.length_px)
    length_px = float(np.exp(rng.uniform(low, high)))
    across, about = tremor(rng), tremor(rng)[:, 0]
    roll = about * rng.uniform(0.0, 0.5) * length_px / (np.hypot(height, width) / 2)
    turned = np.stack([across[:, 1], -across[:, 0]], axis=1) * length_px / focal_px
    angles = np.concatenate([turned, roll[:, None]], axis=1)
    times = np.linspace(0.0, 1.0, len(angles))
    path = RecordedPath(times, np.gradient(angles, times, axis=0), (focal_px, focal_px))
    rows, columns = (max(2, round(n / GRID_PX) + 1) for n in (height, width))
    y, x = np.meshgrid(
        np.linspace(-0.5, 0.5, rows) * (height - 1),
        np.linspace(-0.5, 0.5, columns) * (width - 1),
        indexing="ij",
    )
    flat = path.psfs(np.stack([x.ravel(), y.ravel()], axis=1), np.full(x.size, 0.5), 1.0)
    psfs = tuple(tuple(flat[i * columns : (i + 1) * columns]) for i in range(rows))
    camera = draw_camera(recipe.camera, rng)
    light = synthesiser.scene(sharp, camera, rng)
    middle = psfs[rows // 2][columns // 2]
    pair = synthesiser.developed(light, apply_psf_grid(light, psfs), middle, camera, rng)
    return dataclasses.replace(pair, psfs=psfs, kind="rotation")


CELLS = (
    *(
        Cell("length", f"{low}-{high} px", length_px=(low, high))
        for low, high in ((4, 10), (10, 20), (20, 40), (40, 80))
    ),
    Cell("length", "80-150 px", length_px=(80, 150), side_px=608, reach_px=LONG_REACH_PX),
    *(
        Cell("noise", f"{100 * noise:g} %", noise=noise)
        for noise in (0.001, 0.002, 0.005, 0.01, 0.02, 0.04)
    ),
    *(Cell("JPEG", str(quality), jpeg=quality) for quality in (95, 75, 50)),
    *(Cell("size", f"{side} px", length_px=(4, 20), side_px=side) for side in (128, 256, 384, 640)),
    *(Cell("kind", kind, kind=kind) for kind in ("rolling", "rotating")),
)


def main() -> None:
    """Measure what is missing, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of sharp photos with a manifest.csv")
    parser.add_argument("--split", default="test")
    parser.add_argument("--photos", type=int, default=20, help="per row of the table")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--cells", default="", help="only rows whose name contains one of these")
    parser.add_argument("--restorer", default="wiener", help="the non-blind restoration")
    parser.add_argument("--cache", type=Path, default=Path("kernels.jsonl"))
    parser.add_argument(
        "--json", type=Path, help="write the table and the worst rows of the last method here"
    )
    options = parser.parse_args()
    wanted = [part.strip() for part in options.cells.split(",") if part.strip()]
    cells = [c for c in CELLS if not wanted or any(part in c.name for part in wanted)]
    methods = options.methods.split(",")
    rows = list(measured(options, cells, methods))
    table = summary(rows, cells, methods)
    if options.json:
        ours = (r for r in rows if r["method"] == methods[-1])
        worst = sorted(ours, key=lambda r: r["similarity"])[:10]
        result = {"seed": options.seed, "table": table, "worst": worst}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(as_text(table))


def measured(options: argparse.Namespace, cells: list[Cell], methods: list[str]) -> Iterator[Row]:
    """Yield a row for each photo, cell and method, from the cache where it is known."""
    known = read_cache(options.cache)
    photos = find_sharp(options.data, split=options.split)
    with options.cache.open("a", encoding="utf-8") as cache:
        for cell in cells:
            for photo in chosen(photos, cell.side_px + 2 * cell.reach_px, options):
                keys = {m: key_of(options, cell, photo, m) for m in methods}
                missing = [m for m in methods if keys[m] not in known]
                for row in measure(options, cell, photo, missing) if missing else ():
                    known[keys[row["method"]]] = row
                    cache.write(json.dumps({"key": keys[row["method"]], **row}) + "\n")
                    cache.flush()
                yield from (known[keys[m]] for m in methods)
            print(cell.name, flush=True)


def read_cache(path: Path) -> dict[str, Row]:
    """Return the rows of a cache by key; a last line cut short is left out."""
    rows = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        rows[row.pop("key")] = row
    return rows


def key_of(options: argparse.Namespace, cell: Cell, photo: InputFile, method: str) -> str:
    """Return what a row depends on, as one string."""
    facts = (cell, photo.relative.as_posix(), method, options.seed, options.restorer)
    return hashlib.sha256(repr((facts, weights_of(method))).encode()).hexdigest()[:24]


@functools.cache
def weights_of(method: str) -> str:
    """Return the hash of the networks that a method asks."""
    if method in ("none", "classical"):
        return ""
    networks = (KERNEL_NET, FUSE_NET) if method == "unblur" else (KERNEL_NET,)
    data = b"".join(weights_path(name).read_bytes() for name in networks)
    return hashlib.sha256(data).hexdigest()[:12]


def chosen(photos: list[InputFile], side_px: int, options: argparse.Namespace) -> list[InputFile]:
    """Return the first photos, in a seeded order, whose sides are long enough."""
    found: list[InputFile] = []
    for index in np.random.default_rng(options.seed).permutation(len(photos)):
        if len(found) == options.photos:
            break
        if min(read_photo(photos[index].path).samples.shape[:2]) >= side_px:
            found.append(photos[index])
    return found


def measure(
    options: argparse.Namespace, cell: Cell, photo: InputFile, methods: list[str]
) -> Iterator[Row]:
    """Yield the rows of one photo in one cell."""
    rng = pair_rng(options.seed, photo.relative.as_posix(), 0)
    sharp = as_rgb(read_photo(photo.path).srgb())
    pair = cell.pair(sharp_window(sharp, cell.side_px, cell.reach_px, rng), rng)
    blurry, truth = (quantise(x, np.dtype(np.uint8)) for x in (pair.blurry, pair.sharp))
    plane = luma(srgb_to_linear(pair.blurry))
    real = true_field(pair, noise_sigma(plane), cell.reach_px)

    def psnr(field: MotionField) -> float:
        models = default_session(ONE_THREAD).models(options.restorer)
        result = restore_picture(Picture(blurry), models, RestoreOptions(psf=field))
        return psnr_db(result.samples, truth, data_range=255)

    oracle, before = psnr(real), psnr_db(blurry, truth, data_range=255)
    for method in methods:
        begun = time.process_time()
        field = estimate(method, plane)
        seconds = time.process_time() - begun
        yield {
            "cell": cell.name,
            "photo": photo.relative.as_posix(),
            "method": method,
            "similarity": similarity(field, real),
            "gap_db": oracle - psnr(field),
            "oracle_db": oracle,
            "blurry_db": before,
            "length_px": pair.psf.length_px(),
            "ms": 1000 * seconds,
        }


def estimate(method: str, plane: Any) -> MotionField:
    """Return a method's motion field of one photo's luma."""
    session = default_session(ONE_THREAD)
    if method == "unblur":
        picture, estimator = Picture(plane[..., None], LINEAR), session.estimator()
        return estimator.refine(picture, estimator.propose(picture))
    if method == "none":
        psf = Psf.delta(3)
    elif method == "classical":
        psf = estimate_psf_map(plane)
    else:
        rounds = int(method.removeprefix("look"))
        engine = session.network(weights_path(KERNEL_NET), "kernel")
        psf = estimate_psfs([np.ascontiguousarray(plane)], engine, rounds=rounds)[0].psf
    return uniform_field(plane.shape, psf, noise_sigma(plane))


def true_field(pair: Pair, noise: float, reach_px: int) -> MotionField:
    """Return the truth as a field; the outer nodes lie beyond the photo, as the blur's did."""
    height, width = pair.blurry.shape[:2]
    one = uniform_field((height, width), pair.psf, noise)
    if len(pair.psfs) == 1:
        return one
    centres = [
        tuple(np.linspace(0, side + 2 * reach_px - 1, count) - reach_px + 0.5)
        for side, count in ((height, len(pair.psfs)), (width, len(pair.psfs[0])))
    ]
    like = one.windows[0][0]
    rows = tuple(tuple(dataclasses.replace(like, psf=p) for p in row) for row in pair.psfs)
    return MotionField((height, width), 1, centres[0], centres[1], rows, uniform=False)


def similarity(field: MotionField, real: MotionField) -> float:
    """Return the similarity with the true PSF, mean over the same nine places for every field."""
    thirds = (1 / 6, 1 / 2, 5 / 6)
    places = [(y * field.shape[0], x * field.shape[1]) for y in thirds for x in thirds]
    found = [kernel_similarity(psf_at(field, *p), psf_at(real, *p)) for p in places]
    return float(np.mean(found))


def psf_at(field: MotionField, y: float, x: float) -> Psf:
    """Return the PSF of a field at a place in photo px, linear between its nodes."""
    down = node_weights(field.centres_y, int(y), int(y) + 1)[:, 0]
    across = node_weights(field.centres_x, int(x), int(x) + 1)[:, 0]
    side = max(max(w.psf.shape) for row in field.windows for w in row)
    mixed = np.zeros((side, side), np.float32)
    for i, j in np.argwhere(np.outer(down, across) > 0):
        mixed += down[i] * across[j] * field.windows[i][j].psf.embedded(side)
    return Psf(mixed) if field.scale == 1 else Psf(mixed).scaled(field.scale)


def summary(rows: list[Row], cells: list[Cell], methods: list[str]) -> list[Row]:
    """Return means and intervals for each cell and method."""
    table = []
    for cell in cells:
        for method in methods:
            own = [r for r in rows if r["cell"] == cell.name and r["method"] == method]
            line: Row = {"cell": cell.name, "method": method, "photos": len(own)}
            for name in ("similarity", "gap_db"):
                values = np.array([r[name] for r in own])
                line |= {name: float(values.mean()), f"{name}_95": list(bootstrap_interval(values))}
            for name in ("oracle_db", "blurry_db"):
                line[name] = float(np.mean([r[name] for r in own]))
            line["ms"] = float(np.median([r["ms"] for r in own]))
            table.append(line)
    return table


def as_text(table: list[Row]) -> str:
    """Return the table as text."""

    def form(line: Row, name: str, digits: int) -> str:
        low, high = (f"{bound:.{digits}f}" for bound in line[f"{name}_95"])
        return f"{line[name]:.{digits}f} [{low}, {high}]"

    lines = [
        f"{'':<18}{'method':<12}{'n':>4}{'similarity [95 %]':>24}{'oracle gap dB [95 %]':>26}"
        f"{'true PSF dB':>13}{'blurry dB':>11}{'ms':>8}"
    ]
    for line in table:
        lines.append(
            f"{line['cell']:<18}{line['method']:<12}{line['photos']:>4}"
            f"{form(line, 'similarity', 3):>24}{form(line, 'gap_db', 2):>26}"
            f"{line['oracle_db']:>13.2f}{line['blurry_db']:>11.2f}{line['ms']:>8.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
