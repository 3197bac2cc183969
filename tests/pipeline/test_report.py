"""What a report tells: one noise of the photo, another that restoration reckons with; notes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

import unblur
from tests.pipeline.fakes import Brighten, FakeKernelEngine, restore_samples
from unblur.blur.psf import Psf
from unblur.color import linear_to_srgb
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.settings import DEFAULTS

PSF = Psf.from_line(9, 20)
NOISE = 0.01


@pytest.fixture
def samples():
    """A soft photo of 200 x 240 px, float, with white noise in linear light."""
    rng = np.random.default_rng(3)
    light = ndimage.gaussian_filter(rng.random((200, 240, 1)), (9, 9, 0))
    light = 0.2 + 0.4 * (light - light.min()) / np.ptp(light) + rng.normal(0, NOISE, light.shape)
    return linear_to_srgb(light.astype(np.float32))


@pytest.mark.usefixtures("light_may_change")
@pytest.mark.parametrize(
    ("options", "blurred", "changed"),
    [
        (RestoreOptions(psf=PSF), True, True),
        (RestoreOptions(gate=False), True, True),
        (RestoreOptions(strength=0.0), True, False),
        (RestoreOptions(), False, False),
    ],
    ids=["given", "estimated", "strength 0", "sharp"],
)
def test_the_photos_noise_comes_from_one_estimator(samples, options, blurred, changed):
    _, _, report = restore_samples(samples, Brighten(), FakeKernelEngine(blurred=blurred), options)
    assert report.changed == changed
    assert report.noise == pytest.approx(NOISE, rel=0.1)
    assert (report.restoration_noise is not None) == changed


def test_a_photo_too_small_for_an_estimate_has_a_noise_too(samples):
    assert unblur.restore(samples[:50, :60], threads=1).report.noise == pytest.approx(
        NOISE, rel=0.2
    )


def test_regularisation_is_used_or_a_note_says_that_it_is_not(samples):
    soft = replace(DEFAULTS, regularisation=4.0)
    plain, softer = (
        unblur.restore(samples[:100, :120], model="wiener", psf=PSF, settings=s, threads=1)
        for s in (DEFAULTS, soft)
    )
    assert not np.array_equal(plain.samples, softer.samples)
    assert softer.report.notes == plain.report.notes
    told = unblur.restore(samples[:100, :120], model="plain", settings=soft, threads=1)
    assert any("no regularisation to change" in note for note in told.report.notes)
