"""The tables of cases and threats name tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+(?:\.py(?:::(\w+))?)?)`")


@pytest.mark.parametrize(
    ("page", "heading", "least"),
    [
        ("CONTRIBUTING.md", "## Cases users reported", 20),
        ("SECURITY.md", "## What is defended, and how", 20),
    ],
)
def test_every_row_names_tests_that_are_there(page, heading, least):
    section = (ROOT / page).read_text("utf-8").split(heading)[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= least
    for row in rows:
        named = list(NAMED.finditer(row))
        assert named, row
        for match in named:
            path = ROOT / match[1].split("::")[0]
            assert path.exists(), row
            if match[2]:
                tree = ast.parse(path.read_text("utf-8"))
                known = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
                assert match[2] in known, row
