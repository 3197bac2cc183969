"""The loop: exact resumption of everything, schedule applied, averages and validation right."""

import csv
import dataclasses
import shutil
import typing

import numpy as np
import pytest
import torch

from tests.training.tiny import TINY, of_task
from unblur.errors import BadValue, CannotWrite, CorruptWeights
from unblur.models.interface import Network
from unblur.models.kernel_net import KernelNet
from unblur.motion.guided import KERNEL_MAPS
from unblur.training import kernel_task, runs
from unblur.training.checkpoint import load_checkpoint, save_checkpoint
from unblur.training.config import OptimConfig, TrainConfig
from unblur.training.loop import lr_factor, to_tensors, train, validate
from unblur.training.precision import InBfloat16
from unblur.training.registry import TASKS, task_of
from unblur.training.shards import make_shard

SMALL = dataclasses.replace(
    TINY, optim=dataclasses.replace(TINY.optim, steps=9, batch=8), validate_every=100
)


def tensors(state, prefix=""):
    if isinstance(state, torch.Tensor):
        yield prefix, state
    elif isinstance(state, dict):
        for key, value in state.items():
            yield from tensors(value, f"{prefix}/{key}")
    elif isinstance(state, list | tuple):
        for i, value in enumerate(state):
            yield from tensors(value, f"{prefix}/{i}")


def assert_equal_states(a, b):
    ours, theirs = dict(tensors(a)), dict(tensors(b))
    assert ours.keys() == theirs.keys() and len(ours) > 20
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    seen = []
    run = tmp_path_factory.mktemp("whole")
    path = train(SMALL, photos, run, workers=0, progress=lambda *told: seen.append(told))
    return load_checkpoint(path), seen, run


def test_stopping_anywhere_and_losing_the_cache_changes_nothing(photos, tmp_path, whole):
    for stop in (1, 4, 7, 9):  # a visit has two steps: in the middle and between two
        path = train(SMALL, photos, tmp_path, workers=0, stop_after=stop)
        shutil.rmtree(tmp_path / "samples")
        assert load_checkpoint(path)["step"] == stop
    assert_equal_states(whole[0], load_checkpoint(path))
    assert load_checkpoint(path)["metrics"] == whole[0]["metrics"]


def test_other_seeds_give_other_weights(photos, tmp_path, whole):
    path = train(dataclasses.replace(SMALL, seed=5), photos, tmp_path, workers=0, stop_after=1)
    ours, theirs = load_checkpoint(path)["ema"], whole[0]["ema"]
    assert any(not torch.equal(ours[key], theirs[key]) for key in ours)


def test_progress_tells_every_step(whole):
    _, seen, _ = whole
    assert [(step, steps) for step, steps, _ in seen] == [(i, 9) for i in range(1, 10)]
    assert all(figures["loss"] > 0 for _, _, figures in seen)


def test_the_log_has_a_row_per_validation_and_the_checkpoint_its_figures(whole):
    state, seen, run = whole
    rows = list(csv.DictReader((run / "log.csv").read_text().splitlines()))
    assert [(row["step"], row["samples"]) for row in rows] == [("9", "72")]
    assert float(rows[0]["train_loss"]) == pytest.approx(seen[-1][2]["loss"], abs=1e-4)
    assert float(rows[0]["val_loss"]) == pytest.approx(state["metrics"]["loss"], abs=1e-4)


def test_a_finished_run_is_left_as_it_is(photos, whole):
    _, _, run = whole
    before = (run / "checkpoint.pt").read_bytes()
    train(SMALL, photos, run, workers=0)
    assert (run / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"widths": (4, 12)}, "widths"),
        ({"data": dataclasses.replace(SMALL.data, repeats=3)}, "data"),
        ({"recipe": dataclasses.replace(SMALL.recipe, line=0.5)}, "recipe"),
        ({"optim": dataclasses.replace(SMALL.optim, batch=4)}, "optim"),
    ],
)
def test_a_folder_of_another_config_is_refused(photos, whole, changed, words):
    state, _, run = whole
    with pytest.raises(BadValue, match=f"another config.*{words}"):
        train(dataclasses.replace(SMALL, **changed), photos, run, workers=0)
    assert load_checkpoint(run / "checkpoint.pt")["step"] == state["step"]


