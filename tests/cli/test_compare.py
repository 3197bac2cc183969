"""compare, models choose and tune as people call them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.evaluate.comparing.fakes import fake_pool, write_pairs  # noqa: F401
from unblur.cli import main
from unblur.pipeline.settings import DEFAULTS, read_settings
from unblur.runtime import ONE_THREAD


def unblur(*args, expect=0):
    result = CliRunner().invoke(main, [str(a) for a in args])
    assert result.exit_code == expect, result.output
    return result


@pytest.fixture
def here(tmp_path, monkeypatch):
    write_pairs(tmp_path / "pairs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_compare_writes_a_table_a_page_and_json(here, fake_pool):  # noqa: F811
    result = unblur("compare", "pairs", "--models", "good, dark", "--show", "1")
    assert "Best on these 4 photos: good" in result.stdout
    assert "pairs.compare/report.html" in result.stdout
    facts = json.loads(Path("pairs.compare/compare.json").read_text())
    assert [row["model"] for row in facts["table"]] == ["blurry", "good", "dark"]
    assert facts["protocol"]["name"] == "plain" and len(facts["photos"]) == 4
    assert str(here) not in Path("pairs.compare/report.html").read_text()
    again = unblur("compare", "pairs", "--models", "good,dark", "--json", "-o", "pairs.compare")
    assert json.loads(again.stdout)["table"] == facts["table"]


def test_a_stopped_comparison_says_so_and_keeps_the_rest(here, fake_pool):  # noqa: F811
    fake_pool.stop_at = "p2"
    result = unblur("compare", "pairs", "--models", "dark", expect=130)
    assert "stopped after 2 of 4 photos; the same command goes on" in result.stderr
    assert json.loads(Path("pairs.compare/compare.json").read_text())["photos_planned"] == 4
    fake_pool.stop_at = None
    assert "p2" not in unblur("compare", "pairs", "--models", "dark").stderr


def test_failures_are_named(here, fake_pool):  # noqa: F811
    result = unblur("compare", "pairs", "--models", "unsteady")
    assert "unsteady failed on p1: ValueError: a defect" in result.stderr


def test_choose_with_and_without_truth(here, fake_pool, monkeypatch):  # noqa: F811
    result = unblur("models", "choose", "--data", "pairs", "--models", "dark,good")
    assert result.stdout.startswith("use good: unblur photo.jpg --model good")
    assert Path("pairs.compare/choice.html").is_file()
    found = unblur("models", "choose", "--data", "pairs", "--models", "dark", "--json")
    assert json.loads(found.stdout)["model"] is None
    hint = unblur("models", "choose", "--data", "pairs/blurry", "--models", "dark")
    assert "hint only" in hint.stdout


def test_tune_writes_settings_that_restore_reads(here, monkeypatch):
    pytest.importorskip("optuna", reason="the extra [tune] is not installed")
    from tests.evaluate.test_tuning import Wanted
    from unblur.evaluate.tuning import run

    write_pairs(here / "more", count=15, size=(60, 64))
    monkeypatch.setattr(run, "Bench", Wanted)
    result = unblur("tune", "more", "--trials", "12")
    assert "12 settings tried" in result.stdout and "unblur restore --settings" in result.stdout
    assert read_settings(Path("tuned.toml")) != DEFAULTS
    assert "model unblur, 12 trials, seed 1" in Path("tuned.toml").read_text()
    unblur("tune", "more", expect=6)
    photo = "more/blurry/p0.png"
    unblur("restore", photo, "--settings", "tuned.toml", "-o", "out.png")
    Path("tuned.toml").write_text("strength = 7.0\n")
    wrong = unblur("restore", photo, "--settings", "tuned.toml", "-o", "more.png", expect=3)
    assert "strength must be between 0 and 1" in wrong.stderr


def test_models_with_settings_can_be_compared(here):
    from unblur.errors import BadValue
    from unblur.evaluate.methods import method_of, split_settings

    Path("half.toml").write_text("strength = 0.5\n")
    assert split_settings("unblur@half.toml")[1].strength == 0.5
    assert split_settings("me@home.onnx") == ("me@home.onnx", DEFAULTS)
    with pytest.raises(BadValue, match=r"none\.toml"):
        method_of("wiener@none.toml", runtime=ONE_THREAD)
