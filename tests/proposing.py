"""Estimates that take a tenth of the time: for tests of what becomes of results."""

from unblur.motion.network import NetworkEstimator


def refine_nothing(monkeypatch):
    """Leave motion as KernelNet proposes it, in this process."""
    monkeypatch.setattr(NetworkEstimator, "refine", lambda self, picture, field: field.bare())
