"""Scene cuts are found; pans, flashes and blur are none."""

import numpy as np
import pytest
from scipy import ndimage

from tests.video.fakes import texture
from unblur.video.cuts import CutDetector, likeness, thumbnail


def scene(seed, tint=(1.0, 1.0, 1.0)):
    smooth = ndimage.gaussian_filter(texture(240, 400, seed).astype(np.float32) / 255, (6, 6, 0))
    rng = np.random.default_rng(seed)
    level = 0.2 + 0.6 * rng.random(3)
    spread = (smooth - smooth.mean()) / smooth.std()
    return np.clip((level + 0.12 * spread) * tint, 0, 1).astype(np.float32)


def found(frames):
    detect = CutDetector()
    return [i for i, frame in enumerate(frames) if detect(frame)]


@pytest.mark.parametrize("seed", range(6))
def test_cuts_between_scenes_are_found(seed):
    a, b = scene(2 * seed), scene(2 * seed + 1)
    frames = [a[:, 2 * i : 300 + 2 * i] for i in range(5)] + [b[:, i : 300 + i] for i in range(5)]
    assert found(frames) == [5]


def test_pans_flashes_fades_and_blur_are_no_cuts():
    wide = scene(1)
    assert found([wide[:, 10 * i : 300 + 10 * i] for i in range(10)]) == []
    still = wide[:, :300]
    assert found([still, np.clip(still * 2, 0, 1), still]) == []
    assert found([still * (1 - i / 10) for i in range(10)]) == []
    assert found([still, ndimage.gaussian_filter(still, (12, 12, 0)), still]) == []


def test_thumbnails_are_means_and_like_themselves_when_shifted():
    frame = scene(4)[:240, :384]
    small = thumbnail(frame)
    assert small.shape == (24, 24, 3)
    assert abs(float(small.mean()) - float(frame.mean())) < 0.01
    grey = small.mean(axis=2)
    assert likeness(grey, np.roll(grey, 4, axis=1)) > 0.95
    assert thumbnail(frame[:10, :13]).shape == (24, 24, 3)
