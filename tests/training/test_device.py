"""Where a network is trained: chosen in words, stored so that any device can go on."""

import dataclasses

import pytest
import torch

from tests.training.tiny import TINY
from unblur.errors import BadValue, NoSuchDevice
from unblur.training import device
from unblur.training.checkpoint import load_checkpoint
from unblur.training.device import check_alone, device_of, on_cpu, workers_for
from unblur.training.loop import CPU, to_tensors, train


def test_what_is_asked_for_is_taken_or_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto").type == device_of("cpu").type == "cpu"
    with pytest.raises(NoSuchDevice, match=r"no CUDA device: .*--device cpu"):
        device_of("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto").type == device_of("cuda").type == "cuda"
    assert device_of("cpu").type == "cpu"


def test_an_accelerator_gets_all_cores_but_one_to_make_samples(monkeypatch):
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert workers_for(torch.device("cuda")) == 5
    assert workers_for(CPU) == 1
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert workers_for(torch.device("cuda")) == 1


def test_processes_do_not_share_an_accelerator():
    check_alone(torch.device("cuda"), 1)
    check_alone(CPU, 4)
    with pytest.raises(BadValue, match="2 processes cannot share one cuda device"):
        check_alone(torch.device("cuda"), 2)


def test_batches_go_where_the_network_is():
    # 'meta' is a device that has no memory: what does not go there is on the CPU.
    batch = to_tensors({"x": torch.rand(2, 3, 4, 4).numpy()}, torch.device("meta"))
    assert batch["x"].device.type == "meta"
    assert batch["x"].is_contiguous(memory_format=torch.channels_last)


def test_states_are_stored_on_the_cpu():
    moved = []

    class Elsewhere(torch.Tensor):
        def cpu(self):
            moved.append(self)
            return torch.Tensor([1.0])

    state = {"a": {"b": [Elsewhere([2.0]), 3]}, "c": (Elsewhere([4.0]), "text"), "d": None}
    stored = on_cpu(state)
    assert len(moved) == 2 and stored["a"]["b"][1] == 3 and stored["c"][1] == "text"
    assert stored["d"] is None and float(stored["c"][0]) == 1.0


def test_every_tensor_of_a_checkpoint_is_on_the_cpu_and_a_run_goes_on_from_it(photos, tmp_path):
    coarse = dataclasses.replace(TINY, optim=dataclasses.replace(TINY.optim, steps=4, bf16=True))
    path = train(coarse, photos, tmp_path, workers=0, device=CPU, stop_after=2)
    held = torch.load(path, weights_only=True)  # as it lies there, not moved

    def devices(value):
        if isinstance(value, torch.Tensor):
            yield value.device.type
        elif isinstance(value, dict | list | tuple):
            for part in value.values() if isinstance(value, dict) else value:
                yield from devices(part)

    assert set(devices(held)) == {"cpu"}
    assert not any(key.startswith("network.") for key in held["network"])  # of no wrapper
    train(coarse, photos, tmp_path, workers=0, device=device_of("cpu"))
    assert load_checkpoint(path)["step"] == 4
