"""``unblur tune``: the pipeline's settings for one's own photos."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from unblur.cli.common import progress_bar, tone_option
from unblur.cli.options import (
    FILE,
    FOLDER,
    dataset_option,
    runtime_options,
    seed_option,
)
from unblur.cli.say import say
from unblur.runtime import Runtime

_STOPPED = 130


@click.command()
@click.argument("data", type=FOLDER)
@click.option("--model", default="unblur", show_default=True, help="Whose pipeline is tuned.")
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="Settings tried in all, those of an earlier run counted.",
)
@seed_option
@dataset_option
@click.option(
    "-o",
    "--output",
    type=FILE,
    default="tuned.toml",
    show_default=True,
    help="TOML file for 'unblur restore --settings'; the search is kept beside it, as .sqlite3.",
)
@tone_option
@runtime_options
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def tune(
    data: Path,
    model: str,
    trials: int,
    seed: int,
    dataset: str,
    output: Path,
    tone: str,
    runtime: Runtime,
    overwrite: bool,
) -> None:
    """Search the settings that serve the pairs of DATA best.

    Two of five pairs are kept aside. The settings found are written if they are surely better
    on those too, else the defaults are. Losses count three times; sharp photos must come back
    as they were. Ctrl-C keeps what was tried; the same command goes on. How samples encode light
    is taken as for 'unblur evaluate'.
    """
    from unblur.errors import WouldOverwrite
    from unblur.evaluate.datasets import open_dataset
    from unblur.evaluate.light import in_light
    from unblur.evaluate.tuning.run import tune as search
    from unblur.evaluate.tuning.search import Plan
    from unblur.io import write_bytes
    from unblur.pipeline.settings import to_toml

    if output.exists() and not overwrite:
        raise WouldOverwrite(f"{output} exists already; use --overwrite, or choose another output")
    cases = in_light(open_dataset(data, dataset), tone).cases
    with progress_bar("tuning", trials) as bar:
        found = search(
            cases,
            Plan(model, trials, seed, runtime),
            output.with_suffix(".sqlite3"),
            progress=lambda done, total: bar.to(done),
        )
    held = found.held_out
    low, high = held.interval
    said = (
        f"{held.mean:+.3f} dB [{low:+.3f}, {high:+.3f}] over the defaults on {held.count} pairs "
        f"kept aside (p = {held.wilcoxon_p:.2g}), {found.searched:+.3f} dB on those of the search"
    )
    name = data.resolve().name
    kind = "found by" if found.better else "the defaults, after"
    comment = [f"{kind} unblur tune on {name}, model {model}, {found.trials} trials, seed {seed}"]
    comment.append(f"what was found: {said}; computed on: {found.device}")
    write_bytes(to_toml(found.settings, comment).encode(), output, overwrite=overwrite)
    say(f"{found.trials} settings tried; the best: {said}")
    if found.better:
        say(f"{output}: use it by 'unblur restore --settings {output}'")
    else:
        say(f"not surely better where it counts: {output} holds the defaults")
    if not found.whole:
        say("unblur: stopped; the same command with --overwrite goes on", err=True)
        sys.exit(_STOPPED)
