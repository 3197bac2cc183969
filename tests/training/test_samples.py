"""Photos and shards: seeded, split cleanly, the same from any number of workers."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.training.tiny import TINY
from unblur.errors import UnreadableImage
from unblur.motion.frequency import GRID
from unblur.motion.guided import KERNEL_MAPS
from unblur.training.photo_check import read_rgb
from unblur.training.photos import SharpPhotos
from unblur.training.registry import task_of
from unblur.training.shards import ShardSource, batches, make_shard, shard_of_visit


class Noted:
    """Makes one to three samples that tell which draw they came from."""

    def __call__(self, rng):
        draw = rng.random(2)
        return [{"draw": draw, "part": np.array(i)} for i in range(int(rng.integers(1, 4)))]


@settings(max_examples=60, deadline=None)
@given(
    repeats=st.integers(1, 5),
    keep=st.integers(1, 8),
    seed=st.integers(0, 99),
    visit=st.integers(0, 300),
)
def test_a_visit_goes_to_a_new_shard_or_to_one_of_the_last(repeats, keep, seed, visit):
    index, new = shard_of_visit(visit, repeats=repeats, keep=keep, seed=seed)
    newest = visit // repeats
    assert new == (visit % repeats == 0)
    assert index == newest if new else max(0, newest - keep + 1) <= index <= newest
    assert (index, new) == shard_of_visit(visit, repeats=repeats, keep=keep, seed=seed)


def test_repeats_reach_all_kept_shards_and_depend_on_the_seed():
    def walk(seed):
        return [shard_of_visit(v, repeats=4, keep=5, seed=seed)[0] for v in range(400)]

    ages = [visit // 4 - index for visit, index in enumerate(walk(1)) if visit % 4 and visit > 40]
    assert set(ages) == set(range(5))
    assert walk(1) != walk(2)


@given(count=st.integers(0, 50), size=st.integers(1, 20), seed=st.integers(0, 9))
def test_batches_are_whole_and_take_each_sample_once(count, size, seed):
    rows = list(batches(count, size, np.random.default_rng(seed)))
    assert len(rows) == count // size
    flat = [int(i) for batch in rows for i in batch]
    assert len(flat) == len(set(flat)) == count // size * size
    assert all(0 <= i < count for i in flat)


def test_batches_are_shuffled():
    first, second = (
        np.concatenate(list(batches(64, 8, np.random.default_rng(seed)))) for seed in (0, 1)
    )
    assert not np.array_equal(first, np.arange(64))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("size", [1, 4, 9])
def test_a_longer_shard_begins_like_a_shorter_one(size):
    short, long = (make_shard(Noted(), seed=3, index=2, size=n) for n in (size, 12))
    for key in ("draw", "part"):
        assert len(short[key]) == size
        np.testing.assert_array_equal(short[key], long[key][:size])
    for other in ({"seed": 4, "index": 2}, {"seed": 3, "index": 1}):
        assert not np.array_equal(make_shard(Noted(), size=size, **other)["draw"], short["draw"])


def test_a_lost_cache_is_made_again(tmp_path):
    source = ShardSource(Noted, tmp_path, seed=3, size=5, keep=3, workers=0)
    before = [source.get(i, newest=i)["draw"] for i in range(3)]
    for file in tmp_path.iterdir():
        file.unlink()
    again = ShardSource(Noted, tmp_path, seed=3, size=5, keep=3, workers=0)
    for i in (2, 0, 1):
        np.testing.assert_array_equal(again.get(i, newest=2)["draw"], before[i])
    assert not [p for p in tmp_path.iterdir() if p.suffix != ".npz"]


@pytest.mark.parametrize(("beside", "name"), [("maps", "targets"), ("hints", "facts")])
def test_a_cache_of_before_is_read(tmp_path, beside, name):
    source = ShardSource(Noted, tmp_path, seed=3, size=5, keep=3, workers=0)
    np.savez(tmp_path / "shard-000000.npz", facts=np.arange(5), **{beside: np.ones(5)})
    assert source.get(0, newest=0).keys() == {name, beside}


def test_workers_make_shards_ahead_and_the_same_ones(tmp_path):
    source = ShardSource(Noted, tmp_path, seed=3, size=5, keep=3, workers=1)
    try:
        for i in range(3):
            expected = make_shard(Noted(), seed=3, index=i, size=5)["draw"]
            np.testing.assert_array_equal(source.get(i, newest=i)["draw"], expected)
        source._pending[3].result(timeout=60)  # asked for before it was needed
        assert (tmp_path / "shard-000003.npz").exists()
    finally:
        source.close()


# --- photos


@pytest.fixture
def folder(tmp_path):
    for i in range(5):
        pixels = np.random.default_rng(i).integers(0, 256, (90, 121, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"p{i}.png")
    flat = Image.new("RGB", (150, 140), (90, 90, 90))
    flat.save(tmp_path / "flat.png")
    Image.new("RGB", (300, 60)).save(tmp_path / "narrow.png")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("not a photo")
    names = [*(f"p{i}.png" for i in range(5)), "flat.png", "narrow.png", "broken.png"]
    rows = "".join(f"{name},train\n" for name in names)
    (tmp_path / "manifest.csv").write_text("file,split\n" + rows)
    return tmp_path


def test_small_and_broken_files_are_left_out(folder):
    names = [p.name for p in SharpPhotos(folder, "train", smallest_px=80).paths]
    assert names == ["flat.png", *(f"p{i}.png" for i in range(5))]


def test_windows_are_seeded_pieces_of_the_photos(folder):
    photos = SharpPhotos(folder, "train", smallest_px=80)
    rng = np.random.default_rng
    window = photos.window(64, rng(2), downscale=1.0)
    assert window.shape == (64, 64, 3) and window.dtype == np.float32
    np.testing.assert_array_equal(window, photos.window(64, rng(2), downscale=1.0))
    assert not np.array_equal(window, photos.window(64, rng(3), downscale=1.0))
    samples = np.round(window * 255).astype(np.uint8)
    np.testing.assert_allclose(samples, window * 255, atol=1e-4)
    found = 0
    for path in photos.paths:
        pixels = read_rgb(path)
        places = np.argwhere((pixels[:-63, :-63] == samples[0, 0]).all(axis=2))
        found += sum(np.array_equal(pixels[y : y + 64, x : x + 64], samples) for y, x in places)
    assert found == 1


def test_a_flat_window_is_seldom_taken(folder):
    photos = SharpPhotos(folder, "train", smallest_px=80)
    windows = [photos.window(64, np.random.default_rng(i), downscale=1.0) for i in range(90)]
    # One photo in six is flat: at each of three tries that is one in 216.
    assert sum(np.ptp(window) == 0 for window in windows) <= 5


def test_a_folder_of_nothing_but_flat_photos_still_gives_windows(tmp_path):
    Image.new("RGB", (90, 90), (90, 90, 90)).save(tmp_path / "a.png")
    (tmp_path / "manifest.csv").write_text("file,split\na.png,train\n")
    photos = SharpPhotos(tmp_path, "train", smallest_px=80)
    assert np.ptp(photos.window(64, np.random.default_rng(0), downscale=1.0)) == 0


def test_names_belong_to_the_same_split_for_ever(tmp_path):
    # Another hash would validate a new run on photos that an old one was trained on.
    for i in range(40):
        Image.new("RGB", (20, 20)).save(tmp_path / f"{i}.png")
    parts = {
        split: {p.stem for p in SharpPhotos(tmp_path, split, smallest_px=10).paths}
        for split in ("val", "test")
    }
    assert parts == {
        "val": {"3", "18", "19", "30", "33", "36"},
        "test": {"5", "11", "17", "28", "35"},
    }


def test_downscaling_averages(folder):
    photos = SharpPhotos(folder, "train", smallest_px=80)
    spreads = [
        np.mean([photos.window(40, np.random.default_rng(i), downscale=d).std() for i in range(20)])
        for d in (1.0, 0.5)
    ]
    assert spreads[1] < 0.9 * spreads[0]


def test_photos_just_large_enough_are_used_whole(folder):
    photos = SharpPhotos(folder, "train", smallest_px=90)
    for seed in range(5):
        assert photos.window(90, np.random.default_rng(seed), downscale=0.3).shape == (90, 90, 3)


def test_unreadable_files_are_named(folder):
    with pytest.raises(UnreadableImage, match=r"broken\.png"):
        read_rgb(folder / "broken.png")


# --- kernel samples


def test_kernel_samples_hold_what_the_network_takes(photos):
    maker = task_of(TINY).samples(photos, "train")()
    first, again, other = (maker(np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert first["maps"].shape == (len(KERNEL_MAPS), GRID, GRID)
    assert first["pooled"].shape == (3, 8, 8)
    assert first["psf"].shape == (GRID, GRID)
    assert first["targets"].shape == (5,)
    assert float(first["psf"].astype(np.float32).sum()) == pytest.approx(1, abs=2e-3)
    for key, value in first.items():
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(value, again[key])
    assert not np.array_equal(first["maps"], other["maps"])


def test_working_processes_end_with_the_run_that_is_killed(tmp_path):
    """They make samples ahead for nobody otherwise, for ever."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from unblur.training.shards import ShardSource\n"
        "from tests.training.test_samples import Noted\n"
        "if __name__ == '__main__':\n"
        "    source = ShardSource(Noted, Path(sys.argv[1]), seed=1, size=2, keep=9, workers=1)\n"
        "    source.get(0, newest=0)\n"
        "    print(*source._pool._processes, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'src'}"}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "samples")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    (worker,) = map(int, done.stdout.split())
    deadline = time.monotonic() + 20
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(worker)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
