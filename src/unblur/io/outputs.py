"""Where each result goes, so that none replaces another or a photo. Paths only, no pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal

from unblur.errors import BadValue, WouldOverwrite
from unblur.io.bmff import is_deep_still
from unblur.io.encode import format_of
from unblur.io.folders import OWN_SUFFIXES, SUFFIX, InputFile
from unblur.io.formats import HEIF_SUFFIXES, RAW_SUFFIXES, READ_SUFFIXES, SUFFIXES
from unblur.paths import exists, fitted, folded, real, shown
from unblur.paths import is_folder as is_folder_there

Plan = list[tuple[InputFile, Path]]

OnCollision = Literal["error", "suffix"]


@dataclass(frozen=True)
class Place:
    """Where a result is wanted.

    Attributes:
        source: path or URL of the photo.
        target: path or URL of the result.
    """

    source: str
    target: str


def plan_outputs(
    inputs: Iterable[InputFile],
    output: Path | None,
    *,
    suffix: str = SUFFIX,
    extension: str | None = None,
) -> Plan:
    """Return where each result goes.

    Args:
        inputs: the photos.
        output: None: beside each photo, its name with ``suffix``; a folder (one that exists, or
            a name without a known extension): own names and tree kept; otherwise a file.
        suffix: what tells a result from its photo, when they lie side by side.
        extension: of the results, as "png"; by default each photo's, or that of the format it
            is written in.

    Raises:
        WouldOverwrite: two photos would get one result, or a result would replace a photo.
        BadValue: several photos for one file.
    """
    plan = wanted_outputs(inputs, output, suffix=suffix, extension=extension)
    check_apart(plan)
    return plan


def wanted_outputs(
    inputs: Iterable[InputFile],
    output: Path | None,
    *,
    suffix: str = SUFFIX,
    extension: str | None = None,
) -> Plan:
    """Return where each result would go by its own name; as :func:`plan_outputs`, unchecked."""
    items = list(inputs)
    plan: Plan = []
    for item in items:
        ending = f".{extension.lstrip('.')}" if extension else written_suffix_of(item)
        format_of(ending)
        beside = item.path.with_name(fitted(item.path.stem, f"{suffix}{ending}"))
        single = len(items) == 1
        plan.append((item, _target(item, output, ending, single=single) if output else beside))
    return plan


def settle(
    places: Sequence[Place], key: Callable[[str], str], *, on_collision: OnCollision = "error"
) -> list[str | WouldOverwrite]:
    """Return for each photo where its result goes, or why it must not.

    Names that differ in case or in Unicode form only count as equal, as they do on the disks of
    Windows and macOS and on memory cards, so that a plan is the same everywhere.

    Args:
        places: photos and the places that their results have by their own names.
        key: of a path or URL; equal for those that are one file.
        on_collision: "error": photos whose results would meet are all refused. "suffix": the one
            whose own extension the result has (or else the first) keeps the name, the others get
            ``-EXT`` after their own extensions, or ``-2``, ``-3`` ... where that is taken too.
    """
    sources = {key(place.source): place.source for place in places}
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        groups[key(place.target)].append(number)
    settled: dict[int, str | WouldOverwrite] = {}
    taken = set(sources)
    for wanted, members in groups.items():
        if wanted not in sources and (len(members) == 1 or on_collision == "suffix"):
            owner = next((n for n in members if _keeps_extension(places[n])), members[0])
            settled[owner] = places[owner].target
            taken.add(wanted)
    for number, place in enumerate(places):
        if number in settled:
            continue
        wanted = key(place.target)
        if on_collision == "suffix" and key(place.source) != wanted:
            settled[number] = next(t for t in _ways_out(place) if key(t) not in taken)
            taken.add(key(str(settled[number])))
        elif wanted in sources:
            settled[number] = _replaces(place, sources[wanted])
        else:
            settled[number] = _meet([places[n] for n in groups[wanted]], place)
    return [settled[number] for number in range(len(places))]


def local_key(path: str) -> str:
    """Return what is equal for paths that are one file, on any disk."""
    return folded(str(real(Path(path))))


def check_apart(plan: Plan) -> None:
    """Raise if results would replace each other, or a photo.

    Raises:
        WouldOverwrite: two photos would get one result, or a result would replace a photo.
    """
    places = [Place(str(item.path), str(target)) for item, target in plan]
    for result in settle(places, local_key):
        if isinstance(result, WouldOverwrite):
            raise result


def check_no_photo(path: Path, others: Iterable[str]) -> None:
    """Raise if a file that is to be written beside the results is a photo, or a result, itself.

    Args:
        path: as of a report or a list.
        others: paths of photos and results.

    Raises:
        WouldOverwrite: it is one of them, be it by another name.
    """
    if not exists(path) and path.suffix.lower() not in READ_SUFFIXES:
        return
    mine = local_key(str(path))
    for other in others:
        if local_key(other) == mine:
            raise WouldOverwrite(
                f"{shown(path)} would replace the photo or result {shown(other)}; "
                "choose another name"
            )


def set_apart(plan: Plan, *, on_collision: OnCollision) -> Plan:
    """Return the plan with other names where results would meet, if those are asked for.

    Raises:
        WouldOverwrite: as :func:`check_apart`.
    """
    places = [Place(str(item.path), str(target)) for item, target in plan]
    out: Plan = []
    for (item, _), result in zip(
        plan, settle(places, local_key, on_collision=on_collision), strict=True
    ):
        if isinstance(result, WouldOverwrite):
            raise result
        out.append((item, Path(result)))
    return out


def check_free(plan: Plan, *, overwrite: bool) -> None:
    """Raise if a result exists already, before any work is done.

    Raises:
        WouldOverwrite: one or more exist and ``overwrite`` is false.
    """
    taken = [target for _, target in plan if exists(target)]
    if taken and not overwrite:
        more = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
        raise WouldOverwrite(
            f"{shown(taken[0])}{more} exists already; use --overwrite, or choose another output"
        )


def _target(item: InputFile, output: Path, ending: str, *, single: bool) -> Path:
    if not is_folder(output):
        if single:
            format_of(output.suffix)
            return output
        raise BadValue(
            f"several photos cannot be written to the file {shown(output)}; name a folder"
        )
    return output / item.relative.with_name(fitted(item.relative.stem, ending))


def is_folder(output: Path) -> bool:
    """Return whether results go into this folder (that may be yet to be made), not this file."""
    return is_folder_there(output) or output.suffix.lower() not in READ_SUFFIXES


def own_suffix(suffix: str, is_deep: Callable[[], bool]) -> str:
    """Return the extension that a photo is written back with: deep HEIC must not become JPEG.

    Args:
        suffix: of the photo.
        is_deep: looks into the photo; asked only where it matters.
    """
    deep = suffix.lower() in HEIF_SUFFIXES and is_deep()
    return ".png" if deep else written_suffix(suffix)


def written_suffix_of(item: InputFile) -> str:
    """Return the extension that a photo on a disk is written back with."""
    return own_suffix(item.path.suffix, partial(is_deep_still, item.path))


def written_suffix(suffix: str) -> str:
    """Return the extension that a photo with this extension is written back with."""
    lower = suffix.lower()
    if lower in RAW_SUFFIXES:
        return ".tif"
    if lower in HEIF_SUFFIXES:
        return ".jpg"
    return suffix if lower in SUFFIXES else ".png"


def _keeps_extension(place: Place) -> bool:
    return folded(PurePath(place.source).suffix) == folded(PurePath(place.target).suffix)


def _ways_out(place: Place) -> Iterable[str]:
    """Yield other names for a result, the first of which tells the photo's own extension."""
    own = PurePath(place.source).suffix.lower().lstrip(".")
    if own and not _keeps_extension(place):
        yield _marked(place.target, own)
    for number in count(2):
        yield _marked(place.target, str(number))


def _marked(target: str, mark: str) -> str:
    """Return a path or URL whose name carries a mark, before what tells that it is ours."""
    path = PurePosixPath(target) if "://" in target else PurePath(target)
    stem = path.stem
    own = next((end for end in OWN_SUFFIXES if stem.endswith(end)), "")
    name = fitted(f"{stem.removesuffix(own)}-{mark}", own + path.suffix)
    return target[: len(target) - len(path.name)] + name


def _replaces(place: Place, photo: str) -> WouldOverwrite:
    return WouldOverwrite(
        f"the result of {shown(place.source)} would replace the photo {shown(photo)} itself; "
        "choose another output"
    )


def _meet(group: Sequence[Place], place: Place) -> WouldOverwrite:
    names = [shown(member.source) for member in group[:2]]
    more = f" (and {len(group) - 2} more)" if len(group) > 2 else ""
    return WouldOverwrite(
        f"{names[0]} and {names[1]}{more} would both be written to {shown(place.target)}; use "
        "--on-collision suffix, which gives them names of their own, or process them apart"
    )
