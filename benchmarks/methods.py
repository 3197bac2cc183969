"""The full table: our models, the plain network, classical methods, and MAXIM, side by side.

Makes the pairs if they are not there, runs ``unblur compare``, and prints the tables of
docs/compare.md as Markdown. Everything lies in WORK and is kept there: a stopped run goes on, and
what has not changed is not done again. ``--keep`` names methods whose results stay good though
unblur's code or motion networks have changed (they do not depend on them).

* ``pairs_test``, ``compare_test``: every photo of the test split, whole.
* ``pairs_maxim``, ``compare_maxim`` (``--maxim``): windows of up to 320 px of the same photos, one
  tile of MAXIM's, some of each kind and length of motion, since it takes minutes for a megapixel.
  ``unblur models add maxim`` comes first.

Run: ``python benchmarks/methods.py PHOTOS WORK [--maxim] [--keep NAMES]``
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "configs" / "benchmark_recipe.toml"
METHODS = (
    "unsharp",
    "skimage-unsupervised-wiener",
    "skimage-richardson-lucy",
    "classical-blind",
    "wiener",
    "plain",
    "plain+no-gate",
    "unblur",
    "best",
    "unblur+true-psf",
)
SCORES = {"psnr_db": 2, "ssim": 3, "haarpsi": 3}


def unblur(*arguments: object) -> None:
    """Run a command of unblur, its progress and table shown."""
    subprocess.run([sys.executable, "-m", "unblur", *map(str, arguments)], check=True)


def pairs(photos: Path, folder: Path, *options: object) -> Path:
    """Return a folder of pairs, made if it is not there."""
    if not (folder / "recipe.json").is_file():
        unblur(
            *("synth", photos, folder, "--split", "test", "--recipe", RECIPE, "--seed", 7),
            *options,
        )
    return folder


def compared(
    folder: Path, methods: tuple[str, ...], out: Path, keep: str, photos: int | None
) -> Any:
    """Return what a comparison found, as in its compare.json."""
    names = set(keep.split(",")) & {"blurry", *methods}
    some = ("--photos", photos) if photos else ()
    unblur(
        *("compare", folder, "--models", ",".join(methods), "--protocol", "perceptual"),
        *("--threads", 1, "-o", out, "--keep", ",".join(sorted(names)), *some),
    )
    return json.loads((out / "compare.json").read_text("utf-8"))


def markdown(found: Any) -> str:
    """Return the table of all photos, and that of the gains by length, as Markdown."""
    titles = [found["protocol"]["titles"][score] for score in SCORES]
    groups = found["difficulty"]
    heads = [f"{group['label']} ({group['count']})" for group in groups]
    head = ["method", *titles, "gain dB [95 %]", *heads, "harmed", "CPU s/Mpx"]
    lines = [row(head), row(["---"] * len(head))]
    for line in found["table"]:
        if not line["count"]:
            continue
        low, high = line["gain_95"]
        gains = [group["gains"].get(line["model"]) for group in groups]
        partly = "" if line["count"] == len(found["photos"]) else f" ({line['count']} photos)"
        lines.append(
            row(
                [
                    line["model"] + partly,
                    *(f"{line[score]:.{digits}f}" for score, digits in SCORES.items()),
                    f"{line['gain']:+.2f} [{low:+.2f}, {high:+.2f}]",
                    *("" if gain is None else f"{gain['mean']:+.2f}" for gain in gains),
                    f"{100 * line['harmed_share']:.0f} %",
                    f"{line['cpu_seconds_per_megapixel']:.1f}",
                ]
            )
        )
    return "\n".join([f"{len(found['photos'])} photos", "", *lines, "", *found["verdict"]])


GROUPS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "line": lambda fact: fact["kind"] == "line",
    "shake": lambda fact: fact["kind"] == "shake",
    "rotation": lambda fact: fact["kind"] == "rotation",
    "noise < 0.8 %": lambda fact: fact["camera_sigma_read"] < 0.008,
    "0.8-1.2 %": lambda fact: 0.008 <= fact["camera_sigma_read"] < 0.012,
    "> 1.2 %": lambda fact: fact["camera_sigma_read"] >= 0.012,
    "no JPEG": lambda fact: not fact["camera_jpeg_quality"],
    "JPEG < 87": lambda fact: 0 < (fact["camera_jpeg_quality"] or 0) < 87,
    "JPEG 87-97": lambda fact: (fact["camera_jpeg_quality"] or 0) >= 87,
}
"""Photos that have something in common, by the facts in the pairs' manifest."""


def grouped(found: Any, folder: Path) -> str:
    """Return the gains by kind of motion, noise and JPEG quality, as Markdown."""
    lines = (folder / "manifest.jsonl").read_text("utf-8").splitlines()
    facts = {fact["name"]: fact for fact in map(json.loads, lines)}
    chosen = {
        name: [p for p in found["photos"] if belongs(facts[p["name"]])]
        for name, belongs in GROUPS.items()
    }
    table = [row(["gain dB", *(f"{name} ({len(own)})" for name, own in chosen.items())])]
    table.append(row(["---"] * (1 + len(chosen))))
    for model in (line["model"] for line in found["table"]):
        cells = []
        for own in chosen.values():
            gains = [p["gains"][model] for p in own if p["gains"].get(model) is not None]
            cells.append(f"{sum(gains) / len(gains):+.2f}" if gains else "")
        table.append(row([model, *cells]))
    return "\n".join(table)


def row(cells: list[str]) -> str:
    """Return one line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="sharp photos with a manifest.csv of splits")
    parser.add_argument("work", type=Path, help="folder of pairs and results")
    parser.add_argument("--maxim", action="store_true", help="also the smaller table with MAXIM")
    parser.add_argument("--maxim-photos", type=int, default=18)
    parser.add_argument("--only-maxim", action="store_true", help="only that table")
    parser.add_argument("--some", type=int, help="only so many photos in the large table")
    parser.add_argument("--keep", default="", help="methods whose earlier results stay good")
    options = parser.parse_args()
    tables = []
    if not options.only_maxim:
        folder = pairs(options.photos, options.work / "pairs_test")
        out = options.work / "compare_test"
        found = compared(folder, METHODS, out, options.keep, options.some)
        tables += [markdown(found), grouped(found, folder)]
    if options.maxim or options.only_maxim:
        folder = pairs(options.photos, options.work / "pairs_maxim", "--crop", 320)
        out, methods = options.work / "compare_maxim", (*METHODS, "maxim")
        found = compared(folder, methods, out, options.keep, options.maxim_photos)
        tables.append(markdown(found))
    print("\n\n".join(tables))


if __name__ == "__main__":
    main()
