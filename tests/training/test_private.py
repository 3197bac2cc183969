"""Private training: one photo counts once, clipped, under noise; the budget is kept and told."""

import csv
import dataclasses
import functools
import json
import math
import shutil

import numpy as np
import pytest
import torch

pytest.importorskip("opacus", reason="needs the extra 'private'")

from tests.training.tiny import of_task
from unblur.errors import BadValue
from unblur.training import private
from unblur.training.audit import attack_from, audit_run, likelihood_ratios
from unblur.training.checkpoint import load_checkpoint
from unblur.training.config import OptimConfig
from unblur.training.loop import to_tensors
from unblur.training.photos import SharpPhotos, by_source
from unblur.training.privacy import Mechanism, Privacy, budget_from, mechanism_for, public_terms
from unblur.training.private import train_private
from unblur.training.records import all_records, make_record
from unblur.training.registry import task_of

SMALL = dataclasses.replace(
    of_task("detect", shard=300, val_samples=8, window_px=128),
    validate_every=2,
    optim=OptimConfig(steps=4, batch=3, warmup=1, cooldown=1, lr=1e-2, weight_decay=0.0, ema=0.5),
)
CROPS = {"detect": {}, "patches": {"crops": 2}, "restore": {"crops": 2, "crop_px": 64}}
"""The private tasks, and what is particular to their samples."""

BUDGET = Privacy(8.0, 0.05, clip=0.5, windows=3, views=2)


@pytest.fixture(scope="module", autouse=True)
def noise_is_found_once():
    """The search for the noise of a budget takes seconds, and most runs here have one budget."""
    with pytest.MonkeyPatch.context() as patch:
        found = functools.cache(mechanism_for)  # which does not ask how gradients are clipped
        patch.setattr(
            private,
            "mechanism_for",
            lambda budget, **how: found(dataclasses.replace(budget, clip=1.0), **how),
        )
        yield


@pytest.fixture
def run_again(photos, tmp_path, whole):
    """Return a function that trains as ``whole`` did, in a folder that has the same records."""

    def train(name="run", **how):
        run = tmp_path / name
        if not run.exists():
            shutil.copytree(whole[1] / "records", run / "records")
        return load_checkpoint(train_private(SMALL, BUDGET, photos, run, **how))

    return train


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    run = tmp_path_factory.mktemp("private")
    return load_checkpoint(train_private(SMALL, BUDGET, photos, run, entropy=1)), run


# --- the budget


def test_the_noise_found_spends_what_was_asked_for_and_no_more():
    found = [
        mechanism_for(Privacy(e, 1e-5), photos=1000, batch=50, steps=200) for e in (8.0, 3.0, 1.0)
    ]
    assert found[0].noise < found[1].noise < found[2].noise
    for epsilon, mechanism in zip((8.0, 3.0, 1.0), found, strict=True):
        assert mechanism.rate == 0.05
        assert 0.97 * epsilon < mechanism.spent(200, 1e-5) <= epsilon
        assert mechanism.spent(100, 1e-5) < mechanism.spent(200, 1e-5)
    assert Mechanism(0.0, 0.1).spent(1, 1e-5) == math.inf and Mechanism(1.0, 0.1).spent(0, 0.1) == 0


def test_without_sampling_the_accountant_gives_the_gaussian_mechanism():
    """At rate 1 a step is the Gaussian mechanism: epsilon of its Renyi bound is known."""
    noise, steps, delta = 20.0, 10, 1e-5
    rho = steps / (2 * noise**2)
    bound = rho + 2 * math.sqrt(rho * math.log(1 / delta))  # zero-concentrated privacy, Bun 2016
    assert 0.75 * bound < Mechanism(noise, 1.0).spent(steps, delta) < bound


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epsilon=8", "delta"),
        ("epsilon=8,delta=1e-5,clop=1", "did you mean 'clip'"),
        ("epsilon=eight,delta=1e-5", "name=number"),
        ("epsilon=-1,delta=1e-5", "epsilon must be above 0"),
        ("epsilon=nan,delta=1e-5", "epsilon must be a finite number"),
        ("epsilon=1,delta=1", "delta must lie"),
        ("epsilon=1,delta=1e-5,clip=inf", "clip must be"),
        ("epsilon=1,delta=1e-5,views=9", "views must lie"),
    ],
)
def test_impossible_budgets(text, words):
    with pytest.raises(BadValue, match=words):
        budget_from(text)


