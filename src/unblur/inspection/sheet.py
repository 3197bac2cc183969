"""One picture of everything: the photo and its kernels, the field's maps, one window in full."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unblur.inspection import draw, layering
from unblur.inspection.facts import Explanation, Inspection, mean_angle_deg, photo_psf
from unblur.inspection.palette import FAINT, INK, PAPER, Picture

WIDTH = 1600
_MARGIN, _GAP, _LINE = 28, 14, 22
_MAIN = 1010
_MAP, _PATH = 320, 72
"""Height of the map of what moved how, and side of each path beside it."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One captioned picture.

    Attributes:
        key: short, for machines.
        title: what it shows.
        note: how to read it.
        picture: (h, w, 3) uint8.
    """

    key: str
    title: str
    note: str
    picture: Picture


def photo_panels(seen: Inspection) -> list[Panel]:
    """Return the pictures of the whole photo: kernels first, then what is laid over it."""
    overlay = draw.kernels_over_photo(seen)
    shown = f"{overlay.zoom:.1f} times" if overlay.zoom >= 1.05 or overlay.zoom < 0.95 else "in"
    size = f"drawn {shown} their true size"
    planes = {
        name: np.array([[getattr(w, name) for w in row] for row in seen.field.windows], np.float32)
        for name in ("confidence", "blur_probability")
    }
    planes["trust"] = seen.trust
    titles = {
        "confidence": "Confidence in the kernels",
        "blur_probability": "Probability of motion blur",
        "trust": "What the gate lets through",
    }
    return [
        Panel(
            "kernels",
            "How the camera moved",
            f"kernels {size}; grey: not trusted",
            overlay.picture,
        ),
        Panel(
            "motion",
            "Direction and length",
            "colour: direction, strength: length",
            draw.motion_map(seen),
        ),
        *(
            Panel(
                key,
                titles[key],
                f"dark 0, light 1; here {plane.min():.2f} to {plane.max():.2f}",
                draw.share_map(seen, plane),
            )
            for key, plane in planes.items()
        ),
        *(_explained(one) for one in seen.explanations),
    ]


def _explained(one: Explanation) -> Panel:
    """Return the kernel in one light, where the light had to be chosen."""
    light = {"linear": "linear light", "srgb": "sRGB's light"}.get(one.curve, one.curve)
    gain = "" if one.gain_db is None else f", would gain {one.gain_db:+.1f} dB"
    note = (
        f"{100 * one.probability:.0f} %: {one.psf.length_px():.1f} px at "
        f"{one.psf.angle_deg():.0f}°{gain}"
    )
    return Panel(f"light_{one.curve}", f"In {light}", note, draw.kernel_picture(one.psf))


def window_panels(seen: Inspection) -> list[Panel]:
    """Return the pictures of one window: its kernel, then along the two paths."""
    psf = seen.window.estimate.psf
    notes = {
        "window": "linear light, brightened",
        "spectrum": "log power, zero frequency in the middle",
        "cepstrum": "blue: the kernel's zeros",
    }
    kernel = draw.kernel_picture(psf)
    length = photo_psf(seen.field, seen.window.estimate).length_px()
    note = f"{length:.1f} px at {psf.angle_deg():.0f}°" if length else "a point: no motion"
    return [
        Panel("psf", "kernel", note, kernel),
        *(
            Panel(name.split(",")[0], name, notes.get(name, ""), picture)
            for name, picture in draw.window_pictures(seen.window)
        ),
    ]


def map_panels(seen: Inspection) -> list[Panel]:
    """Return the kernel-space maps that the network reads."""
    return [Panel("map", name, "", picture) for name, picture in draw.map_pictures(seen.window)]


def headline(seen: Inspection) -> tuple[str, str]:
    """Return what is to be said first, and the details."""
    field = seen.field
    if seen.reason:
        headed = seen.reason
    else:
        kind = "the same everywhere" if field.uniform else "different from place to place"
        headed = f"motion of {field.length_px:.1f} px at {mean_angle_deg(field):.0f}°, {kind}"
    rows, columns = len(field.centres_y), len(field.centres_x)
    of_size = f", on the photo at 1/{field.scale} of its size" if field.scale > 1 else ""
    details = (
        f"{seen.photo.width} x {seen.photo.height} px, {rows} x {columns} windows{of_size}; "
        f"probability of motion blur {100 * field.blur_probability:.0f} %"
    )
    return headed, details


def sheet(seen: Inspection) -> bytes:
    """Return everything as one PNG."""
    photo, window, maps = photo_panels(seen), window_panels(seen), map_panels(seen)
    main = _fitted(photo[0].picture, _MAIN, 900)
    left = _MARGIN + main.width + _GAP
    beside = _column(photo[1:], WIDTH - _MARGIN - left, main.height)
    top = _MARGIN + 74
    y = top + main.height + 2 * _LINE + _GAP
    small = (WIDTH - 2 * _MARGIN - (len(window) - 1) * _GAP) // len(window)
    tiny = (WIDTH - 2 * _MARGIN - (len(maps) - 1) * _GAP) // len(maps)
    map_at, y = y, y + 30 + _MAP + _GAP
    height = y + 30 + small + 2 * _LINE + 52 + tiny + _LINE + _MARGIN
    canvas = Image.new("RGB", (WIDTH, height), INK)
    pen = ImageDraw.Draw(canvas)
    headed, details = headline(seen)
    name = f"{seen.name}: " if seen.name else ""
    _write(pen, (_MARGIN, _MARGIN - 4), f"{name}{headed}", 27, PAPER)
    _write(pen, (_MARGIN, _MARGIN + 36), details, 16, FAINT)
    _put(canvas, pen, photo[0], main, (_MARGIN, top))
    _mark(pen, seen, main, (_MARGIN, top))
    for panel, picture, place in beside:
        at = (left + place[0], top + place[1])
        _put(canvas, pen, panel, picture, at)
    _layers(canvas, pen, seen, map_at)
    where = f"The window at {seen.window.x:.0f}, {seen.window.y:.0f}, marked above"
    _write(pen, (_MARGIN, y), where, 18, PAPER)
    _strip(canvas, pen, window, y + 30, small)
    y += 30 + small + 2 * _LINE + 16
    _write(pen, (_MARGIN, y), "What the network reads: kernel-space maps", 18, PAPER)
    _strip(canvas, pen, maps, y + 30, tiny)
    with io.BytesIO() as stream:
        canvas.save(stream, "PNG", optimize=True)
        return stream.getvalue()


def _layers(canvas: Image.Image, pen: ImageDraw.ImageDraw, seen: Inspection, y: int) -> None:
    """Draw what moved how: all layers over the photo, and beside it what is told of each."""
    _write(pen, (_MARGIN, y), "What moved how", 18, PAPER)
    picture = _fitted(layering.all_layers(seen), _MAIN, _MAP)
    canvas.paste(picture, (_MARGIN, y + 30))
    left, each = (
        _MARGIN + picture.width + 2 * _GAP,
        min(_PATH + _GAP, _MAP // len(seen.layers.layers)),
    )
    for number, layer in enumerate(seen.layers.layers):
        top = y + 30 + number * each
        pen.rectangle(
            (left, top, left + 20, top + 20), fill=layering.colour_of(seen.layers, number)
        )
        path = layering.path_picture(layer)
        if path is not None:
            side = each - _GAP // 2
            canvas.paste(Image.fromarray(path).resize((side, side)), (left + 34, top))
        at = left + 34 + _PATH + _GAP
        _write(pen, (at, top), layering.NAMES[layer.kind], 16, PAPER)
        _write(pen, (at, top + 22), layering.told(layer), 14, FAINT)


def _fitted(picture: Picture, width: int, height: int) -> Image.Image:
    """Return a picture as large as fits."""
    image = Image.fromarray(picture)
    share = min(width / image.width, height / image.height)
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    return image.resize(size, Image.Resampling.BICUBIC)


def _column(
    panels: Sequence[Panel], width: int, height: int
) -> list[tuple[Panel, Image.Image, tuple[int, int]]]:
    """Return panels in two columns, as large as fits and no taller than the first, and places."""
    each, rows = (width - _GAP) // 2, -(-len(panels) // 2)
    room = (height - (rows - 1) * (2 * _LINE + _GAP)) // rows
    tall = _fitted(panels[0].picture, each, room).height
    pictures = [_fitted(panel.picture, each, tall) for panel in panels]
    step = pictures[0].height + 2 * _LINE + _GAP
    return [
        (panel, picture, (number % 2 * (each + _GAP), number // 2 * step))
        for number, (panel, picture) in enumerate(zip(panels, pictures, strict=True))
    ]


def _put(
    canvas: Image.Image,
    pen: ImageDraw.ImageDraw,
    panel: Panel,
    picture: Image.Image,
    at: tuple[int, int],
) -> None:
    canvas.paste(picture, at)
    _write(pen, (at[0], at[1] + picture.height + 3), panel.title, 15, PAPER)
    if panel.note:
        _write(pen, (at[0], at[1] + picture.height + 3 + 19), panel.note, 12, FAINT)


def _strip(
    canvas: Image.Image, pen: ImageDraw.ImageDraw, panels: Sequence[Panel], y: int, side: int
) -> None:
    for number, panel in enumerate(panels):
        few = min(panel.picture.shape[:2]) < 40
        kind = Image.Resampling.NEAREST if few else Image.Resampling.BICUBIC
        picture = Image.fromarray(panel.picture).resize((side, side), kind)
        at = (_MARGIN + number * (side + _GAP), y)
        canvas.paste(picture, at)
        _write(pen, (at[0], y + side + 3), panel.title, 12, PAPER)
        if panel.note:
            _write(pen, (at[0], y + side + 19), panel.note[:26], 10, FAINT)


def _mark(
    pen: ImageDraw.ImageDraw, seen: Inspection, picture: Image.Image, at: tuple[int, int]
) -> None:
    """Draw the corners of the window that is shown in full."""
    share = picture.height / seen.photo.height
    y0, x0, y1, x1 = (round(v * share) for v in seen.window.region)
    arm = max(6, round(0.12 * (x1 - x0)))
    for x, towards_x in ((x0, 1), (x1 - 1, -1)):
        for y, towards_y in ((y0, 1), (y1 - 1, -1)):
            corner = (at[0] + x, at[1] + y)
            pen.line((*corner, corner[0] + towards_x * arm, corner[1]), fill=PAPER, width=2)
            pen.line((*corner, corner[0], corner[1] + towards_y * arm), fill=PAPER, width=2)


def _write(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    size: int,
    colour: tuple[int, int, int],
) -> None:
    pen.text(at, text, fill=colour, font=ImageFont.load_default(size=size))
