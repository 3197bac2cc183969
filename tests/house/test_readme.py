"""The READMEs say what is true: commands parse, targets and files exist, both say the same."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

ROOT = Path(__file__).parents[2]
READMES = ["README.md", "README.zh-CN.md"]
DOCS = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*.md"))
LINKING = [*READMES, "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", *DOCS]
PAGES = [page for page in LINKING if "```sh\n" in (ROOT / page).read_text("utf-8")]
RUNNING = ["README.md", "docs/howto/python.md"]
"""Pages whose programs are run; their Chinese twins hold the same programs."""


def read(page):
    return (ROOT / page).read_text("utf-8")


def blocks(text, language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(text):
    """Return every command line of the fenced shell blocks, comments off, continuations joined."""
    lines = "".join(blocks(text, "sh")).replace("\\\n", " ").splitlines()
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
    return [line for line in lines if line]


def ours(text):
    """Return the arguments of every call of ``unblur``, in pipes and chains too."""
    calls = []
    for command in commands(text):
        words = shlex.shlex(command, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        call = []
        for word in [*words, ";"]:
            if set(word) <= set("|&;<>"):
                if call[:1] == ["unblur"]:
                    calls.append(call[1:])
                call = []
            else:
                call.append(word)
    return calls


def made(text):
    """Return the targets of every ``make`` in the shell blocks."""
    chains = [part.split() for line in commands(text) for part in re.split(r"&&|\|\||;", line)]
    words = [word for chain in chains if chain[:1] == ["make"] for word in chain[1:]]
    return {word for word in words if "=" not in word and not word.startswith("-")}


def links(text):
    """Return the links to files of this repository, pictures too, anchors, code and maths off."""
    text = re.sub(
        r"^```.*?^```$|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", "", text, flags=re.DOTALL | re.MULTILINE
    )
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link.split("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


def commands_below(group, context):
    """Return every command of a group that does something."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_below(command, context)
        else:
            yield command


@pytest.fixture
def parse(monkeypatch, tmp_path):
    """Return a function that parses a call of ours, runs nothing and names the command."""
    recorded = tmp_path / "clip.gcsv"
    recorded.touch()
    from unblur.cli import main

    reached = []

    def stand_in(**_):
        reached.append(click.get_current_context().command_path)

    for command in commands_below(main, click.Context(main)):
        monkeypatch.setattr(command, "callback", stand_in)

    def parse(arguments):
        reached.clear()
        after = ["", *arguments]
        # The command line asks for this file at once.
        arguments = [
            str(recorded) if option == "--gyro" else word
            for option, word in zip(after, arguments, strict=False)
        ]
        result = CliRunner().invoke(main, arguments, prog_name="unblur")
        if result.exit_code == 5:  # DependencyMissing: the command itself needs an extra
            pytest.skip(result.output.strip())
        assert result.exit_code == 0, f"unblur {shlex.join(arguments)}: {result.output}"
        return reached[0]

    return parse


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_ours_parse(page, parse):
    for call in ours(read(page)):
        assert parse(call).startswith("unblur ")


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert made(read(page)) <= set(targets)


@pytest.mark.parametrize("page", LINKING)
def test_links_lead_somewhere(page):
    missing = [
        link for link in links(read(page)) if not (ROOT / page).parent.joinpath(link).exists()
    ]
    assert missing == []


def test_both_readmes_give_the_same_commands_and_programs():
    english, chinese = (commands(read(page)) for page in READMES)
    assert english == chinese
    english, chinese = ([b.split("#")[0] for b in blocks(read(p), "python")] for p in READMES)
    assert english == chinese


@pytest.mark.parametrize("page", RUNNING)
def test_python_examples_run(page, tmp_path, monkeypatch, proposals_only):
    with Image.open(ROOT / "examples" / "photos" / "rocks-shaken.jpg") as image:
        image.crop((180, 120, 380, 280)).save(tmp_path / "photo.jpg", quality=95)
    monkeypatch.chdir(tmp_path)
    examples = blocks(read(page), "python")
    assert examples
    for example in examples:
        exec(compile(example, page, "exec"), {})  # a README of ours, nothing from outside
    assert (tmp_path / "clean.jpg").stat().st_size > 1000


# The helpers above, on a page made up for them.

PAGE = """# A page with [a link](docs/here.md#part), ![a picture](p.png), [a site](https://example.org)
and [a part](#part); `make nothing` and `unblur nothing` in running text are not looked at,
nor are `code[y](x)` and $E[z](a)$ links.

```sh
make demo    # and more
cd x && make PYTHON=python3.12 test; make -s check
# unblur commented-out
unblur photo.jpg --strength 0.6  # less
cat a.jpg | unblur - -o - > b.jpg && unblur models list
unblur synth sharp/ "my pairs/" \\
    --seed 1
pip install unblur
```

```python
x = 1
```

```text
unblur in another language
```
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(PAGE, "utf-8")
    return path.read_text("utf-8")


def test_helpers_find_what_a_page_says(page):
    assert commands(page)[0] == "make demo"
    assert ours(page) == [
        ["photo.jpg", "--strength", "0.6"],
        ["-", "-o", "-"],
        ["models", "list"],
        ["synth", "sharp/", "my pairs/", "--seed", "1"],
    ]
    assert made(page) == {"demo", "test", "check"}
    assert links(page) == ["docs/here.md", "p.png"]
    assert blocks(page, "python") == ["x = 1\n"]


def test_the_parser_names_the_command(page, parse):
    assert [parse(call) for call in ours(page)] == [
        "unblur restore",
        "unblur restore",
        "unblur models list",
        "unblur synth",
    ]


@pytest.mark.parametrize(
    "call",
    [
        ["photo.jpg", "--strenth", "0.6"],
        ["photo.jpg", "--strength", "6"],
        ["photo.jpg", "--region", "1,2,3"],
        ["photo.jpg", "-z"],
        ["models", "lst"],
        ["train", "configs/kernel_net.toml", "--run", "runs/x"],
        ["export", "runs/x", "y.onnx"],
        ["synth", "sharp/"],
    ],
)
def test_the_parser_refuses_what_the_commands_refuse(call, parse):
    with pytest.raises(AssertionError, match="Error"):
        parse(call)
