"""``unblur evaluate``: models on photos whose sharp originals are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unblur.cli.common import names_in, progress_bar, tone_option
from unblur.cli.options import (
    FILE,
    FOLDER,
    crop_option,
    dataset_option,
    json_option,
    protocol_option,
    runtime_options,
)
from unblur.cli.say import say, say_json, to_json

if TYPE_CHECKING:
    from unblur.evaluate.comparing.job import Job
    from unblur.runtime import Runtime

_DEFAULT = "blurry,wiener,unblur,unblur+true-psf"


@click.command()
@click.argument("data", type=FOLDER, required=False)
@click.option(
    "--models",
    help="Comma-separated: names from 'unblur models list', 'blurry' for doing nothing, "
    "'unsharp' for an unsharp mask, 'classical-blind' for the classical reference; "
    "NAME+true-psf is given the true PSF where it is known, NAME+no-gate restores without the "
    "no-harm gate, NAME+gate puts it before a network from elsewhere, which runs without; "
    "NAME@FILE.toml takes settings, NAME=FOLDER are the results of another program. "
    f"[default: {_DEFAULT}; with --sharp: unblur]",
)
@dataset_option
@protocol_option
@crop_option
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
@tone_option
@runtime_options
@json_option
@click.option(
    "-o",
    "--output",
    type=FILE,
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
    tone: str,
    runtime: Runtime,
    as_json: bool,
    output: Path | None,
) -> None:
    """Score models on DATA, a folder with blurry/ and sharp/ (as 'unblur synth' makes it), or a
    published data set as its authors pack it (--list).

    Taken as well: blur/ + sharp/, blurred/ + sharp/, input/ + target/, lq/ + gt/.

    By default PSNR and SSIM on 8-bit sRGB, mean of the photos' figures; published sets are scored
    by their own protocols. 'worse' is the share of photos whose PSNR fell by more than 0.1 dB;
    gains with 95 % bootstrap intervals. Data sets know how their samples encode light (Levin,
    Koehler and Lai: linear) and say so; sRGB is assumed of the others, and nothing is estimated.
    """
    from unblur.evaluate.comparing.job import Job

    if list_known:
        result, text = _list()
    elif data is None:
        raise click.UsageError("name the folder DATA, or use --list")
    elif only_check:
        result, text = _check_copy(data, dataset, hidden=as_json)
    elif only_sharp:
        result, text = _check_sharp(data, models or "unblur", split, tone, runtime, hidden=as_json)
    elif split is not None:
        raise click.UsageError("--split goes with --sharp; pairs were split by 'unblur synth'")
    else:
        job = Job(str(data), dataset, protocol, crop_px, tone, runtime)
        result, text = _score_set(job, names_in(models or _DEFAULT), hidden=as_json)
    if output is not None:
        from unblur.io import write_bytes

        write_bytes((to_json(result) + "\n").encode(), output, overwrite=True)
    if as_json:
        say_json(result)
    else:
        say(text)
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


def _score_set(job: Job, names: list[str], *, hidden: bool) -> tuple[dict[str, Any], str]:
    from unblur.evaluate import quality
    from unblur.evaluate.datasets.checking import complaints
    from unblur.evaluate.differences import differences, format_differences
    from unblur.evaluate.methods import method_of
    from unblur.evaluate.tables import format_table, summarise
    from unblur.zoo.models import default_session

    found, protocol = job.open()
    data = Path(job.data).name
    remarks = [*found.notes, *complaints(found)]
    for remark in remarks:
        say(f"{data}: {remark}", err=True)
    methods = {name.partition("=")[0]: method_of(name, runtime=job.runtime) for name in names}
    with progress_bar("evaluating", len(found.cases), hidden=hidden) as bar:
        rows = quality.evaluate(
            found.cases, methods, protocol=protocol, progress=lambda done, _: bar.to(done)
        )
    table = summarise(rows, protocol=protocol)
    apart = differences(rows, protocol)
    result: dict[str, Any] = {
        "data": data,
        "dataset": found.name,
        "notes": remarks,
        "protocol": {"name": protocol.name, "about": protocol.about, "source": protocol.source},
        "crop_px": job.crop_px,
        "device": default_session(job.runtime).device,
        "summary": table,
        "differences": [dataclasses.asdict(versus) for versus in apart],
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    text = format_table(table, protocol=protocol)
    return result, "\n".join(filter(None, [text, format_differences(apart)]))


def _check_sharp(
    data: Path, model: str, split: str | None, tone: str, runtime: Runtime, *, hidden: bool
) -> tuple[dict[str, Any], str]:
    from unblur.evaluate.harm import UNHARMED_DB, unharmed
    from unblur.evaluate.pairs import find_sharp
    from unblur.zoo.models import default_session

    photos = [photo.path for photo in find_sharp(data, split=split)]
    rows: list[dict[str, Any]] = []
    with progress_bar("checking", len(photos), hidden=hidden) as bar:
        for number, photo in enumerate(photos):
            rows += unharmed([photo], model, tone=tone, runtime=runtime)
            bar.to(number + 1)
    read = [row["psnr_db"] for row in rows if row["psnr_db"] is not None]
    changed = [value for value in read if value != float("inf")]
    harmed = sum(1 for row in rows if row["harmed"])
    lowest = f"{min(changed):.1f} dB, mean {sum(changed) / len(changed):.1f} dB" if changed else "-"
    text = (
        f"{len(read)} sharp photos through '{model}': {len(read) - len(changed)} identical, "
        f"{len(changed)} changed (lowest {lowest}), "
        f"{harmed} to below {UNHARMED_DB:.0f} dB; {len(rows) - len(read)} unreadable"
    )
    return {"model": model, "device": default_session(runtime).device, "rows": rows}, text
