"""Joining what clients return: liars, dropouts and nonsense do not ruin the network."""

import numpy as np
import pytest
import torch

from tests.training.tiny import of_task
from unblur.errors import BadValue
from unblur.training.federated import (
    Federation,
    LocalTrainer,
    Update,
    bounded,
    flat_weights,
    joined,
    put_weights,
)
from unblur.training.registry import task_of

SIZE = 50
HONEST = np.linspace(0.1, 0.2, SIZE).astype(np.float32)
COMBINE = ["mean", "trimmed", "median"]


def honest(count, seed=1):
    rng = np.random.default_rng(seed)
    return [
        Update((HONEST + 0.01 * rng.standard_normal(SIZE)).astype(np.float32), 50)
        for _ in range(count)
    ]


def terms(**changed):
    return Federation(clients=2, **changed)


def closeness(moved):
    return float(np.linalg.norm(moved - HONEST) / np.linalg.norm(HONEST))


@pytest.mark.parametrize("combine", COMBINE)
def test_honest_updates_are_averaged(combine):
    assert closeness(joined(honest(8), SIZE, terms(combine=combine))) < 0.05


def spoiled(value):
    moved = HONEST.copy()
    moved[3] = value
    return moved


@pytest.mark.parametrize("combine", COMBINE)
@pytest.mark.parametrize(
    "nonsense",
    [
        spoiled(np.nan),
        spoiled(np.inf),
        np.full(SIZE + 1, 0.1, np.float32),
        np.zeros((), np.float32),
        np.zeros((SIZE, 1), np.float32),
    ],
)
def test_nonsense_is_left_out(combine, nonsense):
    asked = terms(combine=combine)
    with_it = joined([*honest(5), Update(nonsense, 50)], SIZE, asked)
    np.testing.assert_array_equal(with_it, joined(honest(5), SIZE, asked))


@pytest.mark.parametrize("photos", [0, -5])
def test_nobody_has_fewer_than_one_photo(photos):
    asked = terms(combine="mean")
    with_it = joined([*honest(5), Update(HONEST * 9, photos)], SIZE, asked)
    np.testing.assert_array_equal(with_it, joined(honest(5), SIZE, asked))


@pytest.mark.parametrize("combine", COMBINE)
def test_a_huge_update_is_shortened(combine):
    huge = Update(np.full(SIZE, -1e30, np.float32), 50)
    moved = joined([*honest(7), huge], SIZE, terms(combine=combine))
    assert closeness(moved) < (0.55 if combine == "mean" else 0.1)
    assert np.linalg.norm(joined([huge] * 2, SIZE, terms(max_norm=0.5))) <= 0.5001


def test_a_lie_about_the_number_of_photos_counts_up_to_the_limit():
    liar = Update(-HONEST, 10**9)
    moved = joined([*honest(7), liar], SIZE, terms(combine="mean", max_weight=50))
    assert closeness(moved) == pytest.approx(2 / 8, abs=0.02)
    lost = joined([*honest(7), liar], SIZE, terms(combine="mean", max_weight=10**9))
    assert closeness(lost) > 1.9  # what the limit is for


@pytest.mark.parametrize("combine", ["trimmed", "median"])
def test_two_liars_of_eight_hardly_count(combine):
    liars = [Update(-3 * HONEST, 50), Update(-3 * HONEST, 50)]
    moved = joined([*honest(6), *liars], SIZE, terms(combine=combine, trim=0.25))
    assert closeness(moved) < 0.1
    assert closeness(joined([*honest(6), *liars], SIZE, terms(combine="mean"))) > 0.5


def test_too_few_usable_updates_change_nothing():
    asked = Federation(clients=3)
    assert joined([*honest(2), Update(spoiled(np.nan), 50)], SIZE, asked) is None
    assert joined([], SIZE, asked) is None
    assert joined(honest(3), SIZE, asked) is not None


def test_the_mean_weighs_by_photos():
    one, two = Update(np.ones(SIZE, np.float32), 30), Update(np.zeros(SIZE, np.float32), 10)
    moved = joined([one, two, Update(np.ones(SIZE, np.float32), 40)], SIZE, terms(combine="mean",
                   max_norm=100.0))  # fmt: skip
    np.testing.assert_allclose(moved, 70 / 80)


def test_bounding_keeps_the_direction():
    np.testing.assert_array_equal(bounded(HONEST, 100.0), HONEST)
    short = bounded(HONEST, 0.1)
    assert np.linalg.norm(short) == pytest.approx(0.1)
    np.testing.assert_allclose(short / short[0], HONEST / HONEST[0], rtol=1e-5)


@pytest.mark.parametrize(
    "changed",
    [{"rounds": 0}, {"trim": 0.5}, {"max_norm": np.inf}, {"secure": True, "clients": 2}],
)
def test_impossible_terms(changed):
    with pytest.raises(BadValue):
        Federation(**changed)


SMALL = of_task("detect", shard=16, repeats=2, keep=12, val_samples=4, window_px=128)


def test_a_client_trains_on_its_own_photos(photos, tmp_path):
    torch.manual_seed(1)
    network = task_of(SMALL).build()
    start = flat_weights(network)
    trainer = LocalTrainer(SMALL, photos, tmp_path)
    assert trainer.photos == 7
    first = trainer(start, steps=2, lr=1e-3)
    second = trainer(start, steps=2, lr=1e-3)
    trainer.close()
    assert np.linalg.norm(first) > 0 and np.abs(first).max() < 3e-3  # AdamW: lr per step
    assert not np.array_equal(first, second)  # it goes on in its photos, it does not repeat
    put_weights(network, start + first)
    np.testing.assert_allclose(flat_weights(network), start + first)
    with pytest.raises(BadValue, match="one config on both sides"):
        trainer(start[1:], steps=1, lr=1e-3)
