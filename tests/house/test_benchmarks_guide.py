"""The guide to benchmarks knows every data set, protocol and option there is."""

import importlib.util
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from unblur.cli import main
from unblur.evaluate.datasets import readers
from unblur.evaluate.protocols import protocols

GUIDE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


@pytest.fixture(scope="module")
def rows():
    return [line for line in GUIDE.read_text("utf-8").splitlines() if line.startswith("| `")]


def test_every_data_set_is_in_its_table_with_its_protocol_and_licence(rows):
    for name, reader in readers().items():
        cells = [row.split("|") for row in rows]
        (row,) = [cell for cell in cells if len(cell) == 7 and f"`{name}`" in cell[1]]
        assert row[5].strip() == f"`{reader.protocol}`"
        licence = reader.about.licence
        yours = licence in ("your own", "that of the sharp photos")
        assert row[4].strip() == ("yours" if yours else licence)


def test_every_protocol_is_in_its_table(rows):
    for name in protocols():
        assert any(row.startswith(f"| `{name}` |") for row in rows)


def test_every_option_exists():
    shown = CliRunner().invoke(main, ["evaluate", "--help"]).output
    for command in ("synth", "restore"):
        shown += CliRunner().invoke(main, [command, "--help"]).output
    scripts = set(re.findall(r"python (benchmarks/\w+\.py)", GUIDE.read_text("utf-8")))
    shown += "".join((GUIDE.parents[1] / script).read_text("utf-8") for script in sorted(scripts))
    for option in set(re.findall(r"--[a-z][a-z-]+", GUIDE.read_text("utf-8"))):
        assert option in shown, option


def test_the_python_of_the_guide_runs(tmp_path, monkeypatch, capsys):
    import numpy as np
    from PIL import Image

    for side in ("blurry", "sharp"):
        (tmp_path / "pairs" / side).mkdir(parents=True)
        noise = np.random.default_rng(1).integers(0, 255, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "pairs" / side / "1.png")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    exec(compile(code, "benchmarks.md", "exec"), {"__name__": "guide"})
    assert "darker against blurry" in capsys.readouterr().out


def test_every_stage_that_is_timed_is_called_where_it_is_looked_up():
    file = GUIDE.parents[1] / "benchmarks" / "stages.py"
    spec = importlib.util.spec_from_file_location("stages", file)
    stages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stages)
    for label, module, path in stages.STAGES:
        owner, name = stages.place_of(module, path)
        assert callable(getattr(owner, name, None)), f"{label}: {module} has no {path}"
