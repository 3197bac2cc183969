"""FrameRNN's training: samples, augmentation and memory are what they say."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from unblur.blur.clip import Clip, ClipRecipe  # noqa: E402
from unblur.models.frame_rnn import FrameRNN  # noqa: E402
from unblur.runtime import ONE_THREAD  # noqa: E402
from unblur.training.config import OptimConfig, TrainConfig  # noqa: E402
from unblur.training.frame_task import (  # noqa: E402
    FrameData,
    aligned,
    crop_of,
    hints_of,
    sample_of,
    turned,
    turned_shifts,
    unroll,
)
from unblur.training.loop import to_tensors  # noqa: E402
from unblur.training.registry import load_config, task_of  # noqa: E402
from unblur.training.shards import make_shard  # noqa: E402
from unblur.video.alignment import block_shifts, cells_of  # noqa: E402
from unblur.video.memory import first_state, moved_state  # noqa: E402
from unblur.zoo.catalogue import KERNEL_NET, weights_path  # noqa: E402

CONFIG = TrainConfig(
    name="tiny",
    task="frame",
    widths=(8, 12, 16),
    depths=(1, 1, 1),
    data=FrameData(
        window_px=128,
        crop_px=64,
        crops=2,
        shard=4,
        downscale=1.0,
        none=0.0,
        kernel_weights=str(weights_path(KERNEL_NET)),
        hidden=4,
        clip=ClipRecipe(frames=3, margin_px=24, travel_px=(2.0, 6.0), object_travel_px=(2.0, 4.0)),
    ),
    optim=OptimConfig(batch=2),
)


def texture(side=200, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.random((side // 8, side // 8, 3)).repeat(8, 0).repeat(8, 1)
    return (0.7 * coarse + 0.3 * rng.random((side, side, 3))).astype(np.float32)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharp")
    for i in range(12):
        Image.fromarray((texture(seed=i) * 255).astype("u1")).save(folder / f"photo{i}.png")
    return folder


@pytest.fixture(scope="module")
def batch(photos):
    return make_shard(task_of(CONFIG).samples(photos, "train")(), seed=1, index=0, size=4)


def network():
    torch.manual_seed(0)
    net = FrameRNN(widths=CONFIG.widths, depths=CONFIG.depths, hidden=CONFIG.data.hidden)
    torch.nn.init.normal_(net.head.weight, std=0.02)
    return net


def test_samples_are_seeded_and_of_the_declared_shapes(batch, photos):
    again = make_shard(task_of(CONFIG).samples(photos, "train")(), seed=1, index=0, size=4)
    assert {k: (v.shape, v.dtype.str) for k, v in batch.items()} == {
        "blurry": ((4, 3, 3, 64, 64), "|u1"),
        "facts": ((4, 3, 3), "<f4"),
        "hints": ((4, 3, 2, 64, 64), "|u1"),
        "sharp": ((4, 3, 3, 64, 64), "|u1"),
        "shifts": ((4, 3, 2, 2, 2), "<i2"),
    }
    for key, value in batch.items():
        assert np.array_equal(value, again[key])
    assert (batch["shifts"][:, 0] == 0).all()
    assert np.abs(batch["hints"].astype(int) - 128).max() > 5
    assert ((batch["facts"] >= 0) & (batch["facts"] <= 1)).all()


def test_crops_lie_on_the_blocks_of_motion():
    rows, columns = (np.arange(n) for n in (128, 160))
    places = (rows[:, None] // 32 * 10 + columns // 32).astype(np.uint8)
    whole = {
        "blurry": np.broadcast_to(places, (2, 3, 128, 160)),
        "sharp": np.broadcast_to(places, (2, 3, 128, 160)),
        "hints": np.broadcast_to(places, (2, 2, 128, 160)),
        "facts": np.zeros((2, 3), np.float32),
        "shifts": np.broadcast_to(places[::32, ::32, None], (2, 4, 5, 2)),
    }
    for seed in range(20):
        part = crop_of(whole, 64, np.random.default_rng(seed))
        assert part["blurry"].shape == (2, 3, 64, 64) and part["shifts"].shape == (2, 2, 2, 2)
        for key in ("blurry", "sharp", "hints"):
            assert np.array_equal(part[key][0, 0, ::32, ::32], part["shifts"][0, ..., 0])


def test_some_samples_go_without_hints(photos):
    silent = dataclasses.replace(CONFIG, data=dataclasses.replace(CONFIG.data, none=1.0))
    batch = make_shard(task_of(silent).samples(photos, "train")(), seed=1, index=0, size=2)
    assert (batch["hints"] == 128).all() and (batch["facts"] == 0).all()


def test_shifts_of_a_sample_say_where_the_picture_went():
    wide = texture(192)
    frames = np.stack(
        [wide[32 - dy : 160 - dy, 32 + dx : 160 + dx] for dy, dx in [(0, 0), (8, 12)]]
    )
    sample = sample_of(Clip(frames, frames, 0.5, np.zeros(2)), None)
    # The second frame's content lay 8 px higher and 12 px to the right in the first.
    assert (sample["shifts"][1] == (-8, 12)).all()


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_shifts_are_those_of_the_turned_frames(turns, mirror):
    wide = np.moveaxis(texture(256, seed=3), 2, 0)
    before, now = wide[:, 32:192, 32:160], wide[:, 24:184, 44:172]
    shifts = block_shifts(cells_of(before), cells_of(now))
    assert (shifts == (-8, 12)).all()
    again = [
        cells_of(np.ascontiguousarray(turned(frame, turns, mirror=mirror)))
        for frame in (before, now)
    ]
    ours = turned_shifts(shifts[None, None], turns, mirror=mirror)[0, 0]
    assert np.array_equal(ours, block_shifts(*again))


def test_augmentation_keeps_pairs_together(batch):
    out = task_of(CONFIG).augment(batch, np.random.default_rng(5))
    before = np.abs(batch["blurry"].astype(int) - batch["sharp"]).mean()
    assert np.abs(out["blurry"] - out["sharp"]).mean() == pytest.approx(before)
    assert out["shifts"].dtype == out["blurry"].dtype == np.float32


def test_the_memory_of_training_is_the_one_of_the_video_command():
    rng = np.random.default_rng(2)
    net = network()
    planes = rng.random((2, 3, 64, 96), dtype=np.float32)
    state = rng.random((1, 52, 16, 24), dtype=np.float32)
    shifts = rng.integers(-20, 20, (2, 3, 2)).astype(np.int16)
    last = torch.pixel_shuffle(torch.from_numpy(state[:, :48]), 4)[0].numpy()
    ours = moved_state(last, state[0, 48:], planes[1], shifts)
    fresh = net.first_state(torch.from_numpy(planes[1:]))
    theirs = aligned(torch.from_numpy(state), fresh, torch.from_numpy(shifts)[None])
    assert np.abs(ours - theirs[0].numpy()).max() < 1e-6
    assert np.array_equal(first_state(planes[1], 4), fresh[0].numpy())


def test_frames_are_restored_causally(batch):
    net, tensors = network(), to_tensors({k: v.astype(np.float32) for k, v in batch.items()})
    with torch.no_grad():
        blurry = tensors["blurry"] / 255
        hints = hints_of(tensors["hints"], tensors["facts"])
        full = unroll(net, blurry, hints, tensors["shifts"])
        first_two = unroll(net, blurry[:, :2], hints, tensors["shifts"])
        alone = net(blurry[:, 2], hints[:, 2], net.first_state(blurry[:, 2]))[0]
    assert torch.allclose(full[:, :2], first_two, atol=1e-5)
    assert (full[:, 2] - alone).abs().max() > 1e-4  # what came before counts


def test_every_weight_learns_and_the_loss_falls(batch):
    task, net = task_of(CONFIG), network()
    optimiser = torch.optim.AdamW(net.parameters(), lr=6e-3)
    tensors = to_tensors(task.augment(batch, np.random.default_rng(0)))
    losses = []
    for step in range(32):
        loss, figures = task.loss(net, tensors)
        optimiser.zero_grad()
        loss.backward()
        if step == 1:  # at first the second convolutions are 0, and hide the first ones
            assert all(p.grad.abs().sum() > 0 for p in net.parameters())
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]
    assert set(figures) == {"psnr_db", "gain_db", "last_gain_db", "worse_share"}
    with torch.no_grad():  # what takes another look is told by validation only
        assert "memory_db" in task.loss(net, tensors)[1]


def test_a_fresh_network_leaves_frames_alone(batch):
    net = FrameRNN(widths=CONFIG.widths, depths=CONFIG.depths, hidden=CONFIG.data.hidden)
    tensors = to_tensors({k: v.astype(np.float32) for k, v in batch.items()})
    with torch.no_grad():
        _, figures = task_of(CONFIG).loss(net, tensors)
    assert figures["gain_db"] == pytest.approx(0, abs=1e-3)
    assert figures["memory_db"] == pytest.approx(0, abs=1e-3)


def test_exported_cells_give_what_pytorch_gives_with_their_state(tmp_path, monkeypatch):
    from unblur.engines import OnnxEngine
    from unblur.training.export import export_onnx
    from unblur.video.hints import hint_of
    from unblur.video.memory import FrameMemory
    from unblur.zoo.models import Session

    net = network()
    from unblur.spec import ModelSpec

    spec = ModelSpec("tiny", "frame", 16, 64, 1, "-", "-", 0, state_channels=52)
    engine = OnnxEngine(
        export_onnx(net, spec, tmp_path / "tiny.onnx"), task="frame", runtime=ONE_THREAD
    )
    # Training knows neither the gate nor what is mixed in afterwards.
    monkeypatch.setattr("unblur.video.memory.trust_in", lambda probability: 1.0)
    monkeypatch.setattr("unblur.video.memory.SHARE", 0.0)
    estimator = Session(threads=1).quick_estimator()
    memory = FrameMemory(engine, estimator)
    wide = texture(192, seed=8)
    frames = [np.ascontiguousarray(wide[8 * k : 96 + 8 * k, :128]) for k in range(3)]
    ours = [memory.step(frame) for frame in frames]
    planes = [np.ascontiguousarray(np.moveaxis(frame, 2, 0)) for frame in frames]
    shifts = np.zeros((1, 3, 3, 4, 2), np.float32)
    for k in (1, 2):
        shifts[0, k] = block_shifts(cells_of(planes[k - 1]), cells_of(planes[k]))
    with torch.no_grad():
        blurry = torch.from_numpy(np.stack(planes)[None])
        hints = [hint_of(frame, estimator) for frame in frames]
        stored = torch.from_numpy(np.stack([h.planes for h in hints])[None]) * 255 + 128
        facts = torch.from_numpy(np.stack([h.facts for h in hints])[None])
        theirs = unroll(net, blurry, hints_of(stored, facts), torch.from_numpy(shifts))
    for k in range(3):
        expected = np.moveaxis(theirs[0, k].clamp(0, 1).numpy(), 0, 2)
        assert np.abs(ours[k] - expected).max() < 1e-4


def test_the_shipped_config_loads_and_builds():
    from pathlib import Path

    config = load_config(Path(__file__).parents[2] / "configs" / "frame_rnn.toml")
    net = task_of(config).build()
    assert 300_000 < sum(p.numel() for p in net.parameters()) < 1_000_000
    assert config.data.clip.frames == 4
