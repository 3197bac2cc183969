"""Golden results: what every command makes of known photos, recorded, and compared later.

A change of structure must not change results. ``make`` draws photos, clips and pairs from sharp
photos by the package's own recipe (seeds fixed) and stores them, so that two versions of the
package read the same files. ``record`` runs all of them through the public entry points
(``unblur.restore``, ``unblur.detect`` and the command line; nothing else is imported) and writes
pixels and reports, PART.npz and PART.json. ``compare`` names every difference of two records.
``--few`` takes one photo of each kind and one clip: enough for a change that moves no arithmetic.
What became of the records of 0.2.0 stands in ``docs/design.md``.

Run: ``python benchmarks/golden.py make INPUTS SHARP_PHOTOS``
     ``python benchmarks/golden.py record INPUTS RECORD [--only PART] [--few]``
     ``python benchmarks/golden.py compare RECORD RECORD``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Facts = dict[str, Any]

SHARP_PX, LEAST_PX, CLIP_PX, PAIR_PX = 480, 720, (240, 320), 176
PAIRS = 15
NOT_COMPARED = ("seconds", "cpu_seconds", "peak_mb", "busy", "path", "output", "name")
"""Keys of reports that differ from run to run."""

PHOTOS: dict[str, Facts] = {
    **{f"sharp{i}": {"kind": "sharp"} for i in range(4)},
    **{f"shaken{i}": {"kind": "shake", "length_px": n} for i, n in enumerate((5, 9, 15, 24, 34))},
    "line0": {"kind": "line", "length_px": 18},
    **{f"roll{i}": {"kind": "rotation", "length_px": 8, "roll_deg": 2.5} for i in range(3)},
    **{f"night{i}": {"kind": "shake", "length_px": 20, "night": True} for i in range(3)},
    **{f"deep{i}": {"kind": "shake", "length_px": 12, "bits": 16} for i in range(2)},
    **{f"grey{i}": {"kind": "shake", "length_px": 12, "grey": True} for i in range(2)},
    "large": {"kind": "shake", "length_px": 40, "side_px": 700},
    "tiny": {"kind": "shake", "length_px": 5, "side_px": 80},
    "small": {"kind": "shake", "length_px": 5, "side_px": 112},
    "defocus0": {"kind": "defocus"},
}
"""What is drawn; ``side_px`` of the window if not SHARP_PX."""

RUNS: dict[str, tuple[str, Facts]] = {
    **{name: (name, {}) for name in PHOTOS},
    "shaken1 best": ("shaken1", {"model": "best"}),
    "shaken1 plain": ("shaken1", {"model": "plain"}),
    "sharp0 plain": ("sharp0", {"model": "plain"}),
    "tiny plain": ("tiny", {"model": "plain"}),
    "shaken1 plain no gate": ("shaken1", {"model": "plain", "gate": False}),
    "shaken1 wiener": ("shaken1", {"model": "wiener"}),
    "roll0 best": ("roll0", {"model": "best"}),
    "roll0 wiener": ("roll0", {"model": "wiener"}),
    "sharp1 no gate": ("sharp1", {"gate": False}),
    "shaken0 half": ("shaken0", {"strength": 0.5}),
    "shaken2 region": ("shaken2", {"region": (60, 80, 260, 300)}),
    "shaken2 mask": ("shaken2", {"mask": True}),
    "shaken2 settings": ("shaken2", {"settings": True}),
    "shaken1 psf": ("shaken1", {"psf": "shaken1.psf.png"}),
    "sharp2 psf": ("sharp2", {"psf": "shaken1.psf.png"}),
    "roll0 field": ("roll0", {"psf": "roll0.npz"}),
    "small plain psf": ("small", {"psf": "shaken1.psf.png"}),
}
"""What is restored, and how."""

FEW = (
    *("sharp0", "shaken1", "roll0", "night0", "deep0", "grey0", "tiny", "small", "defocus0"),
    *("shaken2 region", "shaken2 mask", "shaken2 settings", "shaken1 psf", "roll0 field"),
    *("shaken1 wiener", "shaken1 best"),
)
"""What is restored, detected and inspected for ``--few``; of the clips it is the first."""

SETTINGS = "strength = 0.9\nregularisation = 1.5\nshortest_px = 4.0\n"


def make(inputs: Path, sharp: Path) -> None:
    """Draw and store what is recorded later."""
    from unblur.blur import Synthesiser, SynthesisRecipe
    from unblur.color import quantise, to_float
    from unblur.evaluate.pairs import find_sharp, write_pairs
    from unblur.io import read_photo

    inputs.mkdir(parents=True, exist_ok=True)
    files = [f for f in find_sharp(sharp) if min(Image.open(f.path).size) >= LEAST_PX]
    rng = np.random.default_rng(18)
    order = [files[int(i)] for i in rng.permutation(len(files))]
    for number, (name, how) in enumerate(PHOTOS.items()):
        recipe = _recipe(SynthesisRecipe, how)
        side = int(how.get("side_px", SHARP_PX)) + 2 * recipe.reach_px
        photo = as_rgb_window(to_float(read_photo(order[number].path).samples), side)
        pair = Synthesiser(recipe)(photo, np.random.default_rng([18, number]))
        blurry = pair.blurry.mean(axis=2, keepdims=True) if how.get("grey") else pair.blurry
        deep = how.get("bits") == 16
        samples = quantise(blurry, np.dtype(np.uint16 if deep else np.uint8))
        write_png(samples, inputs / f"{name}.png")
        if name in ("shaken1", "roll0"):
            from unblur.blur.psf_files import psf_png

            (inputs / f"{name}.psf.png").write_bytes(psf_png(pair.psf))
    for clip in range(3):
        make_clip(clip, order[40 + clip].path, inputs / f"clip{clip}")
    for shot in range(4):
        (inputs / "burst").mkdir(exist_ok=True)
        source = Image.open(inputs / "clip0" / f"{shot:04d}.png")
        source.save(inputs / "burst" / f"{shot:04d}.png")
    recipe = replace(_recipe(SynthesisRecipe, {"kind": "shake"}), length_px=(5.0, 14.0))
    write_pairs(
        [f for f in order[50 : 50 + PAIRS]],
        inputs / "pairs",
        recipe,
        seed=18,
        crop_px=PAIR_PX,
    )
    (inputs / "settings.toml").write_text(SETTINGS)
    mask = np.zeros((SHARP_PX, SHARP_PX), np.uint8)
    mask[100:330, 50:300] = np.linspace(0, 255, 250).astype(np.uint8)
    Image.fromarray(mask).save(inputs / "mask.png")
    _command("inspect", inputs / "roll0.png", "-o", inputs / "roll0.npz", "--overwrite")


def _recipe(kind: Any, how: Facts) -> Any:
    shares = dict.fromkeys(("shake", "line", "rotation", "defocus", "sharp"), 0.0)
    shares[how["kind"]] = 1.0
    length = float(how.get("length_px", 10))
    return kind(
        length_px=(length, length),
        roll_deg=how.get("roll_deg", 1.5),
        night_share=1.0 if how.get("night") else 0.0,
        **shares,
    )


def as_rgb_window(samples: Any, side: int) -> Any:
    """Return the middle of a photo, colours only."""
    rgb = np.repeat(samples, 3, axis=2) if samples.shape[2] == 1 else samples[..., :3]
    y, x = ((length - min(side, length)) // 2 for length in rgb.shape[:2])
    return np.ascontiguousarray(rgb[y : y + side, x : x + side])


def write_png(samples: Any, path: Path) -> None:
    """Store samples of 8 or 16 bits."""
    from unblur.io import Photo, write_photo

    write_photo(Photo.from_array(samples), path, overwrite=True)


def make_clip(number: int, photo: Path, folder: Path) -> None:
    """Store a clip of 7 frames: a window that wanders over a photo, shaken from frame to frame."""
    from unblur.blur.formation import apply_psf
    from unblur.blur.psf import Psf
    from unblur.color import linear_to_srgb, srgb_to_linear, to_float
    from unblur.io import read_photo

    rng = np.random.default_rng([18, 100 + number])
    light = srgb_to_linear(as_rgb_window(to_float(read_photo(photo).samples), 700))
    folder.mkdir(exist_ok=True)
    height, width = CLIP_PX
    y, x = 120, 100
    for frame in range(7):
        window = light[y : y + height + 64, x : x + width + 64]
        angle, length = rng.uniform(0, np.pi), (2.0, 9.0, 14.0)[(frame + number) % 3]
        reach = np.linspace(-length / 2, length / 2, 64)
        path = np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)
        moved = apply_psf(window, Psf.from_points(path, size=31))[32:-32, 32:-32]
        moved = moved + rng.normal(0, 0.004, moved.shape).astype(np.float32)
        seen = np.clip(linear_to_srgb(np.clip(moved, 0, 1)), 0, 1)
        write_png(np.round(seen * 255).astype(np.uint8), folder / f"{frame:04d}.png")
        y, x = y + int(rng.integers(-6, 7)), x + int(rng.integers(-6, 7))


def photo_results(inputs: Path, few: bool) -> Iterator[tuple[str, Any, Facts]]:
    """Yield what ``unblur.restore`` gives."""
    import unblur

    mask = np.asarray(Image.open(inputs / "mask.png"), np.float32) / 255
    for name, (photo, how) in RUNS.items():
        if few and name not in FEW:
            continue
        options = dict(how)
        if "psf" in options:
            options["psf"] = inputs / options["psf"]
        if "region" in options:
            options["region"] = unblur.Region(*options["region"])
        if options.pop("mask", False):
            options["mask"] = mask
        if options.pop("settings", False):
            options["settings"] = inputs / "settings.toml"
        begun = time.perf_counter()
        try:
            result = unblur.restore(inputs / f"{photo}.png", threads=1, **options)
        except unblur.UnblurError as error:
            yield f"photo {name}", None, {"error": f"{type(error).__name__}: {error}"}
            continue
        report = {k: v for k, v in vars(result.report).items() if not k.startswith("_")}
        print(f"{name}: {time.perf_counter() - begun:.1f} s", file=sys.stderr, flush=True)
        yield f"photo {name}", result.samples, json.loads(json.dumps(report, default=str))


def detect_results(inputs: Path, few: bool) -> Iterator[tuple[str, Any, Facts]]:
    """Yield what ``unblur.detect`` tells."""
    import unblur

    for name in PHOTOS:
        if few and name not in FEW:
            continue
        for everywhere in (False, True):
            try:
                told = unblur.detect(inputs / f"{name}.png", everywhere=everywhere, threads=1)
                facts = told.to_dict()
            except unblur.UnblurError as error:
                facts = {"error": f"{type(error).__name__}: {error}"}
            yield f"detect {name} {'all' if everywhere else 'quick'}", None, facts


def command_results(inputs: Path, few: bool) -> Iterator[tuple[str, Any, Facts]]:
    """Yield what the commands print and write."""
    for name in ("sharp0", "sharp1", "shaken1", "shaken3", "roll0", "night0", "grey0", "tiny"):
        if few and name not in FEW:
            continue
        told = _command("inspect", inputs / f"{name}.png", "--json", "--threads", 1)
        yield f"inspect {name}", None, _parsed(told)
    for name in PHOTOS:
        if name.startswith(("night", "deep", "roll")) and (not few or name in FEW):
            yield (
                f"cli detect {name}",
                None,
                _parsed(_command("detect", inputs / f"{name}.png", "--json", "--workers", 1)),
            )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for clip in range(1 if few else 3):
            for model in ("photo", "frame") if few else ("photo", "frame", "pipeline"):
                target = out / f"{clip}-{model}"
                told = _command(
                    "video",
                    inputs / f"clip{clip}",
                    "-o",
                    target,
                    "--model",
                    model,
                    "--json",
                    "--threads",
                    1,
                )
                pixels = [np.asarray(Image.open(f)) for f in sorted(target.glob("*.png"))]
                yield f"video {clip} {model}", np.stack(pixels), _parsed(told)
                print(f"clip {clip} {model}", file=sys.stderr, flush=True)
        target = out / "burst.png"
        told = _command(
            "burst",
            *sorted((inputs / "burst").glob("*.png")),
            "-o",
            target,
            "--json",
            "--threads",
            1,
        )
        yield "burst", np.asarray(Image.open(target)) if target.exists() else None, _parsed(told)
        models = "blurry,wiener,unblur,unblur+true-psf,classical-blind,best,plain"
        if few:
            models = "blurry,wiener,unblur,unblur+true-psf,classical-blind"
        few = out / "few"
        for part in ("blurry", "sharp", "psf"):
            (few / part).mkdir(parents=True)
            for file in sorted((inputs / "pairs" / part).iterdir())[: 2 if few else 4]:
                (few / part / file.name).write_bytes(file.read_bytes())
        told = _command("evaluate", few, "--models", models, "--json", "--threads", 1)
        yield "evaluate", None, _parsed(told)
        told = _command(
            "tune", inputs / "pairs", "--trials", 2, "--threads", 1, "-o", out / "tuned.toml"
        )
        text = (out / "tuned.toml").read_text() if (out / "tuned.toml").exists() else ""
        yield (
            "tune",
            None,
            {
                "said": told.stdout.replace(str(out), "OUT"),
                "file": text,
                "error": told.stderr if told.returncode else "",
            },
        )


def _command(*words: Any) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "unblur", *(str(word) for word in words)]
    return subprocess.run(call, capture_output=True, text=True, check=False, env=dict(os.environ))


def _parsed(told: subprocess.CompletedProcess[str]) -> Facts:
    if told.returncode:
        return {"code": told.returncode, "error": told.stderr.strip().splitlines()[-1:]}
    return {"told": json.loads(told.stdout)}


PARTS: dict[str, Callable[[Path, bool], Iterator[tuple[str, Any, Facts]]]] = {
    "photos": photo_results,
    "detect": detect_results,
    "commands": command_results,
}


def record(inputs: Path, target: Path, only: str | None, few: bool) -> None:
    """Run everything and write it down."""
    target.mkdir(parents=True, exist_ok=True)
    for part, results in PARTS.items():
        if only is not None and part != only:
            continue
        pixels: dict[str, Any] = {}
        facts: dict[str, Facts] = {}
        for name, samples, told in results(inputs, few):
            facts[name] = told
            if samples is not None:
                pixels[name] = samples
        np.savez_compressed(target / f"{part}.npz", **pixels)
        (target / f"{part}.json").write_text(json.dumps(facts, indent=1))


def compare(before: Path, after: Path) -> int:
    """Print every difference; return the number of results that differ."""
    different = same = 0
    for part in PARTS:
        if not all((folder / f"{part}.json").exists() for folder in (before, after)):
            print(f"{part}: not recorded in both")
            continue
        was, now = (json.loads((f / f"{part}.json").read_text()) for f in (before, after))
        with np.load(before / f"{part}.npz") as old, np.load(after / f"{part}.npz") as new:
            for name in was.keys() | now.keys():
                lines = list(differences(was.get(name), now.get(name)))
                if name in old.files and name in new.files:
                    lines = pixel_difference(old[name], new[name]) + lines
                elif (name in old.files) != (name in new.files):
                    lines.append("pixels in one record only")
                different, same = different + bool(lines), same + (not lines)
                for line in lines[:12]:
                    print(f"{name}: {line}")
    print(f"{same} results alike, {different} differ")
    return different


def pixel_difference(old: Any, new: Any) -> list[str]:
    """Return a line about pixels that differ, or none."""
    if old.shape != new.shape or old.dtype != new.dtype:
        return [f"pixels {old.shape} {old.dtype} -> {new.shape} {new.dtype}"]
    apart = np.abs(old.astype(np.float64) - new.astype(np.float64))
    if not apart.any():
        return []
    return [f"pixels: {np.mean(apart > 0):.2%} differ, by at most {apart.max():g}"]


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Yield what differs between two values of a report."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in NOT_COMPARED:
                yield from differences(old.get(key), new.get(key), f"{where}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from differences(a, b, f"{where}[{number}]")
    elif old != new:
        yield f"{where}: {str(old)[:80]} -> {str(new)[:80]}"


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("make", ("inputs", "sharp")),
        ("record", ("inputs", "record")),
        ("compare", ("before", "after")),
    ):
        command = commands.add_parser(name)
        for word in words:
            command.add_argument(word, type=Path)
        if name == "record":
            command.add_argument("--only", choices=list(PARTS))
            command.add_argument("--few", action="store_true")
    chosen = parser.parse_args()
    if chosen.command == "make":
        make(chosen.inputs, chosen.sharp)
    elif chosen.command == "record":
        record(chosen.inputs, chosen.record, chosen.only, chosen.few)
    else:
        sys.exit(1 if compare(chosen.before, chosen.after) else 0)


if __name__ == "__main__":
    main()
