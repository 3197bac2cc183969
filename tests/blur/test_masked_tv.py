"""Laws of deconvolution with unknown borders."""

import numpy as np
import pytest

from unblur.blur.canvas import extend_smoothly
from unblur.blur.formation import apply_psf
from unblur.blur.masked_tv import Solved, TvParams, masked_tv
from unblur.blur.psf import Psf

NOISE = 0.003
WEIGHT = 0.16 * NOISE
PATIENT = TvParams(turns=40)


def scene(seed: int, height: int = 150, width: int = 190) -> np.ndarray:
    """Overlapping bright rectangles, (H, W, 1)."""
    rng = np.random.default_rng(seed)
    out = np.full((height, width), 0.2, np.float32)
    for _ in range(60):
        y, x = rng.integers(height - 8), rng.integers(width - 8)
        h, w = rng.integers(4, 40, 2)
        out[y : y + h, x : x + w] = rng.uniform(0.05, 0.8)
    return out[..., None]


def hook() -> Psf:
    """Return an asymmetric PSF of 11 x 15 px."""
    array = np.zeros((11, 15), np.float32)
    array[2, 1:9] = 1
    array[2:9, 9] = 2
    return Psf(array)


def pair(seed: int = 1) -> tuple[np.ndarray, np.ndarray, Psf]:
    """Return the sharp and the blurry middle of a larger scene, (1, H, W), and the PSF."""
    psf, light = hook(), scene(seed)
    blurry = apply_psf(light, psf)[20:-20, 20:-20]
    noise = np.random.default_rng(seed).normal(0, NOISE, blurry.shape)
    moved = np.moveaxis(blurry + noise, 2, 0).astype(np.float32)
    return np.moveaxis(light[20:-20, 20:-20], 2, 0), moved, psf


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(a - b))))


def rim(plane: np.ndarray) -> np.ndarray:
    inside = np.zeros(plane.shape, bool)
    inside[:, 8:-8, 8:-8] = True
    return plane[~inside]


def test_a_known_motion_is_undone() -> None:
    sharp, blurry, psf = pair()
    found = masked_tv(blurry, psf, WEIGHT)
    assert found.light.shape == blurry.shape and found.light.dtype == np.float32
    assert rmse(found.light, sharp) < 0.3 * rmse(blurry, sharp)


def test_the_frame_is_solved_for_and_not_invented() -> None:
    """Near its border a picture is restored as well as if its surroundings were known."""
    psf, light = hook(), scene(3)
    noise = np.random.default_rng(3).normal(0, NOISE, light.shape)
    wide = np.moveaxis(apply_psf(light, psf) + noise, 2, 0).astype(np.float32)
    core = (slice(None), slice(20, -20), slice(20, -20))
    sharp = np.moveaxis(light, 2, 0)[core]
    cropped = masked_tv(wide[core], psf, WEIGHT, params=PATIENT).light
    known = masked_tv(wide, psf, WEIGHT, params=PATIENT).light[core]
    assert rmse(cropped[:, 8:-8, 8:-8], known[:, 8:-8, 8:-8]) < 0.01
    extended = extend_smoothly(np.moveaxis(wide[core], 0, 2), 12, 12)
    invented = masked_tv(np.moveaxis(extended, 2, 0), psf, WEIGHT, params=PATIENT).light
    invented = invented[:, 12:122, 12:162]
    assert rmse(rim(cropped), rim(known)) < 0.02
    assert rmse(rim(cropped), rim(sharp)) < 0.6 * rmse(rim(invented), rim(sharp))


def test_steps_that_go_too_far_lead_to_the_same_picture_sooner() -> None:
    _, blurry, psf = pair()

    def light(**params: float) -> np.ndarray:
        found = masked_tv(blurry, psf, WEIGHT, params=TvParams(**params)).light
        return found[:, 12:-12, 12:-12]

    limit = light(turns=300)
    assert rmse(light(turns=300, relaxation=1.6), limit) < 1e-3
    sooner = light(turns=7, relaxation=1.6, momentum=0.6, rho_u=0.35)
    assert rmse(sooner, limit) < 0.9 * rmse(light(turns=8), limit)


