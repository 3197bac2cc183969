"""Who holds loaded networks: a session reads each once, and lets go of it when it is gone."""

import gc
import weakref

import numpy as np
import pytest

import unblur
from unblur.runtime import ONE_THREAD, Runtime
from unblur.zoo import models
from unblur.zoo.catalogue import KERNEL_NET, weights_path
from unblur.zoo.models import Session, default_session

PHOTO = np.zeros((100, 120, 3), np.uint8)


NETWORKS = ["blur_net", "fuse_net", "judge_net", "kernel_net", "map_net", "restore_net"]
"""Those that restoring a photo takes."""


@pytest.fixture
def read(monkeypatch):
    """The files that engines are made of, in order."""
    paths = []

    class Counting(models.OnnxEngine):
        def __init__(self, path, **how):
            paths.append(path.stem)
            super().__init__(path, **how)

    monkeypatch.setattr(models, "OnnxEngine", Counting)
    return paths


def test_a_session_reads_each_network_once_however_many_photos_there_are(read):
    session = Session(threads=1)
    for _ in range(3):
        unblur.restore(PHOTO, session=session)
    unblur.restore(PHOTO, session=session, model="best")
    assert sorted(read) == NETWORKS
    unblur.restore(PHOTO, session=Session(threads=1))
    assert len(read) == 12


def test_calls_without_a_session_read_each_network_once(read, monkeypatch):
    monkeypatch.setattr(models, "_defaults", {})
    for _ in range(2):
        unblur.restore(PHOTO, threads=1)
        unblur.analyse(PHOTO, threads=1)
        unblur.detect(PHOTO, threads=1)
    assert sorted(read) == NETWORKS
    assert (
        default_session(ONE_THREAD)
        is default_session(ONE_THREAD)
        is not default_session(Runtime(2))
    )


def test_networks_go_with_their_session_and_the_least_used_before():
    session = Session(threads=1)
    engines = [
        session.network(weights_path(KERNEL_NET), "kernel", runtime=Runtime(threads=n))
        for n in range(1, models._MOST_HELD + 2)
    ]
    seen = [weakref.ref(engine) for engine in engines]
    del engines
    gc.collect()
    assert [ref() is None for ref in seen] == [True] + [False] * models._MOST_HELD
    del session
    gc.collect()
    assert all(ref() is None for ref in seen)
