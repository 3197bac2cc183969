"""``unblur evaluate``: models on photos whose sharp originals are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from unblur.cli.common import progress_bar, to_json

_FOLDER = click.Path(path_type=Path, file_okay=False)


_DEFAULT = "blurry,wiener,unblur,unblur+true-psf"


@click.command()
@click.argument("data", type=_FOLDER)
@click.option(
    "--models",
    help="Comma-separated: names from 'unblur models list', 'blurry' for doing nothing; "
    "NAME+true-psf is given the true PSF where it is known; NAME+no-gate restores without the "
    "no-harm gate, NAME+gate puts it before a network from elsewhere, which runs without. "
    f"[default: {_DEFAULT}; with --sharp: unblur]",
)
@click.option(
    "--crop",
    "crop_px",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Pixels left out on each side when scoring.",
)
@click.option(
    "--sharp",
    "only_sharp",
    is_flag=True,
    help="DATA holds sharp photos only: measure what one model does to them.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    help="With --sharp: only this split of DATA/manifest.csv.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Default: all processors.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every row and the summary into this JSON file.",
)
def evaluate(
    data: Path,
    models: str | None,
    crop_px: int,
    only_sharp: bool,
    split: str | None,
    threads: int | None,
    as_json: bool,
    output: Path | None,
) -> None:
    """Score models on DATA, a folder with blurry/ and sharp/ (as 'unblur synth' makes it).

    Taken as well: blur/ + sharp/, blurred/ + sharp/, input/ + target/, lq/ + gt/.

    PSNR and SSIM on 8-bit sRGB, mean of the photos' figures; 'worse' is the share of photos
    whose PSNR fell by more than 0.1 dB; gains with 95 % bootstrap intervals.
    """
    if only_sharp:
        result, text = _check_sharp(data, models or "unblur", split, threads, hidden=as_json)
    elif split is not None:
        raise click.UsageError("--split goes with --sharp; pairs were split by 'unblur synth'")
    else:
        names = [name.strip() for name in (models or _DEFAULT).split(",") if name.strip()]
        result, text = _score_pairs(data, names, crop_px, threads, hidden=as_json)
    if output is not None:
        from unblur.io import write_bytes

        write_bytes((to_json(result) + "\n").encode(), output, overwrite=True)
    click.echo(to_json(result) if as_json else text)


def _score_pairs(
    data: Path, names: list[str], crop_px: int, threads: int | None, *, hidden: bool
) -> tuple[dict[str, Any], str]:
    from unblur.evaluate import quality
    from unblur.evaluate.pairs import read_pairs

    pairs = read_pairs(data)
    methods = {name: quality.method_of(name, threads=threads) for name in names}
    with progress_bar("evaluating", len(pairs), hidden=hidden) as bar:
        rows = quality.evaluate(
            pairs, methods, crop_px=crop_px, progress=lambda done, _: bar.to(done)
        )
    table = quality.summarise(rows)
    result: dict[str, Any] = {"data": data.name, "crop_px": crop_px, "summary": table}
    result["rows"] = [dataclasses.asdict(row) for row in rows]
    return result, quality.format_table(table)


def _check_sharp(
    data: Path, model: str, split: str | None, threads: int | None, *, hidden: bool
) -> tuple[dict[str, Any], str]:
    from unblur.evaluate import quality
    from unblur.evaluate.pairs import find_sharp

    photos = [photo.path for photo in find_sharp(data, split=split)]
    rows: list[dict[str, Any]] = []
    with progress_bar("checking", len(photos), hidden=hidden) as bar:
        for number, photo in enumerate(photos):
            rows += quality.unharmed([photo], model, threads=threads)
            bar.to(number + 1)
    read = [row["psnr_db"] for row in rows if row["psnr_db"] is not None]
    changed = [value for value in read if value != float("inf")]
    harmed = sum(1 for row in rows if row["harmed"])
    lowest = f"{min(changed):.1f} dB, mean {sum(changed) / len(changed):.1f} dB" if changed else "-"
    text = (
        f"{len(read)} sharp photos through '{model}': {len(read) - len(changed)} identical, "
        f"{len(changed)} changed (lowest {lowest}), "
        f"{harmed} to below {quality.UNHARMED_DB:.0f} dB; {len(rows) - len(read)} unreadable"
    )
    return {"model": model, "rows": rows}, text
