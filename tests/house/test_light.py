"""Importing and restoring stay light: no PyTorch, nothing loaded before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAINING = {"torch", "onnx", "onnxscript", "safetensors", "matplotlib"}
EXTRAS = {"skimage", "tifffile", "pi_heif", "rawpy", "starlette", "uvicorn"}
EXTRAS |= {"dask", "distributed", "fsspec"}


def loaded_after(code):
    """Run code in a fresh interpreter; return the top-level modules it has loaded."""
    script = f"import sys\n{code}\nprint(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return set(result.stdout.split())


def test_import_loads_nothing_but_the_standard_library():
    loaded = loaded_after("import unblur")
    assert "unblur" in loaded
    assert not loaded & {*TRAINING, *EXTRAS, "numpy", "scipy", "PIL", "onnxruntime", "click"}


def test_restoring_a_photo_leaves_torch_out():
    code = "import unblur\nfrom PIL import Image\n"
    code += "photo = Image.open('examples/photos/rocks-shaken.jpg')\n"
    code += "r = unblur.restore(photo.crop((180, 120, 300, 220)))"
    loaded = loaded_after(code + "\nassert r.report.changed")
    assert "onnxruntime" in loaded
    assert not loaded & {*TRAINING, *EXTRAS, "click", "http", "ssl"}


def test_help_loads_no_command():
    code = (
        "from click.testing import CliRunner\nfrom unblur.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "assert not [m for m in sys.modules if m.startswith('unblur.cli.re')]"
    )
    assert not loaded_after(code) & {*TRAINING, *EXTRAS, "onnxruntime", "scipy", "numpy", "PIL"}


def test_warnings_and_failures_of_the_fresh_interpreter_are_noticed():
    with pytest.raises(AssertionError, match="too late"):
        loaded_after("import warnings; warnings.warn('too late')")
    with pytest.raises(AssertionError, match="spoken"):
        loaded_after("print('spoken', file=sys.stderr)")
    assert "colorsys" in loaded_after("import colorsys") - loaded_after("import unblur")


def test_public_names_are_the_ones_promised():
    import unblur

    assert unblur.__all__ == [
        "Detection",
        "MotionField",
        "Photo",
        "Psf",
        "Region",
        "Report",
        "Restored",
        "Runtime",
        "Session",
        "UnblurError",
        "analyse",
        "detect",
        "read_photo",
        "restore",
        "write_photo",
        "__version__",
    ]
    for name in unblur.__all__:
        assert getattr(unblur, name) is not None


def test_the_function_restore_survives_imports_of_all_rooms():
    import unblur
    import unblur.pipeline.run

    assert callable(unblur.restore)
    assert unblur.pipeline.run
