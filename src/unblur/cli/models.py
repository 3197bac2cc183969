"""``unblur models``: what can be chosen with ``--model``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from unblur.cli.choose import choose
from unblur.cli.common import to_json


@click.group()
def models() -> None:
    """List and describe the models, and choose among them."""


models.add_command(choose)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def list_models(as_json: bool) -> None:
    """List what --model accepts."""
    from unblur.restoration.catalogue import describe_models

    rows = describe_models()
    if as_json:
        click.echo(to_json(rows))
        return
    for row in rows:
        default = " (default)" if row["default"] else ""
        click.echo(f"{row['name']}{default}: {row['summary']}")


@models.command("show")
@click.argument("network")
def show(network: str) -> None:
    """Show the specification inside a shipped NETWORK's file, or another ONNX file's, as JSON."""
    from unblur.engines.onnx import OnnxEngine

    spec: dict[str, Any] = dataclasses.asdict(OnnxEngine(_file_of(network), task=None).spec)
    spec["recipe"] = json.loads(spec["recipe"]) if spec["recipe"] else {}
    click.echo(to_json(spec))


def _file_of(network: str) -> Path:
    from unblur.errors import UnknownModel, nearest
    from unblur.restoration.catalogue import shipped_networks, weights_path

    if network in shipped_networks():
        return weights_path(network)
    if network.endswith(".onnx") and Path(network).is_file():
        return Path(network)
    raise UnknownModel(
        f"no network '{network}' is shipped, nor is it an ONNX file; "
        f"{nearest(network, shipped_networks())}"
    )
