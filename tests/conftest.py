"""Property tests draw the same examples everywhere, so that a red run can be repeated."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.proposing import assume_the_light, refine_nothing
from unblur.pipeline import gate

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

HERE = Path(__file__).parent

FIRST = ("web", "house", "cli", "video", "evaluate", "pipeline", "motion", "batch", "training")
"""Folders whose tests take longest: begun first, so that no process is left with one at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Share the tests between processes by files, where there are several (``make test``).

    Tests of the page start servers, browsers and clocks: they run one after the other.
    """
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        room, group = _room_of(item.path)
        item.add_marker(pytest.mark.xdist_group("web" if room == "web" else group))
    order = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(_room_of(item.path)[0], len(order)))


def _room_of(path):
    """Return the folder of a test and the name of its group; all doctests are one group."""
    if not path.is_relative_to(HERE):
        return "src", "src"
    parts = path.relative_to(HERE).parts
    return parts[0] if len(parts) > 1 else "tests", "/".join(parts)


@pytest.fixture
def light_may_change(monkeypatch):
    """Let stand-ins restore by making photos brighter or darker, which the gate refuses."""
    monkeypatch.setattr(gate, "lost_light", lambda before, after, params: 0.0)


@pytest.fixture
def proposals_only(monkeypatch):
    """Leave motion as it is proposed and the light as it is assumed, see :mod:`tests.proposing`."""
    refine_nothing(monkeypatch)
    assume_the_light(monkeypatch)
