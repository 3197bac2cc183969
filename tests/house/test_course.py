"""The course: its scripts run, print what the chapters say, and its constants are the code's."""

import functools
import re
import runpy
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS, SCRIPTS = ROOT / "docs" / "course", ROOT / "examples" / "course"
sys.path.insert(0, str(SCRIPTS))
from refresh import NAMES, OUTPUT  # noqa: E402

PAGES = [f"{chapter}{language}" for chapter in NAMES.values() for language in ("", ".zh")]
NETWORKS = 0.15
"""Share by which figures marked "about" may differ: networks are trained anew, chance is chance."""
SHORT = {"detector": ["--steps", "2"]}
"""Where a minute is trained, the suite trains two steps, and compares no figure of chance."""


def read(page):
    return (CHAPTERS / f"{page}.md").read_text("utf-8")


def figures(text):
    """Return {name: (about, values)} of printed lines."""
    found = {}
    for line in text.strip().splitlines():
        name, _, values = line.rpartition(": ")
        about = values.startswith("about ")
        found[name] = (about, values.removeprefix("about ").split(", "))
    return found


def agree(shown, printed, share):
    """Whether two printed values are the same, numbers within a share or their last digit."""
    try:
        a, b = float(shown), float(printed)
    except ValueError:
        return shown == printed
    digits = len(shown.partition(".")[2]) if "e" not in shown else 0
    last = 10.0**-digits if digits else 1e-6
    return abs(a - b) <= max(share * abs(a), 1.5 * last)


@pytest.mark.parametrize("script", NAMES)
def test_a_script_prints_what_its_chapter_says_and_draws_its_picture(
    script, tmp_path, monkeypatch, capsys
):
    if script == "detector":
        pytest.importorskip("torch", reason="chapter 4 trains")
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path), *SHORT.get(script, [])])
    runpy.run_path(str(SCRIPTS / f"{script}.py"), run_name="__main__")
    printed = figures(capsys.readouterr().out)
    assert (tmp_path / f"{script}.jpg").stat().st_size > 5_000
    for language in ("", ".zh"):
        page = read(f"{NAMES[script]}{language}")
        assert f"pictures/{script}.jpg" in page
        (told,) = [m[3] for m in OUTPUT.finditer(page) if m[2] == script]
        said = figures(told)
        assert list(said) == list(printed)
        for name, (about, values) in said.items():
            if about and script in SHORT:
                continue
            share = NETWORKS if about else 0.01
            pairs = zip(values, printed[name][1], strict=True)
            assert all(agree(a, b, share) for a, b in pairs), f"{name}: {values}, {printed[name]}"


def constants(page):
    """Return the rows of the table of constants: value as written, and where it stands."""
    return re.findall(
        r"^\|[^|]*\| ([^|]+?) \| `(unblur[\w.]*:[\w.]+)` \|$", read(page), re.MULTILINE
    )


def value_of(place):
    module, _, path = place.partition(":")
    return functools.reduce(getattr, path.split("."), import_module(module))


def number(text):
    over, _, under = text.partition("/")
    return float(over) / float(under or 1)


@pytest.mark.parametrize("page", PAGES)
def test_constants_are_those_of_the_code(page):
    rows = constants(page)
    assert rows
    if any("models" in place or "training" in place for _, place in rows):
        pytest.importorskip("torch", reason="networks are made with PyTorch")
    for written, place in rows:
        said = [number(part) for part in written.split(", ")]
        assert np.allclose(said, np.ravel(value_of(place))), f"{place} is not {written}"


def test_both_languages_name_the_same_constants():
    for chapter in NAMES.values():
        assert constants(chapter) == constants(f"{chapter}.zh")


def test_numbers_that_differ_are_noticed():
    assert agree("30.35", "30.34", 0.01)
    assert not agree("30.35", "31.35", 0.01)
    assert agree("0.007752", "0.00775", 0.01)
    assert not agree("True", "False", 0.01)
    assert not agree("1", "1.2", 0.15)
