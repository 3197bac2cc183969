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
@click.argument("data", type=_FOLDER, required=False)
@click.option(
    "--models",
    help="Comma-separated: names from 'unblur models list', 'blurry' for doing nothing, "
    "'classical-blind' for the classical reference; "
    "NAME+true-psf is given the true PSF where it is known, NAME+no-gate restores without the "
    "no-harm gate, NAME+gate puts it before a network from elsewhere, which runs without; "
    "NAME@FILE.toml takes settings, NAME=FOLDER are the results of another program. "
    f"[default: {_DEFAULT}; with --sharp: unblur]",
)
@click.option(
    "--dataset",
    default="auto",
    show_default=True,
    help="The data set that DATA holds, by the word of 'unblur evaluate --list'; auto: by its "
    "layout.",
)
@click.option(
    "--protocol",
    default="auto",
    show_default=True,
    help="How results are scored; auto: as the data set is scored in papers.",
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
@click.option("--list", "list_known", is_flag=True, help="List the data sets and protocols.")
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Only say whether DATA is a right copy (counts, sizes, PSNR of the blurry photos); "
    "exits with 1 if not.",
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
    data: Path | None,
    models: str | None,
    dataset: str,
    protocol: str,
    crop_px: int,
    only_sharp: bool,
    split: str | None,
    list_known: bool,
    only_check: bool,
    threads: int | None,
    as_json: bool,
    output: Path | None,
) -> None:
    """Score models on DATA, a folder with blurry/ and sharp/ (as 'unblur synth' makes it), or a
    published data set as its authors pack it (--list).

    Taken as well: blur/ + sharp/, blurred/ + sharp/, input/ + target/, lq/ + gt/.

    By default PSNR and SSIM on 8-bit sRGB, mean of the photos' figures; published sets are scored
    by their own protocols. 'worse' is the share of photos whose PSNR fell by more than 0.1 dB;
    gains with 95 % bootstrap intervals.
    """
    if list_known:
        result, text = _list()
    elif data is None:
        raise click.UsageError("name the folder DATA, or use --list")
    elif only_check:
        result, text = _check_copy(data, dataset, hidden=as_json)
    elif only_sharp:
        result, text = _check_sharp(data, models or "unblur", split, threads, hidden=as_json)
    elif split is not None:
        raise click.UsageError("--split goes with --sharp; pairs were split by 'unblur synth'")
    else:
        names = [name.strip() for name in (models or _DEFAULT).split(",") if name.strip()]
        result, text = _score_set(data, names, dataset, protocol, crop_px, threads, hidden=as_json)
    if output is not None:
        from unblur.io import write_bytes

        write_bytes((to_json(result) + "\n").encode(), output, overwrite=True)
    click.echo(to_json(result) if as_json else text)
    if only_check and result["complaints"]:
        raise click.exceptions.Exit(1)


def _list() -> tuple[dict[str, Any], str]:
    from unblur.evaluate.datasets import readers
    from unblur.evaluate.protocols import protocols

    sets = [
        {"name": reader.name, "protocol": reader.protocol, **dataclasses.asdict(reader.about)}
        for reader in readers().values()
    ]
    known = [{"name": p.name, "about": p.about, "source": p.source} for p in protocols().values()]
    lines = ["data sets (--dataset):"]
    for row in sets:
        lines += [
            f"  {row['name']:<16}{row['title']}; protocol {row['protocol']}",
            f"  {'':<16}{row['layout']}",
            f"  {'':<16}{row['home']} (licence: {row['licence']})",
        ]
    lines.append("protocols (--protocol):")
    lines += [f"  {row['name']:<16}{row['about']}" for row in known]
    return {"datasets": sets, "protocols": known}, "\n".join(lines)


def _check_copy(data: Path, dataset: str, *, hidden: bool) -> tuple[dict[str, Any], str]:
    from unblur.evaluate.datasets import open_dataset
    from unblur.evaluate.datasets.checking import inspect

    found = open_dataset(data, dataset)
    with progress_bar("checking", len(found.cases), hidden=hidden) as bar:
        complaints, psnr_db = inspect(found, progress=lambda done, _: bar.to(done))
    head = f"{found.about.title}: {len(found.cases)} photos"
    if psnr_db is not None:
        head += f", the blurry ones {psnr_db:.2f} dB on average"
    lines = [head, *(f"note: {note}" for note in found.notes)]
    lines += [f"wrong: {text}" for text in complaints] or ["looks right, as far as is known"]
    result = {
        "data": data.name,
        "dataset": found.name,
        "photos": len(found.cases),
        "blurry_psnr_db": psnr_db,
        "notes": list(found.notes),
        "complaints": complaints,
    }
    return result, "\n".join(lines)


def _score_set(
    data: Path,
    names: list[str],
    dataset: str,
    protocol_name: str,
    crop_px: int,
    threads: int | None,
    *,
    hidden: bool,
) -> tuple[dict[str, Any], str]:
    from unblur.evaluate import quality
    from unblur.evaluate.datasets import open_dataset
    from unblur.evaluate.differences import differences, format_differences
    from unblur.evaluate.protocols import protocol_of
    from unblur.evaluate.protocols.plain import plain_inside

    found = open_dataset(data, dataset)
    protocol = protocol_of(found.protocol if protocol_name == "auto" else protocol_name)
    if crop_px:
        if protocol.name != "plain":
            raise click.UsageError(f"--crop goes with the plain protocol, not with {protocol.name}")
        protocol = plain_inside(crop_px)
    remarks = [*found.notes, *found.check()]
    for remark in remarks:
        click.echo(f"{data.name}: {remark}", err=True)
    methods = {name.partition("=")[0]: quality.method_of(name, threads=threads) for name in names}
    with progress_bar("evaluating", len(found.cases), hidden=hidden) as bar:
        rows = quality.evaluate(
            found.cases, methods, protocol=protocol, progress=lambda done, _: bar.to(done)
        )
    table = quality.summarise(rows, protocol=protocol)
    apart = differences(rows, protocol)
    result: dict[str, Any] = {
        "data": data.name,
        "dataset": found.name,
        "notes": remarks,
        "protocol": {"name": protocol.name, "about": protocol.about, "source": protocol.source},
        "crop_px": crop_px,
        "summary": table,
        "differences": [dataclasses.asdict(versus) for versus in apart],
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    text = quality.format_table(table, protocol=protocol)
    return result, "\n".join(filter(None, [text, format_differences(apart)]))


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
