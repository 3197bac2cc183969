"""What a known motion is undone to: true PSFs at several levels of noise, and Levin's pictures.

Run: ``python benchmarks/known_motion.py PHOTOS [--windows 8] [--levin DIR] [--model NAME]``. PHOTOS
is a folder of sharp photos with a manifest (its validation photos are used); DIR holds ``blurred``,
``sharp`` and ``kernels`` (``imX_kerY.png``, ``imX.png``, ``kerY.npy``), linear light.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from unblur.blur.camera import CameraRecipe
from unblur.blur.psf import Psf
from unblur.blur.recipe import SynthesisRecipe
from unblur.blur.synthesis import Synthesiser
from unblur.color import linear_to_srgb, luma, quantise, to_float
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.restoration.noise import noise_beside_motion
from unblur.restoration.tv_bank import tv_bank
from unblur.tone import LINEAR, SRGB, ToneCurve
from unblur.training.photos import SharpPhotos
from unblur.zoo.models import Models, Session

NOISES = (0.002, 0.005, 0.01, 0.02, 0.04)
SIDE_PX = 256
CROP_PX = 15
FARTHEST_PX = 5


def main() -> None:
    """Print one row for each level of noise, and one for Levin's pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--levin", type=Path)
    parser.add_argument("--model", default="unblur")
    args = parser.parse_args()
    models = Session(threads=1).models(args.model)
    print("noise    blurry  crisp  restored")
    for noise in NOISES:
        rows = [_synthetic(args.photos, noise, args.seed, i, models) for i in range(args.windows)]
        print(f"{noise:<8g} " + "  ".join(f"{v:6.2f}" for v in np.mean(rows, axis=0)))
    if args.levin:
        rows = [_levin(path, args.levin, models) for path in _pictures(args.levin)]
        print("Levin    " + "  ".join(f"{v:6.2f}" for v in np.mean(rows, axis=0)))


def _synthetic(
    folder: Path, noise: float, seed: int, number: int, models: Models
) -> tuple[float, ...]:
    camera = CameraRecipe(
        sigma_read=(noise, noise), shot=(1e-9, 1e-9), correlated_noise=0, jpeg_share=0
    )
    recipe = SynthesisRecipe(
        length_px=(4, 40), shake=0.8, line=0.2, defocus=0, sharp=0, gyro_share=0, camera=camera
    )
    rng = np.random.default_rng((seed, number))
    photos = SharpPhotos(folder, "val", smallest_px=SIDE_PX + 2 * recipe.reach_px)
    window = photos.window(SIDE_PX + 2 * recipe.reach_px, rng, downscale=1)
    pair = Synthesiser(recipe)(window, rng)
    blurry = quantise(pair.blurry, np.dtype("u1"))
    crisp, restored = _both(blurry, SRGB, pair.psf.centred(), models)
    return tuple(_psnr(p - pair.sharp) for p in (pair.blurry, crisp, restored))


def _levin(path: Path, folder: Path, models: Models) -> tuple[float, ...]:
    picture, kernel = path.stem.split("_")
    sharp = _grey(folder / "sharp" / f"{picture}.png")
    # Their kernels are those of a correlation.
    psf = Psf(np.load(folder / "kernels" / f"{kernel}.npy")[::-1, ::-1].astype(np.float32))
    blurry = quantise(_grey(path), np.dtype("u1"))[..., None]
    crisp, restored = _both(blurry, LINEAR, psf, models)
    crisp = LINEAR.to_encoded(SRGB.to_linear(crisp))
    planes = (to_float(blurry)[..., 0], crisp[..., 0], restored[..., 0])
    return tuple(_best_shift(plane, sharp) for plane in planes)


def _both(
    blurry: np.ndarray, tone: ToneCurve, psf: Psf, models: Models
) -> tuple[np.ndarray, np.ndarray]:
    """Return the crisp solution (sRGB) and the restored samples, float32."""
    picture = Picture(blurry, tone)
    light = np.broadcast_to(picture.light(0, 0, *picture.shape), (*picture.shape, 3))
    noise = noise_beside_motion(luma(light), psf)
    bank = tv_bank(np.ascontiguousarray(light), psf, noise, known=True)
    crisp = linear_to_srgb(np.clip(np.moveaxis(bank[:3], 0, 2), 0, 1))
    result = restore_picture(picture, models, RestoreOptions(psf=psf))
    return crisp, to_float(result.samples)


def _best_shift(plane: np.ndarray, sharp: np.ndarray) -> float:
    """Return the PSNR where both match best: Levin's protocol, quarter pixels."""
    inner = (slice(CROP_PX, -CROP_PX),) * 2

    def score(dy: float, dx: float) -> float:
        return _psnr(ndimage.shift(plane, (dy, dx), order=1, mode="nearest")[inner] - sharp[inner])

    whole = range(-FARTHEST_PX, FARTHEST_PX + 1)
    _, y, x = max((score(i, j), i, j) for i in whole for j in whole)
    parts = np.arange(-0.75, 1, 0.25)
    return max(score(y + i, x + j) for i in parts for j in parts)


def _psnr(error: np.ndarray) -> float:
    return -10 * math.log10(max(float(np.mean(np.square(error, dtype=np.float64))), 1e-12))


def _grey(path: Path) -> np.ndarray:
    with Image.open(path, formats=["PNG"]) as image:
        return to_float(np.asarray(image.convert("L")))


def _pictures(folder: Path) -> list[Path]:
    return sorted((folder / "blurred").glob("im*_ker*.png"))


if __name__ == "__main__":
    main()
