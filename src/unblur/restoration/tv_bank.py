"""The bank ``tv``: what undoing the motion gives, for RestoreNet to choose from and to mend.

All in linear light:

* the *crisp* picture: total variation with unknown borders and saturated pixels one-sided
  (:mod:`unblur.blur.masked_tv`), of the luma; its colour from the same at half the size, where eyes
  and noise ask for no more, unless the photo shows finer colour, as screenshots of letters do.
  Edges come back without ringing, texture below the noise goes.
* the *detailed* one: a weakly regularised Wiener filter of the luma on the canvas that the first
  has filled, with the same colour: all that the noise has left of texture, and the noise too.
* the *share* of each pixel's light that fell on saturated pixels.
* the *misfit*: how far the crisp picture, blurred again, is from the photo nearby, as seen by eyes.
  Where the PSF is wrong, or something moved on its own, it is large.

Their strength follows the noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft, ndimage

from unblur.blocks import halve
from unblur.blur.canvas import slope_response
from unblur.blur.masked_tv import TV_PARAMS, Solved, TvParams, masked_tv
from unblur.blur.psf import Psf
from unblur.color import LUMA_WEIGHTS, FloatArray, linear_to_srgb
from unblur.motion.features import noise_sigma
from unblur.restoration.saturation import (
    SATURATION,
    SaturationParams,
    any_channel,
    matter,
    saturated_samples,
)

PLANES = 8
"""Crisp R, G, B; detailed R, G, B; share of light that was saturated; misfit."""


@dataclass(frozen=True)
class TvBankParams:
    """Strengths of the bank.

    Attributes:
        weight: of the total variation, in standard deviations of the luma's noise. 0.16 to 0.2 is
            best for true PSFs at 0.2 to 4 % noise (50 synthetic pairs), and flat about there.
        chroma_weight: the same of the colour, at half the size; 0.12 and 0.3 are alike.
        fine_chroma: the colour is solved at full size where in both its planes halving it would
            lose more than so many standard deviations of the plane's noise. White noise alone loses
            one, noise of cameras two; letters with colour at their edges, as screens draw them
            (ClearType), 4.5 to 12. Solved at full size all the same, 24 noisy photos lose 0.6 dB.
        least_chroma_noise: least noise of a plane reckoned with there.
        detail: regularisation of the Wiener filter in units of the noise's variance over that of
            the slopes. 0.3 has the least error by itself; less shows more, and the network is there
            to take the noise off.
        noise_floor: least noise reckoned with: the errors of a PSF are no smaller.
        misfit_px: Gaussian over which the misfit is averaged.
        misfit_gain: brings its standard deviation, in perceptual light, to [0, 1].
        patient_noise: below which a known PSF is worth more turns, and ...
        known_weight: ... up to the first of ...
        known_noise: ... this in place of ``weight``; from the second on ``weight`` serves both.
            After the network, 12 windows gain 0.2 dB by it at 0.2 % noise of each channel and
            0.03 at 0.5 %; at 2 % they would lose 0.3. The noise here is that of the luma.
    """

    weight: float = 0.18
    chroma_weight: float = 0.2
    fine_chroma: float = 4.0
    least_chroma_noise: float = 0.001
    detail: float = 0.15
    noise_floor: float = 0.002
    misfit_px: float = 3.0
    misfit_gain: float = 10.0
    patient_noise: float = 0.015
    known_weight: float = 0.12
    known_noise: tuple[float, float] = (0.003, 0.005)
    saturation: SaturationParams = SATURATION


TV_BANK = TvBankParams()

QUICK_TV = TvParams(turns=10, momentum=0.6, relaxation=1.6, rho_u=0.35)
QUICK_CHROMA = replace(QUICK_TV, turns=6)
"""Enough where no light is saturated: with 7 and 4 turns after the network 0.03 dB better than
TV_PARAMS on 8 photos of four sets (-0.005 to 0.07), but tiles differ by up to 19 of 255 levels
from the whole; with 10 and 6 by up to 13, with TV_PARAMS by 10. Where some is, TV_PARAMS it is:
with these, photos of lamps lost 0.9 and 1.8 dB, and with these for the colour alone 0.00 and
0.06."""

PATIENT_TV = replace(TV_PARAMS, turns=30)
"""For PSFs that are known. With little noise they bring back more than turns are made: against
QUICK_TV windows of 256 px gain 0.5 dB at 0.2 % noise, 0.3 at 0.5 %, 0.15 at 1 % and 0.0 at 2 %,
Levin's pictures 0.4, twice as many turns another 0.05. With estimated PSFs 27 photos gain 0.00."""

_LEAST_CHROMA = 1e-3
"""Largest difference of a channel from the luma up to which a photo is grey."""
_LEAST_HALVED = 8
_RATIO = (1e-4, 1.0)


