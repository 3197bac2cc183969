"""The lowest versions that CI runs are those that pyproject.toml declares."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def parts(version):
    return tuple(int(part) for part in re.sub(r"(\.0)+$", "", version).split("."))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is Python 3.11's")
def test_the_lowest_versions_are_the_declared_ones():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(text for extra in extras for text in extra)]
    declared = {}
    for text in wanted:
        match = re.match(r"([A-Za-z0-9-]+)(?:\[.*?\])?>=([0-9.]+)", text)
        if match:
            low = min(parts(match[2]), declared.get(match[1], parts(match[2])))
            declared[match[1]] = low
    lines = (ROOT / "tests" / "constraints-lowest.txt").read_text().splitlines()
    # Of several for different Pythons, as of those declared, the lowest.
    pairs = [line.split(";")[0].split("==") for line in lines if not line.startswith("#")]
    pinned = {name: min(parts(v) for n, v in pairs if n == name) for name, _ in pairs}
    assert pinned == {name: declared[name] for name in pinned}
    base = {re.match(r"[a-z]+", text)[0] for text in project["dependencies"]}
    assert base <= pinned.keys()
