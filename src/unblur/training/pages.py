"""Pages of text for training: photos of documents, labels and plates are rare among free photos.

Lines of invented words in the font that Pillow brings, of many sizes and weights, dark on light
and light on dark, some slanted, stretched, tilted or ruled. Nothing on them can be read: a network
is to learn the shapes of strokes, not a language.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unblur.color import FloatArray

_LETTERS = "eeeeeeetttttaaaaooooiiiinnnnssshhhrrrdddlllcccuummwwffggyyppbbvkxjqz"
"""Letters about as often as in European languages."""

_MARKS = ".,;:!?-()"

_FINER = 2
"""Times larger that a page is drawn, to be shrunk: strokes are smooth."""

_SIZES_PX = (9.0, 36.0)
"""Of the letters."""


def draw_page(height: int, width: int, rng: np.random.Generator) -> FloatArray:
    """Return a piece of a page.

    Args:
        height, width: in px.
        rng: source of all randomness.

    Returns:
        (height, width, 3) float32 in [0, 1], sRGB.
    """
    tall, wide = height * _FINER, width * _FINER
    ink = _placed(_drawn_ink(tall, wide, rng), rng).resize((width, height), Image.Resampling.BOX)
    share = np.asarray(ink, np.float32)[..., None] / 255
    dark_on_light = rng.random() < 0.8
    paper = rng.uniform(0.7, 1.0) if dark_on_light else rng.uniform(0.05, 0.5)
    stroke = rng.uniform(0, 0.3) if dark_on_light else rng.uniform(0.7, 1.0)
    tint = 1 - rng.uniform(0, 0.12, 3) * (rng.random() < 0.4)
    lit = np.linspace(1, 1 - rng.uniform(0, 0.2), height)[:, None, None]
    page = (paper * tint * (1 - share) + stroke * share) * lit
    return np.clip(page, 0, 1).astype(np.float32)


def _drawn_ink(height: int, width: int, rng: np.random.Generator) -> Image.Image:
    """Return lines of words and rules, 255 where there is ink."""
    size = float(np.exp(rng.uniform(*np.log(_SIZES_PX)))) * _FINER
    font = ImageFont.load_default(size)
    bold = int(rng.random() < 0.3) * max(1, round(size / 24))
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    left, right = int(rng.uniform(-40, 60)), int(width * rng.uniform(0.7, 1.2))
    spacing, y = size * rng.uniform(1.1, 1.8), rng.uniform(-size, size)
    while y < height:
        x = left + (2 * size if rng.random() < 0.15 else 0.0)
        while x < right and rng.random() > 0.02:
            word = _word(rng) + " "
            draw.text((x, y), word, fill=255, font=font, stroke_width=bold)
            x += draw.textlength(word, font=font)
        y += spacing * (2 if rng.random() < 0.12 else 1)
    for _ in range(int(rng.integers(0, 4))):
        at, thick = int(rng.integers(max(height, width))), int(rng.integers(1, 3 * _FINER))
        level = rng.random() < 0.5
        draw.rectangle((0, at, width, at + thick) if level else (at, 0, at + thick, height), 255)
    return image


def _placed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return an image slanted, stretched and tilted a little, about half of the time."""
    if rng.random() < 0.5:
        return image
    slant, stretch = rng.uniform(-0.25, 0.25), rng.uniform(0.8, 1.25)
    tilt = np.deg2rad(rng.uniform(-5, 5))
    cos, sin = float(np.cos(tilt)), float(np.sin(tilt))
    matrix = (stretch * cos, slant - sin, 0.0, sin, cos, 0.0)
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BICUBIC
    )


def _word(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.1:
        return str(int(rng.integers(10 ** int(rng.integers(1, 7)))))
    letters = rng.integers(len(_LETTERS), size=int(np.clip(rng.poisson(4.5), 1, 12)))
    word = "".join(_LETTERS[int(i)] for i in letters)
    if kind < 0.2:
        word = word.upper()
    elif kind < 0.32:
        word = word.capitalize()
    return word + (_MARKS[int(rng.integers(len(_MARKS)))] if rng.random() < 0.1 else "")
