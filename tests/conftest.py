"""Property tests draw the same examples everywhere, so that a red run can be repeated."""

import pytest
from hypothesis import settings

from unblur.pipeline import gate

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def light_may_change(monkeypatch):
    """Let stand-ins restore by making photos brighter or darker, which the gate refuses."""
    monkeypatch.setattr(gate, "lost_light", lambda before, after, params: 0.0)
