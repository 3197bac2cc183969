"""The pipeline's few settings: how strongly to undo, and what the no-harm gate asks for.

They are read from a TOML file by ``unblur restore --settings FILE`` and found for one's own
photos by ``unblur tune``. The defaults are what every published figure was made with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unblur.errors import BadValue
from unblur.toml import from_toml


@dataclass(frozen=True)
class Settings:
    """What may be tuned.

    Attributes:
        strength: share of the correction that is applied: 0 leaves the photo, 1 restores fully.
        regularisation: factor on that of the solutions that the network makes its photo of;
            above 1 cleaner and softer. Models that have none say so in the report.
        shortest_px: motion below this length, on the scale it was measured, is not told from a
            soft lens.
        long_px: motion from this length on is seldom seen in sharp photos.
        likely, certain: blur probability that long motion, and short motion, must at least have.
        likely_sharp: probability of a sharp photo, of motion field and blur detector together,
            from which nothing is restored. Of 102 moved validation photos the largest was 0.15.
        probability: a window's trust rises from 0 to 1 between these blur probabilities ...
        confidence: ... and between these confidences in its PSF.
    """

    strength: float = 1.0
    regularisation: float = 1.0
    shortest_px: float = 4.8
    long_px: float = 8.0
    likely: float = 0.5
    certain: float = 0.8
    likely_sharp: float = 0.4
    probability: tuple[float, float] = (0.25, 0.6)
    confidence: tuple[float, float] = (0.3, 0.5)

    def __post_init__(self) -> None:
        shares = ("strength", "likely", "certain", "likely_sharp")
        for name in shares:
            _check(name, getattr(self, name), 0, 1)
        _check("regularisation", self.regularisation, 0.05, 20)
        _check("shortest_px", self.shortest_px, 0, 100)
        _check("long_px", self.long_px, 0, 100)
        for name in ("probability", "confidence"):
            low, high = getattr(self, name)
            if not 0 <= low < high <= 1:
                raise BadValue(
                    f"{name} must rise, as [0.3, 0.5], within 0 and 1; got [{low:g}, {high:g}]"
                )


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadValue(f"{name} must be between {low:g} and {high:g}, got {value:g}")


DEFAULTS = Settings()


def read_settings(path: Path) -> Settings:
    """Return the settings of a TOML file; those it does not name keep their defaults.

    Raises:
        BadValue: missing file, not TOML, an unknown name, or a value out of its range.
    """
    return from_toml(Settings, path)


def to_toml(settings: Settings, comment: Sequence[str] = ()) -> str:
    """Return settings as the text of a file that :func:`read_settings` reads."""
    lines = [f"# {line}" for line in comment]
    for name, value in dataclasses.asdict(settings).items():
        text = f"[{', '.join(f'{v:.4g}' for v in value)}]" if isinstance(value, tuple) else value
        lines.append(f"{name} = {text if isinstance(text, str) else _number(text)}")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    text = f"{value:.4g}"
    return text if "." in text or "e" in text else f"{text}.0"
