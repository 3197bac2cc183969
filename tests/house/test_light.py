"""Importing and restoring stay light: no PyTorch, nothing loaded before it is needed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "skimage", "matplotlib", "onnx")


def loaded_after(code):
    script = f"import sys\n{code}\nprint(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(result.stdout.split())


def test_import_loads_nothing_but_the_standard_library():
    loaded = loaded_after("import unblur")
    assert not loaded & {*HEAVY, "numpy", "scipy", "PIL", "onnxruntime", "click"}


def test_restoring_a_photo_leaves_torch_out():
    code = "import unblur\nr = unblur.restore('examples/photos/rocks-shaken.jpg')"
    loaded = loaded_after(code + "\nassert r.report.changed")
    assert "onnxruntime" in loaded
    assert not loaded & set(HEAVY)


def test_help_loads_no_engine():
    code = (
        "from click.testing import CliRunner\nfrom unblur.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0"
    )
    assert not loaded_after(code) & {*HEAVY, "onnxruntime", "scipy"}


def test_public_names_are_the_ones_promised():
    import unblur

    assert unblur.__all__ == [
        "MotionField",
        "Photo",
        "Psf",
        "Region",
        "Report",
        "Restored",
        "UnblurError",
        "analyse",
        "read_photo",
        "restore",
        "write_photo",
        "__version__",
    ]
    for name in unblur.__all__:
        assert getattr(unblur, name) is not None


def test_the_function_restore_survives_imports_of_all_rooms():
    import unblur
    import unblur.restoration.pipeline

    assert callable(unblur.restore)
    assert unblur.restoration.pipeline
