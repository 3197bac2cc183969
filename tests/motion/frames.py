"""Photos of made-up scenes, moved by the camera, and what is pasted around and onto them."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from unblur.blur.formation import apply_psf
from unblur.blur.layered import cells
from unblur.blur.psf import Psf
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.motion.motion_map import MotionMap

HOOK = Psf.from_points(
    [(x, abs(x) / 2) for x in np.linspace(-9, 3, 60)] + [(3, y) for y in np.linspace(1.5, 8, 40)]
).centred()
WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (150, 30, 40)


def scene(shape=(200, 260), seed=0):
    """(H, W, 3) sRGB in [0, 1]: shapes of many sizes and colours, sharp."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", shape[::-1], (120, 130, 110))
    draw = ImageDraw.Draw(picture)
    for _ in range(90):
        x, y = rng.integers(-20, shape[1]), rng.integers(-20, shape[0])
        w, h = rng.integers(4, 60, 2)
        colour = tuple(int(c) for c in rng.integers(20, 235, 3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)((x, y, x + w, y + h), fill=colour)
    return np.asarray(picture, np.float32) / 255


def moved(srgb, psf=HOOK, noise=0.004, seed=1):
    """A photo of a scene: moved, noisy, 8 bits."""
    light = apply_psf(srgb_to_linear(np.asarray(srgb, np.float32)), psf)
    light = light + np.random.default_rng(seed).normal(0, noise, light.shape)
    return np.round(255 * linear_to_srgb(np.clip(light, 0, 1).astype(np.float32))).astype(np.uint8)


def map_of(moved, length_px, angle_deg):
    """A map of a photo of which a mask, (H, W), moved along a line."""
    share = cells(moved.astype(np.float32), 8)
    turned = 2 * np.deg2rad(angle_deg)
    direction = np.ones((2, *share.shape), np.float32)
    direction *= np.array([np.cos(turned), np.sin(turned)], np.float32)[:, None, None]
    flat = np.ones_like(share)
    return MotionMap(8, share, length_px * flat, 0.2 * flat, direction)


def framed(photo, colour, width=24):
    """A photo with a plain frame; ``width`` may be (top, bottom, left, right)."""
    top, bottom, left, right = (width,) * 4 if isinstance(width, int) else width
    height, breadth = photo.shape[:2]
    out = np.empty((height + top + bottom, breadth + left + right, photo.shape[2]), np.uint8)
    out[:] = colour if photo.shape[2] == 3 else colour[0]
    out[top : top + height, left : left + breadth] = photo
    return out


def written(samples, lines, colour, size=16):
    """Samples with lines of text, each ((x, y), text), as a program draws them."""
    picture = Image.fromarray(samples)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for place, text in lines:
        draw.text(place, text, fill=colour, font=font)
    return np.asarray(picture)


def rounded(samples, box, colour, radius=20):
    """Samples with the corners of a box in a colour."""
    y0, x0, y1, x1 = box
    inside = Image.new("L", samples.shape[1::-1], 0)
    draw = ImageDraw.Draw(inside)
    draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), radius, fill=255)
    draw.rectangle((0, 0, samples.shape[1], y0 - 1), fill=255)
    out = samples.copy()
    corner = np.asarray(inside) == 0
    corner[:y0] = corner[y1:] = corner[:, :x0] = corner[:, x1:] = False
    out[corner] = colour
    return out


def page(shape=(300, 400)):
    """(H, W, 3) sRGB in [0, 1]: black text on white paper with margins."""
    paper = np.full((*shape, 3), 255, np.uint8)
    text = "The quick brown fox jumps over the lazy dog, 1234567890."
    lines = [((30, y), text) for y in range(30, shape[0] - 40, 20)]
    return written(paper, lines, BLACK, 13).astype(np.float32) / 255


def white_sky(shape=(240, 320)):
    """(H, W, 3) sRGB in [0, 1]: white from the upper border down to roofs and trees."""
    picture = scene(shape)
    roofs = ndimage.gaussian_filter1d(np.random.default_rng(3).normal(0, 200, shape[1]), 8)
    picture[np.arange(shape[0])[:, None] < (90 + roofs)[None, :]] = 1
    return picture


def level_roof(shape=(240, 320)):
    """(H, W, 3) sRGB in [0, 1]: white sky above one level edge, the whole width."""
    picture = scene(shape)
    picture[:80] = 1
    return picture


def night(shape=(240, 320)):
    """(H, W, 3) sRGB in [0, 1]: black but for some lamps and a lit window."""
    picture = np.zeros((*shape, 3), np.float32)
    rng = np.random.default_rng(4)
    for _ in range(12):
        y, x = rng.integers(40, shape[0] - 40), rng.integers(40, shape[1] - 40)
        picture[y : y + 2, x : x + 2] = 1
    picture[100:140, 120:180] = scene((40, 60))
    return picture


def vignetted(shape=(240, 320)):
    """(H, W, 3) sRGB in [0, 1]: dark towards the corners."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return scene(shape) * np.clip(1.1 - 0.7 * (x * x + y * y), 0, 1)[..., None].astype(np.float32)


def jpeg(samples, quality=80):
    """Samples as a JPEG file gives them back."""
    from io import BytesIO

    with BytesIO() as stream:
        Image.fromarray(samples).save(stream, "JPEG", quality=quality)
        return np.asarray(Image.open(stream).convert("RGB"))
