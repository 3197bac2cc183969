"""Networks describe themselves, configs belong to their tasks, one table knows them all."""

import dataclasses
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.tiny import TINY, of_task
from unblur.engines import OnnxEngine
from unblur.errors import BadValue, CorruptWeights, SpecMismatch
from unblur.models.frame_rnn import FrameRNN
from unblur.models.interface import InputPort, Interface, Network
from unblur.models.restore_net import RestoreNet
from unblur.restoration.inputs import CHANNEL_NAMES, CHANNELS
from unblur.spec import ModelSpec
from unblur.training.checkpoint import load_checkpoint, save_checkpoint
from unblur.training.export import export_checkpoint, export_onnx, spec_of
from unblur.training.loop import train
from unblur.training.registry import TASKS, config_from, load_config, recorded_config, task_of

ROOT = Path(__file__).parents[2]
TOLD = {"licence": "none", "trained_on": "noise", "samples": 0}
FLAT = {
    "window_px": 256, "crop_px": 128, "crops": 2, "windows": 1, "shard": 512, "repeats": 2,
    "keep": 12, "val_samples": 192, "downscale": 0.6, "estimated": 0.7, "true": 0.15, "none": 0.1,
    "clips": 0.3, "sides_px": [], "looks": 1, "search": False, "search_share": 1.0,
    "bank": "wiener", "fused": 0.0, "kernel_weights": "", "fuse_weights": "",
}  # fmt: skip
"""The data config that all tasks shared once."""


# --- interfaces


@pytest.mark.parametrize(
    ("network", "multiple", "halo"),
    [
        (RestoreNet(channels=CHANNEL_NAMES["wiener"], widths=(4, 6, 8), depths=(1, 1, 1)), 8, 48),
        (RestoreNet(channels=("r", "g", "b"), widths=(4, 4, 6, 8), depths=(0, 0, 0, 0)), 16, 96),
        (FrameRNN(widths=(4, 6, 8), depths=(0, 0, 0)), 16, 64),
        (FrameRNN(widths=(4, 6), depths=(0, 0)), 8, 32),
    ],
)
def test_sides_and_halo_follow_from_the_levels(network, multiple, halo):
    interface = network.interface()
    assert (interface.multiple_of, interface.halo_px) == (multiple, halo)


def test_a_network_of_four_levels_ships_with_the_multiple_that_it_needs(tmp_path):
    torch.manual_seed(0)
    channels = CHANNEL_NAMES["none"]
    network = RestoreNet(channels=channels, widths=(4, 4, 6, 8), depths=(1, 0, 0, 1))
    spec = spec_of(network, name="deep", task="restore", bank="none", **TOLD)
    assert spec.multiple_of == 16
    engine = OnnxEngine(export_onnx(network, spec, tmp_path / "deep.onnx"), task="restore")
    assert engine(np.zeros((1, 4, 48, 80), np.float32))[0].shape == (1, 3, 48, 80)
    assert engine.spec.inputs == {"image": channels}
    # Said to be content with multiples of 8, it fails at 24 x 40, though 48 x 80 would do.
    with pytest.raises(SpecMismatch, match="24 x 40, a multiple of 8"):
        export_onnx(network, dataclasses.replace(spec, multiple_of=8), tmp_path / "wrong.onnx")
    assert not (tmp_path / "wrong.onnx").exists()


def test_channels_have_names_of_their_own():
    for bank, names in CHANNEL_NAMES.items():
        assert len(set(names)) == len(names) == CHANNELS[bank]
    for name in TASKS:
        for port in task_of(of_task(name)).build().interface().inputs:
            assert len(set(port.channels)) == len(port.channels), (name, port.name)


def test_a_file_that_tells_of_other_inputs_than_it_has_is_refused(tmp_path):
    network = RestoreNet(channels=CHANNEL_NAMES["none"], widths=(4, 4), depths=(0, 0))
    spec = spec_of(network, name="x", task="restore", bank="none", **TOLD)
    wrong = dataclasses.replace(spec, inputs={"image": ("red", "green")})
    with pytest.raises(CorruptWeights, match="says that it takes"):
        export_onnx(network, wrong, tmp_path / "x.onnx")


# --- a new network is one line


class Sharpener(Network):
    """Someone's own network: one convolution, any size."""

    def __init__(self, *, channels, widths, depths):
        super().__init__()
        self.channels = channels
        self.only = torch.nn.Conv2d(len(channels), 3, 3, padding=1)

    def interface(self):
        return Interface((InputPort("image", self.channels),), multiple_of=1, halo_px=1)

    def forward(self, x):
        return x[:, :3] + self.only(x)


