"""What of a photo is restored, where the caller does not want all that moved."""

from __future__ import annotations

from typing import Literal, get_args

from unblur.errors import BadValue

Only = Literal["camera", "objects", "subject"]
"""What the camera's motion moved; whatever moved by itself; the largest piece of that."""

WORDS: tuple[Only, ...] = get_args(Only)


Point = tuple[int, int]
"""(x, y), px of the photo."""


def check_only(
    only: str | None, *, at: Point | None = None, given: bool, masked: bool, gate: bool
) -> None:
    """Raise unless parts of a photo can be told apart as they are asked for.

    Args:
        only: what is to be restored; None for all that moved.
        at: where the subject is, if the caller says so.
        given: whether the caller gives the motion.
        masked: whether the caller says where, by a region or mask.
        gate: whether the no-harm gate decides.

    Raises:
        BadValue: no such word, or nothing would tell the parts.
    """
    if at is not None and only != "subject":
        raise BadValue(
            f"a place says where the subject is; ask for 'subject' with it, not {only!r}"
        )
    if only is None:
        return
    if only not in WORDS:
        raise BadValue(
            f"only is one of {', '.join(map(repr, WORDS))}, or None for all that moved; "
            f"got {only!r}"
        )
    if given:
        raise BadValue(
            f"'{only}' alone cannot be restored with a motion that is given: parts are told by "
            "their motion; say where it holds with a region or mask"
        )
    if masked:
        raise BadValue(
            f"'{only}' alone is looked for in the whole photo; leave it out where a region or mask "
            "says where: what moved there is restored"
        )
    if not gate:
        raise BadValue(
            f"'{only}' alone cannot be restored without the gate, which tells what moved by "
            "itself; leave the gate on, or say where with a region or mask"
        )
