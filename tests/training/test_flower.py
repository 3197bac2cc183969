"""Federations in one process, by Flower's own messages: plain and secure, with bad clients."""

import csv
import os

import numpy as np
import pytest
import torch

from tests.training.tiny import of_task
from unblur.training.checkpoint import load_checkpoint
from unblur.training.federated import Federation, flat_weights
from unblur.training.registry import task_of

flower = pytest.importorskip(
    "unblur.training.flower", reason="needs the extra 'federated'", exc_type=ImportError
)
client = pytest.importorskip("unblur.training.flower_client", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("default")  # Flower's own dependencies deprecate


SMALL = of_task("detect", shard=16, repeats=2, keep=12, val_samples=4, window_px=128)
torch.manual_seed(SMALL.seed)
START = flat_weights(task_of(SMALL).build())
GOAL = START + 0.5
ROOM = 0.3 * len(START) ** 0.5
"""Longest move that is let through: an honest one, half of the way, is 0.25 for each weight."""


class Walker:
    """Stands for a trainer: walks towards a goal that all clients share."""

    photos = 10

    def __init__(self, noise=0.0, seed=0):
        self.noise, self.rng = noise, np.random.default_rng(seed)

    def __call__(self, weights, *, steps, lr):
        moved = 0.5 * (GOAL - weights) + self.noise * self.rng.standard_normal(len(weights))
        return moved.astype(np.float32)


class Bad(client.Client):
    """Answers with whatever it was made with, or not at all."""

    def __init__(self, moved, photos=10):
        self.moved, self.photos = moved, photos

    def fit(self, ins):
        if self.moved is None:
            raise ConnectionError("unplugged")
        parameters = flower.common.ndarrays_to_parameters([self.moved])
        return flower.common.FitRes(
            flower.common.Status(flower.common.Code.OK, ""), parameters, self.photos, {}
        )


def run(folder, bad=(), *, good=6, **changed):
    asked = Federation(**{"rounds": 4, "clients": 4, "max_norm": ROOM, **changed})
    clients = [client.FederatedClient(Walker(0.01, i)) for i in range(good)] + list(bad)
    posts = {i + 11: client.Answerer(one, secure=asked.secure) for i, one in enumerate(clients)}
    path = flower.federate(SMALL, asked, flower.PostGrid(lambda: posts), folder, wait_s=0.0)
    state = load_checkpoint(path)
    weights = torch.cat([value.flatten() for value in state["ema"].values()]).numpy()
    rows = list(csv.DictReader((folder / "log.csv").read_text().splitlines()))
    return float(np.abs(weights - GOAL).mean()) / 0.5, rows


HUGE = np.full_like(START, 1e20)
NONSENSE = {
    "dropped": Bad(None),
    "nan": Bad(np.full_like(START, np.nan)),
    "short": Bad(START[:5]),
    "huge": Bad(HUGE, photos=10**9),
    "backwards": Bad(np.full_like(START, -0.4), photos=10**9),
}


def test_flower_stays_silent():
    assert os.environ["FLWR_TELEMETRY_ENABLED"] == "0"


@pytest.mark.parametrize("secure", [False, True])
def test_honest_clients_arrive(tmp_path, secure):
    left, rows = run(tmp_path, secure=secure)
    assert left == pytest.approx(1 / 16, abs=0.005)  # of the way, after four rounds that halve it
    assert [row["clients"] for row in rows] == ["6"] * 4
    assert all(row["kept"] == "1" for row in rows)


@pytest.mark.parametrize("fault", NONSENSE)
def test_one_bad_client_of_seven_does_no_harm(tmp_path, fault):
    left, rows = run(tmp_path, [NONSENSE[fault]])
    assert left < 0.09
    assert {row["clients"] for row in rows} == ({"6"} if fault == "dropped" else {"7"})


def test_a_plain_mean_without_a_limit_is_what_bad_clients_ruin(tmp_path):
    left, _ = run(tmp_path, [NONSENSE["backwards"]], combine="mean", max_weight=10**9)
    assert left > 0.5


def test_under_secure_aggregation_a_client_may_drop_out(tmp_path):
    left, rows = run(tmp_path, [NONSENSE["dropped"]], secure=True)
    assert left < 0.09
    assert {row["clients"] for row in rows} == {"6"}


@pytest.mark.parametrize("photos", [1, 10**9])
def test_under_secure_aggregation_a_sum_that_cannot_be_is_refused(tmp_path, photos):
    bad = [Bad(HUGE, photos), Bad(HUGE, photos)]
    left, rows = run(tmp_path, bad, secure=True, max_norm=ROOM, rounds=2)
    assert {row["kept"] for row in rows} == {"0"}  # nobody knows who it was; the network stays
    assert left == pytest.approx(1.0)


def test_the_server_sees_masks_only(tmp_path):
    """What a client sends under secure aggregation says nothing: two equal updates look unlike."""
    seen = []
    asked = Federation(rounds=1, clients=4, max_norm=ROOM, secure=True)

    def overheard(answerer):
        def post(data):
            answer = answerer(data)
            seen.append(answer)
            return answer

        return post

    clients = [client.FederatedClient(Walker()) for _ in range(4)]
    posts = {i: overheard(client.Answerer(c, secure=True)) for i, c in enumerate(clients, 1)}
    flower.federate(SMALL, asked, flower.PostGrid(lambda: posts), tmp_path, wait_s=0.0)
    plain = (0.5 * (GOAL - START)).astype(np.float32).tobytes()[:64]
    large = [answer for answer in seen if len(answer) > 4 * len(START)]
    assert len(large) == 4 and not any(plain in answer for answer in seen)
    tails = [np.frombuffer(answer[-4 * 512 :], np.uint8) for answer in large]
    for i in range(4):
        for k in range(i):
            assert (tails[i] == tails[k]).mean() < 0.6


def test_too_few_clients_change_nothing(tmp_path):
    left, rows = run(tmp_path, good=3)
    assert left == pytest.approx(1.0) and {row["kept"] for row in rows} == {"0"}


def test_a_round_that_makes_the_servers_own_photos_worse_is_undone(tmp_path, photos):
    from unblur.training.shards import make_shard

    public = make_shard(task_of(SMALL).samples(photos, "val")(), seed=2, index=0, size=8)
    liars = {i: client.Answerer(Bad(np.full_like(START, 9.0)), secure=False) for i in range(1, 4)}
    asked = Federation(rounds=2, clients=3, max_norm=1e6)
    path = flower.federate(
        SMALL, asked, flower.PostGrid(lambda: liars), tmp_path, public=public, wait_s=0.0
    )
    state = load_checkpoint(path)
    weights = torch.cat([value.flatten() for value in state["ema"].values()]).numpy()
    np.testing.assert_array_equal(weights, START)