def test_a_new_restoration_network_is_a_module_a_config_and_one_line(photos, tmp_path, monkeypatch):
    module = types.ModuleType("unblur.models.sharpener")
    module.Sharpener = Sharpener
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(TASKS["restore"].networks, "sharpener", "sharpener:Sharpener")
    (tmp_path / "sharpener.toml").write_text(
        """
        name = "sharpener"
        task = "restore"
        network = "sharpener"
        [data]
        bank = "none"
        window_px = 128
        crop_px = 64
        shard = 8
        val_samples = 4
        [optim]
        steps = 2
        batch = 4
        """
    )
    config = load_config(tmp_path / "sharpener.toml")
    checkpoint = train(config, photos, tmp_path / "run", workers=0)
    path = export_checkpoint(checkpoint, tmp_path / "s.onnx", trained_on="noise", licence="none")
    spec = OnnxEngine(path, task="restore").spec
    assert (spec.multiple_of, spec.halo_px, spec.bank) == (1, 1, "none")
    from unblur import restore

    blurry = np.random.default_rng(0).random((97, 103, 3), np.float32)
    assert restore(blurry, model=str(path)).photo.samples.shape == blurry.shape


def test_a_network_that_is_not_there_is_named():
    with pytest.raises(BadValue, match=r"no network 'restorenet'.*did you mean 'restore_net'"):
        task_of(dataclasses.replace(of_task("restore"), network="restorenet"))
    with pytest.raises(BadValue, match="no task 'restoration'"):
        task_of(dataclasses.replace(TINY, task="restoration"))
    with pytest.raises(BadValue, match="'restore' needs data of RestoreData, got KernelData"):
        task_of(dataclasses.replace(TINY, task="restore"))


# --- configs and checkpoints of before


@pytest.mark.parametrize("path", sorted((ROOT / "checkpoints").glob("*.pt")), ids=lambda p: p.stem)
def test_published_checkpoints_still_start_runs(path):
    state = load_checkpoint(path)
    config = recorded_config(state["config"], where=path.name)
    network = task_of(config).build()
    network.load_state_dict(state["ema"])
    assert config.name == path.stem


def test_a_run_of_before_goes_on_to_the_same_weights(photos, tmp_path):
    whole = load_checkpoint(train(TINY, photos, tmp_path / "whole", workers=0))
    path = train(TINY, photos, tmp_path / "parts", workers=0, stop_after=3)
    state = load_checkpoint(path)
    values = json.loads(state["config"])
    del values["network"]
    values["data"] = {**FLAT, **values["data"]}
    values |= {"hidden": 16, "clip": {"frames": 5}}
    save_checkpoint(path, {**state, "config": json.dumps(values)})
    after = load_checkpoint(train(TINY, photos, tmp_path / "parts", workers=0))
    assert after["step"] == 10
    assert all(torch.equal(after["ema"][key], value) for key, value in whole["ema"].items())


def test_what_stood_beside_the_data_is_found_in_it():
    old = {"name": "x", "task": "frame", "hidden": 7, "clip": {"frames": 3}}
    config = config_from(old, where="here")
    assert (config.data.hidden, config.data.clip.frames) == (7, 3)
    assert config_from({**old, "task": "kernel"}, where="here").data == type(TINY.data)()


# --- specifications


def test_a_network_of_a_bank_that_is_gone_is_refused_with_a_way_on():
    spec = ModelSpec("a", "restore", 8, 48, 10, "Apache-2.0", "photos", 5)
    text = json.dumps({**json.loads(spec.to_json()), "bank": "edges"})
    with pytest.raises(SpecMismatch, match="train it again on the bank 'tv'"):
        ModelSpec.from_json(text, where="here")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"multiple_of": "8"}, "multiple_of must be int, got '8'"),
        ({"multiple_of": 0}, "multiple_of must be at least 1, got 0"),
        ({"halo_px": -1}, "halo_px must be at least 0"),
        ({"halo_px": True}, "halo_px must be int"),
        ({"name": None}, "name must be str"),
        ({"metrics": [1]}, "metrics must be a table"),
        ({"metrics": {"psnr_db": "high"}}, "psnr_db must be float"),
        ({"inputs": {"image": "rgb"}}, "image must be a list"),
        ({"bank": "none at all"}, "bank must be one of none, wiener, tv"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"format": 2}, "interface version 2"),
        ({"format": "1"}, "interface version 1"),
    ],
)
def test_specifications_of_wrong_types_are_refused(changed, words):
    spec = ModelSpec("a", "restore", 8, 48, 10, "Apache-2.0", "photos", 5)
    values = {**json.loads(spec.to_json()), **changed}
    with pytest.raises(CorruptWeights, match=words):
        ModelSpec.from_json(json.dumps(values), where="here")


@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"', "{}", "[" * 100000])
def test_what_is_no_specification_is_refused(text):
    with pytest.raises(CorruptWeights, match="no readable specification"):
        ModelSpec.from_json(text, where="here")


def test_old_names_of_data_are_taken_with_a_note(caplog):
    values = {"name": "a", "task": "kernel", "data": {"looks": 3}}
    with caplog.at_level("WARNING"):
        assert config_from(values, where="mine.toml").data.rounds == 3
    assert "mine.toml: data.looks is called rounds now" in caplog.text
    assert recorded_config(json.dumps(values), where="a checkpoint").data.rounds == 3
    with pytest.raises(BadValue, match="looks"):
        config_from({**values, "task": "detect"}, where="mine.toml")


def test_specifications_come_back_as_they_were():
    spec = ModelSpec(
        "a", "x", 8, 48, 10, "-", "-", 5, {"loss": 1.0}, inputs={"image": ("r", "g", "b")}
    )
    assert ModelSpec.from_json(spec.to_json(), where="here") == spec
