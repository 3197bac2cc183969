"""Which model to use: by the truth where there is one, as a hint where there is none."""

from pathlib import Path

import pytest

from tests.evaluate.comparing.fakes import METHODS, fake_pool, write_pairs  # noqa: F401
from unblur.errors import BadValue, MissingExtra
from unblur.evaluate import choosing
from unblur.evaluate.cases import Case
from unblur.evaluate.comparing.drawing import drawn
from unblur.evaluate.comparing.job import Job
from unblur.evaluate.comparing.run import compare
from unblur.evaluate.datasets import About, DataSet
from unblur.evaluate.samples import Photo8
from unblur.zoo.models import Session


@pytest.fixture
def pairs(tmp_path):
    write_pairs(tmp_path / "pairs", count=6)
    return tmp_path / "pairs"


def chosen(data, models, out, **options):
    return choosing.choose(compare(Job(str(data), **options), models, out))


def test_the_truth_decides(pairs, tmp_path, fake_pool):  # noqa: F811
    choice = chosen(pairs, ["good", "dark", "better"], tmp_path / "out")
    assert choice.truth and choice.model == "better" and choice.share == 1
    assert [model for model, _ in choice.ranking] == ["better", "good", "dark"]
    assert "better would come first in 100 %" in " ".join(choice.reasons)


def test_nothing_is_recommended_where_nothing_helps(pairs, tmp_path, fake_pool):  # noqa: F811
    choice = chosen(pairs, ["dark", "unsteady"], tmp_path / "out")
    assert choice.model is None and [model for model, _ in choice.ranking] == ["dark"]
    with pytest.raises(BadValue, match="no model"):
        chosen(pairs, ["unsteady"], tmp_path / "out")


def test_without_truth_the_sharpest_that_explains_its_photo(
    pairs,
    tmp_path,
    fake_pool,  # noqa: F811
    monkeypatch,
):
    from scipy import ndimage

    def upside_down(samples, case):
        return samples[::-1, ::-1].copy(), None

    def sharpened(samples, case):
        wide = samples.astype(float)
        more = wide + 0.4 * (wide - ndimage.uniform_filter(wide, (3, 1, 1)))
        return more.clip(0, 255).round().astype("uint8"), None

    monkeypatch.setitem(METHODS, "upside-down", upside_down)
    monkeypatch.setitem(METHODS, "sharpened", sharpened)
    models = ["blurry", "upside-down", "sharpened"]
    choice = chosen(pairs / "blurry", models, tmp_path / "out", dataset="photos")
    said = " ".join(choice.reasons)
    assert not choice.truth and choice.model == "sharpened"
    assert "hint only" in said and "upside-down was left out" in said


def test_samples_are_seeded(pairs):
    data = Job(str(pairs)).open()[0]
    some = drawn(data, 3, seed=1)
    assert some == sorted(some) == drawn(data, 3, seed=1) and len(some) == 3
    assert len({tuple(drawn(data, 3, seed=seed)) for seed in range(6)}) > 2
    assert {*some} < {*drawn(data, 4, seed=1)}
    assert drawn(data, 99, seed=1) == [case.name for case in data.cases]


def test_every_kind_and_length_is_drawn_before_any_is_drawn_twice():
    kinds = [("shake", 5.0), ("shake", 15.0), ("line", 5.0), ("sharp", 0.0)]
    cases = tuple(
        Case(f"p{i:02}", Photo8(Path("none")), facts={"kind": kind, "length_px": length})
        for i, (kind, length) in enumerate([*kinds[:1] * 9, *kinds])
    )
    data = DataSet("synth", cases, "plain", About("", "", "", "", ""))
    facts = {case.name: case.facts for case in cases}
    some = [facts[name] for name in drawn(data, 4, seed=3)]
    assert sorted((f["kind"], f["length_px"]) for f in some) == sorted(kinds)
    more = [facts[name]["length_px"] for name in drawn(data, 6, seed=3)]
    assert sorted(more) == [0.0, 5.0, 5.0, 5.0, 5.0, 15.0]


def test_models_without_their_packages_are_named(monkeypatch):

    def load(self, name):
        if name.startswith("skimage"):
            raise MissingExtra("scikit-image", "classical", "this classical model")

    monkeypatch.setattr(Session, "restorer", load)
    able, unable = choosing.candidates()
    assert "unblur" in able and not any(name.startswith("skimage") for name in able)
    assert "unblur[classical]" in unable[0]
