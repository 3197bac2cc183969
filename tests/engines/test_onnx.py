"""Networks that cannot be used say why, in one line."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from unblur.engines import OnnxEngine
from unblur.errors import CorruptWeights, EngineFailed, SpecMismatch
from unblur.motion.guided import KERNEL_MAPS
from unblur.runtime import ONE_THREAD
from unblur.spec import SPEC_KEY, ModelSpec
from unblur.zoo.catalogue import weights_path

KERNEL = weights_path("kernel_net")


def altered(tmp_path, text):
    model = onnx.load(str(KERNEL))
    del model.metadata_props[:]
    if text is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = SPEC_KEY, text
    onnx.save(model, str(tmp_path / "x.onnx"))
    return tmp_path / "x.onnx"


def test_files_that_are_no_networks_of_ours(tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    for path in (tmp_path / "junk.onnx", tmp_path / "none.onnx"):
        with pytest.raises(CorruptWeights, match="cannot load") as caught:
            OnnxEngine(path, task="kernel")
        assert "\n" not in str(caught.value)
    with pytest.raises(CorruptWeights, match="not one of ours"):
        OnnxEngine(altered(tmp_path, None), task="kernel")
    with pytest.raises(CorruptWeights, match="no readable specification"):
        OnnxEngine(altered(tmp_path, "{"), task="kernel")
    newer = ModelSpec("x", "kernel", 1, 0, 0, "", "", 0, format=99).to_json()
    with pytest.raises(CorruptWeights, match="version 99"):
        OnnxEngine(altered(tmp_path, newer), task="kernel")


def test_only_frames_which_are_all_of_one_size_keep_their_memory():
    # Without the arena the heap broke up and grew; with it the largest tile's memory is kept.
    for name, task, kept in (("frame_rnn", "frame", True), ("restore_net", "restore", False)):
        engine = OnnxEngine(weights_path(name), task=task, runtime=ONE_THREAD)
        assert engine._session.get_session_options().enable_cpu_mem_arena is kept


def test_the_wrong_task():
    with pytest.raises(SpecMismatch, match="'restore' is needed"):
        OnnxEngine(KERNEL, task="restore")


def test_wrong_shapes_are_engine_errors_of_one_line():
    engine = OnnxEngine(KERNEL, task="kernel", runtime=ONE_THREAD)
    with pytest.raises(EngineFailed) as caught:
        engine(np.zeros((1, 3, 64, 64), np.float32), np.zeros((1, 3, 8, 8), np.float32))
    assert "\n" not in str(caught.value)


def test_kernel_net_gives_psfs():
    engine = OnnxEngine(Path(KERNEL), task="kernel", runtime=ONE_THREAD)
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(3, len(KERNEL_MAPS), 64, 64)).astype(np.float32)
    psfs, facts = engine(maps, rng.normal(size=(3, 3, 8, 8)).astype(np.float32))
    assert psfs.shape == (3, 64, 64) and facts.shape == (3, 5)
    np.testing.assert_allclose(psfs.sum(axis=(1, 2)), 1, rtol=1e-4)
    assert psfs.min() >= 0


def test_spec_round_trip():
    spec = ModelSpec("a", "restore", 8, 48, 10, "Apache-2.0", "photos", 5, {"psnr_db": 30.0})
    assert ModelSpec.from_json(spec.to_json(), where="here") == spec
