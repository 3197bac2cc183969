"""The settings file: read strictly, obeyed by the gate, the bank and the strength."""

from dataclasses import replace

import numpy as np
import pytest

from tests.restoration.fakes import Brighten, FakeKernelEngine
from unblur.blur import Psf
from unblur.errors import BadValue
from unblur.restoration.bank import solution_bank
from unblur.restoration.pipeline import RestoreOptions, restore_samples
from unblur.restoration.settings import DEFAULTS, Settings, read_settings
from unblur.restoration.wiener import wiener_bank

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
    plain, soft = (solution_bank(noisy, psf, 0.01, regularisation=r) for r in (1.0, 4.0))
    assert soft[:3].std() < plain[:3].std() and soft[3].std() < plain[3].std()
    seen = []

    class Remember(Brighten):
        def __call__(self, tile):
            seen.append(tile.regularisation)
            return super().__call__(tile)

    options = RestoreOptions(settings=Settings(regularisation=2.5))
    restore_samples(GREY, Remember(), FakeKernelEngine(), options)
    assert set(seen) == {2.5}


def test_an_earlier_analysis_is_used():
    engine = FakeKernelEngine()
    first, motion, _ = restore_samples(GREY, Brighten(), engine, RestoreOptions())
    calls = engine.calls
    again, _, _ = restore_samples(GREY, Brighten(), engine, RestoreOptions(), motion=motion)
    assert engine.calls == calls
    np.testing.assert_array_equal(first, again)
