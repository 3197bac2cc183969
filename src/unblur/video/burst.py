"""Bursts: one photo restored with the help of its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from unblur.color import FloatArray, as_rgb, linear_to_srgb, quantise, srgb_to_linear
from unblur.errors import BadValue, ShapeMismatch, UnknownModel
from unblur.io.decode import read_photo
from unblur.io.photo import Photo
from unblur.runtime import Runtime
from unblur.tone import SRGB, ToneCurve
from unblur.video.models import PHOTO, load_frame_model
from unblur.video.registration import laid_on, place
from unblur.zoo.models import Session, default_session

MOST_HELPERS = 4
"""More neighbours than this bring nothing: the memory fades."""

MAX_PIXELS = 24_000_000

_LIKENESS = 0.35
"""Below this correlation of their detail two photos do not show the same."""


@dataclass(frozen=True)
class BurstReport:
    """What was done.

    Attributes:
        chosen: number of the restored photo, from 0.
        sharpness: of each photo, in units of its own contrast.
        helped: numbers of the photos that helped.
        left_out: numbers of those that show something else, with their likeness.
        notes: for the user.
        tone: of the restored photo, as :meth:`unblur.tone.Tone.to_dict` tells it.
        device: short name of the device that ran the network.
    """

    chosen: int
    sharpness: tuple[float, ...]
    helped: tuple[int, ...]
    left_out: dict[int, float]
    notes: tuple[str, ...] = ()
    tone: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"


def restore_burst(
    photos: Sequence[str | Path | Photo],
    *,
    chosen: int | None = None,
    model: str | None = None,
    strength: float = 1.0,
    tone: ToneCurve | str = "auto",
    threads: int | None = None,
    session: Session | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Photo, BurstReport]:
    """Restore one photo of a burst with its neighbours' help.

    Each neighbour is laid on the chosen photo (shift and small turn); one that shows something
    else is left out and named. Then the model sees the neighbours, farthest first, and the chosen
    photo last.

    Args:
        photos: two or more of one size, in the order they were taken.
        chosen: number of the photo to restore, from 0; the sharpest if omitted.
        model: "photo", the only one: neighbours of a burst lie too far apart for FrameRNN.
        strength: 0 leaves the photo, 1 restores fully.
        tone: of all photos, as :meth:`Photo.with_tone` takes it; nothing is estimated.
        threads: for the network; all processors if omitted.
        session: holds the network, with threads of its own; see :func:`unblur.restore`.
        progress: called with (photos done, photos in all).

    Returns:
        The restored photo with its metadata, and what was done.

    Raises:
        UnknownModel: no such model.
        BadValue: fewer than two photos, a number out of range, or photos that are too large.
        ShapeMismatch: photos of different sizes.
    """
    if len(photos) < 2:
        raise BadValue(f"a burst has two or more photos, got {len(photos)}; use unblur restore")
    if not 0 <= strength <= 1:
        raise BadValue(f"strength must be between 0 and 1, got {strength}")
    owner = session or default_session(Runtime.of_process(threads))
    if model not in (None, PHOTO):
        raise UnknownModel(f"bursts are restored by the model '{PHOTO}', got '{model}'")
    memory = load_frame_model(PHOTO, session=owner, over_time=False)
    read = [p if isinstance(p, Photo) else read_photo(p, max_pixels=MAX_PIXELS) for p in photos]
    burst = [photo.with_tone(tone) for photo in read]
    frames = [_as_srgb(photo) for photo in burst]
    _check(frames, chosen)
    sharpness = tuple(sharpness_of(frame) for frame in frames)
    number = int(np.argmax(sharpness)) if chosen is None else chosen
    nearest = sorted((i for i in range(len(frames)) if i != number), key=lambda i: abs(i - number))
    helpers = nearest[:MOST_HELPERS]
    helped, left_out = [], {}
    for done, i in enumerate(reversed(helpers)):
        placement = place(frames[i], frames[number])
        if placement.likeness < _LIKENESS:
            left_out[i] = round(placement.likeness, 3)
        else:
            memory.step(laid_on(frames[i], placement, frames[number]))
            helped.append(i)
        if progress is not None:
            progress(done + 1, len(helpers) + 1)
    before = frames[number]
    after = memory.step(before)
    if progress is not None:
        progress(len(helpers) + 1, len(helpers) + 1)
    chosen_tone = burst[number].tone.to_dict()
    notes = (*_notes(helped, left_out), *owner.notes())
    report = BurstReport(
        number, sharpness, tuple(helped), left_out, notes, chosen_tone, owner.device
    )
    return _moved(burst[number], before, after, strength), report


def sharpness_of(frame: FloatArray) -> float:
    """Return how much fine detail a photo has, in units of its contrast.

    Differences over 2 px of a slightly smoothed copy, so that noise counts little.
    """
    grey = ndimage.gaussian_filter(frame @ np.array([0.25, 0.5, 0.25], np.float32), 1.0)
    steps = [np.abs(grey[2:] - grey[:-2]).mean(), np.abs(grey[:, 2:] - grey[:, :-2]).mean()]
    return round(float(sum(steps) / (grey.std() + 1e-3)), 5)


def _check(frames: list[FloatArray], chosen: int | None) -> None:
    shapes = {frame.shape[:2] for frame in frames}
    if len(shapes) > 1:
        sizes = ", ".join(f"{w} x {h}" for h, w in sorted(shapes))
        raise ShapeMismatch(f"the photos of a burst must be of one size, got {sizes} px")
    if chosen is not None and not 0 <= chosen < len(frames):
        raise BadValue(f"the photos are numbered 0 to {len(frames) - 1}, got {chosen}")


def _notes(helped: list[int], left_out: dict[int, float]) -> tuple[str, ...]:
    notes = []
    if left_out:
        notes.append(f"{len(left_out)} photo(s) show something else and were left out")
    if not helped:
        notes.append("no neighbour helped: the photo was restored by itself")
    return tuple(notes)


def _as_srgb(photo: Photo) -> FloatArray:
    """Return a photo's light as the network reads it, (H, W, 3) float32, sRGB-encoded."""
    own = as_rgb(photo.srgb())
    curve = photo.tone.curve
    return own if curve == SRGB else linear_to_srgb(np.clip(curve.to_linear(own), 0, 1))


def _moved(photo: Photo, before: FloatArray, after: FloatArray, strength: float) -> Photo:
    """Return the photo with a share of what sets two sRGB frames apart, in its own encoding.

    The difference is added to the photo's very samples, as ``unblur.restore`` does: light above
    sRGB's white stays.
    """
    change = _in(photo.tone.curve, after) - _in(photo.tone.curve, before)
    if photo.channels == 1:
        change = change.mean(axis=2, keepdims=True)
    mixed = photo.srgb() + np.float32(strength) * change
    return photo.with_samples(quantise(np.clip(mixed, 0, 1), photo.samples.dtype))


def _in(curve: ToneCurve, srgb: FloatArray) -> FloatArray:
    return srgb if curve == SRGB else curve.to_encoded(srgb_to_linear(np.clip(srgb, 0, 1)))
