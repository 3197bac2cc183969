"""Draw how far the blur detector's probabilities can be believed, and one of its heat maps.

``python benchmarks/detectors.py ... --json detectors.json``, then
``python docs/make_detect_pictures.py detectors.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
SIDE, LEFT, TOP, BELOW, BARS = 300, 56, 16, 44, 80
INK, GREY, BLUE, PALE = (30, 30, 30), (200, 200, 200), (25, 105, 200), (170, 200, 235)
FONT_PX = 13
SCALE = 2
"""Drawn at this size and shrunk, for smooth lines."""


def reliability_picture(ours: dict[str, Any], target: Path) -> None:
    """Said probability against how often it was so, with the share of photos of each bin below.

    Args:
        ours: of the benchmark's JSON file; its ``reliability`` holds rows of ``said``, ``was``,
            ``share`` and ``photos``.
        target: the PNG file.
    """
    width, height = LEFT + SIDE + 24, TOP + SIDE + 28 + BARS + BELOW
    sheet = Image.new("RGB", (SCALE * width, SCALE * height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=SCALE * FONT_PX)

    def at(x: float, y: float) -> tuple[float, float]:
        return SCALE * (LEFT + SIDE * x), SCALE * (TOP + SIDE * (1 - y))

    def text(place: tuple[float, float], words: str, anchor: str = "mm") -> None:
        draw.text(place, words, fill=INK, font=font, anchor=anchor)

    for tick in (0, 0.25, 0.5, 0.75, 1):
        draw.line((*at(tick, 0), *at(tick, 1)), fill=GREY, width=1)
        draw.line((*at(0, tick), *at(1, tick)), fill=GREY, width=1)
        x, y = at(0, tick)
        text((x - SCALE * 6, y), f"{100 * tick:.0f} %", "rm")
        x, y = at(tick, 0)
        text((x, y + SCALE * 12), f"{100 * tick:.0f} %")
    draw.line((*at(0, 0), *at(1, 1)), fill=INK, width=SCALE)
    floor = SCALE * (TOP + SIDE + 28 + BARS)
    most = max(row["share"] for row in ours["reliability"])
    for row in ours["reliability"]:
        # Bars of ten bins; the points sit where the bin's mean is.
        first = min(int(row["said"] * 10), 9) / 10
        low, _ = at(first + 0.006, 0)
        high, _ = at(first + 0.094, 0)
        draw.rectangle((low, floor - SCALE * BARS * row["share"] / most, high, floor), fill=PALE)
        text(((low + high) / 2, floor + SCALE * 10), f"{row['photos']:.0f}")
        x, y = at(row["said"], row["was"])
        spread = 1.96 * (row["was"] * (1 - row["was"]) / row["photos"]) ** 0.5
        ends = (at(0, max(0, row["was"] - spread))[1], at(0, min(1, row["was"] + spread))[1])
        draw.line((x, ends[0], x, ends[1]), fill=BLUE, width=SCALE)
        radius = SCALE * 4
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=BLUE)
    text(at(0.97, 0.05), f"calibration error {ours['calibration_error']:.3f}", "rm")
    text((at(0.45, 0)[0], floor + SCALE * 30), "across: said blurred; up: was; bars: photos")
    target.parent.mkdir(exist_ok=True)
    small = sheet.resize((width, height), Image.Resampling.LANCZOS)
    small.save(target, optimize=True)


def map_picture(target: Path) -> None:
    """A photo whose left half is moved, beside its heat map."""
    import numpy as np

    import unblur
    from unblur.blur import Psf, apply_psf
    from unblur.color import linear_to_srgb, luma, srgb_to_linear, to_float
    from unblur.detection.heatmap import heat_map

    with Image.open(HERE.parent / "examples" / "sharp" / "colosseum.jpg") as image:
        linear = srgb_to_linear(to_float(np.asarray(image.convert("RGB"))))
    middle = linear.shape[1] // 2
    moved = apply_psf(linear, Psf.from_line(16, 20))
    mixed = np.concatenate([moved[:, :middle], linear[:, middle:]], axis=1)
    shown = np.clip(linear_to_srgb(mixed) * 255 + 0.5, 0, 255).astype(np.uint8)
    found = unblur.detect(shown, full=True, everywhere=True)
    seen = heat_map(found, luma(mixed))
    both = Image.new("RGB", (2 * shown.shape[1] + 8, seen.shape[0]), "white")
    both.paste(Image.fromarray(shown), (0, 0))
    both.paste(Image.fromarray(seen), (shown.shape[1] + 8, 0))
    both.thumbnail((1000, 1000), Image.Resampling.LANCZOS)
    both.save(target, quality=82, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give the JSON file of benchmarks/detectors.py")
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    reliability_picture(told["ours"], HERE / "pictures" / "reliability.png")
    map_picture(HERE / "pictures" / "blur-map.jpg")
