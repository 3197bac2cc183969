"""Is this copy of a data set whole? Counts, sizes, and the PSNR of the blurry photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from unblur.errors import UnblurError
from unblur.evaluate.datasets.base import PSNR_TOLERANCE_DB, DataSet, blurry_psnr_db

_NAMED = 3
"""How many photos a complaint names."""


def complaints(data: DataSet) -> list[str]:
    """Return what is wrong with a copy, in plain words; nothing if it looks right.

    Counts, and the sizes in the files' headers; :func:`inspect` reads every photo.
    """
    return [*_counts(data), *_sizes(data)]


def inspect(
    data: DataSet, *, progress: Callable[[int, int], None] | None = None
) -> tuple[list[str], float | None]:
    """Read every photo of a copy.

    Args:
        data: the copy.
        progress: called with (photos done, photos in all).

    Returns:
        What is wrong, as of :func:`complaints`, and the mean PSNR in dB of the blurry photos
        that have one sharp picture; None if none has.
    """
    found, values = _deep(data, progress)
    mean = float(np.mean(values)) if values else None
    published = data.about.expected.blurry_psnr_db
    if mean is not None and published is not None and abs(mean - published) > PSNR_TOLERANCE_DB:
        found.append(
            f"the blurry photos have {mean:.2f} dB on average, {published:.2f} dB is published "
            f"for {data.about.title}; this may be another version of it, or a part"
        )
    return [*complaints(data), *found], mean


def _counts(data: DataSet) -> list[str]:
    expected, found = data.about.expected, []
    if expected.counts and len(data.cases) not in expected.counts:
        right = " or ".join(str(count) for count in expected.counts)
        found.append(f"{data.about.title} has {right} photos, this copy has {len(data.cases)}")
    if expected.sharp_count is not None:
        low, high = expected.sharp_count
        odd = [c.name for c in data.cases if not low <= len(c.sharp) <= high]
        if odd:
            span = str(low) if low == high else f"{low} to {high}"
            found.append(f"{_names(odd)} should have {span} sharp pictures each")
    return found


def _sizes(data: DataSet) -> list[str]:
    found, sizes = [], {}
    for case in data.cases:
        try:
            sizes[case.name] = case.blurry.size()
            others = {picture.size() for picture in case.sharp[:1]}
        except UnblurError as error:
            found.append(f"{case.name}: {error}")
            continue
        unlike = others - {sizes[case.name]}
        if unlike:
            found.append(
                f"{case.name}: blurry is {_side(sizes[case.name])}, sharp {_side(unlike.pop())}"
            )
    expected = data.about.expected.size
    if expected is not None:
        odd = [name for name, size in sizes.items() if sorted(size) != sorted(expected)]
        if odd:
            commonest = Counter(sizes[name] for name in odd).most_common(1)[0][0]
            found.append(
                f"{_names(odd)} should be {_side(expected)}, most of them are {_side(commonest)}; "
                "this may be a resized copy"
            )
    return found


def _deep(
    data: DataSet, progress: Callable[[int, int], None] | None
) -> tuple[list[str], list[float]]:
    found, values = [], []
    for number, case in enumerate(data.cases):
        try:
            if len(case.sharp) == 1:
                values.append(blurry_psnr_db(case))
            else:
                case.blurry.read()
        except UnblurError as error:
            found.append(f"{case.name}: {error}")
        if progress is not None:
            progress(number + 1, len(data.cases))
    return found, values


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _side(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"