def test_what_lies_beyond_the_frame_is_told_by_the_solution() -> None:
    _, blurry, psf = pair()
    found = masked_tv(blurry, psf, WEIGHT)
    assert np.array_equal(found.filled[(slice(None), *found.inner)], blurry)
    assert rmse(found.reblurred, blurry) < 2 * NOISE


def test_pixels_that_do_not_count_do_not_harm() -> None:
    sharp, blurry, psf = pair()
    pasted = blurry.copy()
    pasted[:, 40:60, 50:80] = 1.0
    known = np.ones(blurry.shape[1:], np.float32)
    known[40:60, 50:80] = 0
    left_out = masked_tv(pasted, psf, WEIGHT, known=known).light
    taken_in = masked_tv(pasted, psf, WEIGHT).light
    around = np.zeros(blurry.shape[1:], bool)
    around[28:72, 38:92] = True
    around[40:60, 50:80] = False
    assert rmse(left_out[:, around], sharp[:, around]) < 0.4 * rmse(
        taken_in[:, around], sharp[:, around]
    )


def test_saturated_pixels_say_at_least() -> None:
    psf, light = hook(), scene(5)
    light[60:64, 80:84] = 12.0
    blurry = np.moveaxis(apply_psf(light, psf)[20:-20, 20:-20], 2, 0)
    stored = np.minimum(blurry, 1)
    saturated = stored[0] >= 1
    sharp = np.minimum(np.moveaxis(light[20:-20, 20:-20], 2, 0), 1)
    one_sided = np.minimum(masked_tv(stored, psf, WEIGHT, saturated=saturated).light, 1)
    equal = np.minimum(masked_tv(stored, psf, WEIGHT).light, 1)
    assert rmse(one_sided, sharp) < 0.7 * rmse(equal, sharp)


def test_a_dark_picture_is_restored_like_a_bright_one() -> None:
    _, blurry, psf = pair()
    bright, dark = masked_tv(blurry, psf, WEIGHT), masked_tv(0.02 * blurry, psf, 0.02 * WEIGHT)
    np.testing.assert_allclose(dark.light / 0.02, bright.light, atol=2e-3)


def test_channels_share_their_edges() -> None:
    _, blurry, psf = pair()
    both = masked_tv(np.repeat(blurry, 2, axis=0), psf, WEIGHT)
    np.testing.assert_allclose(both.light[0], both.light[1], atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 16, 17), (1, 40, 9)])
def test_small_pictures_and_flat_ones_stay_finite(shape: tuple[int, int, int]) -> None:
    found: Solved = masked_tv(np.full(shape, 0.3, np.float32), hook(), WEIGHT)
    np.testing.assert_allclose(found.light, 0.3, atol=1e-3)


def test_pixels_with_stronger_noise_count_less() -> None:
    """Where half of the picture is much noisier, saying so serves both halves."""
    sharp, blurry, psf = pair()
    relative = np.ones(blurry.shape[1:], np.float32)
    relative[:, relative.shape[1] // 2 :] = 8
    noise = np.random.default_rng(6).normal(0, NOISE, blurry.shape) * relative
    noisy = (blurry + noise).astype(np.float32)
    told = masked_tv(noisy, psf, WEIGHT, relative_noise=relative, params=PATIENT).light
    untold = masked_tv(noisy, psf, WEIGHT, params=PATIENT).light
    assert rmse(told, sharp) < 0.8 * rmse(untold, sharp)
    even = masked_tv(blurry, psf, WEIGHT, relative_noise=np.ones_like(relative)).light
    assert np.allclose(even, masked_tv(blurry, psf, WEIGHT).light, atol=1e-5)