def test_a_new_run_may_start_from_a_checkpoint(photos, tmp_path, whole):
    _, _, run = whole
    frozen = dataclasses.replace(
        SMALL, optim=dataclasses.replace(SMALL.optim, lr=0.0, weight_decay=0.0)
    )
    path = train(frozen, photos, tmp_path, workers=0, stop_after=1, initial=run / "checkpoint.pt")
    ours, start = load_checkpoint(path), whole[0]["ema"]
    for part in ("network", "ema"):
        for key, value in ours[part].items():
            torch.testing.assert_close(value, start[key], atol=1e-6, rtol=0)


def test_the_schedule_is_what_the_optimiser_uses(photos, tmp_path, monkeypatch):
    used, norms = [], []
    step = torch.optim.AdamW.step
    clip = torch.nn.utils.clip_grad_norm_

    def noting(self, *args, **kwargs):
        used.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    def noting_clip(parameters, limit):
        parameters = list(parameters)
        clip(parameters, limit)
        norms.append(float(torch.stack([p.grad.norm() for p in parameters]).norm()))

    monkeypatch.setattr(torch.optim.AdamW, "step", noting)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", noting_clip)
    optim = dataclasses.replace(SMALL.optim, warmup=3, cooldown=4, clip_norm=0.01)
    train(dataclasses.replace(SMALL, optim=optim), photos, tmp_path, workers=0)
    expected = [1 / 3, 2 / 3, 1, 1, 1, 1, 3 / 4, 2 / 4, 1 / 4]
    np.testing.assert_allclose(used, np.array(expected) * optim.lr, rtol=1e-6)
    assert len(norms) == 9 and max(norms) < 0.0101


def test_the_average_follows_quickly_at_first(photos, tmp_path):
    path = train(SMALL, photos, tmp_path, workers=0, stop_after=1)
    torch.manual_seed(SMALL.seed)
    start = task_of(SMALL).build().state_dict()
    state = load_checkpoint(path)
    decay = min(SMALL.optim.ema, 2 / 11)
    for key, first in start.items():
        expected = decay * first + (1 - decay) * state["network"][key]
        torch.testing.assert_close(state["ema"][key], expected, atol=1e-6, rtol=1e-5)


def test_bfloat16_is_for_computing_only(photos, tmp_path, whole):
    coarse = dataclasses.replace(SMALL, optim=dataclasses.replace(SMALL.optim, bf16=True))
    state = load_checkpoint(train(coarse, photos, tmp_path, workers=0))
    assert {t.dtype for _, t in tensors(state["network"])} == {torch.float32}
    ours, fine = (s["network"]["head.weight"] for s in (state, whole[0]))
    assert not torch.equal(ours, fine)  # it did compute in another precision ...
    torch.testing.assert_close(ours, fine, atol=0.02, rtol=0.1)  # ... to nearly the same end


