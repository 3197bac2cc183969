"""Checkpoints of architectures that spandrel knows become ONNX files that say the same."""

import importlib.util
import sys
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

import unblur
from unblur.cli import main
from unblur.errors import CorruptWeights, MissingExtra
from unblur.foreign import pytorch

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
if importlib.util.find_spec("spandrel") is None:
    pytest.skip("spandrel is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def nafnet():
    """A tiny NAFNet with random weights."""
    with pytorch._without_torchvision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spandrel.architectures.NAFNet.__arch.NAFNet_arch import NAFNet
    torch.manual_seed(0)
    network = NAFNet(width=4, middle_blk_num=1, enc_blk_nums=[1], dec_blk_nums=[1]).eval()
    for name, parameter in network.named_parameters():
        if name.endswith(("beta", "gamma")):  # made as zeros: the blocks would do nothing
            torch.nn.init.normal_(parameter, std=0.2)
    return network


def test_a_checkpoint_restores_as_in_pytorch(nafnet, tmp_path):
    torch.save({"params": nafnet.state_dict()}, tmp_path / "tiny.pth")
    result = CliRunner().invoke(main, ["models", "add", str(tmp_path / "tiny.pth")])
    assert result.exit_code == 0, result.output
    assert "nchw, values 0..1" in result.stdout
    samples = np.random.default_rng(0).random((53, 70, 3)).astype(np.float32)
    restored = unblur.restore(samples, model="tiny", gate=False, threads=1).samples
    with torch.no_grad():
        expected = nafnet(torch.from_numpy(np.moveaxis(samples, 2, 0)[None].copy()))
    expected = np.clip(np.moveaxis(expected[0].numpy(), 0, 2), 0, 1)
    assert np.abs(expected - samples).max() > 0.01
    np.testing.assert_allclose(restored, expected, atol=1e-4)
    shown = CliRunner().invoke(main, ["models", "show", "tiny"]).stdout
    assert '"architecture": "NAFNet"' in shown
    data = (store_folder() / "tiny.onnx").read_bytes()
    assert b"site-packages" not in data and str(tmp_path).encode() not in data


def store_folder():
    from unblur.zoo.store import models_folder

    return models_folder()


def test_safetensors(nafnet, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(nafnet.state_dict(), tmp_path / "tiny.safetensors")
    described = pytorch._load(tmp_path / "tiny.safetensors")
    assert described.architecture.name == "NAFNet"


class Evil:
    """Would run a command when unpickled."""

    def __reduce__(self):
        import os

        return os.mkdir, (Evil.target,)


def test_pickles_that_would_run_code_are_refused(tmp_path):
    Evil.target = str(tmp_path / "ran")
    torch.save({"params": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(CorruptWeights) as caught:
        pytorch.convert(tmp_path / "evil.pth")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_unknown_weights_and_missing_packages(tmp_path, monkeypatch):
    torch.save({"w": torch.zeros(3)}, tmp_path / "x.pth")
    with pytest.raises(CorruptWeights, match="spandrel knows"):
        pytorch.convert(tmp_path / "x.pth")
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(MissingExtra, match="foreign"):
        pytorch.convert(tmp_path / "x.pth")


def test_no_stand_in_is_left_behind():
    with pytorch._without_torchvision():
        pass
    assert "torchvision" not in sys.modules or hasattr(sys.modules["torchvision"], "__version__")
