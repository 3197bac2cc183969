"""Training: strict configs, deterministic samples, exact resumption, honest gradients."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from tests.training.tiny import TINY, of_task
from unblur.blur import Psf
from unblur.errors import BadValue, CannotWrite, CorruptWeights, UnreadableImage
from unblur.motion.frequency import GRID
from unblur.runtime import ONE_THREAD
from unblur.toml import from_dict
from unblur.training import kernel_task
from unblur.training.checkpoint import load_checkpoint, save_checkpoint
from unblur.training.config import OptimConfig
from unblur.training.curves import plot_curves
from unblur.training.export import export_checkpoint
from unblur.training.loop import lr_factor, to_tensors, train
from unblur.training.photos import SharpPhotos
from unblur.training.registry import load_config, task_of
from unblur.training.shards import ShardSource, batches, make_shard, shard_of_visit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for i in range(14):
        rng = np.random.default_rng(i)
        image = ndimage.gaussian_filter(rng.random((240, 260, 3)), (1, 1, 0))
        image = (image - image.min()) / np.ptp(image) * 255
        Image.fromarray(image.astype(np.uint8)).save(folder / f"photo{i}.png")
    rows = "".join(f"photo{i}.png,{'train' if i < 10 else 'val'}\n" for i in range(14))
    (folder / "manifest.csv").write_text("file,split\n" + rows)
    return folder


# --- configs


@pytest.mark.parametrize(
    "path",
    [p for p in sorted((ROOT / "configs").glob("*.toml")) if "recipe" not in p.name],
    ids=lambda p: p.name,
)
def test_shipped_configs_load(path):
    config = load_config(path)
    assert config.name == path.stem
    assert task_of(config).build() is not None


def test_unknown_keys_and_wrong_types_are_errors(tmp_path):
    path = tmp_path / "a.toml"
    for text, words in [
        ('name="a"\ntask="kernel"\nseeed=1', "did you mean 'seed'"),
        ('name="a"\ntask="kernel"\n[data]\nshards=1', "did you mean 'shard'"),
        ('name="a"\ntask="colour"', "one of kernel, restore, .*there is no task 'colour'"),
        ('name="a"\ntask="kernel"\nseed="x"', "must be int"),
        ('name="a"\ntask="kernel"\nseed=true', "must be int"),
        ('name="a"\ntask="kernel"\ndata=3', "must be a table"),
        ('name="a"\ntask="kernel"\n[recipe]\nlength_px=[1.0]', "a list of 2"),
        ('name="a"\ntask="kernel"\n[data]\nshard=10\n[optim]\nbatch=4', "multiple"),
        ('task="kernel"', "name"),
        ('name="a"', "'task' is missing"),
        ('name="a"\ntask="kernel"\n[data]\nbank="tv"', "unknown key 'bank'"),
        ("x = = 1", "cannot read"),
    ]:
        path.write_text(text)
        with pytest.raises(BadValue, match=words):
            load_config(path)
    with pytest.raises(BadValue, match="cannot read"):
        load_config(tmp_path / "none.toml")


def test_integers_pass_for_floats():
    assert from_dict(OptimConfig, {"lr": 1}, where="test").lr == 1.0


# --- photos and shards


def test_without_a_manifest_names_decide_and_splits_share_nothing(tmp_path):
    for i in range(60):
        Image.new("RGB", (20, 20)).save(tmp_path / f"{i}.png")
    parts = [
        SharpPhotos(tmp_path, split, smallest_px=10).paths for split in ("train", "val", "test")
    ]
    assert sum(len(part) for part in parts) == len({p for part in parts for p in part}) == 60
    assert len(parts[0]) > 35


def test_a_manifest_decides_the_split(tmp_path, photos):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes((photos / "photo0.png").read_bytes())
    (tmp_path / "manifest.csv").write_text("file,split\na.png,train\nb.png,val\n")
    assert [p.name for p in SharpPhotos(tmp_path, "val", smallest_px=100).paths] == ["b.png"]
    with pytest.raises(UnreadableImage, match="no 'test' photo"):
        SharpPhotos(tmp_path, "test", smallest_px=100)
    with pytest.raises(UnreadableImage, match="at least 999"):
        SharpPhotos(tmp_path, "val", smallest_px=999)


class Counting:
    def __call__(self, rng):
        return [{"x": rng.random(3)}, {"x": rng.random(3)}]


def test_shards_are_the_same_whoever_makes_them(tmp_path):
    direct = make_shard(Counting(), seed=3, index=5, size=7)
    assert direct["x"].shape == (7, 3)
    for workers in (0, 1):
        source = ShardSource(
            Counting, tmp_path / str(workers), seed=3, size=7, keep=2, workers=workers
        )
        try:
            np.testing.assert_array_equal(source.get(5, newest=5)["x"], direct["x"])
            np.testing.assert_array_equal(source.get(5, newest=5)["x"], direct["x"])
        finally:
            source.close()
    other = make_shard(Counting(), seed=3, index=6, size=7)
    assert not np.array_equal(other["x"], direct["x"])


def test_old_shards_leave_the_cache(tmp_path):
    source = ShardSource(Counting, tmp_path, seed=1, size=2, keep=2, workers=0)
    for i in range(6):
        source.get(i, newest=i)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"shard-{i:06d}.npz" for i in (3, 4, 5)]
    source.close()


def test_visits_repeat_recent_shards():
    visits = [shard_of_visit(v, repeats=3, keep=4, seed=1) for v in range(60)]
    assert [index for index, new in visits if new] == list(range(20))
    for visit, (index, _) in enumerate(visits):
        assert visit // 3 - 4 < index <= visit // 3
    seen = np.concatenate(list(batches(10, 4, np.random.default_rng(0))))
    assert len(seen) == len(set(seen)) == 8


# --- kernel samples


def test_similarity_is_one_for_equal_psfs():
    psf = torch.from_numpy(Psf.from_line(15, 30).embedded(GRID))[None]
    similar, apart = kernel_task.compare_psfs(psf, psf)
    np.testing.assert_allclose(similar, 1, atol=1e-5)
    np.testing.assert_allclose(apart, 0, atol=1e-6)
    other = torch.from_numpy(Psf.from_line(15, 120).embedded(GRID))[None]
    assert kernel_task.compare_psfs(psf, other)[0].max() < 0.8


# --- the loop


def weights(checkpoint):
    return load_checkpoint(checkpoint)["ema"]


def test_a_stopped_run_goes_on_to_the_very_same_weights(photos, tmp_path):
    whole = train(TINY, photos, tmp_path / "whole", workers=0)
    for stop in (3, 4, 7, 10):  # in the middle of a visit, at a validation, anywhere
        parts = train(TINY, photos, tmp_path / "parts", workers=0, stop_after=stop)
    a, b = weights(whole), weights(parts)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    rows = (tmp_path / "parts" / "log.csv").read_text().splitlines()
    assert rows[0].startswith("step,samples,train_loss")
    assert rows[-1].startswith("10,40,")
    assert plot_curves(tmp_path / "parts" / "log.csv").stat().st_size > 1000
    other = dataclasses.replace(TINY, seed=9)
    with pytest.raises(BadValue, match=r"another config.*seed"):
        train(other, photos, tmp_path / "parts", workers=0)
    longer = dataclasses.replace(TINY, optim=dataclasses.replace(TINY.optim, steps=12))
    train(longer, photos, tmp_path / "parts", workers=0)
    assert load_checkpoint(parts)["step"] == 12


@pytest.fixture(scope="module")
def batch(photos):
    maker = task_of(TINY).samples(photos, "train")()
    return make_shard(maker, seed=1, index=0, size=8)


def test_overfits_one_batch_and_every_parameter_learns(batch):
    torch.manual_seed(0)
    task = task_of(TINY)
    network = task.build()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    tensors = to_tensors({key: value.astype(np.float32) for key, value in batch.items()})
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss, _ = task.loss(network, tensors)
        loss.backward()
        losses.append(float(loss.detach()))
        optimiser.step()
    assert losses[-1] < 0.75 * losses[0]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize(("bank", "channels"), [("tv", 13), ("none", 4)])
def test_restore_task_trains_on_estimates_and_exports(photos, tmp_path, bank, channels):
    config = of_task(
        "restore",
        dataclasses.replace(TINY, optim=dataclasses.replace(TINY.optim, steps=4)),
        crop_px=64,
        bank=bank,
        fused=0.5 if bank == "tv" else 0.0,
        kernel_weights=str(ROOT / "src/unblur/weights/kernel_net.onnx"),
        fuse_weights=str(ROOT / "src/unblur/weights/fuse_net.onnx"),
    )
    checkpoint = train(config, photos, tmp_path / "run", workers=0)
    told = {"trained_on": "noise", "licence": "none"}
    target = export_checkpoint(checkpoint, tmp_path / "x.onnx", **told)
    data = target.read_bytes()
    assert str(ROOT).encode() not in data and b"/site-packages/" not in data
    from unblur.engines import OnnxEngine

    engine = OnnxEngine(target, task="restore", runtime=ONE_THREAD)
    assert engine.spec.samples == 16
    assert engine.spec.bank == bank
    assert str(ROOT) not in engine.spec.recipe
    x = np.random.default_rng(0).random((1, channels, 40, 56)).astype(np.float32)
    assert engine(x)[0].shape == (1, 3, 40, 56)
    if bank != "none":
        return  # half the bits are the same for any
    half = export_checkpoint(checkpoint, tmp_path / "half.onnx", half=True, **told)
    assert half.stat().st_size < 0.85 * len(data)  # a tiny one is mostly its description
    narrow = OnnxEngine(half, task="restore", runtime=ONE_THREAD)(x)[0]
    assert 0 < np.abs(narrow - engine(x)[0]).max() < 0.01


def test_fuse_task_begins_with_kernel_net_trains_on_candidates_and_exports(photos, tmp_path):
    begun = train(TINY, photos, tmp_path / "kernel", workers=0, stop_after=5)
    config = of_task(
        "fuse",
        dataclasses.replace(TINY, optim=dataclasses.replace(TINY.optim, steps=2)),
        kernel_weights=str(ROOT / "src/unblur/weights/kernel_net.onnx"),
    )
    checkpoint = train(config, photos, tmp_path / "run", workers=0, initial=begun)
    log = (tmp_path / "run" / "log.csv").read_text()
    assert "val_ncc_motion_before" in log.splitlines()[0]
    target = export_checkpoint(checkpoint, tmp_path / "x.onnx", trained_on="noise", licence="none")
    from unblur.engines import OnnxEngine
    from unblur.motion.fusion import FUSE_MAPS

    rng = np.random.default_rng(0)
    maps = rng.random((2, len(FUSE_MAPS), GRID, GRID)).astype(np.float32)
    psfs, _ = OnnxEngine(target, task="fuse", runtime=ONE_THREAD)(
        maps, rng.random((2, 3, 8, 8)).astype(np.float32)
    )
    np.testing.assert_allclose(psfs.sum(axis=(1, 2)), 1, rtol=1e-4)


def test_learning_rate_rises_holds_and_falls():
    optim = OptimConfig(steps=100, warmup=10, cooldown=20)
    factors = [lr_factor(step, optim) for step in range(100)]
    assert factors[0] == pytest.approx(0.1) and factors[50] == 1
    assert factors[99] == pytest.approx(1 / 20)
    assert np.argmax(factors) == 9


def test_checkpoints_are_whole_or_absent(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})

    def fail(state, stream):
        stream.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(CannotWrite, match="disk full"):
        save_checkpoint(path, {"step": 2})
    monkeypatch.undo()
    assert load_checkpoint(path)["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_checkpoints_with_code_are_refused(tmp_path):
    import pickle

    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Path.cwd))
    with pytest.raises(CorruptWeights, match="cannot read"):
        load_checkpoint(path)