def test_a_budget_is_read():
    assert budget_from("epsilon=8 delta=1e-5,windows=4") == Privacy(8.0, 1e-5, windows=4)


def test_a_delta_that_protects_nobody_and_too_large_batches_are_refused():
    with pytest.raises(BadValue, match="below one over the number of photos"):
        mechanism_for(Privacy(1.0, 0.01), photos=100, batch=5, steps=2)
    with pytest.raises(BadValue, match="must not exceed"):
        mechanism_for(Privacy(1.0, 0.001), photos=100, batch=101, steps=2)


# --- one photo


def test_a_record_depends_on_its_own_photo_only(photos, tmp_path):
    factory = task_of(SMALL).samples(photos, "train")
    records = all_records(factory, photos, tmp_path, seed=1, windows=3)
    assert len(records) == 7 and all(len(r["maps"]) == 3 for r in records.values())
    alone = factory()
    path = photos / "photo4.png"
    again = make_record(alone.only([path]), seed=1, name="photo4.png", windows=3)
    for key, value in again.items():
        np.testing.assert_array_equal(value, records["photo4.png"][key])
    assert not np.array_equal(records["photo3.png"]["maps"], records["photo4.png"]["maps"])
    cached = all_records(factory, photos, tmp_path, seed=1, windows=3)
    np.testing.assert_array_equal(cached["photo4.png"]["maps"], again["maps"])


def test_pieces_of_one_photo_are_one(tmp_path):
    rows = "file,split,source,source_photo\na.png,train,x,1\nb.png,train,x,1\nc.png,train,y,1\n"
    (tmp_path / "manifest.csv").write_text(rows + "d.png,train,,\n")
    paths = [tmp_path / f"{name}.png" for name in "abcd"]
    groups = by_source(tmp_path, paths)
    assert list(groups) == ["x/1", "y/1", "d.png"]
    assert groups["x/1"] == paths[:2]


def made_up(name):
    """A network of a task away from its start, without dropout, and a batch of eight samples."""
    torch.manual_seed(2)
    task = task_of(of_task(name, SMALL, **CROPS[name]))
    network = task.build()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for parameter in network.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    batch = {
        "detect": {
            "maps": torch.rand(8, 8, 64, 64),
            "pooled": torch.rand(8, 3, 8, 8),
            "pixels": torch.randn(8, 1, 128, 128),
            "targets": torch.rand(8, 5),
            "class": torch.tensor([0, 1, 2, 1, 0, 0, 2, 1]),
        },
        "patches": {"patch": 255 * torch.rand(8, 3, 64, 64), "blurred": torch.rand(8).round()},
        "restore": {
            "image": 255 * torch.rand(8, 14, 16, 24),
            "sharp": 255 * torch.rand(8, 3, 16, 24),
        },
    }[name]
    return task, network, {key: value.numpy() for key, value in batch.items()}


def rows(batch, start, end):
    return to_tensors({key: value[start:end] for key, value in batch.items()})


