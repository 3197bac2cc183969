"""The house stays tidy: small modules, every one explained, weights small and described."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "src").rglob("*.py"))
LONGEST = 310
"""Lines of a module; a longer one does more than one job."""


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT / "src").as_posix())
def test_every_module_is_explained_and_not_too_long(path):
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= LONGEST


@pytest.mark.parametrize(
    "network",
    [
        "blur_net",
        "frame_rnn",
        "fuse_net",
        "judge_net",
        "kernel_net",
        "map_net",
        "plain_net",
        "restore_net",
    ],
)
def test_weights_are_small_described_and_tell_nothing_of_the_machine(network):
    from unblur.engines import OnnxEngine

    path = ROOT / "src" / "unblur" / "weights" / f"{network}.onnx"
    assert path.stat().st_size < 5_000_000
    spec = OnnxEngine(path, task=None).spec
    assert spec.name == network and spec.parameters > 100_000
    assert network in (ROOT / "docs" / "models.md").read_text()
    recipe = json.loads(spec.recipe)
    assert "/" not in recipe["recipe"]["gyro_file"] + recipe["data"].get("kernel_weights", "")
    data = path.read_bytes()
    for trace in (b"/home/", b"/work/", b"site-packages"):
        assert trace not in data
    # A file name, not just the bytes ".py": a quarter of all weights hold those by chance.
    assert not re.search(rb"[\w./-]{6,}\.py\b", data)


def test_version_is_the_changelogs():
    import unblur

    assert f"## {unblur.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_only_one_module_holds_the_numbers_of_the_srgb_curve():
    homes = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and node.value in (2.4, 0.04045, 12.92, 1.055):
                homes.add(path.name)
    assert homes == {"color.py"}


THREADS = {
    # The front door for Python: a number is what people have.
    "runtime.Runtime.of_process", "zoo.models.Session.__init__", "pipeline.facade.restore",
    "pipeline.facade.analyse", "detection.facade.detect", "inspection.facts.inspect_photo",
    "video.facade.restore_clip", "video.burst.restore_burst",
    # It makes one value of what was asked for.
    "runtime.Runtime.on_threads",
}  # fmt: skip


def test_below_the_front_door_a_runtime_says_how_networks_are_run():
    found = set()
    for path in MODULES:
        module = ".".join(path.relative_to(ROOT / "src" / "unblur").with_suffix("").parts)
        if module.startswith("cli."):
            continue
        for owner in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(owner, ast.Module | ast.ClassDef):
                continue
            prefix = f"{module}.{owner.name}" if isinstance(owner, ast.ClassDef) else module
            for node in owner.body:
                if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "threads":
                    found.add(f"{prefix}.{node.target.id}")
                if not isinstance(node, ast.FunctionDef):
                    continue
                if "threads" in {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}:
                    found.add(f"{prefix}.{node.name}")
    assert found == THREADS | {"runtime.Runtime.threads"}


def test_one_module_reads_the_device_from_the_environment():
    readers = {
        path.name
        for path in MODULES
        if "UNBLUR_DEVICE" in path.read_text("utf-8") or "runtime.VARIABLE" in path.read_text()
    }
    assert readers == {"runtime.py"}


def imported(path):
    """Return the modules that a module imports anywhere in it, types left out."""
    found, ahead = set(), [ast.parse(path.read_text("utf-8"))]
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        ahead += ast.iter_child_nodes(node)
    return found


def test_no_module_is_imported_in_a_circle_not_even_late():
    names = {
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts): path
        for path in MODULES
        if path.name != "__init__.py"
    }
    left = {name: imported(path) & names.keys() - {name} for name, path in names.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert not left, f"in circles, or above one: {sorted(left)}"


def test_psnr_has_one_home_for_photos_and_one_for_batches():
    homes = {
        path.relative_to(ROOT / "src" / "unblur").as_posix()
        for path in MODULES
        if re.search(r"10 \* (float\()?(np|torch|math)\.log10", path.read_text("utf-8"))
    }
    assert homes == {"psnr.py", "training/psnr.py"}
