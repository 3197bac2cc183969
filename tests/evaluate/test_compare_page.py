"""The worked example of docs/compare.md, run as it stands on smaller photos."""

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.evaluate.comparing.fakes import WorkerPool
from tests.house.test_readme import blocks, ours
from unblur.cli import main
from unblur.evaluate.comparing import run
from unblur.pipeline.settings import read_settings
from unblur.zoo.models import Session

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compare.md").read_text("utf-8")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return a folder that looks like the repository, its photos fewer and cut small."""
    monkeypatch.chdir(tmp_path)
    for folder, few in (("sharp", "[cr]o*.*g"), ("photos", "*.*g")):
        (tmp_path / "examples" / folder).mkdir(parents=True)
        for path in (ROOT / "examples" / folder).glob(few):
            with Image.open(path) as image:
                part = image.convert("RGB").crop((100, 60, 270, 220))
                part.save(tmp_path / "examples" / folder / path.name)
    # Worked through in this process: starting others takes longer than photos this small.
    monkeypatch.setattr(run, "WorkerPool", WorkerPool)
    monkeypatch.setattr("unblur.evaluate.tuning.run.LEAST_PAIRS", 6)
    # What is compared is made with one estimate of KernelNet's each: how well does not matter here.
    quick = lambda session, fast=False: session.quick_estimator()  # noqa: E731
    monkeypatch.setattr(Session, "estimator", quick)
    WorkerPool.stop_at = None
    return tmp_path


@pytest.mark.slow
def test_the_worked_example_works(here):
    pytest.importorskip("optuna", reason="the extra [tune] is not installed")
    pytest.importorskip("skimage", reason="the extra [classical] is not installed")
    said = []
    for call in ours(PAGE):
        words = shlex.split(shlex.join(call).replace("--trials 20", "--trials 2"))
        words += ["--threads", "1"] if words[0] in ("compare", "tune", "models") else []
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, f"unblur {shlex.join(words)}: {result.output}"
        said.append(result.stdout)
    assert "6 pairs" in said[0] and "Best on these 6 photos" in said[1]
    assert "would come first in" in said[2] and "hint only" in said[3]
    read_settings(Path("tuned.toml"))
    facts = json.loads(Path("pairs.compare/compare.json").read_text())
    assert [model["name"] for model in facts["models"]] == ["blurry", "unblur", "unblur@tuned.toml"]
    assert len(facts["photos"]) == 6
    assert Path("pairs.compare/report.html").stat().st_size > 100_000
    assert Path("clean.jpg").is_file()
    (example,) = blocks(PAGE, "python")
    exec(compile(example, "compare.md", "exec"), {})  # a page of ours, nothing from outside
