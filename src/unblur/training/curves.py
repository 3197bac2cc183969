"""Learning curves as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from unblur.errors import MissingExtra


def plot_curves(log: Path) -> Path:
    """Draw every figure of a run's ``log.csv`` against the samples seen.

    Returns:
        The picture, ``curves.png`` beside the log.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("matplotlib", "train", "drawing learning curves") from error
    with log.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = [key.removeprefix("val_") for key in rows[0] if key.startswith("val_")]
    figure = Figure(figsize=(4 * len(names), 3), layout="constrained")
    samples = [float(row["samples"]) for row in rows]
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for part in ("train", "val"):
            if f"{part}_{name}" not in rows[0]:
                continue  # private training does not tell how it does on its own photos
            axis.plot(samples, [float(row[f"{part}_{name}"]) for row in rows], label=part)
        axis.set_xlabel("samples")
        axis.set_title(name)
        axis.legend()
    target = log.with_name("curves.png")
    figure.savefig(target, dpi=100)
    return target
