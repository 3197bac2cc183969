"""Mistakes in data and configs are refused before they cost hours."""

import numpy as np
import pytest
from PIL import Image

from unblur.blur import Psf, adjoint_psf, apply_psf_grid
from unblur.blur.psf_files import load_psf
from unblur.blur.trajectory import load_gyro
from unblur.errors import BadPsf, BadValue, UnreadableImage
from unblur.training.config import DataConfig, OptimConfig, TrainConfig
from unblur.training.kernel_task import KernelData
from unblur.training.loop import train
from unblur.training.patch_task import PatchData
from unblur.training.photos import SharpPhotos


def test_a_manifest_without_a_split_does_not_lend_training_photos(tmp_path):
    for i in range(30):
        Image.new("RGB", (20, 20)).save(tmp_path / f"{i}.png")
    rows = "".join(f"{i}.png,train\n" for i in range(30))
    (tmp_path / "manifest.csv").write_text("file,split\n" + rows)
    assert len(SharpPhotos(tmp_path, "train", smallest_px=10).paths) == 30
    with pytest.raises(UnreadableImage, match="no 'val' photo"):
        SharpPhotos(tmp_path, "val", smallest_px=10)


def test_samples_of_a_run_without_checkpoint_are_not_trusted(tmp_path):
    stale = tmp_path / "run" / "samples" / "shard-000000.npz"
    stale.parent.mkdir(parents=True)
    np.savez(stale, maps=np.zeros(3))
    with pytest.raises(UnreadableImage):  # no photos here; but the stale shard is gone
        train(
            TrainConfig(name="x", task="kernel", data=KernelData()),
            tmp_path,
            tmp_path / "run",
            workers=0,
        )
    assert not stale.exists()


@pytest.mark.parametrize(
    "change",
    [
        (DataConfig, {"repeats": 0}),
        (PatchData, {"crops": 0}),
        (OptimConfig, {"batch": 0}),
        (OptimConfig, {"steps": 0}),
        (TrainConfig, {"name": "x", "task": "kernel", "validate_every": 0}),
        (TrainConfig, {"name": "x", "task": "kernel", "widths": (4, 8, 16)}),
    ],
)
def test_impossible_configs(change):
    kind, values = change
    with pytest.raises(BadValue, match=r"at least 1|of one length"):
        kind(**values)


@pytest.mark.parametrize("text", ["", "1 2 3 4\n", "1 2\n" * 200, "1 0 0 0\n" * 200])
def test_gyroscope_tables_that_cannot_be(tmp_path, text):
    (tmp_path / "g.txt").write_text(text)
    with pytest.raises(UnreadableImage, match=r"g\.txt"):
        load_gyro(tmp_path / "g.txt")


def test_an_otf_is_not_taken_for_a_psf():
    with pytest.raises(BadPsf, match="OTF"):
        Psf(np.ones((3, 3), complex))
    with pytest.raises(BadPsf, match="real"):
        Psf(np.full((3, 3), "a"))


def test_no_adjoint_is_claimed_that_is_none():
    with pytest.raises(BadValue, match="adjoint"):
        adjoint_psf(np.zeros((9, 9, 1), np.float32), Psf.delta(), border="reflect")


def test_more_nodes_than_pixels():
    x = np.random.default_rng(0).random((3, 4, 1)).astype(np.float32)
    np.testing.assert_allclose(apply_psf_grid(x, [[Psf.delta()] * 9] * 7), x, atol=1e-6)


def test_a_damaged_archive_is_named(tmp_path):
    (tmp_path / "k.npz").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(BadPsf, match=r"k\.npz"):
        load_psf(tmp_path / "k.npz")
