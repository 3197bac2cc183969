"""The budget of private training: what is promised, the noise it takes, what has been spent.

The mechanism is the subsampled Gaussian one of DP-SGD: each step takes every photo with one
probability, independently; adds up their gradients, each clipped to one norm; adds Gaussian noise.
Opacus's accountant tells how private so many steps are.

Reference:
    Abadi et al., Deep learning with differential privacy, CCS 2016; Mironov, Talwar, Zhang, Renyi
    differential privacy of the sampled Gaussian mechanism, 2019.
"""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from dataclasses import dataclass
from typing import Any

from unblur.errors import BadValue, MissingExtra
from unblur.toml import from_dict

ACCOUNTANT = "rdp"
"""Renyi differential privacy: an upper bound without numerical integration."""


@dataclass(frozen=True)
class Privacy:
    """What is asked of private training.

    Attributes:
        epsilon: how much the whole run may tell of one photo; infinite for no noise at all,
            which is for comparison only.
        delta: probability with which it may tell more; well below one over the photos.
        clip: largest norm of one photo's gradient.
        windows: samples that each photo's record holds.
        views: samples of a photo whose mean gradient is taken when the photo is drawn.
    """

    epsilon: float
    delta: float
    clip: float = 1.0
    windows: int = 8
    views: int = 2

    def __post_init__(self) -> None:
        if not self.epsilon > 0:
            raise BadValue(f"epsilon must be above 0, got {self.epsilon}")
        if not 0 < self.delta < 1:
            raise BadValue(f"delta must lie between 0 and 1, got {self.delta}")
        if not (0 < self.clip < math.inf):
            raise BadValue(f"clip must be above 0 and finite, got {self.clip}")
        if not 1 <= self.views <= self.windows:
            raise BadValue(
                f"views must lie between 1 and windows, got {self.views} of {self.windows}"
            )


@dataclass(frozen=True)
class Mechanism:
    """The subsampled Gaussian mechanism of one run.

    Attributes:
        noise: standard deviation of the noise, in units of ``Privacy.clip``.
        rate: probability that a step takes a photo.
    """

    noise: float
    rate: float

    def spent(self, steps: int, delta: float) -> float:
        """Return the epsilon of so many steps at a delta."""
        if steps == 0:
            return 0.0
        if self.noise == 0:
            return math.inf
        opacus = _opacus()
        accountant = opacus.create_accountant(ACCOUNTANT)
        accountant.history = [(self.noise, self.rate, steps)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a wider choice of orders might bound tighter
            return float(accountant.get_epsilon(delta=delta))


def mechanism_for(privacy: Privacy, *, photos: int, batch: int, steps: int) -> Mechanism:
    """Return the mechanism that spends no more than asked for over a whole run.

    Args:
        privacy: the budget.
        photos: how many there are; taken to be no secret.
        batch: photos per step, on average.
        steps: of the whole run.

    Raises:
        BadValue: more photos per step than there are, or a delta that protects nobody.
    """
    if batch > photos:
        raise BadValue(
            f"optim.batch ({batch}) must not exceed the number of photos ({photos}); "
            "choose a smaller batch or give more photos"
        )
    if privacy.delta >= 1 / photos:
        raise BadValue(
            f"delta ({privacy.delta:g}) must be below one over the number of photos (1/{photos}): "
            "with it, publishing a photo outright would count as private"
        )
    rate = batch / photos
    if math.isinf(privacy.epsilon):
        return Mechanism(0.0, rate)
    opacus = _opacus()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        noise = opacus.utils.get_noise_multiplier(
            target_epsilon=privacy.epsilon,
            target_delta=privacy.delta,
            sample_rate=rate,
            steps=steps,
            accountant=ACCOUNTANT,
        )
    return Mechanism(float(noise), rate)


def _opacus() -> Any:
    try:
        from opacus import accountants
    except ImportError as error:
        raise MissingExtra("opacus", "private", "private training") from error
    return accountants


def budget_from(text: str) -> Privacy:
    """Read a budget from ``epsilon=8,delta=1e-5,clip=1``.

    Raises:
        BadValue: an unknown or missing name, or a value that is no number.
    """
    values: dict[str, Any] = {}
    kinds = {field.name: field.type for field in dataclasses.fields(Privacy)}
    for item in text.replace(",", " ").split():
        name, _, value = item.partition("=")
        try:
            values[name] = int(value) if kinds.get(name) == "int" else float(value)
        except ValueError as error:
            raise BadValue(f"--private takes name=number, got '{item}'") from error
    return from_dict(Privacy, values, where="--private")


def public_terms(state: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's privacy as strict JSON takes it: an infinite epsilon becomes text."""
    terms = {k: str(v) if v == float("inf") else v for k, v in state.get("privacy", {}).items()}
    return dict(json.loads(json.dumps(terms)))
