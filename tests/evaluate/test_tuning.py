"""The search: seeded, goes on where it stopped, believed only on pairs that it never saw."""

import dataclasses

import numpy as np
import pytest

from tests.evaluate.comparing.fakes import write_pairs
from tests.pipeline.fakes import FakeKernelEngine, models_of
from unblur.errors import BadValue
from unblur.evaluate.datasets import open_dataset
from unblur.evaluate.tuning import bench as benches
from unblur.evaluate.tuning import run
from unblur.evaluate.tuning.bench import Bench
from unblur.evaluate.tuning.run import tune
from unblur.evaluate.tuning.search import Plan, settings_of
from unblur.pipeline.settings import DEFAULTS, read_settings, to_toml
from unblur.psnr import psnr_db
from unblur.runtime import ONE_THREAD
from unblur.zoo.models import Session

pytestmark = pytest.mark.usefixtures("light_may_change")

optuna = pytest.importorskip("optuna", reason="the extra [tune] is not installed")


class Wanted:
    """A bench on which a strength of 0.6 is best, by so much for each pair."""

    device = "cpu"

    def __init__(self, *_, by=1.0):
        self.by, self.seen = by, []

    def worth(self, case, settings):
        self.seen.append((case.name, settings))
        return -self.by * abs(settings.strength - 0.6) + 0.001 * len(case.name)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuning") / "pairs"
    write_pairs(folder, count=15, size=(60, 64))
    return open_dataset(folder).cases


@pytest.fixture
def bench(monkeypatch):
    made = Wanted()
    monkeypatch.setattr(run, "Bench", lambda *_: made)
    return made


def test_the_better_setting_is_found_and_held_against_unseen_pairs(cases, bench, tmp_path):
    found = tune(cases, Plan(trials=14, seed=3), tmp_path / "search.sqlite3")
    assert found.trials == 14 and found.whole and found.better
    assert abs(found.settings.strength - 0.6) < 0.2 and found.settings == found.found
    assert found.held_out.count == 6 and found.held_out.better == 6
    final = {name for name, settings in bench.seen[-12:]}
    searched = {name for name, _ in bench.seen[:-12]}
    assert len(final) == 6 and len(searched) == 9 and not final & searched
    assert bench.seen[0][1] == DEFAULTS  # the defaults are always tried


def test_what_is_not_surely_better_is_not_used(cases, bench, tmp_path):
    bench.by = 0.0
    found = tune(cases, Plan(trials=5), tmp_path / "search.sqlite3")
    assert not found.better and found.settings == DEFAULTS


def test_equal_seeds_equal_settings(cases, bench, tmp_path):
    found = [
        tune(cases, Plan(trials=5, seed=seed), tmp_path / f"{name}.sqlite3").found
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert found[0] == found[1] != found[2]


def test_a_stopped_search_goes_on(cases, bench, tmp_path, monkeypatch):
    storage = tmp_path / "search.sqlite3"
    steps = []

    def stop(case, settings):
        if len(steps) == 4:
            raise KeyboardInterrupt
        return Wanted.worth(bench, case, settings)

    monkeypatch.setattr(bench, "worth", stop)
    with pytest.raises(KeyboardInterrupt):
        # The search itself ends quietly; judging what it found is stopped as well.
        tune(cases, Plan(trials=9), storage, progress=lambda *s: steps.append(s))
    assert [done for done, _ in steps] == [1, 2, 3, 4]
    monkeypatch.undo()
    monkeypatch.setattr(run, "Bench", lambda *_: bench)
    steps.clear()
    found = tune(cases, Plan(trials=9), storage, progress=lambda *s: steps.append(s))
    assert [done for done, _ in steps] == [5, 6, 7, 8, 9] and found.trials == 9


def test_other_pairs_are_another_search(cases, bench, tmp_path):
    storage = tmp_path / "search.sqlite3"
    tune(cases, Plan(trials=3), storage)
    write_pairs(tmp_path / "others", count=16, size=(60, 64))
    steps = []
    others = open_dataset(tmp_path / "others").cases
    tune(others, Plan(trials=3), storage, progress=lambda *s: steps.append(s))
    assert len(steps) == 3
    with pytest.raises(BadValue, match="at least 15 pairs"):
        tune(cases[:14], Plan(), storage)


def test_the_file_says_exactly_what_was_tried(tmp_path):
    point = {"strength": 0.61234567, "confidence_low": 0.123456, "regularisation": 1.23456789}
    settings = settings_of(point)
    path = tmp_path / "tuned.toml"
    path.write_text(to_toml(settings, ["found", "so"]))
    assert path.read_text().startswith("# found\n# so\nstrength = 0.6123\n")
    assert read_settings(path) == settings != DEFAULTS
    assert settings_of({}) == DEFAULTS and settings.confidence == (0.1235, 0.3235)
    names = {field.name for field in dataclasses.fields(settings)}
    assert all(f"\n{name} = " in "\n" + path.read_text() for name in names)


class Darken:
    """Loses on blurry photos and harms sharp ones."""

    name, halo_px, at_once, regularised = "darken", 0, 1, False

    def __call__(self, tile):
        return tile.srgb * np.float32(0.5)


@pytest.fixture
def engine(monkeypatch):
    made = FakeKernelEngine()
    models = models_of(Darken(), made)
    monkeypatch.setattr(Session, "models", lambda self, name: models)
    return made


def test_what_is_left_alone_is_worth_nothing(cases, engine):
    bench = Bench("darken", ONE_THREAD)
    # Photos this small are left alone: nothing gained, nothing harmed.
    assert bench.worth(cases[0], DEFAULTS) == 0


def test_losses_and_harm_count_more(tmp_path, engine):
    write_pairs(tmp_path / "pairs", count=1, size=(110, 150))
    (case,) = open_dataset(tmp_path / "pairs").cases
    bench = Bench("darken", ONE_THREAD)
    blurry, sharp = case.blurry.read(), case.read_sharp()
    before = psnr_db(blurry, sharp, data_range=255)
    darker = psnr_db(np.round(blurry * 0.5), sharp, data_range=255)
    assert darker < before
    expected = 3 * (darker - before) - benches.HARM_DB
    assert bench.worth(case, DEFAULTS) == pytest.approx(expected, abs=0.15)
    calls = engine.calls
    weaker = bench.worth(case, dataclasses.replace(DEFAULTS, strength=0.5))
    assert engine.calls == calls and expected < weaker < 0
    assert bench.worth(case, dataclasses.replace(DEFAULTS, shortest_px=20.0)) == 0
