"""What clients ask for, checked: a job's options, a result's form."""

from __future__ import annotations

import math
from typing import Any, cast, get_args

from starlette.datastructures import QueryParams

from unblur.errors import BadValue, UnknownModel, nearest
from unblur.io.formats import SUFFIXES
from unblur.pipeline.only import Only, Point, check_only
from unblur.tone import parse_tone
from unblur.web.hub import Hub
from unblur.web.jobs import Job
from unblur.web.orders import Order, Task, Wanted
from unblur.zoo.catalogue import model_names

_JOB_FIELDS = ("upload", "task", "model", "region", "mask", "psf", "only", "at", "tone", "strength")
_PSF_BYTES = 1_000_000
_MASK_BYTES = 10_000_000
_TONE_LETTERS = 24


def job_of(asked: dict[str, Any], hub: Hub, session: str, address: str) -> Job:
    """Return the job that a request describes; it is not in the queue yet.

    Raises:
        BadValue, UnknownModel, NotFound: what is wrong with it.
    """
    for key in asked:
        if key not in _JOB_FIELDS:
            raise BadValue(f"unknown field '{key}'; {nearest(str(key), _JOB_FIELDS)}")
    upload = hub.store.upload(_text(asked, "upload", ""), session)
    limits = hub.settings.limits
    task = _task(asked)
    if task != "restore" and upload.clip:
        raise BadValue("clips are restored only; a photo is needed to tell its blur")
    model = _text(asked, "model", model_names()[0])
    if model not in model_names():  # never a path
        raise UnknownModel(f"there is no model '{model[:40]}'; {nearest(model, model_names())}")
    files = {}
    for key, most in (("mask", _MASK_BYTES), ("psf", _PSF_BYTES)):
        if asked.get(key) is not None:
            part = hub.store.upload(_text(asked, key, ""), session)
            if part.size > most:
                raise BadValue(f"the {key} has {part.size} bytes, {most} are allowed")
            files[key] = part.path
    only, at = _only(asked)
    order = Order(
        task=task,
        folder=hub.store.root,
        source=upload.path,
        clip=upload.clip,
        model=model,
        region=_region(asked.get("region")),
        mask=files.get("mask"),
        psf=files.get("psf"),
        only=only,
        at=at,
        tone=_tone(asked),
        strength=_strength(asked.get("strength", 1.0)),
        pixels=limits.pixels,
        clip_seconds=limits.clip_seconds,
        runtime=hub.settings.runtime,
    )
    return Job(session, upload.id, upload.name, order, address)


def wanted_of(job: Job, hub: Hub, query: QueryParams, strength: str | None = None) -> Wanted:
    """Return what a client wants of a job that is done.

    Raises:
        BadValue: the job is not done, or an option is wrong.
        NotFound: the upload is gone.
    """
    if job.state != "done" or job.result is None or job.order.task != "restore":
        raise BadValue(f"there is no result: the job is {job.state}")
    suffix = query.get("format", "")
    if suffix:
        suffix = "." + suffix.lstrip(".").lower()
        if suffix not in SUFFIXES:
            raise BadValue(f"unknown format '{suffix[:12]}'; {nearest(suffix, SUFFIXES)}")
    upload = hub.store.upload(job.upload, job.session)
    return Wanted(
        name=upload.name,
        source=upload.path,
        folder=job.order.folder,
        changed=bool(job.result["changed"]),
        clip=job.order.clip,
        strength=_strength(strength if strength is not None else query.get("strength", "1")),
        suffix=suffix,
        strip_location=query.get("location", "keep") == "strip",
    )


def _text(asked: dict[str, Any], key: str, default: str) -> str:
    value = asked.get(key, default)
    if value is None:
        return default
    if not isinstance(value, str):
        raise BadValue(f"'{key}' must be text")
    return value


def _task(asked: dict[str, Any]) -> Task:
    task = _text(asked, "task", "restore")
    for known in get_args(Task):
        if task == known:
            return cast(Task, known)
    raise BadValue(f"the task must be one of {', '.join(get_args(Task))}, got '{task[:40]}'")


def _only(asked: dict[str, Any]) -> tuple[Only | None, Point | None]:
    only = None if asked.get("only") is None else _text(asked, "only", "")[:40]
    at = asked.get("at")
    if at is not None:
        if not isinstance(at, list) or len(at) != 2 or not all(map(_is_whole, at)):
            raise BadValue("a place is two whole numbers: [x, y] in px")
        at = (at[0], at[1])
    masked = any(asked.get(key) is not None for key in ("region", "mask"))
    check_only(only, at=at, given=asked.get("psf") is not None, masked=masked, gate=True)
    return cast("Only | None", only), at


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000


def _tone(asked: dict[str, Any]) -> str:
    tone = _text(asked, "tone", "auto")
    if len(tone) > _TONE_LETTERS:
        raise BadValue("'tone' must name a curve: auto, profile, srgb, linear or gamma:2.2")
    parse_tone(tone)
    return tone


def _strength(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise BadValue("strength must be a number between 0 and 1")
    return number


def _region(value: Any) -> tuple[int, int, int, int] | None:
    if value is None:
        return None
    good = isinstance(value, list) and len(value) == 4
    if not good or not all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        raise BadValue("a region is four whole numbers: [x, y, width, height] in px")
    x, y, width, height = value
    if min(x, y) < 0 or min(width, height) < 1 or max(value) > 1_000_000:
        raise BadValue("a region's x and y must be >= 0, its width and height >= 1")
    return x, y, width, height
