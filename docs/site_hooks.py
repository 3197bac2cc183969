"""What MkDocs does not know of itself: formulas as MathML, commands and errors from the code.

Formulas become MathML while the site is built, so that pages need neither scripts nor fonts of
anybody else. The pages of commands and errors are written from click and from ``unblur.errors``.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Iterator
from typing import Any

import click
from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_BAR = r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>'
_CHINESE_BREAK = re.compile(
    r"(?<=[\u3001-\u3002\u4e00-\u9fff\uff01-\uff1f\u201d])\n(?=[\u201c\u4e00-\u9fff\uff08])"
)
_BEFORE_SIGN = re.compile(
    r'(<math(?:(?!</math>).)*?display="inline"(?:(?!</math>).)*</math>)([，。、；：？）”]+)',
    re.DOTALL,
)
_OPTION = re.compile(r"<code>(-[^<\s]{1,30})</code>")
_ROLE = re.compile(r":(?:func|class|meth|mod|attr|data):<code>~?\.?([^<]*)</code>")


def on_startup(**_: Any) -> None:
    """Let the cutter of Chinese words say nothing but warnings."""
    import jieba

    jieba.setLogLevel(logging.WARNING)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Fill in what is generated, and turn links that leave the site into plain text."""
    depth = page.file.src_uri.count("/")
    outside = re.compile(rf"\[([^\]]+)\]\((?:\.\./){{{depth + 1}}}[^)]*\)")
    markdown = outside.sub(r"\1", markdown)
    if "<!-- commands -->" in markdown:
        markdown = markdown.replace("<!-- commands -->", commands())
    if "<!-- errors -->" in markdown:
        markdown = markdown.replace("<!-- errors -->", errors())
    return markdown


def on_page_content(content: str, *, page: Any, **_: Any) -> str:
    """Turn TeX into MathML, and the roles of docstrings into plain code."""
    # Browsers show the end of a line as a space, which Chinese has not.
    content = _CHINESE_BREAK.sub("", content)
    content = _FORMULA.sub(lambda m: formula(m, page), content)
    # A formula is no letter to browsers: without this a line may begin with the sign after it.
    content = _BEFORE_SIGN.sub(r'<span class="keep">\1\2</span>', content)
    # Browsers would break an option after its hyphens.
    content = _OPTION.sub(r'<code class="keep">\1</code>', content)
    return _ROLE.sub(r"<code>\1</code>", content)


def on_post_page(output: str, *, page: Any, config: Any, **_: Any) -> str:
    """Let the switch of languages lead to the same page, also where pages are opened as files."""
    url = page.file.url
    chinese = url.startswith("zh/")
    up = "../" * url.count("/")
    plain = url.removeprefix("zh/")
    for language, target in (("en", up + plain), ("zh", f"{up}zh/{plain}")):
        output = re.sub(
            rf'(<(?:a|link)[^>]*?)href="[^"]*"([^>]*hreflang="{language}")',
            rf'\1href="{target}"\2',
            output,
        )
    assert chinese == (config.theme["language"] == "zh"), url
    return output


def formula(match: re.Match[str], page: Any) -> str:
    """Return MathML of a formula; one that cannot be turned fails the build."""
    tex = html.unescape(match[2]).strip()
    tex = re.sub(r"\\arg\\(min|max)", r"\\operatorname{arg\1}", tex)
    display = "block" if match[1] == "div" else "inline"
    found = convert(tex, display=display)
    found = re.sub(r"<mo>arg(min|max)</mo>", "<mo>arg\u2009\\1</mo>", found)
    # Bars are fences here, never relations: no space around them, no stretching.
    found = re.sub(r"<mo[^>]*>(\||&#x0007C;|&#x02016;|∣|‖)</mo>", _BAR, found)
    if re.search(r"\\[a-zA-Z]", found):
        raise ValueError(f"{page.file.src_uri}: no MathML for {tex}")
    return f'<div class="formula">{found}</div>' if display == "block" else found


def commands() -> str:
    """Return a section for each command: its usage, what it does, its options."""
    from unblur.cli import main

    context = click.Context(main, info_name="unblur")
    return "\n".join(_sections(main, context))


def _sections(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _sections(command, inner)
            continue
        usage = " ".join(command.collect_usage_pieces(inner))
        yield f"## {inner.command_path}\n"
        yield f"```text\n{inner.command_path} {usage}\n```\n"
        yield _text(command.help or "") + "\n"
        rows = [p.get_help_record(inner) for p in command.params]
        shown = [row for row in rows if row is not None]
        if shown:
            yield "| | |\n|---|---|"
            yield from (f"| `{_cell(left)}` | {_cell(_text(right))} |" for left, right in shown)
            yield ""


def errors() -> str:
    """Return a table of all errors: name, exit code, HTTP status, meaning."""
    import inspect

    from unblur import errors as module

    rows = ["| error | exit code | HTTP | |", "|---|---|---|---|"]
    for name, kind in vars(module).items():
        if inspect.isclass(kind) and issubclass(kind, module.UnblurError):
            first = (kind.__doc__ or "").strip().splitlines()[0]
            rows.append(f"| `{name}` | {kind.exit_code} | {kind.http_status} | {_cell(first)} |")
    return "\n".join(rows)


def _text(help_text: str) -> str:
    return re.sub(r"\b([A-Z]+_[A-Z_]+)\b", r"`\1`", help_text.replace("\b", "")).strip()


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|").replace("<", "&lt;").replace("[", r"\[")