def tv_bank(
    blurry: FloatArray,
    psf: Psf,
    noise: float,
    *,
    regularisation: float = 1.0,
    known: bool = False,
    params: TvBankParams = TV_BANK,
) -> FloatArray:
    """Return the bank of an image.

    Args:
        blurry: (H, W, 3) float32, linear light.
        psf: its PSF.
        noise: standard deviation of its luma's noise, see :mod:`unblur.restoration.noise`.
        regularisation: factor on all strengths, above 0.
        known: whether the PSF is the true one, not an estimate: then it is worth more turns.
        params: strengths.

    Returns:
        (PLANES, H, W) float32: two solutions, linear light, not clipped; share of saturated light
        and misfit in [0, 1].
    """
    sigma = regularisation * max(noise, params.noise_floor)
    luma = np.asarray(blurry @ np.asarray(LUMA_WEIGHTS, np.float32), np.float32)
    channels = _saturated(blurry, noise, params)
    saturated = None if channels is None else any_channel(channels)
    how, weight = TV_PARAMS if saturated is not None else QUICK_TV, params.weight
    if known and noise < params.patient_noise:
        share = float(np.interp(noise, params.known_noise, (0, 1)))
        how, weight = PATIENT_TV, params.known_weight * (1 - share) + params.weight * share
    solved = masked_tv(luma[None], psf, weight * sigma, saturated=saturated, params=how)
    chroma = _chroma(blurry, luma, psf, sigma, channels, params)
    out = np.empty((PLANES, *luma.shape), np.float32)
    out[:3] = solved.light + chroma
    out[3:6] = _detailed(solved, luma, sigma, params) + chroma
    out[6] = 0.0 if saturated is None else _share(solved, saturated)
    out[7] = _misfit(solved, luma, saturated, params)
    return out


def _saturated(blurry: FloatArray, noise: float, params: TvBankParams) -> NDArray[np.bool_] | None:
    """Return (H, W, 3), where each channel is saturated, or None if it does not matter."""
    saturated = saturated_samples(blurry, noise, params.saturation)
    return saturated if matter(any_channel(saturated), params.saturation) else None


def _chroma(
    blurry: FloatArray,
    luma: FloatArray,
    psf: Psf,
    sigma: float,
    saturated: NDArray[np.bool_] | None,
    params: TvBankParams,
) -> FloatArray:
    """Return what to add to the luma for R, G and B, (3, H, W), where it is fine at full size.

    The colour of a pixel with one or two saturated channels is not known. That of a white one is
    not either, but it will be stored as white again, and a white sky must not take on colours.
    """
    apart = np.moveaxis(blurry - luma[..., None], 2, 0)
    if np.abs(apart).max() < _LEAST_CHROMA:
        return np.zeros_like(apart)
    height, width = luma.shape
    if min(height, width) < _LEAST_HALVED:
        return apart
    two = np.stack([apart[0], apart[2]])
    halved = np.stack([_halved(plane) for plane in two])
    is_fine = _shows_more(two, halved, params)
    if not is_fine:
        two, psf = halved, psf.scaled(0.5)
    known, how = None, QUICK_CHROMA
    if saturated is not None:
        how = TV_PARAMS
        coloured = any_channel(saturated) & any_channel(~saturated)
        share = np.asarray(coloured, np.float32)
        known = np.asarray(1 - (share if is_fine else _halved(share)), np.float32)
    light = masked_tv(two, psf, params.chroma_weight * sigma, known=known, params=how).light
    if not is_fine:
        light = np.stack([_doubled(plane, height, width) for plane in light])
    red, blue = light
    r, g, b = LUMA_WEIGHTS
    return np.stack([red, -(r * red + b * blue) / np.float32(g), blue]).astype(np.float32)


def _shows_more(planes: FloatArray, halved: FloatArray, params: TvBankParams) -> bool:
    """Return whether both planes of colour show, beyond noise, what half the size cannot."""
    for plane, half in zip(planes, halved, strict=True):
        lost = plane - _doubled(half, *plane.shape)
        noise = max(noise_sigma(plane), params.least_chroma_noise)
        if np.sqrt(np.mean(np.square(lost))) < params.fine_chroma * noise:
            return False
    return True


def _detailed(solved: Solved, luma: FloatArray, sigma: float, params: TvBankParams) -> FloatArray:
    otf, shape = solved.otf, solved.filled.shape[1:]
    slopes = sum(float(np.mean(np.square(np.diff(luma, axis=a)))) for a in (0, 1)) + 1e-7
    ratio = params.detail * float(np.clip(sigma**2 / slopes, *_RATIO))
    power = np.square(otf.real) + np.square(otf.imag)
    gain = np.conj(otf) / (power + np.float32(ratio) * slope_response((shape[0], shape[1])))
    light = fft.irfft2(fft.rfft2(solved.filled, axes=(1, 2)) * gain, s=shape, axes=(1, 2))
    return np.asarray(light[(slice(None), *solved.inner)], np.float32)


def _share(solved: Solved, saturated: NDArray[np.bool_]) -> FloatArray:
    """Return which share of each pixel's light fell on saturated pixels."""
    canvas = np.zeros(solved.filled.shape[1:], np.float32)
    canvas[solved.inner] = saturated
    seen = fft.irfft2(np.conj(solved.otf) * fft.rfft2(canvas), s=canvas.shape)[solved.inner]
    return np.clip(seen, 0, 1)


def _misfit(
    solved: Solved, luma: FloatArray, saturated: NDArray[np.bool_] | None, params: TvBankParams
) -> FloatArray:
    reblurred = np.clip(solved.reblurred[0], 0, 1)
    error = linear_to_srgb(reblurred) - linear_to_srgb(np.clip(luma, 0, 1))
    if saturated is not None:
        error[saturated] = np.minimum(error[saturated], 0)
    mean = ndimage.gaussian_filter(error * error, params.misfit_px, truncate=3)
    spread = np.sqrt(np.maximum(mean, 0)) * np.float32(params.misfit_gain)
    return np.asarray(np.sqrt(np.clip(spread, 0, 1)), np.float32)


def _halved(plane: FloatArray) -> FloatArray:
    """Return a plane at half its size; an odd side is continued by its last pixel."""
    height, width = plane.shape
    return halve(np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge"))


def _doubled(plane: FloatArray, height: int, width: int) -> FloatArray:
    size = (2 * plane.shape[1], 2 * plane.shape[0])
    large = Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(large, np.float32)[:height, :width]
