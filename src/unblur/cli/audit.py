"""``unblur audit``: how well a trained network tells what it was trained on."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import click

from unblur.cli.say import say, say_json
from unblur.errors import MissingExtra

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("run", type=_FOLDER)
@click.option("--photos", type=_FOLDER, required=True, help="The folder it was trained on.")
@click.option(
    "--windows",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Samples per photo; a private run is asked about those it was trained on.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Processes that make samples.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def audit(run: Path, photos: Path, windows: int, workers: int, as_json: bool) -> None:
    """Try to tell which photos the training RUN was trained on, by its network's losses.

    Photos of the split "test" stand for those that it never saw.
    """
    if find_spec("torch") is None:
        raise MissingExtra("torch", "train", "auditing")
    from unblur.training.audit import audit_run

    attack = audit_run(run, photos, windows=windows, workers=workers)
    if as_json:
        say_json(dataclasses.asdict(attack))
        return
    say(
        f"AUC {attack.auc:.3f} ± {attack.auc_error:.3f} (0.5 is guessing): of a photo trained on "
        "and another, how often the one trained on is recognised"
    )
    say(
        f"found {attack.hits:.1%} of {attack.members} photos trained on, "
        f"while 5 % of {attack.others} others are accused"
    )
