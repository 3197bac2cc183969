"""The site: both languages say the same, it builds without a warning, and asks nobody else."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.test_readme import blocks, commands, read

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CHINESE = sorted(str(p.relative_to(DOCS)) for p in DOCS.rglob("*.zh.md"))
ENGLISH = sorted(
    str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md") if not p.name.endswith(".zh.md")
)


def outline(text):
    """Return what must agree between languages."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return {
        "sections": [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)],
        "pictures": re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text),
        "rows": len(re.findall(r"^\|", text, re.MULTILINE)),
        "formulas": [re.sub(r"\s+", " ", f) for f in re.findall(r"\$\$(.*?)\$\$", text, re.DOTALL)],
    }


def bare(code):
    """Return a program without its comments."""
    return [line.split("  #")[0].rstrip() for line in code.splitlines()]


def test_every_page_has_a_twin():
    twins = {page.replace(".zh.md", ".md") for page in CHINESE}
    assert twins == set(ENGLISH)


@pytest.mark.parametrize("chinese", CHINESE)
def test_both_languages_have_the_same_sections_pictures_and_commands(chinese):
    texts = [
        (DOCS / page).read_text("utf-8") for page in (chinese.replace(".zh.md", ".md"), chinese)
    ]
    english, own = (outline(text) for text in texts)
    assert own == english
    assert commands(texts[0]) == commands(texts[1])
    first, second = ([bare(b) for b in blocks(text, "python")] for text in texts)
    assert first == second
    assert blocks(texts[0], "text") == blocks(texts[1], "text")


CHINESE_SIGNS = re.compile(
    r"[\u4e00-\u9fff][,;:?!]|[,;:?!]\s*[\u4e00-\u9fff]|(?<=[\w%)*])[,;:](?=[A-Z*\[])|[,;:]$",
    re.MULTILINE,
)
"""Signs of English beside Chinese, without the space that English has, or at a line's end."""


@pytest.mark.parametrize("page", [f"docs/{page}" for page in CHINESE] + ["README.zh-CN.md"])
def test_chinese_is_punctuated_as_chinese(page):
    text = re.sub(r"^```.*?^```$", "", read(page), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(
        r"`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|\]\([^)]*\)|<!--.*?-->", "x", text, flags=re.DOTALL
    )
    found = [text[max(0, m.start() - 8) : m.end() + 4] for m in CHINESE_SIGNS.finditer(text)]
    assert found == []


MKDOCS = all(
    importlib.util.find_spec(name)
    for name in (
        "mkdocs",
        "material",
        "mkdocs_static_i18n",
        "mkdocstrings",
        "latex2mathml",
        "jieba",
    )
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    if not MKDOCS:
        pytest.skip("the site is built by the extra 'docs'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    settings = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    built = subprocess.run(
        command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_the_site_asks_no_other_host(site):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        asked = re.findall(r'<(?:script|img|iframe|source)[^>]*\bsrc="([^"]+)"', text)
        asked += re.findall(r'<link[^>]*rel="(?:stylesheet|icon|preload)"[^>]*href="([^"]+)"', text)
        assert [link for link in asked if re.match(r"(?:[a-z]+:)?//", link)] == [], page


def test_the_site_has_both_languages_formulas_and_what_is_generated(site):
    chapter = (site / "zh" / "course" / "02-motion.html").read_text("utf-8")
    assert "<math" in chapter
    assert "点扩散函数" in chapter
    assert "arithmatex" not in chapter
    assert "unblur evaluate-clips" in (site / "reference" / "commands.html").read_text("utf-8")
    assert "WouldOverwrite" in (site / "reference" / "errors.html").read_text("utf-8")
    script = (site / "search" / "search_index.js").read_text("utf-8")
    index = json.loads(script[script.index("{") : script.rindex("}") + 1])
    found = json.dumps(index, ensure_ascii=False).replace("\u200b", "")
    assert "deconvolution" in found
    assert "反卷积" in found


@pytest.mark.parametrize("language", ["", "zh/"])
def test_the_other_language_is_one_press_away_from_files_too(site, language):
    page = site / language / "course" / "01-light.html"
    other = "zh" if not language else "en"
    (link,) = re.findall(rf'<a href="([^"]+)" hreflang="{other}"', page.read_text("utf-8"))
    assert (page.parent / link).resolve().is_file()
    assert (page.parent / link).resolve().name == "01-light.html"


def test_the_table_of_real_sets_is_the_same_on_all_four_pages():
    def figures(page):
        rows = re.findall(
            r"^\| (?:Levin|Köhler|Lai|文字|text|夜景|night|GoPro).*$", read(page), re.MULTILINE
        )
        return [re.findall(r"\| *([\d.–]+)(?= *\|)", row) for row in rows]

    pages = ("README.md", "README.zh-CN.md", "docs/results.md", "docs/results.zh.md")
    first, *others = (figures(page) for page in pages)
    assert len(first) >= 6
    assert all(other == first for other in others)
