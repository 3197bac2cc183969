"""``unblur evaluate-clips``: frame models on blurred sequences whose sharp originals are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from unblur.cli.common import names_in, progress_bar
from unblur.cli.options import FILE, FOLDER, json_option, runtime_options
from unblur.cli.say import say, say_json, to_json
from unblur.runtime import Runtime

_DEFAULT = "blurry,photo,frame/1,frame"


@click.command("evaluate-clips")
@click.argument("sharp_dir", type=FOLDER)
@click.option(
    "--methods",
    default=_DEFAULT,
    show_default=True,
    help="Comma-separated: 'blurry' (nothing done), 'photo', 'frame' or a FrameRNN's ONNX file; "
    "NAME/K empties the memory every K frames.",
)
@click.option("--split", type=click.Choice(["train", "val", "test"]), help="Of manifest.csv.")
@click.option("--clips", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Equal seeds, equal clips.")
@click.option("--gyro", type=FILE, help="Recorded hand shake: rows of t_ns wx wy wz (rad/s).")
@runtime_options
@json_option
@click.option("-o", "--output", type=FILE, help="Write every row into this JSON file.")
def evaluate_clips(
    sharp_dir: Path,
    methods: str,
    split: str | None,
    clips: int,
    seed: int,
    gyro: Path | None,
    runtime: Runtime,
    as_json: bool,
    output: Path | None,
) -> None:
    """Score frame models on clips made from the sharp photos of SHARP_DIR."""
    from unblur.blur.trajectory import load_gyro
    from unblur.evaluate import clips as scoring
    from unblur.evaluate.sharp import find_sharp
    from unblur.io import write_bytes

    photos = find_sharp(sharp_dir, split=split)
    with progress_bar("scoring", clips, hidden=as_json) as bar:
        rows = scoring.evaluate_clips(
            photos,
            names_in(methods),
            clips=clips,
            seed=seed,
            gyro=load_gyro(gyro) if gyro else None,
            runtime=runtime,
            progress=lambda done, total: bar.to(done),
        )
    means = scoring.summary(rows)
    if output is not None:
        table = {"summary": means, "rows": [dataclasses.asdict(row) for row in rows]}
        write_bytes((to_json(table) + "\n").encode(), output, overwrite=True)
    if as_json:
        say_json(means)
        return
    say(f"{clips} clips   PSNR dB    SSIM  last frame  flicker")
    for name, mean in means.items():
        say(
            f"{name:<10} {mean['psnr_db']:7.2f} {mean['ssim']:8.4f} "
            f"{mean['last_psnr_db']:9.2f} {mean['flicker']:9.2f}"
        )
