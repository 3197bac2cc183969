"""Everything as one HTML file: light and dark, no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.inspection import layering
from unblur.inspection.facts import Inspection, photo_psf
from unblur.inspection.sheet import Panel, headline, map_panels, photo_panels, window_panels

_STYLE = """
:root{color-scheme:light dark;--ink:#14181f;--soft:#5b6573;--paper:#fbfbfa;--card:#fff;
--rule:#e2e4e8;--warm:#b4530a}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#8c94a0;--paper:#0e1117;--card:#161b23;
--rule:#262d38;--warm:#f6b25a}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:76rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem;font-weight:650}
h2{font-size:1.1rem;margin:2.5rem 0 .25rem}
p{margin:.25rem 0 1rem;color:var(--soft);max-width:48rem}
figure{margin:0}figcaption{font-size:.85rem;margin-top:.35rem;overflow-wrap:anywhere}
figcaption small{display:block;color:var(--soft)}
img{display:block;width:100%;height:auto;border-radius:6px;background:#0e1117}
.few{image-rendering:pixelated}
.photo{position:relative;line-height:0}
.photo svg{position:absolute;inset:0;width:100%;height:100%}
.photo rect{fill:transparent;stroke:transparent;stroke-width:2;vector-effect:non-scaling-stroke}
.photo g:hover rect,.photo g:focus rect{stroke:#fff;fill:#fff2;outline:0}
.photo g text{visibility:hidden;fill:#fff;paint-order:stroke;stroke:#000c;stroke-width:.25em}
.photo g:hover text,.photo g:focus text{visibility:visible}
.photo .shown rect{stroke:#fff8;stroke-dasharray:6 5}
.layers{display:grid;gap:1rem 1.5rem;margin-top:1rem;align-items:start}
@media(min-width:50rem){.layers{grid-template-columns:3fr 2fr}}
.stack{position:relative;line-height:0}.stack img+img{position:absolute;inset:0;background:none}
.layers ul{list-style:none;margin:0;padding:0;display:grid;gap:.5rem}
.layers label{display:grid;grid-template-columns:auto 1rem 3.5rem 1fr;gap:.6rem;align-items:center;
cursor:pointer}.layers i{width:1rem;height:1rem;border-radius:3px}
.layers label img{width:3.5rem;grid-column:3}.layers label span{grid-column:4}
.layers small{display:block;color:var(--soft)}
.grid{display:grid;gap:1rem;margin-top:1rem}
.four{grid-template-columns:repeat(auto-fit,minmax(14rem,1fr))}
.many{grid-template-columns:repeat(auto-fill,minmax(6.3rem,1fr))}
.maps{grid-template-columns:repeat(auto-fill,minmax(10rem,1fr))}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid var(--rule)}
th{color:var(--soft);font-weight:500}
code{font:.9em ui-monospace,monospace;color:var(--warm)}
"""

_COLUMNS = (
    ("x", "x, px", ".0f"),
    ("y", "y, px", ".0f"),
    ("length_px", "length, px", ".1f"),
    ("angle_deg", "angle, °", ".0f"),
    ("confidence", "confidence", ".2f"),
    ("blur_probability", "motion blur", ".2f"),
    ("trust", "trust", ".2f"),
)


def page(seen: Inspection) -> bytes:
    """Return the page, UTF-8."""
    photo, window, maps = photo_panels(seen), window_panels(seen), map_panels(seen)
    headed, details = headline(seen)
    title = escape(f"{seen.name}: {headed}" if seen.name else headed)
    shown = seen.window
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">",
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1><p>{escape(details)}</p>",
        _kernels(seen, photo[0]),
        _layers(seen),
        f'<div class="grid four">{"".join(_figure(panel) for panel in photo[1:])}</div>',
        f"<h2>The window at {shown.x:.0f}, {shown.y:.0f}</h2>",
        "<p>Its kernel; the picture and its Fourier transform; what a high-pass filter leaves, and "
        "the mean of that in each cell. Another window: <code>--window X,Y</code>.</p>",
        f'<div class="grid many">{"".join(_figure(panel) for panel in window)}</div>',
        "<h2>What the network reads</h2>",
        "<p>Kernel-space maps: in all of them no displacement is in the middle, and the motion "
        "shows as a stroke through it. Gold above zero, blue below.</p>",
        f'<div class="grid maps">{"".join(_figure(panel) for panel in maps)}</div>',
        "<h2>All windows</h2>",
        _table(seen),
        "</body></html>",
    ]
    return "\n".join(parts).encode()


def _kernels(seen: Inspection, panel: Panel) -> str:
    """Return the photo with its kernels; a window tells its numbers when pointed at."""
    height, width = seen.field.shape
    text = max(height, width) / 55
    marks = []
    for y, row in zip(seen.field.centres_y, seen.field.windows, strict=True):
        for x, estimate in zip(seen.field.centres_x, row, strict=True):
            psf = photo_psf(seen.field, estimate)
            length = psf.length_px()
            headed = f"{length:.1f} px at {psf.angle_deg():.0f}°" if length else "no motion"
            sure = f"confidence {estimate.confidence:.2f}"
            half = min(height, width) / 12
            chosen = ' class="shown"' if (y, x) == (seen.window.y, seen.window.x) else ""
            marks.append(
                f'<g tabindex="0"{chosen}><rect x="{x - half:.0f}" y="{y - half:.0f}" '
                f'width="{2 * half:.0f}" height="{2 * half:.0f}" rx="6"/>'
                f'<text x="{x:.0f}" y="{y + half + 1.2 * text:.0f}" text-anchor="middle" '
                f'font-size="{text:.0f}">{headed}</text>'
                f"<title>{headed}, {sure}</title></g>"
            )
    return (
        f'<figure><div class="photo"><img alt="{escape(panel.title)}" src="{_data(panel.picture)}">'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none">{"".join(marks)}</svg>'
        f"</div><figcaption>{escape(panel.title)}<small>{escape(panel.note)}; point at one for its "
        "numbers</small></figcaption></figure>"
    )


def _layers(seen: Inspection) -> str:
    """Return the photo with its layers; each is switched by a box, without any script."""
    pictures, rows, rules = [_image(layering.ground(seen), "The photo, grey")], [], []
    for number, layer in enumerate(seen.layers.layers):
        name, path = layering.NAMES[layer.kind], layering.path_picture(layer)
        colour = f"rgb{layering.colour_of(seen.layers, number)}"
        pictures.append(_image(layering.cover(seen, number), name, f"layer{number}"))
        drawn = "" if path is None else _image(path, f"Path: {name}")
        rows.append(
            f'<li><label><input type="checkbox" id="layer{number}" checked>'
            f'<i style="background:{colour}"></i>{drawn}'
            f"<span>{escape(name)}<small>{escape(layering.told(layer))}</small></span></label></li>"
        )
        rules.append(f".layers:has(#layer{number}:not(:checked)) .layer{number}{{display:none}}")
    return (
        "<h2>What moved how</h2><p>Switch each layer on and off. White strokes are the paths, "
        "enlarged. What moved by itself is restored where it is asked for: <code>--subject</code>, "
        f"<code>--only objects</code>.</p><style>{''.join(rules)}</style>"
        f'<div class="layers"><div class="stack">{"".join(pictures)}</div>'
        f"<ul>{''.join(rows)}</ul></div>"
    )


def _image(picture: NDArray[np.uint8], alt: str, name: str = "") -> str:
    named = f' class="{name}"' if name else ""
    return f'<img{named} alt="{escape(alt)}" src="{_data(picture)}">'


def _figure(panel: Panel) -> str:
    few = ' class="few"' if min(panel.picture.shape[:2]) < 200 else ""
    note = f"<small>{escape(panel.note)}</small>" if panel.note else ""
    return (
        f'<figure><img{few} alt="{escape(panel.title)}" src="{_data(panel.picture)}">'
        f"<figcaption>{escape(panel.title)}{note}</figcaption></figure>"
    )


def _table(seen: Inspection) -> str:
    head = "".join(f"<th>{title}</th>" for _, title, _ in _COLUMNS)
    rows: Sequence[dict[str, float]] = seen.to_dict()["windows"]
    body = "".join(
        "<tr>" + "".join(f"<td>{row[key]:{form}}</td>" for key, _, form in _COLUMNS) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _data(picture: NDArray[np.uint8]) -> str:
    """Return a picture as a data address: JPEG where it is a large photo, else PNG."""
    large = picture.shape[0] * picture.shape[1] > 300_000 and picture.shape[2] == 3
    with io.BytesIO() as stream:
        if large:
            Image.fromarray(picture).save(stream, "JPEG", quality=88)
        else:
            Image.fromarray(picture).save(stream, "PNG", optimize=True)
        kind = "jpeg" if large else "png"
        return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
