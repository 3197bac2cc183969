"""The script that the page on darktable gives: restores a file in place, or leaves it and fails."""

import os
import re
import subprocess
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "howto"
PRETENDED = '#!/bin/sh\n[ "$(cat "$1")" = photo ] && echo restored > "$3$(basename "$1")"\n'
"""Stands for ``unblur FILE -o FOLDER/ --quiet``: it knows one photo and fails on all else."""


@pytest.mark.skipif(os.name != "posix", reason="a script for the shell")
@pytest.mark.parametrize("page", ["darktable.md", "darktable.zh.md"])
@pytest.mark.parametrize(
    ("content", "code", "left"), [("photo", 0, "restored"), ("junk", 1, "junk")]
)
def test_the_script_of_the_page_restores_in_place(page, content, code, left, tmp_path):
    (script,) = re.findall(
        r"```sh\n(#!/bin/sh.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL
    )
    for name, text in (("unblur", PRETENDED), ("unblur-edit", script)):
        (tmp_path / name).write_text(text, "utf-8")
        (tmp_path / name).chmod(0o755)
    photo = tmp_path / "a photo.tif"
    photo.write_text(content)
    where = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run([tmp_path / "unblur-edit", photo], env=where, check=False)
    assert ran.returncode == code
    assert photo.read_text().strip() == left
