"""Metrics against independent code; pairs that depend on their seed only; honest tables."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from unblur.blur import Psf, SynthesisRecipe
from unblur.errors import BadValue, ShapeMismatch, UnreadableImage, WouldOverwrite
from unblur.evaluate import quality, tables
from unblur.evaluate.methods import method_of
from unblur.evaluate.metrics import cropped, kernel_similarity, ssim
from unblur.evaluate.pairs import find_sharp, read_pairs, write_pairs
from unblur.evaluate.protocols.plain import plain_inside
from unblur.psnr import psnr_db
from unblur.runtime import ONE_THREAD

HOOK = Psf.from_points([(-3, -1), (-1, 0), (0, 0), (1, 1), (1, 3)], weights=[1, 2, 3, 2, 1], size=9)


def images(dtype, channels, top):
    rng = np.random.default_rng(0)
    sharp = ndimage.gaussian_filter(rng.random((47, 61, channels)), (2, 2, 0))
    sharp = (sharp - sharp.min()) / np.ptp(sharp)
    noisy = np.clip(sharp + rng.normal(0, 0.05, sharp.shape), 0, 1)
    return (noisy * top).astype(dtype), (sharp * top).astype(dtype)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1.0)])
@pytest.mark.parametrize("channels", [1, 3])
def test_against_scikit_image(dtype, top, channels):
    from skimage import metrics

    a, b = images(dtype, channels, top)
    expected = metrics.peak_signal_noise_ratio(b, a, data_range=top)
    assert psnr_db(a, b, data_range=top) == pytest.approx(expected, abs=1e-4)
    expected = metrics.structural_similarity(
        a,
        b,
        data_range=top,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(a, b, data_range=top) == pytest.approx(expected, abs=1e-5)


def test_metrics_of_equal_and_unlike_images():
    a, b = images(np.uint8, 3, 255)
    assert psnr_db(a, a, data_range=255) == float("inf")
    assert ssim(a, a, data_range=255) == pytest.approx(1)
    with pytest.raises(ShapeMismatch):
        psnr_db(a, b[1:], data_range=255)
    with pytest.raises(BadValue, match="data_range"):
        psnr_db(a, b, data_range=0)
    with pytest.raises(ShapeMismatch, match="11"):
        ssim(a[:8], b[:8], data_range=255)
    assert cropped(a, 5).shape == (37, 51, 3)
    with pytest.raises(ShapeMismatch):
        cropped(a, 30)


def test_kernel_similarity_ignores_shifts_only():
    assert kernel_similarity(HOOK, HOOK) == pytest.approx(1)
    assert kernel_similarity(HOOK.shifted(4, -2), HOOK) == pytest.approx(1, abs=1e-5)
    mirrored = Psf(HOOK.array[::-1, ::-1])
    assert kernel_similarity(mirrored, HOOK) < 0.95
    assert kernel_similarity(Psf.delta(), Psf.from_line(20, 0)) < 0.3


@pytest.fixture
def sharp(tmp_path):
    folder = tmp_path / "sharp"
    (folder / "sub").mkdir(parents=True)
    for i, name in enumerate(["a.png", "sub/a.png", "small.png"]):
        rng = np.random.default_rng(i)
        shape = (40, 50, 3) if "small" in name else (180, 203, 3)
        image = ndimage.gaussian_filter(rng.random(shape), (1, 1, 0))
        image = (image - image.min()) / np.ptp(image) * 255
        Image.fromarray(image.astype(np.uint8)).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


def test_pairs_round_trip_and_depend_on_their_own_photo_only(sharp, tmp_path):
    recipe = SynthesisRecipe(shake=1, line=0, defocus=0, sharp=0)
    done = write_pairs(find_sharp(sharp), tmp_path / "one", recipe, seed=3, per_photo=2)
    assert done.written == 4
    assert {name for name, _ in done.skipped} == {"small.png", "broken.jpg"}
    only = [p for p in find_sharp(sharp) if p.relative.as_posix() == "sub/a.png"]
    write_pairs(only, tmp_path / "two", recipe, seed=3)
    write_pairs(only, tmp_path / "three", recipe, seed=4)
    files = [
        (tmp_path / n / "blurry" / "sub_a_0.png").read_bytes() for n in ("one", "two", "three")
    ]
    assert files[0] == files[1] != files[2]
    pairs = read_pairs(tmp_path / "one")
    assert [p.name for p in pairs] == ["a_0", "a_1", "sub_a_0", "sub_a_1"]
    assert pairs[0].true_psf().length_px() == pytest.approx(pairs[0].facts["length_px"], abs=1)
    assert json.loads((tmp_path / "one" / "recipe.json").read_text())["seed"] == 3
    with pytest.raises(WouldOverwrite):
        write_pairs(only, tmp_path / "one", recipe, seed=3)


def test_foreign_pairs_and_their_faults(sharp, tmp_path):
    for side in ("blurry", "sharp"):
        (tmp_path / "d" / side).mkdir(parents=True)
        (tmp_path / "d" / side / "x.png").write_bytes((sharp / "a.png").read_bytes())
    (pair,) = read_pairs(tmp_path / "d")
    assert pair.true_psf() is None and pair.facts == {}
    (tmp_path / "d" / "sharp" / "y.png").write_bytes(b"x")
    with pytest.raises(BadValue, match="'y'"):
        read_pairs(tmp_path / "d")
    with pytest.raises(UnreadableImage, match="missing"):
        read_pairs(tmp_path)
    with pytest.raises(UnreadableImage, match=r"manifest\.csv is missing"):
        find_sharp(sharp, split="val")
    with pytest.raises(UnreadableImage, match="does not exist"):
        find_sharp(tmp_path / "none")


def test_tables_say_what_was_measured(sharp, tmp_path):
    recipe = SynthesisRecipe(length_px=(12.0, 18.0), shake=1, line=0, defocus=0, sharp=0)
    write_pairs(find_sharp(sharp), tmp_path / "set", recipe, seed=1)
    pairs = read_pairs(tmp_path / "set")
    methods = {
        "blurry": method_of("blurry"),
        "oracle": lambda samples, pair: (pair.read_sharp(), None),
        "black": lambda samples, pair: (np.zeros_like(samples), None),
        "wiener+true-psf": method_of("wiener+true-psf", runtime=ONE_THREAD),
        "never": lambda samples, pair: None,
    }
    rows = quality.evaluate(pairs, methods, protocol=plain_inside(8))
    table = {(r["method"], r["group"]): r for r in tables.summarise(rows)}
    assert table["blurry", "all"]["gain_db"] == 0
    assert table["oracle", "all"]["psnr_db"] == float("inf")
    assert table["black", "all"]["worse_share"] == 1
    assert table["wiener+true-psf", "all"]["gain_db"] > 0.3
    assert table["wiener+true-psf", "all"]["kernel_similarity"] == pytest.approx(1, abs=1e-3)
    assert table["blurry", "10-20 px"]["count"] == len(pairs)
    assert ("never", "all") not in table and ("blurry", "20-40 px") not in table
    low, high = table["black", "all"]["gain_db_95"]
    assert low <= table["black", "all"]["gain_db"] <= high < 0
    text = tables.format_table(tables.summarise(rows))
    assert "oracle" in text and "100.0%" in text
