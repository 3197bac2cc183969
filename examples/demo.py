"""Restore the shipped example photos and show before and after, side by side.

Run: ``make demo``, or ``python examples/demo.py [OUTPUT_FOLDER]``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

import unblur
from unblur.psnr import psnr_db

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Restore every photo of ``photos/``; write results and pictures into the output folder."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "demo-out"
    out.mkdir(parents=True, exist_ok=True)
    print(f"{'photo':<20}{'what was found':<38}{'PSNR before -> after':>24}{'seconds':>9}")
    for path in sorted((HERE / "photos").glob("*.jpg")):
        begun = time.perf_counter()
        restored = unblur.restore(path)
        seconds = time.perf_counter() - begun
        unblur.write_photo(restored.photo, out / path.name, overwrite=True)
        blurry = unblur.read_photo(path).samples
        (source,) = (HERE / "sharp").glob(f"{path.stem.split('-')[0]}.*")
        sharp = unblur.read_photo(source).samples
        scores = [psnr_db(image, sharp, data_range=255) for image in (blurry, restored.samples)]
        side_by_side(blurry, restored.samples, out / f"{path.stem}.before-after.png")
        gain = f"{scores[0]:.2f} -> {scores[1]:.2f} dB"
        print(f"{path.stem:<20}{found(restored):<38}{gain:>24}{seconds:>9.1f}")
    overview(out)
    print(f"\nResults: {out}\nBefore and after, at a glance: {out / 'before-after.jpg'}")


def found(restored: unblur.Restored) -> str:
    """Return in a few words what the photo suffered from."""
    if not restored.report.changed or restored.motion is None:
        return "already sharp, left as it is"
    kind = "the same everywhere" if restored.motion.uniform else "varying over the photo"
    return f"motion of {restored.motion.length_px:.0f} px, {kind}"


def overview(out: Path) -> None:
    """Put the pairs of three photos into one picture."""
    rows = []
    for name in ("page-panned", "rocks-shaken", "colosseum-shaken"):
        with Image.open(out / f"{name}.before-after.png") as image:
            width = 1200
            scaled = image.resize((width, round(image.height * width / image.width)))
            middle = (scaled.height - min(scaled.height, 440)) // 2
            rows.append(np.asarray(scaled)[middle : middle + 440])
    Image.fromarray(np.concatenate(rows)).save(out / "before-after.jpg", quality=88)


def side_by_side(before: np.ndarray, after: np.ndarray, target: Path) -> None:
    """Write two pictures with a white line between them."""
    line = np.full((before.shape[0], 6, 3), 255, np.uint8)
    Image.fromarray(np.concatenate([before, line, after], axis=1)).save(target)


if __name__ == "__main__":
    main()
