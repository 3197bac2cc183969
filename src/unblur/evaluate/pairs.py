"""Sets of blurry and sharp photos in folders: written from sharp ones, and read.

Layout: ``blurry/NAME.png``, ``sharp/NAME.png``, and, where the truth is known,
``psf/NAME.npz`` (``psfs``: (rows, columns, side, side)), ``manifest.jsonl``, ``recipe.json``.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unblur.blur.psf import Psf
from unblur.blur.synthesis import Pair, Synthesiser, SynthesisRecipe
from unblur.color import FloatArray, quantise
from unblur.errors import BadValue, UnblurError, UnreadableImage, WouldOverwrite
from unblur.io import InputFile, find_images, read_photo, write_bytes


@dataclass(frozen=True)
class Written:
    """What :func:`write_pairs` did: pairs written, and (name, reason) of photos left out."""

    written: int
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PairFile:
    """One pair on disk.

    Attributes:
        name: of both files, without extension.
        blurry, sharp: the files.
        psf: file of the true PSFs, or None.
        facts: row of the manifest, or empty.
    """

    name: str
    blurry: Path
    sharp: Path
    psf: Path | None
    facts: dict[str, Any]

    def true_psf(self) -> Psf | None:
        """Return the true PSF where it is known and the same all over the photo."""
        if self.psf is None or self.facts.get("kind") in ("moving_object", "rotation"):
            return None
        with np.load(self.psf, allow_pickle=False) as stored:
            psfs = stored["psfs"]
        return Psf(psfs[0, 0]).cropped() if psfs.shape[:2] == (1, 1) else None


def find_sharp(folder: Path, *, split: str | None = None) -> list[InputFile]:
    """Return the photos of a folder, or of one split of its ``manifest.csv``.

    Raises:
        UnreadableImage: no such folder, no manifest for a split, or no photo.
    """
    if not folder.is_dir():
        raise UnreadableImage(f"the folder {folder} does not exist; check the name")
    if split is None:
        photos = find_images([folder])
    else:
        manifest = folder / "manifest.csv"
        if not manifest.is_file():
            raise UnreadableImage(f"{manifest} is missing; a split needs it (columns file, split)")
        with manifest.open(newline="", encoding="utf-8") as stream:
            names = [row["file"] for row in csv.DictReader(stream) if row["split"] == split]
        photos = [InputFile(folder / name, Path(name)) for name in sorted(names)]
    if not photos:
        raise UnreadableImage(f"there is no photo in {folder}" + (f" ({split})" if split else ""))
    return photos


def write_pairs(
    photos: Sequence[InputFile],
    out: Path,
    recipe: SynthesisRecipe,
    *,
    seed: int,
    per_photo: int = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Blur sharp photos into a folder of pairs.

    A pair depends on the recipe, the seed, the photo's relative name and its number only:
    other photos may come and go.

    Raises:
        WouldOverwrite: the folder is not empty and ``overwrite`` is false.
    """
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise WouldOverwrite(f"{out} is not empty; use --overwrite, or choose another folder")
    synthesise = Synthesiser(recipe)
    rows: list[str] = []
    skipped: list[tuple[str, str]] = []
    for number, photo in enumerate(photos):
        for i in range(per_photo):
            name = "_".join(photo.relative.with_suffix("").parts) + f"_{i}"
            try:
                sharp = _rgb(read_photo(photo.path).srgb())
                pair = synthesise(sharp, pair_rng(seed, photo.relative.as_posix(), i))
            except UnblurError as error:
                skipped.append((str(photo.relative), str(error)))
                break
            _write_pair(pair, out, name, overwrite=overwrite)
            rows.append(json.dumps(_facts(pair, name, photo, seed), sort_keys=True))
        if progress is not None:
            progress(number + 1, len(photos))
    write_bytes(
        "".join(f"{row}\n" for row in rows).encode(), out / "manifest.jsonl", overwrite=True
    )
    text = json.dumps({"seed": seed, **dataclasses.asdict(recipe)}, indent=2)
    write_bytes(text.encode(), out / "recipe.json", overwrite=True)
    return Written(len(rows), tuple(skipped))


def pair_rng(seed: int, name: str, number: int) -> np.random.Generator:
    """Return the generator of one pair."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, number, int.from_bytes(digest[:8], "big")])


def read_pairs(folder: Path) -> list[PairFile]:
    """Return the pairs of a folder with ``blurry/`` and ``sharp/``.

    Raises:
        UnreadableImage: a folder is missing or empty.
        BadValue: a photo has no partner.
    """
    sides: dict[str, dict[str, Path]] = {}
    for side in ("blurry", "sharp"):
        if not (folder / side).is_dir():
            raise UnreadableImage(f"{folder / side} is missing; pairs lie in blurry/ and sharp/")
        files = find_images([folder / side])
        sides[side] = {f.relative.with_suffix("").as_posix(): f.path for f in files}
    lonely = sorted(set(sides["blurry"]) ^ set(sides["sharp"]))
    if lonely:
        raise BadValue(f"{len(lonely)} photos of {folder} have no partner, as '{lonely[0]}'")
    if not sides["blurry"]:
        raise UnreadableImage(f"there is no photo in {folder / 'blurry'}")
    facts = _read_manifest(folder / "manifest.jsonl")
    return [
        PairFile(
            name,
            path,
            sides["sharp"][name],
            _existing(folder / "psf" / f"{name}.npz"),
            facts.get(name, {}),
        )
        for name, path in sorted(sides["blurry"].items())
    ]


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
        return {row["name"]: row for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise BadValue(f"{path} is damaged: {error}; delete it to do without") from error


def _rgb(image: FloatArray) -> FloatArray:
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def _write_pair(pair: Pair, out: Path, name: str, *, overwrite: bool) -> None:
    for side, image in (("blurry", pair.blurry), ("sharp", pair.sharp)):
        with io.BytesIO() as stream:
            Image.fromarray(quantise(image, np.dtype(np.uint8))).save(stream, "PNG")
            write_bytes(stream.getvalue(), out / side / f"{name}.png", overwrite=overwrite)
    side_px = max(max(psf.shape) for row in pair.psfs for psf in row)
    psfs = np.stack([np.stack([p.embedded(side_px) for p in row]) for row in pair.psfs])
    with io.BytesIO() as stream:
        np.savez_compressed(stream, psfs=psfs)
        write_bytes(stream.getvalue(), out / "psf" / f"{name}.npz", overwrite=overwrite)


def _facts(pair: Pair, name: str, photo: InputFile, seed: int) -> dict[str, Any]:
    return {
        "name": name,
        "source": photo.relative.as_posix(),
        "seed": seed,
        "kind": pair.kind,
        "length_px": round(pair.psf.length_px(), 2),
        "angle_deg": round(pair.psf.angle_deg(), 1),
        "height": pair.blurry.shape[0],
        "width": pair.blurry.shape[1],
        **{f"camera_{key}": value for key, value in dataclasses.asdict(pair.camera).items()},
    }
