"""The settings file: read strictly, obeyed by the gate, the bank and the strength."""

from dataclasses import replace

import numpy as np
import pytest

from tests.pipeline.fakes import Brighten, FakeKernelEngine, models_of, restore_samples
from unblur.blur import Psf
from unblur.errors import BadValue
from unblur.motion.picture import Picture
from unblur.motion.remembering import RememberingEstimator
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.pipeline.settings import DEFAULTS, Settings, read_settings
from unblur.restoration.lifted import lifted_wiener
from unblur.restoration.wiener import wiener_bank
from unblur.zoo.models import Session

pytestmark = pytest.mark.usefixtures("light_may_change")

GREY = np.full((200, 260, 3), 100, np.uint8)


def lightened(settings, *, length=9, confidence=0.9, strength=1.0):
    options = RestoreOptions(strength=strength, settings=settings)
    engine = FakeKernelEngine(length=length, confidence=confidence)
    out, _, report = restore_samples(GREY, Brighten(), engine, options)
    return float(out.mean()) - 100, report


def test_a_file_is_read_and_unknown_names_and_wild_values_are_refused(tmp_path):
    path = tmp_path / "tuned.toml"
    path.write_text("strength = 0.5\nconfidence = [0.2, 0.4]\n")
    assert read_settings(path) == replace(DEFAULTS, strength=0.5, confidence=(0.2, 0.4))
    for text, complaint in [
        ("strenth = 0.5", "did you mean 'strength'"),
        ("strength = 1.5", "between 0 and 1"),
        ("confidence = [0.5, 0.3]", "must rise"),
        ("regularisation = 0.0", "regularisation"),
    ]:
        path.write_text(text)
        with pytest.raises(BadValue, match=complaint):
            read_settings(path)


def test_strengths_multiply():
    whole, _ = lightened(DEFAULTS)
    half, report = lightened(replace(DEFAULTS, strength=0.5))
    quarter, _ = lightened(replace(DEFAULTS, strength=0.5), strength=0.5)
    assert (whole, half) == (pytest.approx(25, abs=1.5), pytest.approx(13, abs=1.5))
    assert quarter == pytest.approx(6, abs=1.5)
    assert report.strength == 0.5
    assert "strength is 0" in lightened(replace(DEFAULTS, strength=0.0))[1].reason


def test_the_gate_obeys():
    assert lightened(replace(DEFAULTS, shortest_px=15.0))[0] == 0
    assert lightened(DEFAULTS, length=3)[0] == 0
    assert lightened(replace(DEFAULTS, shortest_px=1.0), length=3)[0] > 20
    assert lightened(DEFAULTS, confidence=0.2)[0] == 0
    assert lightened(replace(DEFAULTS, confidence=(0.05, 0.1)), confidence=0.2)[0] > 20


def test_the_bank_follows_the_regularisation():
    rng = np.random.default_rng(3)
    noisy = rng.random((70, 90, 3)).astype(np.float32)
    psf = Psf.from_line(9, 25)
    plain, soft = (wiener_bank(noisy, psf, 0.01, regularisation=r) for r in (1.0, 4.0))
    assert all(b.std() < a.std() for a, b in zip(plain, soft, strict=True))
    # Four times 0.03 is the second of the strengths.
    np.testing.assert_allclose(soft[0], plain[1], atol=1e-4)
    plain, soft = (lifted_wiener(noisy, psf, 0.01, regularisation=r) for r in (1.0, 4.0))
    assert soft.std() < plain.std()
    seen = []

    class Remember(Brighten):
        def __call__(self, tile):
            seen.append(tile.regularisation)
            return super().__call__(tile)

    options = RestoreOptions(settings=Settings(regularisation=2.5))
    restore_samples(GREY, Remember(), FakeKernelEngine(), options)
    assert set(seen) == {2.5}


def test_a_remembering_estimator_is_asked_once_and_changes_nothing():
    engine, options = FakeKernelEngine(), RestoreOptions()
    models = models_of(Brighten(), engine)
    kept = replace(models, estimator=RememberingEstimator(models.estimator, most=2))
    picture = Picture(GREY)
    first = restore_picture(picture, models, options)
    again = [restore_picture(picture, kept, options)]
    calls = engine.calls
    again.append(restore_picture(picture, kept, options))
    assert engine.calls == calls
    for result in again:
        np.testing.assert_array_equal(first.samples, result.samples)
        assert result.report.motion == first.report.motion
    restore_picture(Picture(GREY.copy()), kept, options)
    assert engine.calls > calls


def test_a_model_without_a_regularisation_says_that_it_was_not_used():
    settings = Settings(regularisation=2.5)
    for name, told in (("wiener", False), ("unblur", False), ("plain", True)):
        restorer = Session(threads=1).restorer(name)
        options = RestoreOptions(settings=settings, gate=False)
        report = restore_samples(GREY[:100, :120], restorer, FakeKernelEngine(), options)[2]
        assert any("regularisation" in note for note in report.notes) == told, name


def test_wiener_heeds_the_regularisation():
    noisy = np.random.default_rng(3).integers(0, 256, (100, 120, 3)).astype(np.uint8)
    restorer = Session(threads=1).restorer("wiener")
    plain, soft = (
        restore_samples(
            noisy,
            restorer,
            FakeKernelEngine(),
            RestoreOptions(psf=Psf.from_line(9, 25), settings=Settings(regularisation=factor)),
        )[0]
        for factor in (1.0, 8.0)
    )
    assert soft.std() < 0.95 * plain.std()
