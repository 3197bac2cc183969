"""Estimates that take a tenth of the time: for tests of what becomes of results."""

from unblur.motion.network import NetworkEstimator
from unblur.tone import Tone


def refine_nothing(monkeypatch):
    """Leave motion as KernelNet proposes it, in this process, whatever undoing it would gain."""
    monkeypatch.setattr(NetworkEstimator, "refine", lambda self, picture, field: field.bare())
    monkeypatch.setattr(NetworkEstimator, "gains", lambda self, picture, field, boxes: [])


def assume_the_light(monkeypatch):
    """Take the light for sRGB where nobody tells it, without estimating it, in this process."""
    monkeypatch.setattr(NetworkEstimator, "tone", lambda self, picture, field: Tone())