@pytest.mark.parametrize("name", CROPS)
def test_the_loss_of_a_batch_is_the_mean_of_its_samples_losses(name):
    """Else clipping per sample would clip something else than what a photo contributes."""
    task, network, batch = made_up(name)
    whole = task.loss(network, rows(batch, 0, 8))[0]
    parts = [task.loss(network, rows(batch, i, i + 1))[0] for i in range(8)]
    torch.testing.assert_close(whole, torch.stack(parts).mean(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("chunk", [64, 4])
@pytest.mark.parametrize("name", CROPS)
def test_a_photos_gradient_is_the_clipped_mean_of_its_views(name, monkeypatch, chunk):
    """Against a loop over photos in plain PyTorch, with the noise off."""
    monkeypatch.setattr(private, "CHUNK", chunk)
    task, network, batch = made_up(name)
    parameters = list(network.parameters())
    found = []
    for photo in range(4):
        loss = task.loss(network, rows(batch, 2 * photo, 2 * photo + 2))[0]
        found.append(torch.autograd.grad(loss, parameters))
    norms = [float(torch.stack([g.norm() for g in gradients]).norm()) for gradients in found]
    clip = sorted(norms)[1] * 1.01  # two photos are clipped, two are not
    summed = [torch.zeros_like(p) for p in parameters]
    for gradients, norm in zip(found, norms, strict=True):
        for total, gradient in zip(summed, gradients, strict=True):
            total += gradient * min(1.0, clip / norm)
    privacy = Privacy(math.inf, 0.01, clip=clip, windows=4, views=2)
    mechanism = Mechanism(0.0, 0.5)
    wrapped, optimiser = private._wrapped(network, SMALL, privacy, mechanism, torch.Generator())
    private._accumulate(task, wrapped, optimiser, batch, 2)
    optimiser.step()
    for parameter, total in zip(parameters, summed, strict=True):
        wanted = total / SMALL.optim.batch
        apart = float((parameter.grad - wanted).abs().max())
        assert apart < 1e-4 * float(wanted.abs().max())


def test_noise_has_the_size_promised_even_where_no_photo_was_drawn():
    network = task_of(SMALL).build()
    privacy, generator = Privacy(8.0, 0.01, clip=0.5), torch.Generator().manual_seed(1)
    wrapped, optimiser = private._wrapped(network, SMALL, privacy, Mechanism(6.0, 0.5), generator)
    private._accumulate(None, wrapped, optimiser, {}, 2)
    optimiser.step()
    noise = torch.cat([p.grad.flatten() for p in network.parameters()])
    assert float(noise.std()) == pytest.approx(6.0 * 0.5 / SMALL.optim.batch, rel=0.03)
    assert abs(float(noise.mean())) < 0.03


def test_every_photo_is_drawn_independently_with_one_probability(photos, tmp_path, monkeypatch):
    drawn = []
    take = private._batch

    def noting(job, records, which, views, draws):
        drawn.append(which)
        return take(job, records, which[:0], views, draws)  # train on nothing: this is fast

    monkeypatch.setattr(private, "_batch", noting)
    optim = dataclasses.replace(SMALL.optim, steps=300, batch=2)
    config = dataclasses.replace(SMALL, optim=optim, validate_every=300)
    train_private(config, Privacy(8.0, 0.05, windows=1, views=1), photos, tmp_path, entropy=4)
    times = np.bincount(np.concatenate(drawn), minlength=7)
    assert (np.abs(times - 300 * 2 / 7) < 5 * math.sqrt(300 * 2 / 7 * 5 / 7)).all()
    assert len({len(which) for which in drawn}) > 4  # Poisson sampling: batches of many sizes
    assert any(len(which) == 0 for which in drawn)


# --- the run


def test_what_was_spent_is_in_the_checkpoint_and_the_log(whole):
    state, run = whole
    terms = state["privacy"]
    assert terms["epsilon"] <= terms["budget"] == 8.0 and terms["steps"] == 4
    assert terms["photos"] == 7 and terms["sample_rate"] == pytest.approx(3 / 7)
    rows = list(csv.DictReader((run / "log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert float(rows[0]["epsilon"]) < float(rows[1]["epsilon"]) <= 8
    assert not any(name.startswith("train_") for name in rows[0])  # it tells of private photos


def test_noise_is_drawn_anew_unless_asked_otherwise(whole, run_again):
    state, _ = whole
    assert state["privacy"]["noise_can_be_repeated"]
    same, other = run_again("a", entropy=1), run_again("b")
    assert not other["privacy"]["noise_can_be_repeated"]
    for key, value in state["network"].items():
        assert torch.equal(same["network"][key], value)
    assert any(not torch.equal(other["network"][k], v) for k, v in state["network"].items())


def test_going_on_counts_what_was_spent_before(run_again):
    stopped = run_again(stop_after=2)
    ended = run_again()
    assert 0 < stopped["privacy"]["epsilon"] < ended["privacy"]["epsilon"] <= 8
    assert stopped["privacy"]["steps"] == 2 and ended["step"] == ended["privacy"]["steps"] == 4


@pytest.mark.parametrize(
    ("budget", "steps", "words"),
    [
        (dataclasses.replace(BUDGET, epsilon=20.0), 4, "budget, noise_multiplier"),
        (dataclasses.replace(BUDGET, clip=0.7), 4, "clip"),
        (BUDGET, 8, "budgeted_steps"),
    ],
)
def test_a_budget_cannot_be_changed_afterwards(photos, whole, budget, steps, words):
    longer = dataclasses.replace(SMALL, optim=dataclasses.replace(SMALL.optim, steps=steps))
    with pytest.raises(BadValue, match=words):
        train_private(longer, budget, photos, whole[1], entropy=1)


@pytest.mark.parametrize("task", ["kernel", "frame"])
def test_other_tasks_are_refused(photos, tmp_path, task):
    with pytest.raises(BadValue, match=f"got the task '{task}'"):
        train_private(of_task(task, SMALL), BUDGET, photos, tmp_path)


@pytest.mark.parametrize("task", ["patches", "restore"])
def test_the_other_private_networks_train(photos, tmp_path, task):
    from unblur.zoo.catalogue import KERNEL_NET, weights_path

    weights = {"kernel_weights": str(weights_path(KERNEL_NET))} if task == "restore" else {}
    config = of_task(task, SMALL, **CROPS[task], **weights)
    state = load_checkpoint(train_private(config, BUDGET, photos, tmp_path, stop_after=1))
    torch.manual_seed(config.seed)
    start = task_of(config).build().state_dict()
    assert all(not torch.equal(state["network"][key], value) for key, value in start.items())


def test_infinity_survives_as_text():
    told = public_terms({"privacy": {"epsilon": math.inf, "delta": 0.1}})
    assert json.loads(json.dumps(told, allow_nan=False)) == {"epsilon": "inf", "delta": 0.1}
    assert public_terms({}) == {}


# --- the audit


def test_an_attack_is_rated():
    rng = np.random.default_rng(1)
    perfect = attack_from(np.array([3.0, 4.0, 5.0]), np.array([0.0, 1.0]))
    assert (perfect.auc, perfect.hits) == (1.0, 1.0)
    guess = attack_from(rng.normal(size=400), rng.normal(size=400))
    assert abs(guess.auc - 0.5) < 3 * guess.auc_error < 0.1
    half = attack_from(rng.normal(1, 1, 400), rng.normal(size=400))
    assert half.auc == pytest.approx(0.76, abs=3 * half.auc_error)  # Phi(1 / sqrt 2)
    with pytest.raises(BadValue, match="at least 2"):
        attack_from(np.zeros(1), np.zeros(5))


def test_likelihood_ratios_find_what_a_threshold_does_not():
    """Photos of very different difficulty: only in comparison with shadows a loss tells."""
    rng = np.random.default_rng(2)
    hard = rng.uniform(1, 10, 300)
    trained = np.stack([rng.permutation(300) < 150 for _ in range(8)])
    trained = np.concatenate([trained, ~trained])
    losses = hard - 0.3 * trained + rng.normal(0, 0.1, trained.shape)
    scores = likelihood_ratios(losses, trained)
    ratio = attack_from(scores[0][trained[0]], scores[0][~trained[0]])
    threshold = attack_from(-losses[0][trained[0]], -losses[0][~trained[0]])
    assert ratio.auc > 0.95 and threshold.auc < 0.65
    with pytest.raises(BadValue, match="two shadow"):
        likelihood_ratios(losses[:2], trained[:2])


def test_a_run_is_audited_on_its_own_records(photos, tmp_path, whole):
    _, run = whole
    manifest = photos / "manifest.csv"
    before = manifest.read_text()
    made = sorted((run / "records").rglob("*.npz"))
    try:
        manifest.write_text(before.replace("photo8.png,val", "photo8.png,test")
                            .replace("photo9.png,val", "photo9.png,test"))  # fmt: skip
        attack = audit_run(run, photos)
    finally:
        manifest.write_text(before)
    assert (attack.members, attack.others) == (7, 2)
    assert 0 <= attack.auc <= 1
    assert len(sorted((run / "records").rglob("*.npz"))) == len(made) + 2  # only the others' anew
    assert SharpPhotos(photos, "val", smallest_px=10).paths
