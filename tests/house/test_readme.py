"""The READMEs say what is true: commands parse, targets and files exist, both say the same."""

import re
import shlex
from pathlib import Path

import click
import pytest

from unblur.cli.app import main

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "README.zh-CN.md", "docs/training.md", "CONTRIBUTING.md"]


def commands(text):
    """Every shell command in fenced blocks, comments off."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def parse(command):
    """Parse a command line of ours as click would, without running it; raises if it is wrong."""
    arguments = shlex.split(command.split("|")[-1].split(">")[0])[1:]
    context = click.Context(main, info_name="unblur")
    main.parse_args(context, arguments)
    words = [*context._protected_args, *context.args]
    group = main
    while isinstance(group, click.Group):
        name, found, words = group.resolve_command(context, words)
        group = found
        context = click.Context(found, info_name=name, parent=context)
    for word in words:
        if word.startswith("--"):
            assert any(word in p.opts for p in group.params), f"{word} is no option of {name}"
    return name


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_ours_parse(page):
    ours = [c for c in commands((ROOT / page).read_text("utf-8")) if "unblur " in c.split("#")[0]]
    ours = [c for c in ours if not c.startswith(("pip", "git"))]
    assert ours or page == "CONTRIBUTING.md"
    for command in ours:
        assert parse(command)


def test_the_parser_of_this_test_can_fail():
    assert parse("unblur photo.jpg --strength 0.6") == "restore"
    with pytest.raises(AssertionError, match="--strenth"):
        parse("unblur photo.jpg --strenth 0.6")
    with pytest.raises(click.UsageError):
        parse("unblur models lst")


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"make ([a-z]+)", "\n".join(commands((ROOT / page).read_text("utf-8"))))
    assert set(named) <= set(targets)


@pytest.mark.parametrize("page", [*PAGES, "docs/science.md", "docs/design.md", "docs/models.md"])
def test_links_lead_somewhere(page):
    path = ROOT / page
    for link in re.findall(r"\]\(([\w./-]+\.\w+)\)", path.read_text("utf-8")):
        if not link.startswith("http"):
            assert (path.parent / link).exists(), link


def test_both_readmes_give_the_same_commands():
    english, chinese = (commands((ROOT / page).read_text("utf-8")) for page in PAGES[:2])
    assert english == chinese


def test_the_first_python_example_names_what_exists():
    import unblur

    for page in PAGES[:2]:
        (block,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
        for name in re.findall(r"unblur\.(\w+)\(", block):
            assert name in unblur.__all__
        compile(block, page, "exec")