def test_results_in_bfloat16_are_close_and_float32():
    torch.manual_seed(0)
    network, x = torch.nn.Conv2d(8, 8, 3), torch.rand(1, 8, 16, 16)
    exact, forward = network(x), network.forward
    learning = InBfloat16(network, "cpu")
    rough = learning(x)
    assert rough.dtype == torch.float32 and not torch.equal(rough, exact)
    assert network.forward == forward and torch.equal(network(x), exact)  # it is left as it was
    assert all(p is q for p, q in zip(learning.parameters(), network.parameters(), strict=True))
    torch.testing.assert_close(rough, exact, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("step", [0, 4, 99, 500, 999])
def test_learning_rate_factors(step):
    optim = OptimConfig(steps=1000, warmup=100, cooldown=400)
    expected = min(1, (step + 1) / 100, (1000 - step) / 400)
    assert lr_factor(step, optim) == pytest.approx(expected)
    assert lr_factor(step, OptimConfig(steps=1000, warmup=0, cooldown=0)) == 1


@pytest.fixture(scope="module")
def samples(photos):
    return make_shard(task_of(SMALL).samples(photos, "val")(), seed=2, index=0, size=20)


def test_validation_does_not_depend_on_its_batches_or_change_the_network(samples):
    torch.manual_seed(1)
    task = task_of(SMALL)
    network = task.build()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    figures = [validate(task, network, samples, batch=size) for size in (16, 20, 7)]
    for name in ("loss", "similarity", "blur_accuracy"):
        assert figures[0][name] == pytest.approx(figures[1][name], rel=1e-4)
        assert figures[2][name] == pytest.approx(figures[1][name], rel=1e-4)
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_every_parameter_gets_a_gradient_after_one_step(samples):
    torch.manual_seed(1)
    task = task_of(SMALL)
    network = task.build()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    batch = to_tensors({key: value[:8].astype(np.float32) for key, value in samples.items()})
    for _ in range(2):
        optimiser.zero_grad(set_to_none=True)
        task.loss(network, batch)[0].backward()
        optimiser.step()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


class Oracle(torch.nn.Module):
    """Answers with the truth, but for what it is told to spoil."""

    def __init__(self, batch, spoil=None):
        super().__init__()
        self.batch, self.spoil = batch, spoil

    def forward(self, maps, pooled):
        truth, psf = self.batch["targets"], self.batch["psf"]
        logits = torch.where(truth[:, :1] > 0.5, 20.0, -20.0)
        summary = torch.cat([logits, torch.full_like(logits, 20.0), truth[:, 1:4]], dim=1)
        if self.spoil == "psf":
            psf = torch.rot90(psf, 1, (1, 2))
        elif self.spoil is not None:
            summary[:, self.spoil] *= -1
        return psf, summary


def test_a_perfect_estimate_loses_nothing_and_every_fault_counts(samples):
    batch = to_tensors({key: value.astype(np.float32) for key, value in samples.items()})
    task = task_of(SMALL)
    loss, figures = task.loss(Oracle(batch), batch)
    assert float(loss) < 1e-3
    assert figures["similarity"] == pytest.approx(1, abs=1e-3)
    assert figures["blur_accuracy"] == 1
    for spoil in range(5):
        assert float(task.loss(Oracle(batch, spoil), batch)[0]) > 0.004, spoil
    turned = torch.rot90(batch["psf"], 1, (1, 2))
    similar, apart = kernel_task.compare_psfs(turned, batch["psf"])
    shares = torch.tensor([0.4, 0.3, 0.2, 0.1])  # of sigma 0, 0.7, 1.5 and 3 px
    expected = float((shares * ((1 - similar) + 0.2 * apart).mean(dim=0)).sum())
    expected += 0.1 * 20 * (1 - float(similar[:, 2].mean()))  # sure of itself, and wrong
    loss, figures = task.loss(Oracle(batch, "psf"), batch)
    assert float(loss) == pytest.approx(expected, abs=2e-3)
    assert figures["similarity"] == pytest.approx(float(similar[:, 2].mean()), abs=1e-5)


def test_the_angle_counts_only_as_far_as_there_is_a_direction(samples):
    batch = to_tensors({key: value.astype(np.float32) for key, value in samples.items()})
    batch["targets"][:, 4] = 0
    assert float(task_of(SMALL).loss(Oracle(batch, 3), batch)[0]) < 1e-3


def test_the_network_gives_psfs():
    network = KernelNet(maps=KERNEL_MAPS, widths=(4, 8), depths=(1, 1))
    psf, summary = network(torch.rand(3, len(KERNEL_MAPS), 64, 64), torch.rand(3, 3, 8, 8))
    assert psf.shape == (3, 64, 64) and summary.shape == (3, 5)
    assert (psf >= 0).all()
    torch.testing.assert_close(psf.sum(dim=(1, 2)), torch.ones(3))


def test_every_part_of_the_input_reaches_the_result():
    torch.manual_seed(0)
    network = KernelNet(maps=KERNEL_MAPS, widths=(4, 8), depths=(1, 1))
    maps = torch.rand(1, len(KERNEL_MAPS), 64, 64, requires_grad=True)
    pooled = torch.rand(1, 3, 8, 8, requires_grad=True)
    psf, summary = network(maps, pooled)
    (psf.square().sum() + summary.sum()).backward()
    assert (maps.grad.abs().sum(dim=(0, 2, 3)) > 0).all()
    assert (pooled.grad.abs().sum(dim=(0, 2, 3)) > 0).all()


# --- checkpoints and configs


def test_checkpoints_bring_back_what_was_saved(tmp_path):
    state = {"a": torch.rand(3, 4), "b": {"c": 2, "d": "text"}, "e": [1.5, None]}
    save_checkpoint(tmp_path / "new" / "x.pt", state)
    back = load_checkpoint(tmp_path / "new" / "x.pt")
    assert torch.equal(back.pop("a"), state.pop("a"))
    assert back == state
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["x.pt"]


class Evil:
    def __reduce__(self):
        return (open, ("evil-was-here", "w"))


def test_code_in_a_checkpoint_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"step": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(CorruptWeights, match=r"evil\.pt"):
        load_checkpoint(tmp_path / "evil.pt")
    assert not (tmp_path / "evil-was-here").exists()


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_damaged_checkpoints_are_named(tmp_path, content):
    if content is not None:
        (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(CorruptWeights, match=r"x\.pt"):
        load_checkpoint(tmp_path / "x.pt")


def test_a_list_is_no_checkpoint(tmp_path):
    torch.save([1, 2], tmp_path / "x.pt")
    with pytest.raises(CorruptWeights, match="not a checkpoint"):
        load_checkpoint(tmp_path / "x.pt")


def test_a_truncated_checkpoint_is_refused(tmp_path):
    save_checkpoint(tmp_path / "x.pt", {"a": torch.rand(1000)})
    data = (tmp_path / "x.pt").read_bytes()
    (tmp_path / "x.pt").write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptWeights):
        load_checkpoint(tmp_path / "x.pt")


@pytest.mark.parametrize("broken", [OSError("no space"), RuntimeError("writer failed")])
def test_a_failed_save_leaves_the_old_checkpoint(tmp_path, monkeypatch, broken):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})
    before = path.read_bytes()

    def fail(state, stream):
        stream.write(b"half of it")
        raise broken

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(CannotWrite, match=str(broken)):
        save_checkpoint(path, {"step": 2})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_configs_are_frozen_and_explained_all_the_way_down():
    def fields(cls):
        hints = typing.get_type_hints(cls)
        assert cls.__dataclass_params__.frozen
        for field in dataclasses.fields(cls):
            if dataclasses.is_dataclass(hints[field.name]):
                yield from fields(hints[field.name])
            else:
                yield cls, field.name

    datas = {entry.task_type().data_type for entry in TASKS.values()}
    found = [pair for cls in (TrainConfig, *datas) for pair in fields(cls)]
    # What is nested, each task's, the clip.
    assert len({cls for cls, _ in found}) == 7 + len(datas) + 1
    for cls, name in found:
        told = "".join(c.__doc__ or "" for c in cls.__mro__[:-1])
        assert name in told, f"{cls.__name__}.{name} is not explained"


def test_every_task_builds_its_network():
    for name in TASKS:
        assert isinstance(task_of(of_task(name)).build(), Network)


def test_means_leave_out_what_a_batch_cannot_tell_and_keep_its_column():
    means = runs.Means()
    means.add({"a": 1.0, "b": float("nan"), "c": float("nan")}, weight=3)
    means.add({"a": 5.0, "b": 2.0, "c": float("nan")}, weight=1)
    now = means.now()
    assert list(now) == ["a", "b", "c"]
    assert now["a"] == 2.0 and now["b"] == 2.0 and np.isnan(now["c"])
