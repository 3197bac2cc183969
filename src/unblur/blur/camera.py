"""What a camera does to the light after the blur: highlights, noise, tone curve, compression."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from unblur.color import FloatArray, luma, quantise, to_float
from unblur.errors import BadValue
from unblur.opening import open_image
from unblur.tone import LINEAR, SRGB, ToneCurve

Span = tuple[float, float]


@dataclass(frozen=True)
class CameraRecipe:
    """Ranges that each photo's camera is drawn from.

    Attributes:
        sigma_read: standard deviation of the signal-independent noise in linear light,
            drawn log-uniformly.
        shot: variance of the shot noise per unit of linear light, drawn log-uniformly.
        correlated_noise: share of photos whose noise is smeared by demosaicing.
        highlight_share: share of photos whose highlights are brighter than white.
        highlight_gain: how many times brighter, drawn uniformly.
        tone: strength of an S-shaped tone curve on top of sRGB's, drawn uniformly;
            positive raises contrast.
        sharpen_share: share of photos that the camera sharpens after the tone curve.
        sharpen_amount: of the unsharp mask, drawn uniformly.
        jpeg_share: share of photos stored as JPEG.
        jpeg_quality: its quality, drawn uniformly.
        linear_share: share of photos whose samples are proportional to light, as those of
            scientific cameras and of most public sets of blurred pictures are; they have no
            S-shaped curve.
        deep_share: share of photos stored in more than 8 bits.
    """

    sigma_read: Span = (0.001, 0.03)
    shot: Span = (0.00002, 0.002)
    correlated_noise: float = 0.3
    highlight_share: float = 0.25
    highlight_gain: Span = (1.5, 6.0)
    tone: Span = (-0.2, 0.5)
    sharpen_share: float = 0.0
    sharpen_amount: Span = (0.2, 1.2)
    jpeg_share: float = 0.5
    jpeg_quality: Span = (60.0, 97.0)
    linear_share: float = 0.0
    deep_share: float = 0.0

    def __post_init__(self) -> None:
        for name in (
            "sigma_read",
            "shot",
            "highlight_gain",
            "tone",
            "sharpen_amount",
            "jpeg_quality",
        ):
            low, high = getattr(self, name)
            if low > high:
                raise BadValue(f"camera {name} must be (low, high), got ({low}, {high})")
        if self.sigma_read[0] <= 0 or self.shot[0] <= 0:
            raise BadValue("camera sigma_read and shot must be above 0 (they are drawn in log)")


@dataclass(frozen=True)
class Camera:
    """One camera, drawn from a :class:`CameraRecipe`.

    Attributes:
        sigma_read: noise that does not depend on the signal, linear light.
        shot: variance of the noise per unit of signal.
        smear_noise: whether the noise is correlated between neighbours.
        highlight_gain: 1 where nothing is brighter than white.
        tone: strength of the S-curve.
        sharpen: amount of the unsharp mask (Gaussian of 1 px), 0 for none.
        jpeg_quality: None for a lossless file.
        curve: from the photo's samples to linear light, before the S-curve.
        deep: whether samples are kept as they are, not rounded to 8 bits.
    """

    sigma_read: float = 0.0
    shot: float = 0.0
    smear_noise: bool = False
    highlight_gain: float = 1.0
    tone: float = 0.0
    sharpen: float = 0.0
    jpeg_quality: int | None = None
    curve: ToneCurve = SRGB
    deep: bool = False

    def clean(self) -> Camera:
        """Return the same without noise and compression, as a sharp side is stored."""
        return Camera(tone=self.tone, sharpen=self.sharpen, curve=self.curve, deep=self.deep)


def draw_camera(recipe: CameraRecipe, rng: np.random.Generator) -> Camera:
    """Draw one camera."""
    jpeg = rng.random() < recipe.jpeg_share
    bright = rng.random() < recipe.highlight_share
    sharpens = rng.random() < recipe.sharpen_share
    # Nothing is drawn where none is asked for, so that earlier seeds keep their photos.
    linear = bool(recipe.linear_share) and rng.random() < recipe.linear_share
    deep = bool(recipe.deep_share) and rng.random() < recipe.deep_share
    return Camera(
        sigma_read=log_uniform(recipe.sigma_read, rng),
        shot=log_uniform(recipe.shot, rng),
        smear_noise=bool(rng.random() < recipe.correlated_noise),
        highlight_gain=float(rng.uniform(*recipe.highlight_gain)) if bright else 1.0,
        tone=0.0 if linear else float(rng.uniform(*recipe.tone)),
        sharpen=float(rng.uniform(*recipe.sharpen_amount)) if sharpens else 0.0,
        jpeg_quality=int(rng.uniform(*recipe.jpeg_quality)) if jpeg else None,
        curve=LINEAR if linear else SRGB,
        deep=deep,
    )


def expose(samples: FloatArray, camera: Camera) -> FloatArray:
    """Return the scene light of a sharp photo: tone curve undone, highlights raised.

    Args:
        samples: (H, W, C) float32 in [0, 1], as the camera would store them.

    Returns:
        (H, W, C) float32, linear light, above 1 where a highlight outshines white.
    """
    linear = camera.curve.to_linear(_untone(samples, camera.tone))
    if camera.highlight_gain == 1.0:
        return linear
    share = np.clip((luma(linear) - 0.8) / 0.2, 0, 1)[..., None]
    return np.asarray(linear * (1 + (camera.highlight_gain - 1) * share), dtype=np.float32)


def develop(linear: FloatArray, camera: Camera, rng: np.random.Generator) -> FloatArray:
    """Return the photo that the camera stores: noise, clipping, tone curve, 8 bits, JPEG.

    Args:
        linear: (H, W, C) float32, scene light, C 1 or 3.

    Returns:
        (H, W, C) float32 in [0, 1], encoded by the camera's curve, on the grid of 8-bit values
        unless it stores more.
    """
    noisy = linear
    if camera.sigma_read > 0 or camera.shot > 0:
        noise = rng.standard_normal(linear.shape, dtype=np.float32)
        if camera.smear_noise:
            noise = ndimage.uniform_filter(noise, size=(2, 2, 1)) * np.float32(2.0)
        sigma = np.sqrt(camera.sigma_read**2 + camera.shot * np.clip(linear, 0, 1))
        noisy = np.clip(linear, 0, 1) + noise * sigma.astype(np.float32)
    encoded = _tone(camera.curve.to_encoded(np.clip(noisy, 0, 1)), camera.tone)
    if camera.sharpen > 0:
        soft = ndimage.gaussian_filter(encoded, (1.0, 1.0, 0), truncate=3)
        encoded = encoded + np.float32(camera.sharpen) * (encoded - soft)
    if camera.deep:
        return np.asarray(np.clip(encoded, 0, 1), np.float32)
    stored = quantise(encoded, np.dtype("u1"))
    if camera.jpeg_quality is not None:
        stored = jpeg(stored, camera.jpeg_quality)
    return to_float(stored)


def jpeg(samples: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return 8-bit samples (H, W, C) after a round trip through JPEG."""
    grey = samples.shape[-1] == 1
    with io.BytesIO() as stream:
        Image.fromarray(samples[..., 0] if grey else samples).save(stream, "JPEG", quality=quality)
        with open_image(stream, ("JPEG",)) as image:
            decoded = np.asarray(image)
    return decoded[..., None] if grey else decoded


def log_uniform(span: Span, rng: np.random.Generator) -> float:
    """Draw a positive number whose logarithm is uniform over the span."""
    return float(np.exp(rng.uniform(np.log(span[0]), np.log(span[1]))))


def _tone(x: FloatArray, strength: float) -> FloatArray:
    """S-curve on [0, 1] that keeps 0, 1/2 and 1; monotonic for strengths in (-0.5, 1)."""
    if strength == 0.0:
        return x
    return np.asarray(x + np.float32(strength) * x * (1 - x) * (2 * x - 1), dtype=np.float32)


def _untone(y: FloatArray, strength: float) -> FloatArray:
    if strength == 0.0:
        return y
    # A table, since photos hold few levels and solving the cubic at each pixel is slow.
    grid = np.linspace(0, 1, 4097)
    table = np.interp(grid, grid + strength * grid * (1 - grid) * (2 * grid - 1), grid)
    return table.astype(np.float32)[(np.clip(y, 0, 1) * 4096 + 0.5).astype(np.int32)]
