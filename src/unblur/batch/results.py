"""One file's result: of a photo, or of every page of a TIFF; its bytes, and what is told of it."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unblur.batch.settings import Settings
from unblur.errors import UnsupportedImage
from unblur.io import page_count, read_photo, same_format, write_photo
from unblur.io.encode import PageWriter, format_of, written_format
from unblur.io.fitting import fitted
from unblur.pipeline.facade import Restored
from unblur.pipeline.facade import restore as restore_photo
from unblur.pipeline.settings import DEFAULTS
from unblur.zoo.models import default_session

Facts = dict[str, Any]
Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Source:
    """A photo's file.

    Attributes:
        place: its path, or its bytes.
        read: returns its bytes; called where the result may be the very file.
        name: what messages call it.
    """

    place: Path | bytes
    read: Callable[[], bytes]
    name: str | None = None


def restore_file(
    source: Source, settings: Settings, suffix: str, progress: Progress | None = None
) -> tuple[bytes, Facts]:
    """Restore a photo, or every page of a TIFF, and return the result's file.

    Args:
        source: the photo's file.
        settings: how; ``page`` picks one page.
        suffix: extension of the result, as ".png"; "" for the photo's own format.
        progress: called with the share that is done.

    Returns:
        The bytes (the very file where nothing was changed and nothing else was asked for), and
        what the report tells: summary, the fields of :class:`Report`, tone, and for a file of
        several pages a list of the same for each.

    Raises:
        UnblurError: as :func:`unblur.restore`; also if several pages are to go into a format
            that holds one.
    """
    pages = 1 if settings.page is not None else page_count(source.place)
    if pages == 1:
        restored = _restored(source, settings, settings.page, progress)
        if _is_the_file(restored, settings, suffix):
            return source.read(), _facts(_nothing_lost(restored))
        restored = _for_format(restored, suffix)
        return _encoded(restored, settings, suffix), _facts(restored)
    kind = format_of(suffix) if suffix else "TIFF"
    if kind != "TIFF":
        raise UnsupportedImage(
            f"{source.name or 'the file'} has {pages} pages, {kind} holds one; write .tif, or "
            "take one with --page N"
        )
    return _all_pages(source, settings, pages, progress)


def _all_pages(
    source: Source, settings: Settings, pages: int, progress: Progress | None
) -> tuple[bytes, Facts]:
    """Restore page by page; only the result's file grows in memory."""
    writer, told, as_it_was = PageWriter(), list[Facts](), list[Facts]()
    for number in range(1, pages + 1):
        restored = _restored(source, settings, number, _share_of(progress, number - 1, pages))
        as_it_was.append({"page": number, **_facts(_nothing_lost(restored))})
        restored = _for_format(restored, ".tif")
        writer.add(
            restored.photo,
            strip_location=settings.strip_location,
            strip_metadata=settings.strip_metadata,
        )
        told.append({"page": number, **_facts(restored)})
    changed = [facts for facts in told if facts["changed"]]
    if not changed and not _is_asked(settings):
        return source.read(), _together(as_it_was)
    return writer.to_bytes(), _together(told)


def _share_of(progress: Progress | None, done: int, pages: int) -> Progress | None:
    if progress is None:
        return None
    whole = progress
    return lambda part: whole((done + part) / pages)


def _together(pages: list[Facts]) -> Facts:
    """Return what is told of a file of several pages: the first's facts, and all of them."""
    changed = [facts["page"] for facts in pages if facts["changed"]]
    count = f"{len(changed)} of {len(pages)} pages restored"
    lines = "; ".join(f"page {facts['page']}: {facts['summary']}" for facts in pages)
    seconds = {
        stage: round(sum(facts["seconds"].get(stage, 0.0) for facts in pages), 3)
        for stage in pages[0]["seconds"]
    }
    notes = dict.fromkeys(f"page {f['page']}: {note}" for f in pages for note in f["notes"])
    first = {key: value for key, value in pages[0].items() if key != "page"}
    whole = {
        "summary": f"{count}: {lines}",
        "changed": bool(changed),
        "reason": "" if changed else pages[0]["reason"],
        "seconds": seconds,
        "notes": tuple(notes),
    }
    return first | whole | {"pages": pages}


def _restored(
    source: Source, settings: Settings, page: int | None, progress: Progress | None
) -> Restored:
    limit = int(settings.max_megapixels * 1e6)
    photo = read_photo(source.place, max_pixels=limit, name=source.name, page=page)
    mask = None if settings.mask is None else read_photo(settings.mask).srgb().mean(axis=2)
    return restore_photo(
        photo,
        model=settings.model,
        strength=settings.strength,
        psf=settings.psf,
        region=settings.region,
        mask=mask,
        only=settings.only,
        at=settings.at,
        gate=settings.gate,
        settings=settings.tuned or DEFAULTS,
        tone=settings.tone,
        fast=settings.fast,
        session=default_session(settings.runtime),
        progress=progress and (lambda done, total: progress(done / total)),
    )


def _is_asked(settings: Settings) -> bool:
    """Return whether more than the restoration was asked for, so that no file fits as it is."""
    return settings.strip_location or settings.strip_metadata or settings.quality is not None


def _is_the_file(restored: Restored, settings: Settings, suffix: str) -> bool:
    if restored.report.changed or _is_asked(settings) or settings.page is not None:
        return False
    return same_format(restored.photo, Path(f"result{suffix}") if suffix else None, None)


def _nothing_lost(restored: Restored) -> Restored:
    """Leave out what reading would have cost: the result is the file itself."""
    read = set(restored.photo.notes)
    notes = tuple(note for note in restored.report.notes if note not in read)
    return replace(restored, report=replace(restored.report, notes=notes))


def _for_format(restored: Restored, suffix: str) -> Restored:
    """Fit the photo into the format it is written in; what that costs joins the notes."""
    kind = format_of(suffix) if suffix else written_format(restored.photo)
    photo = fitted(restored.photo, kind)
    known = restored.report.notes
    more = tuple(note for note in photo.notes if note not in known)
    return replace(restored, photo=photo, report=replace(restored.report, notes=(*known, *more)))


def _encoded(restored: Restored, settings: Settings, suffix: str) -> bytes:
    with io.BytesIO() as stream:
        write_photo(
            restored.photo,
            stream,
            format=suffix or None,
            quality=settings.quality,
            strip_location=settings.strip_location,
            strip_metadata=settings.strip_metadata,
        )
        return stream.getvalue()


def _facts(restored: Restored) -> Facts:
    return {"summary": _summary(restored), **dataclasses.asdict(restored.report)}


def _summary(restored: Restored) -> str:
    report, motion = restored.report, restored.motion
    notes = "".join(f"; {note}" for note in report.notes)
    if not report.changed:
        return f"unchanged ({report.reason or 'nothing to improve'}){notes}"
    seconds = sum(report.seconds.values())
    if motion is None:
        return f"restored by {report.model} in {seconds:.1f} s{notes}"
    kind = "uniform" if motion.uniform else "varying"
    return f"blur of {motion.length_px:.0f} px ({kind}) undone in {seconds:.1f} s{notes}"
