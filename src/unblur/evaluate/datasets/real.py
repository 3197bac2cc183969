"""Pairs taken with two cameras behind one lens: RealBlur and RSBlur."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from unblur.errors import BadValue, UnreadableImage
from unblur.evaluate.cases import Case, paired
from unblur.evaluate.datasets.base import About, Expected, Found, Reader

_REALBLUR = {
    "J": "RealBlur-J_ECC_IMCORR_centroid_itensity_ref",
    "R": "RealBlur-R_BM3D_ECC_IMCORR_centroid_itensity_ref",
}


def _find_realblur(folder: Path, *, kind: str) -> Found | None:
    root = folder if folder.name == _REALBLUR[kind] else folder / _REALBLUR[kind]
    if not root.is_dir():
        return None
    listed = _listed(root.parent, (f"RealBlur_{kind}_test_list.txt",))
    if listed is not None:
        return Found(tuple(_case(root.parent, sharp, blurry) for sharp, blurry in listed))
    found = [
        (path.parent.parent / "gt" / path.name.replace("blur", "gt", 1), path)
        for path in sorted(root.glob("*/blur/blur_*.png"))
    ]
    note = (
        f"RealBlur_{kind}_test_list.txt is missing: all photos were read, and most of them are "
        "trained on; put the list beside the folder"
    )
    return Found(tuple(_case(root.parent, *pair) for pair in found), (note,))


def _find_rsblur(folder: Path) -> Found | None:
    root = folder / "RSBlur" if (folder / "RSBlur").is_dir() else folder
    pairs = sorted(root.glob("*/*/real_blur/real_blur.png"))
    if not pairs:
        return None
    name = "RSBlur_real_test.txt"
    places = (name, f"datalist/RSBlur/{name}", f"RSBlur/{name}", f"../{name}")
    listed = _listed(root, places)
    if listed is not None:
        # The list begins every path with RSBlur/.
        inside = [[root.joinpath(*path.parts[1:]) for path in pair] for pair in listed]
        return Found(tuple(_case(root, sharp, blurry) for sharp, blurry in inside))
    found = [(path.parent.parent / "gt" / "gt_sharp.png", path) for path in pairs]
    note = (
        f"{name} is missing: all photos were read, and most of them are trained on; "
        "put the list into the folder"
    )
    return Found(tuple(_case(root, *pair) for pair in found), (note,))


def _listed(root: Path, places: Iterable[str]) -> list[tuple[Path, Path]] | None:
    """Return the pairs (sharp, blurry) of the first list that is there; None if none is.

    Raises:
        BadValue: a line that does not name two files inside the set.
    """
    path = next((root / place for place in places if (root / place).is_file()), None)
    if path is None:
        return None
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        names = [Path(name) for name in line.split()]
        if not names:
            continue
        if len(names) != 2 or any(name.is_absolute() or ".." in name.parts for name in names):
            raise BadValue(
                f"{path}, line {number}: expected a sharp and a blurry file, got '{line}'"
            )
        found.append((names[0], names[1]))
    return found


def _case(root: Path, sharp: Path, blurry: Path) -> Case:
    sharp, blurry = root / sharp, root / blurry
    for path in (sharp, blurry):
        if not path.is_file():
            raise UnreadableImage(f"{path} is missing; unpack the archive again")
    scene = blurry.parent.parent
    clip = scene.relative_to(root).as_posix() if scene.is_relative_to(root) else scene.name
    number = blurry.stem.removeprefix("blur_") if blurry.stem.startswith("blur_") else ""
    name = f"{scene.name}/{number}" if number else clip
    return paired(name, blurry, sharp, facts={"scene": scene.name})


def _realblur(kind: str, what: str) -> Reader:
    return Reader(
        name=f"realblur-{kind.lower()}",
        about=About(
            title=f"RealBlur-{kind}, {what}",
            paper=(
                "Rim, Lee, Won, Cho, Real-world blur dataset for learning and benchmarking "
                "deblurring algorithms, ECCV 2020"
            ),
            home="https://github.com/rimchang/RealBlur",
            licence="CC BY 4.0",
            layout=(
                f"{_REALBLUR[kind]}/scene*/blur/blur_*.png and …/gt/gt_*.png, "
                f"RealBlur_{kind}_test_list.txt"
            ),
            expected=Expected(counts=(980,), sharp_count=(1, 1)),
        ),
        protocol="realblur",
        read=partial(_find_realblur, kind=kind),
        flat=True,
    )


READERS = (
    _realblur("J", "JPEG of the camera"),
    _realblur("R", "developed from RAW"),
    Reader(
        name="rsblur",
        about=About(
            title="RSBlur",
            paper="Rim et al., Realistic blur synthesis for learning image deblurring, ECCV 2022",
            home="https://github.com/rimchang/RSBlur",
            licence="CC BY 4.0",
            layout="RSBlur/0001/000001/real_blur/real_blur.png and …/gt/gt_sharp.png",
            expected=Expected(counts=(3360,), sharp_count=(1, 1)),
        ),
        protocol="rsblur",
        read=_find_rsblur,
        flat=True,
    ),
)
