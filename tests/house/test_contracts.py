"""The import directions of the design hold, and the check that says so can fail."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = (ROOT / "pyproject.toml").read_text("utf-8").count("[[tool.importlinter.contracts]]")


def lint_imports(folder, config):
    """Run lint-imports on the package ``unblur`` that lies in a folder."""
    code = "from importlinter.cli import lint_imports_command as m; m()"
    command = [sys.executable, "-B", "-c", code, "--config", str(config), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_contracts_are_kept():
    result = lint_imports(ROOT / "src", ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    assert CONTRACTS >= 3
    assert f"{CONTRACTS} kept, 0 broken" in result.stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A folder with a copy of the package, to be spoiled."""
    folder = tmp_path_factory.mktemp("src")
    ignore = shutil.ignore_patterns("*.onnx", "__pycache__")
    shutil.copytree(ROOT / "src" / "unblur", folder / "unblur", ignore=ignore)
    return folder


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("errors.py", "from unblur.color import luma", "rooms"),
        ("toml.py", "from unblur.blur import Psf", "rooms"),
        ("io/folders.py", "from unblur.pipeline import run", "rooms"),
        ("io/photo.py", "from unblur.blur.psf import Psf", "rooms"),
        ("blur/psf_files.py", "from unblur.io import read_photo", "no files"),
        ("motion/field.py", "from unblur.restoration import wiener", "rooms"),
        ("zoo/models.py", "from unblur.pipeline import run", "rooms"),
        ("detection/facade.py", "from unblur.pipeline import gate", "rooms"),
        ("restoration/lifted.py", "from unblur.zoo import models", "rooms"),
        ("pipeline/gate.py", "from unblur.detection import facade", "rooms"),
        ("pipeline/run.py", "import torch", "networks are made"),
        ("motion/kernel.py", "from unblur.models import kernel_net", "networks are made"),
        ("pipeline/tiling.py", "import torch", "networks are made"),
        ("restoration/restorers.py", "from unblur.models import restore_net", "networks are made"),
        ("evaluate/metrics.py", "from unblur.training import loop", "rooms"),
        ("engines/onnx.py", "import torch", "networks are made"),
        ("zoo/store.py", "import onnx", "networks are made"),
        ("evaluate/quality.py", "from unblur.foreign import adding", "rooms"),
        ("foreign/adding.py", "import click", "click"),
        ("blur/psf.py", "import onnxruntime", "blur runs no network"),
        ("training/loop.py", "import click", "click"),
        ("video/steady.py", "from unblur.motion.refinement import refine_shared", "seam"),
        ("pipeline/run.py", "from unblur.motion import kernel", "seam"),
        ("video/models.py", "from unblur.engines.onnx import OnnxEngine", "loaded by the zoo"),
        ("foreign/probing.py", "import onnxruntime", "only engines"),
        ("batch/pool.py", "import click", "click"),
        ("batch/run.py", "import torch", "networks are made"),
        ("detection/culling.py", "from unblur.batch import pool", "rooms"),
        ("cli/synth.py", "import torch", "only train and export"),
        ("web/app.py", "import click", "click"),
        ("video/cuts.py", "from unblur.web import names", "rooms"),
        ("cli/serve.py", "import uvicorn", "web framework"),
    ],
)
def test_a_broken_rule_is_noticed(copied, module, line, contract):
    path = copied / "unblur" / module
    before = path.read_text("utf-8")
    path.write_text(f"{before}\n\ndef late():\n    {line}\n", "utf-8")
    try:
        result = lint_imports(copied, ROOT / "pyproject.toml")
    finally:
        path.write_text(before, "utf-8")
    assert result.returncode == 1
    broken = re.findall(r"^(.*) BROKEN", result.stdout, re.MULTILINE)
    assert any(contract in name for name in broken), result.stdout[-2000:]


def test_a_room_without_a_place_is_noticed(copied):
    path = copied / "unblur" / "cellar.py"
    path.write_text("", "utf-8")
    try:
        result = lint_imports(copied, ROOT / "pyproject.toml")
    finally:
        path.unlink()
    assert result.returncode == 1
    assert "cellar" in result.stdout
