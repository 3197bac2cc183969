"""Chapter 8: frames help each other, and speak against each other's mistakes."""

from __future__ import annotations

import numpy as np
from common import arguments, as_grey, psnr, say, sharp_light, sheet, shown
from scipy import ndimage

import unblur
from unblur.blur import Psf, apply_psf
from unblur.color import FloatArray, linear_to_srgb, srgb_to_linear
from unblur.video.alignment import BLOCK_PX, block_shifts, cells_of
from unblur.video.evidence import laid_on_frame, share_moved, share_shown
from unblur.video.models import load_frame_model
from unblur.video.steady import padded_planes

SIDE, NOISE = 256, 0.004
WAY = ((0, 0), (5, 8), (9, 17))
"""Where the middle of each exposure lies, px (down, right)."""


def main() -> None:
    """Print what neighbours confirm of corrections, and what a memory is worth."""
    out = arguments().folder
    frames, truths = clip()
    greys = [as_grey(frame) for frame in frames]
    samples = [linear_to_srgb(frame) for frame in frames]

    # What undoing the blur adds to the middle frame: the truth, and a pattern that is not there.
    seen, right = linear_to_srgb(greys[1]), linear_to_srgb(as_grey(truths[1]))
    rng = np.random.default_rng(5)
    pattern = ndimage.gaussian_filter(rng.standard_normal(seen.shape).astype(np.float32), 1.0)
    wrong = seen + pattern * np.float32((right - seen).std() / pattern.std())
    cells = [cells_of(padded_planes(x)) for x in samples]
    beside = []
    for other in (0, 2):
        restored = linear_to_srgb(as_grey(truths[other]))
        shifts = block_shifts(cells[other], cells[1])
        beside.append(laid_on_frame(linear_to_srgb(greys[other]), restored, shifts, seen))
    ways = np.median(beside[0].offsets, axis=(0, 1))
    say(
        "way to the frame before, median of the blocks, px down and right",
        float(ways[0]),
        float(ways[1]),
        about=True,
    )
    for name, changed in (("right", right), ("wrong", wrong)):
        share = float(share_shown(seen, changed, beside).mean())
        say(f"share of a {name} correction that the neighbours confirm", share, about=True)
    for length in (10.0, 40.0):
        share = float(share_moved(length, beside, seen.shape).mean())
        say(f"share of a blur of {length:g} px that the way between frames allows", share)
    say("side of the blocks in px", float(BLOCK_PX))

    session = unblur.Session()
    for name in ("photo", "frame"):
        model = load_frame_model(name, session=session)
        analyses = [model.analyse(frame) for frame in samples]
        results = []
        for i, frame in enumerate(samples):
            following = analyses[i + 1] if i + 1 < len(analyses) else None
            results.append(model.step(frame, analyses[i], following))
        figures = [psnr(srgb_to_linear(r), t) for r, t in zip(results, truths, strict=True)]
        say(f"model {name}: PSNR of the three frames", *figures, about=True)
        if name == "photo":
            last = results[-1]
    say(
        "blurry: PSNR of the three frames",
        *(psnr(f, t) for f, t in zip(frames, truths, strict=True)),
    )
    sheet(
        [
            [(f"frame {i + 1}", shown(frame)) for i, frame in enumerate(frames)],
            [
                (
                    "right correction: confirmed",
                    shown(share_shown(seen, right, beside), light=False),
                ),
                (
                    "wrong correction: confirmed",
                    shown(share_shown(seen, wrong, beside), light=False),
                ),
                ("frame 3 restored", shown(last, light=False)),
            ],
        ],
        out / "sequences.jpg",
    )


def clip() -> tuple[list[FloatArray], list[FloatArray]]:
    """Return three blurred frames of a scene that a camera passes over, and the sharp ones."""
    scene = sharp_light("piazza", 360)
    psfs = [Psf.from_line(9, -30), Psf.from_line(12, -20), Psf.from_line(6, -45)]
    rng = np.random.default_rng(2)
    frames, truths = [], []
    for (y, x), psf in zip(WAY, psfs, strict=True):
        rows, columns = slice(40 + y, 40 + y + SIDE), slice(40 + x, 40 + x + SIDE)
        blurry = apply_psf(scene, psf)[rows, columns]
        noisy = blurry + np.float32(NOISE) * rng.standard_normal(blurry.shape, np.float32)
        frames.append(np.clip(noisy, 0, 1))
        truths.append(np.ascontiguousarray(scene[rows, columns]))
    return frames, truths


if __name__ == "__main__":
    main()
