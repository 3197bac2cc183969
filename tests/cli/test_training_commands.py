"""``unblur train`` and ``unblur export``: from sharp photos to a file that ``--model`` takes."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from tests.cli.test_cli import SHAKEN, unblur

CONFIG = """
name = "tiny"
task = "restore"
validate_every = 2
widths = [4, 8]
depths = [1, 1]
[data]
window_px = 128
crop_px = 64
shard = 8
val_samples = 4
[optim]
steps = 2
batch = 4
warmup = 1
cooldown = 1
"""


def sharp_photos(folder):
    folder.mkdir()
    for i in range(4):
        rng = np.random.default_rng(i)
        image = ndimage.gaussian_filter(rng.random((230, 250, 3)), (1, 1, 0))
        image = (image - image.min()) / np.ptp(image) * 255
        Image.fromarray(image.astype(np.uint8)).save(folder / f"{i}.png")
    rows = "".join(f"{i}.png,{'val' if i == 3 else 'train'}\n" for i in range(4))
    (folder / "manifest.csv").write_text("file,split\n" + rows)
    return folder


def test_train_resume_export_and_use(tmp_path, proposals_only):
    photos = sharp_photos(tmp_path / "sharp")
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG)
    run = tmp_path / "run"
    arguments = ("train", config, "--photos", photos, "--run", run, "--workers", "0")
    result = unblur(*arguments)
    assert (run / "curves.png").is_file() and "checkpoint" in result.stdout
    unblur(*arguments, "--steps", 3)
    assert (run / "log.csv").read_text().splitlines()[-1].startswith("3,12,")
    network = tmp_path / "mine.onnx"
    unblur("export", run, "-o", network, "--trained-on", "noise")
    photo = tmp_path / "shaken.png"
    with Image.open(SHAKEN) as image:
        image.crop((180, 120, 340, 240)).save(photo)
    (row,) = json.loads(
        unblur(photo, "-o", tmp_path / "a.png", "--model", network, "--json").stdout
    )
    assert row["model"] == str(network)


def test_mistakes_are_named(tmp_path):
    config = tmp_path / "bad.toml"
    config.write_text('name = "x"\ntask = "restore"\nwidth = 3')
    folder = Path(tmp_path / "empty")
    folder.mkdir()
    result = unblur("train", config, "--photos", folder, "--run", tmp_path / "r", expect=3)
    assert "did you mean 'widths'" in result.stderr
    config.write_text(CONFIG)
    result = unblur("train", config, "--photos", folder, "--run", tmp_path / "r", expect=3)
    assert "no 'val' photo" in result.stderr or "no 'train' photo" in result.stderr
    import torch

    if not torch.cuda.is_available():
        asked = ("--device", "cuda", "--photos", folder, "--run", tmp_path / "r")
        assert "there is no CUDA device" in unblur("train", config, *asked, expect=5).stderr
    unblur("train", config, "--photos", tmp_path / "no", "--run", tmp_path / "r", expect=3)
    result = unblur("export", tmp_path / "r", "-o", tmp_path / "x.onnx", expect=4)
    assert "cannot read the checkpoint" in result.stderr
