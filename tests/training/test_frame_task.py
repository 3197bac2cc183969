"""FrameRNN's training: samples, augmentation and memory are what they say."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from unblur.blur.clip_recipe import ClipRecipe  # noqa: E402
from unblur.models.frame_rnn import FrameRNN  # noqa: E402
from unblur.runtime import ONE_THREAD  # noqa: E402
from unblur.training.codec import through_codec  # noqa: E402
from unblur.training.config import OptimConfig, TrainConfig  # noqa: E402
from unblur.training.frame_memory import aligned, unroll  # noqa: E402
from unblur.training.frame_samples import FrameData, crop_of, sample_of  # noqa: E402
from unblur.training.frame_task import hints_of_batch, turned, turned_shifts  # noqa: E402
from unblur.training.loop import to_tensors  # noqa: E402
from unblur.training.registry import load_config, task_of  # noqa: E402
from unblur.training.shards import make_shard  # noqa: E402
from unblur.video.alignment import block_shifts, cells_of  # noqa: E402
from unblur.video.cells import cells_of_frame  # noqa: E402
from unblur.video.hints import hints_of  # noqa: E402
from unblur.video.memory import write_first_state, write_moved_state  # noqa: E402

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
    torch.nn.init.normal_(net.shares.weight, std=0.02)
    return net


def test_samples_are_seeded_and_of_the_declared_shapes(batch, photos):
    again = make_shard(task_of(CONFIG).samples(photos, "train")(), seed=1, index=0, size=4)
    assert {k: (v.shape, v.dtype.str) for k, v in batch.items()} == {
        "blurry": ((4, 3, 3, 64, 64), "|u1"),
        "sharp": ((4, 3, 3, 64, 64), "|u1"),
        "before": ((4, 3, 2, 2, 2), "<i2"),
        "after": ((4, 3, 2, 2, 2), "<i2"),
    }
    for key, value in batch.items():
        assert np.array_equal(value, again[key])
    assert (batch["before"][:, 0] == 0).all() and (batch["after"][:, -1] == 0).all()


def test_crops_lie_on_the_blocks_of_motion():
    rows, columns = (np.arange(n) for n in (128, 160))
    places = (rows[:, None] // 32 * 10 + columns // 32).astype(np.uint8)
    whole = {
        **{key: np.broadcast_to(places, (2, 3, 128, 160)) for key in ("blurry", "sharp")},
        **{
            key: np.broadcast_to(places[::32, ::32, None], (2, 4, 5, 2))
            for key in ("before", "after")
        },
    }
    for seed in range(20):
        part = crop_of(whole, 64, np.random.default_rng(seed))
        assert part["blurry"].shape == (2, 3, 64, 64) and part["before"].shape == (2, 2, 2, 2)
        for key in ("blurry", "sharp"):
            assert np.array_equal(part[key][0, 0, ::32, ::32], part["after"][0, ..., 0])


def test_shifts_of_a_sample_say_where_the_picture_went():
    wide = (texture(192) * 255).astype(np.uint8)
    frames = np.stack(
        [wide[32 - dy : 160 - dy, 32 + dx : 160 + dx] for dy, dx in [(0, 0), (8, 12)]]
    )
    sample = sample_of(frames, frames)
    # The second frame's content lay 8 px higher and 12 px to the right in the first.
    assert (sample["before"][1] == (-8, 12)).all()
    assert (np.median(sample["after"][0], axis=(0, 1)) == (8, -12)).all()


def test_sequences_go_through_a_codec_with_their_colours():
    pytest.importorskip("av", reason="videos need PyAV")
    frames = np.stack([(texture(96, seed=k) * 255).astype(np.uint8) for k in (1, 2)])
    fine, coarse = (through_codec(frames, crf).astype(float) for crf in (8, 40))
    lost = [np.abs(coded - frames).mean() for coded in (fine, coarse)]
    assert fine.shape == frames.shape and lost[0] < lost[1]
    assert np.abs((fine - frames).mean(axis=(0, 1, 2))).max() < 0.4


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
    before = np.abs(batch["blurry"].astype(int) - batch["sharp"]).mean() / 255
    assert np.abs(out["blurry"] - out["sharp"]).mean() == pytest.approx(before, rel=1e-4)
    assert {value.dtype for value in out.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("seed", range(8))
def test_hints_are_those_of_the_turned_frames_whichever_way_time_runs(batch, seed):
    out = task_of(CONFIG).augment(batch, np.random.default_rng(seed))
    for frames, hints in zip(out["blurry"], out["hints"], strict=True):
        cells = [cells_of(frame) for frame in frames]
        colours_last = np.moveaxis(frames, 1, 3)
        for k in range(3):
            before = block_shifts(cells[k - 1], cells[k]) if k else None
            after = block_shifts(cells[k + 1], cells[k]) if k < 2 else None
            ours = hints_of(colours_last[k], before, after, colours_last[k + 1] if k < 2 else None)
            # Crops tell other shifts than the windows they were cut from, whole blocks apart.
            assert np.abs(ours[-2:] - hints[k][-2:]).max() == 0
            assert ours.shape == hints[k].shape


def test_the_memory_of_training_is_the_one_of_the_video_command():
    rng = np.random.default_rng(2)
    net = network()
    frame = rng.random((64, 96, 3), dtype=np.float32)
    state = rng.random((1, 52, 16, 24), dtype=np.float32)
    shifts = rng.integers(-20, 20, (2, 3, 2)).astype(np.int16)
    last = np.moveaxis(torch.pixel_shuffle(torch.from_numpy(state[:, :48]), 4)[0].numpy(), 0, 2)
    ours, first = np.full((2, 52, 16, 24), 9, np.float32)
    write_moved_state(last, state[0, 48:], frame, shifts, ours)
    cells = torch.from_numpy(cells_of_frame(frame))[None]
    fresh = net.first_state(cells)
    theirs = aligned(torch.from_numpy(state), fresh, torch.from_numpy(shifts)[None])
    assert np.abs(ours - theirs[0].numpy()).max() < 1e-6
    write_first_state(cells[0].numpy(), first)
    assert np.array_equal(first, fresh[0].numpy())


def test_a_frame_knows_the_past_and_one_frame_ahead(batch):
    net, ready = network(), task_of(CONFIG).as_it_is(batch)
    later = {key: np.array(value) for key, value in ready.items()}
    later["blurry"][:, 2] = 0
    later["hints"][:, 2] = 0
    with torch.no_grad():
        full, changed = (
            unroll(net, tensors["blurry"], tensors["hints"], tensors["before"])
            for tensors in (to_tensors(ready), to_tensors(later))
        )
        tensors = to_tensors(ready)
        last = torch.nn.functional.pixel_unshuffle(tensors["blurry"][:, 2], 4)
        alone = net.step(last, tensors["hints"][:, 2], net.first_state(last))[0]
        alone = torch.pixel_shuffle(alone, 4)
    assert torch.allclose(full[:, :2], changed[:, :2], atol=1e-5)
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
    tensors = to_tensors(task_of(CONFIG).as_it_is(batch))
    with torch.no_grad():
        _, figures = task_of(CONFIG).loss(net, tensors)
    assert figures["gain_db"] == pytest.approx(0, abs=1e-3)
    assert figures["memory_db"] == pytest.approx(0, abs=1e-3)


def test_exported_cells_give_what_pytorch_gives_with_their_state(tmp_path, monkeypatch):
    import onnx

    from unblur.engines import OnnxEngine
    from unblur.spec import ModelSpec
    from unblur.training.export import export_onnx
    from unblur.video.memory import FrameMemory

    net = network()
    spec = ModelSpec("tiny", "frame", 16, 64, 1, "-", "-", 0, state_channels=52)
    path = export_onnx(net, spec, tmp_path / "tiny.onnx")
    # Over arrays as large as a frame's they took a third of the network's time.
    used = {node.op_type for node in onnx.load(path).graph.node}
    assert "Conv" in used and not used & {"ReduceSum", "Expand", "Tile", "Transpose"}
    engine = OnnxEngine(path, task="frame", runtime=ONE_THREAD)
    # Training does not know what is done to the result afterwards.
    monkeypatch.setattr("unblur.video.memory.without_steps", lambda change: None)
    monkeypatch.setattr("unblur.video.memory.share_that_counts", lambda change: 1)
    memory = FrameMemory(engine)
    wide = texture(192, seed=8)
    frames = [np.ascontiguousarray(wide[8 * k : 96 + 8 * k, :128]) for k in range(3)]
    seen = [memory.analyse(frame) for frame in frames]
    ours = [memory.step(frames[k], seen[k], seen[k + 1] if k < 2 else None) for k in range(3)]
    sample = sample_of(*[(np.stack(frames) * 255).round().astype(np.uint8)] * 2)
    blurry = np.moveaxis(np.stack([s.frame for s in seen]), 3, 1)[None]
    hints = hints_of_batch(blurry, sample["before"][None], sample["after"][None])
    with torch.no_grad():
        tensors = to_tensors({"b": blurry, "h": hints, "s": sample["before"][None].astype("f")})
        theirs = unroll(net, tensors["b"], tensors["h"], tensors["s"])
    for k in range(3):
        expected = np.moveaxis(theirs[0, k].clamp(0, 1).numpy(), 0, 2)
        assert np.abs(ours[k] - expected).max() < 1e-4


def test_the_shipped_config_loads_and_builds():
    from pathlib import Path

    config = load_config(Path(__file__).parents[2] / "configs" / "frame_rnn.toml")
    net = task_of(config).build()
    assert 300_000 < sum(p.numel() for p in net.parameters()) < 1_000_000
    assert config.data.clip.frames == 5
