"""How much work a photo is: counts of transforms, network calls, windows and searches, not times.

Bounds are a tenth above what was counted when they were set. A change that asks for more of
something on purpose sets its bound anew, and says so in its message.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
from PIL import Image

import unblur
from unblur.engines.onnx import OnnxEngine
from unblur.motion import (
    candidates,
    coarse_to_fine,
    kernel,
    refinement,
    sources,
    tone_estimate,
)

PHOTO = Path(__file__).parents[2] / "examples" / "photos" / "rocks-shaken.jpg"
SIDE_PX = 320

MOST = {
    "transforms": 17800,
    "network calls": 33,
    "windows": 13,
    "searches": 20,
    "levels": 97,
}


@pytest.fixture
def counts(monkeypatch):
    done = Counter()

    def count(owner, name, label):
        function = getattr(owner, name)

        def counted(*args, **options):
            done[label] += 1
            return function(*args, **options)

        monkeypatch.setattr(owner, name, counted)

    for name in ("rfft2", "irfft2", "rfft", "irfft", "fft2", "ifft2"):
        count(scipy.fft, name, "transforms")
    count(OnnxEngine, "__call__", "network calls")
    count(kernel, "motion_features", "windows")
    for module in (candidates, refinement, sources, tone_estimate):
        count(module, "estimate_psf_map", "searches")
    count(coarse_to_fine, "_solve_level", "levels")
    return done


@pytest.fixture(scope="module")
def shaken():
    with Image.open(PHOTO) as image:
        return np.asarray(image.convert("RGB"))[:SIDE_PX, :SIDE_PX]


def test_a_photo_is_no_more_work_than_it_was(counts, shaken):
    restored = unblur.restore(shaken, threads=1)
    assert restored.report.changed
    assert {name: counts[name] for name in MOST if counts[name] > MOST[name]} == {}
    assert all(counts[name] > 0.7 * most for name, most in MOST.items()), counts


def test_a_photo_in_haste_is_searched_once_and_still_restored(counts, shaken):
    restored = unblur.restore(shaken, threads=1, fast=True)
    assert restored.report.changed
    assert restored.report.tone["evidence"] == "assumed"
    assert counts["searches"] == 1
    assert counts["transforms"] < MOST["transforms"] / 2
