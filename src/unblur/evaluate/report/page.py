"""The report as JSON, and as one HTML file: styles, script, figures and pictures inside."""

from __future__ import annotations

import base64
import json
import math
import os
import platform
import re
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any

from unblur import __version__
from unblur.evaluate.comparing.cache import code_digest
from unblur.evaluate.comparing.run import Comparison, Shot
from unblur.evaluate.report import figures, words
from unblur.evaluate.titles import title_of

SHOWN = 24
"""Photos shown with pictures, the worst first, unless told otherwise."""


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return all that is known of a comparison, for JSON; infinite numbers stay as they are."""
    protocol, data = comparison.protocol, comparison.data
    return {
        "data": Path(comparison.job.data).resolve().name,
        "dataset": {
            "name": data.name,
            "title": data.about.title,
            "licence": data.about.licence,
            "notes": list(data.notes),
        },
        "protocol": {
            "name": protocol.name,
            "about": protocol.about,
            "source": protocol.source,
            "main": protocol.main,
            "titles": {name: title_of(name) for name in figures.score_names(comparison)},
            "lower_is_better": sorted(protocol.lower_is_better),
            "crop_px": comparison.job.crop_px,
            "harmed_below": figures.harmed_below(comparison),
        },
        "models": [
            {
                "name": model,
                "oracle": figures.is_oracle(model),
                "older": model in comparison.older,
            }
            for model in comparison.models
        ],
        "photos_planned": comparison.planned,
        "verdict": words.verdict(comparison),
        "table": figures.table(comparison),
        "differences": [_difference(pair) for pair in figures.differences(comparison)],
        "difficulty": figures.difficulty(comparison),
        "photos": figures.photos(comparison),
        "failures": [
            {"model": model, "photo": photo, "why": why}
            for model, photo, why in comparison.failures
        ],
        "made": _made(comparison),
    }


def to_html(comparison: Comparison, *, shown: int = SHOWN) -> str:
    """Return the report as a page that makes no request.

    Args:
        comparison: what to show.
        shown: so many photos get pictures, the worst cases first.
    """
    content = to_dict(comparison)
    shots = {shot.name: shot for shot in comparison.shots}
    content["pictures"] = {
        photo["name"]: _pictures(shots[photo["name"]]) for photo in content["photos"][:shown]
    }
    parts = {
        "STYLE": _asset("page.css"),
        "SCRIPT": "\n".join(_asset(name) for name in ("page.js", "plots.js", "photos.js")),
        "TITLE": _escape(f"{content['data']}: {len(comparison.models)} models compared"),
        "CONTENT": _script_json(content),
    }
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda mark: parts[mark[1]], _asset("page.html"))


def _difference(pair: figures.Paired) -> dict[str, Any]:
    d = pair.difference
    return {
        "model": pair.ours,
        "other": pair.other,
        "count": d.count,
        "gain": pair.gain,
        "mean": d.mean,
        "median": d.median,
        "interval_95": list(d.interval),
        "better": d.better,
        "worse": d.worse,
        "wilcoxon_p": d.wilcoxon_p,
        "holm_p": pair.holm_p,
        "sign_p": d.sign_p,
        "significant": pair.significant,
    }


def _made(comparison: Comparison) -> dict[str, Any]:
    return {
        "unblur": __version__,
        "code": code_digest()[:12],
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": comparison.job.runtime.threads,
        "device": comparison.device,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.processor()
    return platform.processor()


def _pictures(shot: Shot) -> dict[str, str]:
    found = {}
    for name, path in shot.pictures.items():
        if path.is_file():
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            found[name] = f"data:image/jpeg;base64,{data}"
    return found


def _script_json(content: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(_finite(content), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _finite(value: Any) -> Any:
    """Return the value with infinite and undefined numbers as words, which the page shows."""
    if isinstance(value, float) and not math.isfinite(value):
        return "?" if math.isnan(value) else "∞" if value > 0 else "-∞"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _asset(name: str) -> str:
    return resources.files("unblur.evaluate.report").joinpath(name).read_text("utf-8")
