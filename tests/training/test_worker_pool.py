"""Several processes train what one trains, on samples each makes a share of."""

import csv
import dataclasses

import numpy as np
import pytest
import torch

from tests.training.pool_work import call_up
from tests.training.tiny import TINY
from unblur.errors import BadValue
from unblur.training.checkpoint import load_checkpoint
from unblur.training.loop import train
from unblur.training.registry import task_of
from unblur.training.runs import Means
from unblur.training.shards import NUMBER, make_shard, make_share
from unblur.training.worker_pool import WorkerPool

SMALL = dataclasses.replace(
    TINY,
    optim=dataclasses.replace(TINY.optim, steps=9, batch=8),
    data=dataclasses.replace(TINY.data, repeats=3),  # two shards: samples are what takes time
    validate_every=100,
)
TOLERANCE = 2e-3
"""Of the way that the weights have gone. AdamW steps by the gradient's sign where it is all but 0,
and there rounding decides the sign; no figure of the network shows it."""


@pytest.fixture(scope="module")
def runs(photos, tmp_path_factory):
    """One process alone; two; two after one; one after two."""
    folder = tmp_path_factory.mktemp("pool")
    train(SMALL, photos, folder / "alone", workers=0)
    train(SMALL, photos, folder / "one-two", workers=0, stop_after=4)
    call_up(
        [
            (SMALL, photos, folder / "two", None),
            (SMALL, photos, folder / "one-two", None),
            (SMALL, photos, folder / "two-one", 4),
        ]
    )
    train(SMALL, photos, folder / "two-one", workers=0)
    return folder


@pytest.mark.parametrize("other", ["two", "one-two", "two-one"])
def test_two_processes_and_one_give_the_same_network(runs, other):
    alone, together = (load_checkpoint(runs / name / "checkpoint.pt") for name in ("alone", other))
    assert alone["step"] == together["step"] == 9
    torch.manual_seed(SMALL.seed)
    start = flat(task_of(SMALL).build().state_dict())
    for part in ("network", "ema"):
        assert alone[part].keys() == together[part].keys()
        apart = flat(alone[part]) - flat(together[part])
        assert 0 < apart.norm() < TOLERANCE * (flat(alone[part]) - start).norm()
    assert together["metrics"]["loss"] == pytest.approx(alone["metrics"]["loss"], rel=1e-5)


def flat(state):
    return torch.cat([value.flatten() for value in state.values()])


def test_two_processes_log_what_one_logs(runs):
    rows = []
    for name in ("alone", "two"):
        (row,) = csv.DictReader((runs / name / "log.csv").read_text().splitlines())
        rows.append({key: float(value) for key, value in row.items() if key != "seconds"})
    assert rows[0].keys() == rows[1].keys()
    for key in ("step", "samples", "train_loss", "train_similarity", "val_loss"):
        assert rows[1][key] == pytest.approx(rows[0][key], rel=1e-4), key


def test_each_process_makes_its_share_only(runs):
    for rank in (0, 1):
        with np.load(runs / "two" / f"samples-{rank}-of-2" / "shard-000000.npz") as made:
            np.testing.assert_array_equal(made[NUMBER], np.arange(rank, 16, 2))


def test_an_uneven_batch_is_refused(photos, tmp_path):
    with pytest.raises(BadValue, match=r"optim.batch \(8\).*processes \(3\)"):
        train(SMALL, photos, tmp_path, workers=0, pool=WorkerPool(0, 3))


@pytest.mark.parametrize("of", [1, 2, 3, 5])
@pytest.mark.parametrize("each", [1, 3])
def test_the_shares_make_up_the_shard(of, each, monkeypatch):
    def maker(rng):
        return [{"x": rng.random(2)} for _ in range(each)]

    whole = make_shard(maker, seed=3, index=5, size=7)
    shares = [make_share(maker, seed=3, index=5, size=7, share=(r, of)) for r in range(of)]
    assert max(len(s["x"]) for s in shares) <= 7 // of + each * 2
    monkeypatch.setattr(WorkerPool, "gathered", lambda self, share: shares)
    joined = WorkerPool(0, max(of, 2)).joined(shares[0], 7)
    assert joined.keys() == whole.keys()
    np.testing.assert_array_equal(joined["x"], whole["x"])


def test_parts_of_a_batch_are_all_of_it():
    batch = {"x": np.arange(8)}
    parts = [WorkerPool(rank, 4).part(batch)["x"] for rank in range(4)]
    assert sorted(np.concatenate(parts)) == list(range(8))
    assert {len(part) for part in parts} == {2}
    assert WorkerPool().part(batch)["x"] is not None


def test_means_of_several_are_means_of_all():
    one, two, both = Means(), Means(), Means()
    for part, figures in ((one, {"a": 1.0, "b": np.nan}), (two, {"a": 4.0, "b": 2.0})):
        part.add(figures)
        both.add(figures)
    assert Means.of([one, two]).now() == both.now() == {"a": 2.5, "b": 2.0}


def test_alone_nothing_is_sent():
    network = torch.nn.Linear(2, 1)
    network(torch.ones(1, 2)).sum().backward()
    before = network.weight.grad.clone()
    pool = WorkerPool()
    pool.average_gradients(network)
    assert torch.equal(network.weight.grad, before)
    assert pool.first and pool.told(3) == 3 and pool.gathered(3) == [3]
