"""Sets of blurry and sharp photos in folders: written from sharp ones, and read.

Layout: ``blurry/NAME.png``, ``sharp/NAME.png``, and, where the truth is known,
``psf/NAME.npz`` (``psfs``: (rows, columns, side, side) float32, and ``kind``),
``manifest.jsonl``, ``recipe.json``.
"""

from __future__ import annotations

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

from unblur.blur.recipe import SynthesisRecipe
from unblur.blur.synthesis import Pair, Synthesiser
from unblur.color import FloatArray, as_rgb, quantise
from unblur.errors import BadValue, UnblurError, WouldOverwrite
from unblur.evaluate.cases import Case, PsfGridFile, paired
from unblur.evaluate.matching import match, sides_of
from unblur.evaluate.sharp import find_sharp
from unblur.files import from_json
from unblur.io import InputFile, read_photo, write_bytes

__all__ = ["Written", "find_sharp", "pair_rng", "read_pairs", "write_pairs"]


@dataclass(frozen=True)
class Written:
    """What :func:`write_pairs` did: pairs written, and (name, reason) of photos left out."""

    written: int
    skipped: tuple[tuple[str, str], ...]


def write_pairs(
    photos: Sequence[InputFile],
    out: Path,
    recipe: SynthesisRecipe,
    *,
    seed: int,
    per_photo: int = 1,
    crop_px: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Blur sharp photos into a folder of pairs.

    A pair depends on the recipe, the seed, the crop, the photo's relative name and its number
    only: other photos may come and go. Photos that cannot be read, or are not larger than
    twice the longest reach of a PSF, are left out with the reason; grey ones become RGB.

    Args:
        photos: as :func:`find_sharp` returns them.
        out: the folder; made if needed.
        recipe: how to blur.
        seed: at least 0.
        per_photo: pairs made of each photo, at least 1.
        crop_px: longest side of a pair: a window at a random place is blurred, not the whole
            photo. The whole one if omitted.
        overwrite: replace pairs of the same names; others stay.
        progress: called with (photos done, photos in all).

    Raises:
        WouldOverwrite: the folder is not empty and ``overwrite`` is false, or two photos would
            give pairs of one name. Nothing is written.
        BadValue: a number is out of its range.
        CannotWrite: no space, no permission.
    """
    _check_plan(photos, seed=seed, per_photo=per_photo, crop_px=crop_px)
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise WouldOverwrite(f"{out} is not empty; use --overwrite, or choose another folder")
    synthesise = Synthesiser(recipe)
    rows: list[str] = []
    skipped: list[tuple[str, str]] = []
    for number, photo in enumerate(photos):
        for i in range(per_photo):
            name = f"{_stem(photo)}_{i}"
            rng = pair_rng(seed, photo.relative.as_posix(), i)
            try:
                sharp = as_rgb(read_photo(photo.path).srgb())
                pair = synthesise(sharp_window(sharp, crop_px, recipe.reach_px, rng), rng)
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


def read_pairs(folder: Path) -> list[Case]:
    """Return the pairs of a folder with ``blurry/`` and ``sharp/``, or folders of usual names.

    Taken as well: ``blur/`` + ``sharp/``, ``blurred/`` + ``sharp/``, ``input/`` + ``target/``,
    ``lq/`` + ``gt/``.

    Raises:
        UnreadableImage: a folder is missing or empty.
        BadValue: a photo has no partner, two share a name, or the folder has a manifest that
            does not know a pair.
    """
    found = match(*sides_of(folder))
    facts = _read_manifest(folder / "manifest.jsonl")
    strangers = sorted(set(found) - set(facts)) if facts else []
    if strangers:
        raise BadValue(
            f"{len(strangers)} pairs of {folder} are not in its manifest.jsonl, as "
            f"'{strangers[0]}'; remove what an earlier run left, or the manifest to do without"
        )
    return [
        paired(
            name,
            blurry,
            sharp,
            truth=_truth(folder / "psf" / f"{name}.npz"),
            facts=facts.get(name),
        )
        for name, (blurry, sharp) in found.items()
    ]


def _check_plan(
    photos: Sequence[InputFile], *, seed: int, per_photo: int, crop_px: int | None
) -> None:
    if seed < 0:
        raise BadValue(f"the seed must be >= 0, got {seed}")
    if per_photo < 1:
        raise BadValue(f"pairs per photo must be >= 1, got {per_photo}")
    if crop_px is not None and crop_px < 1:
        raise BadValue(f"crop_px must be >= 1, got {crop_px}; leave it out for whole photos")
    owners: dict[str, InputFile] = {}
    for photo in photos:
        first = owners.setdefault(_stem(photo), photo)
        if first is not photo:
            raise WouldOverwrite(
                f"{first.path} and {photo.path} would both give pairs named '{_stem(photo)}'; "
                "rename one, or blur them into different folders"
            )


def _stem(photo: InputFile) -> str:
    return "_".join(photo.relative.with_suffix("").parts)


def sharp_window(
    sharp: FloatArray, crop_px: int | None, reach_px: int, rng: np.random.Generator
) -> FloatArray:
    """Return a random window, larger than the pair by the margins that blurring uses up.

    Args:
        sharp: (H, W, C).
        crop_px: longest side of the pair; the whole photo if None.
        reach_px: of the recipe.
        rng: draws the place.
    """
    if crop_px is None:
        return sharp
    height, width = (min(crop_px + 2 * reach_px, side) for side in sharp.shape[:2])
    y = int(rng.integers(sharp.shape[0] - height + 1))
    x = int(rng.integers(sharp.shape[1] - width + 1))
    return sharp[y : y + height, x : x + width]


def _truth(path: Path) -> PsfGridFile | None:
    return PsfGridFile(path) if path.is_file() else None


def _read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        rows = [from_json(line) for line in path.read_text("utf-8").splitlines() if line]
        return {row["name"]: row for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise BadValue(f"{path} is damaged: {error}; delete it to do without") from error


def _write_pair(pair: Pair, out: Path, name: str, *, overwrite: bool) -> None:
    for side, image in (("blurry", pair.blurry), ("sharp", pair.sharp)):
        with io.BytesIO() as stream:
            Image.fromarray(quantise(image, np.dtype(np.uint8))).save(stream, "PNG")
            write_bytes(stream.getvalue(), out / side / f"{name}.png", overwrite=overwrite)
    side_px = max(max(psf.shape) for row in pair.psfs for psf in row)
    psfs = np.stack([np.stack([p.embedded(side_px) for p in row]) for row in pair.psfs])
    with io.BytesIO() as stream:
        np.savez_compressed(stream, psfs=psfs, kind=np.array(pair.kind))
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
