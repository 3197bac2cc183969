"""The blur detector's word: what it is sure is sharp stays as it is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from tests.motion.test_detect import FakeBlurEngine, row
from tests.motion.test_features import boxes
from tests.pipeline.fakes import Brighten, FakeKernelEngine, restore_samples
from unblur.blur import Psf
from unblur.motion.detect import BlurDetector
from unblur.motion.field import uniform_field
from unblur.pipeline.evidence import is_likely_sharp
from unblur.pipeline.report import RestoreOptions

pytestmark = pytest.mark.usefixtures("light_may_change")


def restored(engine, options=RestoreOptions(), size=(300, 420)):  # noqa: B008
    picture = (255 * boxes(*size, seed=6)).clip(0, 255).astype(np.uint8)
    samples = np.repeat(picture[..., None], 3, axis=2) // 2
    out, _, report = restore_samples(
        samples, Brighten(), FakeKernelEngine(length=13), options, blur_engine=engine
    )
    return out is samples, report


def test_what_is_surely_sharp_stays_though_motion_was_seen():
    untouched, report = restored(FakeBlurEngine(row(sharp=20)))
    assert untouched and not report.changed and "already sharp" in report.reason
    assert not np.array(report.trust).any()


@pytest.mark.parametrize("verdict", [{"motion": 4}, {"sharp": 1.0}, {"defocus": 4}])
def test_a_doubtful_word_changes_nothing(verdict):
    untouched, report = restored(FakeBlurEngine(row(**verdict)))
    assert not untouched and report.changed


def test_without_the_detector_the_field_decides():
    assert restored(None)[1].changed


def test_an_own_psf_is_not_questioned():
    engine = FakeBlurEngine(row(sharp=6))
    _, report = restored(engine, RestoreOptions(psf=Psf.from_line(9, 0)))
    assert report.changed


def test_both_kinds_of_evidence_weigh():
    for probability, sharp, expected in (
        (0.99, 0.9, False),  # one is sure of motion, the other fairly sure of none
        (0.8, 0.9, True),
        (0.8, 0.3, False),
        (0.55, 0.5, True),  # neither knows: the photo stays
    ):
        doubt = np.log(sharp / (1 - sharp) * 2)  # against two kinds that weigh alike
        detect = BlurDetector(FakeBlurEngine(row(sharp=doubt)))
        grain = ndimage.gaussian_filter(np.random.default_rng(0).random((300, 300)), 2)
        verdict = detect(grain.astype(np.float32))
        field = uniform_field((300, 300), Psf.from_line(9, 0), 0.0)
        windows = ((replace(field.windows[0][0], blur_probability=probability),),)
        field = replace(field, windows=windows)
        assert verdict.probabilities[0] == pytest.approx(sharp, abs=0.02)
        assert is_likely_sharp(verdict, field) == expected
