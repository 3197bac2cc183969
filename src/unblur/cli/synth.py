"""``unblur synth``: realistic blurry pairs from sharp photos."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from unblur.cli.common import progress_bar
from unblur.cli.options import FILE, FOLDER
from unblur.cli.say import say


@click.command()
@click.argument("sharp_dir", type=FOLDER)
@click.argument("out_dir", type=FOLDER)
@click.option("--recipe", type=FILE, help="TOML file, as configs/recipe.toml; default: built in.")
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds, equal pairs.")
@click.option(
    "--per-photo",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Pairs made of each photo.",
)
@click.option(
    "--crop",
    "crop_px",
    type=click.IntRange(min=1),
    metavar="N",
    help="Blur a window of at most N x N px at a random place of each photo. [default: all of it]",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    help="Only this split of SHARP_DIR/manifest.csv.",
)
@click.option("--gyro", type=FILE, help="Recorded hand shake: rows of t_ns wx wy wz (rad/s).")
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
def synth(
    sharp_dir: Path,
    out_dir: Path,
    recipe: Path | None,
    seed: int,
    per_photo: int,
    crop_px: int | None,
    split: str | None,
    gyro: Path | None,
    overwrite: bool,
) -> None:
    """Blur the sharp photos of SHARP_DIR realistically into OUT_DIR.

    OUT_DIR gets blurry/, sharp/, psf/, manifest.jsonl and recipe.json.
    """
    from unblur.blur.recipe import SynthesisRecipe
    from unblur.evaluate.pairs import find_sharp, write_pairs
    from unblur.toml import from_toml

    settings = SynthesisRecipe() if recipe is None else from_toml(SynthesisRecipe, recipe)
    if gyro is not None:
        settings = dataclasses.replace(settings, gyro_file=str(gyro))
    photos = find_sharp(sharp_dir, split=split)
    with progress_bar("blurring", len(photos)) as bar:
        summary = write_pairs(
            photos,
            out_dir,
            settings,
            seed=seed,
            per_photo=per_photo,
            crop_px=crop_px,
            overwrite=overwrite,
            progress=lambda done, total: bar.to(done),
        )
    for name, reason in summary.skipped:
        say(f"left out {name}: {reason}", err=True)
    say(f"{summary.written} pairs in {out_dir}")
