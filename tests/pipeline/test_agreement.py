"""Whoever asks what a photo is gets one answer: restore, inspect, tune, evaluate, video, page."""

import functools

import numpy as np
import pytest
from scipy import ndimage

import unblur
from unblur.blur import Psf, apply_psf
from unblur.color import linear_to_srgb, quantise, to_float
from unblur.evaluate.cases import Case
from unblur.evaluate.methods import method_of
from unblur.evaluate.tuning.bench import Bench
from unblur.inspection.facts import inspect_photo
from unblur.io import Photo, write_photo
from unblur.motion.picture import Picture
from unblur.pipeline.settings import DEFAULTS
from unblur.runtime import ONE_THREAD
from unblur.video.models import load_frame_model
from unblur.web.orders import Done, Order
from unblur.web.work import answer
from unblur.zoo.models import default_session


def scene(side):
    """A cloud of soft-edged blobs in linear light, with a little grain."""
    rng = np.random.default_rng(side)
    blobs = ndimage.gaussian_filter(rng.random((side, side, 3)), (3, 3, 0))
    edges = 1 / (1 + np.exp(-60 * (blobs - blobs.mean()) / blobs.std() / 4))
    return (0.1 + 0.6 * edges).astype(np.float32)


def taken(light, seed=0):
    grain = np.random.default_rng(seed).normal(0, 0.002, light.shape)
    return quantise(linear_to_srgb(np.clip(light + grain, 0, 1)), np.dtype(np.uint8))


PHOTOS = {
    "sharp": taken(scene(200)),
    "hardly moved": taken(apply_psf(scene(200), Psf.from_line(2.5, 30))),
    "shaken": taken(apply_psf(scene(140), Psf.from_line(13, 30))),
    "plate": taken(apply_psf(scene(210), Psf.from_line(9, 15))[60:124, 20:180]),
    "tiny": taken(scene(80)),
}


@functools.cache
def restored_as(name):
    return unblur.restore(PHOTOS[name], threads=1)


class Memory:
    """A picture that is read from memory."""

    def __init__(self, samples):
        self._samples = samples

    def read(self):
        return self._samples


def told_by_the_page(folder):
    job = folder / "job"
    job.mkdir()
    order = Order("restore", job, folder / "photo.png", pixels=1_000_000, runtime=ONE_THREAD)
    done = answer(order, lambda progress: None)
    assert isinstance(done, Done)
    return done.result


@pytest.mark.parametrize("name", PHOTOS)
def test_everybody_agrees_on_what_a_photo_is(name, tmp_path):
    samples = PHOTOS[name]
    restored = restored_as(name)
    report = restored.report

    case = Case(name, Memory(samples), (Memory(samples),))
    evaluated, motion = method_of("unblur", runtime=ONE_THREAD)(samples, case)
    np.testing.assert_array_equal(evaluated, restored.samples)
    assert (motion is None) == (restored.motion is None)
    assert motion is None or motion.to_dict() == report.motion

    bench = Bench("unblur", ONE_THREAD)
    picture = Picture(samples)
    for _ in range(2):  # asked anew, and remembered
        np.testing.assert_array_equal(bench.restore(picture, DEFAULTS), restored.samples)

    frame = load_frame_model("pipeline", session=default_session(ONE_THREAD)).step(
        to_float(samples)
    )
    exact = unblur.restore(to_float(samples), threads=1)
    np.testing.assert_array_equal(frame, exact.samples)

    write_photo(Photo.from_array(samples), tmp_path / "photo.png")
    page = told_by_the_page(tmp_path)
    assert page["changed"] == report.changed and page["reason"] == report.reason

    if restored.motion is None:
        with pytest.raises(unblur.UnblurError, match="at least 64 px"):
            inspect_photo(Photo.from_array(samples), threads=1)
        with pytest.raises(unblur.UnblurError, match="too small"):
            unblur.analyse(samples, threads=1)
        return
    seen = inspect_photo(Photo.from_array(samples), threads=1)
    assert seen.reason == report.reason
    np.testing.assert_allclose(seen.trust, report.trust, atol=1e-4)
    assert seen.field.to_dict() == report.motion
    assert unblur.analyse(samples, threads=1).to_dict() == report.motion


def test_the_photos_are_of_all_kinds():
    reports = {name: restored_as(name).report for name in PHOTOS}
    assert "already sharp" in reports["sharp"].reason
    assert reports["shaken"].changed and reports["plate"].changed
    assert "too small" in reports["tiny"].reason
