"""What a comparison says, in plain sentences, with its uncertainty and its losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unblur.evaluate.comparing.run import Comparison
from unblur.evaluate.methods import BLURRY
from unblur.evaluate.report import figures
from unblur.evaluate.report.figures import Paired
from unblur.evaluate.titles import digits_of, title_of

_FEW = 6
"""Below this number of photos no signed-rank test can reach 5 %."""


def verdict(comparison: Comparison) -> list[str]:
    """Return a few sentences: which method is best, how surely, at what harm and cost."""
    lines = {line["model"]: line for line in figures.table(comparison)}
    able = [
        line
        for model, line in lines.items()
        if line["count"] and model != BLURRY and not figures.is_oracle(model)
    ]
    if not able:
        return []
    best = max(able, key=lambda line: float(line["gain"]))
    pairs = figures.differences(comparison)
    said = [_best(best, comparison), *_rivals(best["model"], able, pairs, comparison)]
    said += [_harm(best, comparison), *_cost(best, able), *_oracles(lines, comparison)]
    count = len(comparison.shots)
    if count < _FEW:
        said.append(f"On so few photos ({count}) nothing is sure; compare on more.")
    return said


def text_table(comparison: Comparison) -> str:
    """Return the table and the paired differences as text."""
    names = figures.score_names(comparison)
    head = "".join(f"{title_of(name):>{_width(name)}}" for name in names)
    width = max(len(model) for model in (*comparison.models, "model")) + 2
    lines = [
        f"{'model':<{width}}{'n':>5}{head}{'gain [95 %]':>28}{'harmed':>9}"
        f"{'s/Mpx':>8}{'CPU s/Mpx':>11}{'MB':>7}"
    ]
    for line in figures.table(comparison):
        if not line["count"]:
            lines.append(f"{line['model']:<{width}}{0:>5}  failed on {line['failed']} photos")
            continue
        scores = "".join(
            f"{line[n]:>{_width(n)}.{digits_of(n)}f}" if n in line else f"{'-':>{_width(n)}}"
            for n in names
        )
        gain = _with_interval(line["gain"], line["gain_95"], comparison)
        memory = "-" if line["peak_mb"] is None else f"{line['peak_mb']:.0f}"
        lines.append(
            f"{line['model']:<{width}}{line['count']:>5}{scores}{gain:>28}"
            f"{100 * line['harmed_share']:>8.1f}%{_or_dash(line['seconds_per_megapixel']):>8}"
            f"{_or_dash(line['cpu_seconds_per_megapixel']):>11}{memory:>7}"
        )
    if comparison.older:
        lines.append(
            f"kept from before unblur's code changed: {', '.join(sorted(comparison.older))}"
        )
    return "\n".join(lines)


def p_text(value: float) -> str:
    """Return a p-value as one writes it.

    Example:
        >>> p_text(0.0312), p_text(0.00002)
        ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _best(best: dict[str, Any], comparison: Comparison) -> str:
    main, _, unit = title_of(comparison.protocol.main).partition(" ")
    low, _ = best["gain_95"]
    name, digits = best["model"], digits_of(comparison.protocol.main)
    value = f"{best[comparison.protocol.main]:.{digits}f} {unit}".rstrip()
    gain = _with_interval(best["gain"], best["gain_95"], comparison)
    if low > 0:
        return (
            f"Best on these {best['count']} photos: {name}, mean {main} {value}, "
            f"{gain} over the blurry photos."
        )
    return (
        f"No model is surely better than leaving the photos alone; the highest mean is {name}'s, "
        f"{gain}."
    )


def _rivals(
    best: str, able: list[dict[str, Any]], pairs: list[Paired], comparison: Comparison
) -> list[str]:
    """Return what is known of the best method against the others that may be as good."""
    others = sorted((line for line in able if line["model"] != best), key=lambda x: -x["gain"])
    beside, beaten = [], []
    for other in (line["model"] for line in others):
        paired = _between(best, other, pairs)
        if paired is None:
            continue
        mean, interval, pair = paired
        gain = _with_interval(mean, interval, comparison)
        if pair.significant:
            beaten.append(f"{other} by {gain}")
        else:
            beside.append(f"{other} ({gain}, {p_text(pair.holm_p)})")
    said = [f"Surely better than {'; '.join(beaten)}."] if beaten else []
    return [*said, *([f"Not distinguished from {', '.join(beside)}."] if beside else [])]


def _between(
    ours: str, other: str, pairs: list[Paired]
) -> tuple[float, list[float], Paired] | None:
    """Return the gain and its interval, seen from ``ours``."""
    for pair in pairs:
        if {pair.ours, pair.other} == {ours, other}:
            ahead = pair.ours == ours
            sign = (1 if ahead else -1) * (1 if pair.gain == pair.difference.mean else -1)
            interval = sorted(sign * value for value in pair.difference.interval)
            return sign * pair.difference.mean, interval, pair
    return None


def _harm(best: dict[str, Any], comparison: Comparison) -> str:
    below = figures.harmed_below(comparison)
    by = f" by more than {below:g} dB" if below else ""
    return f"Harm: {best['model']} made {best['harmed']} of {best['count']} photos worse{by}."


def _cost(best: dict[str, Any], able: list[dict[str, Any]]) -> list[str]:
    memory = "" if best["peak_mb"] is None else f" and {best['peak_mb']:.0f} MB at most"
    cost = "cpu_seconds_per_megapixel"
    timed = [line for line in able if line[cost] is not None]
    if best not in timed:
        return []
    said = f"Cost: {best[cost]:.1f} processor seconds per megapixel{memory}"
    quick = min(timed, key=lambda line: float(line[cost]))
    if quick is not best:
        said += f"; the least is {quick['model']}'s ({quick[cost]:.1f} s)"
    return [f"{said}."]


def _oracles(lines: dict[str, dict[str, Any]], comparison: Comparison) -> list[str]:
    given = [line for model, line in lines.items() if line["count"] and figures.is_oracle(model)]
    return [
        f"{line['model']} is given the true motion, as a bound: "
        f"{_with_interval(line['gain'], line['gain_95'], comparison)} on {line['count']} photos."
        for line in given
    ]


def _with_interval(value: float, interval: Sequence[float], comparison: Comparison) -> str:
    digits = digits_of(comparison.protocol.main)
    # Adding 0 turns a rounded -0 into 0.
    mean, low, high = (round(number, digits) + 0.0 for number in (value, *interval))
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _width(score: str) -> int:
    return max(10, len(title_of(score)) + 2)
