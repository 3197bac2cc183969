"""``unblur evaluate`` on published layouts: found, checked, scored as published."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy import io, ndimage

from unblur.blur import Psf
from unblur.blur.formation import apply_psf
from unblur.cli import main

HOOK = Psf.from_points(
    [(-5, -1), (-1, 0), (0, 0), (2, 1), (4, 5)], weights=[1, 2, 3, 2, 1], size=13
)


def unblur(*args, expect=0):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == expect, result.output
    return result


def picture(shape, seed):
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.random(shape), (1, 1, 0)[: len(shape)])
    return ((image - image.min()) / np.ptp(image)).astype(np.float32)


@pytest.fixture
def levin(tmp_path):
    for number in (1, 2):
        sharp = picture((100, 111), number)
        blurry = apply_psf(sharp[..., None], HOOK)[..., 0]
        content = {"x": sharp.astype(float), "y": blurry.astype(float), "f": HOOK.array}
        io.savemat(tmp_path / f"im05_flit0{number}.mat", content)
    return tmp_path


def test_a_set_says_in_which_light_it_is_and_lets_be_told(levin, tmp_path):
    table = tmp_path / "out.json"
    found = {}
    for tone in ("auto", "linear", "srgb"):
        options = ("--models", "wiener+true-psf", "--threads", "1", "--tone", tone, "-o", table)
        result = unblur("evaluate", levin, *options)
        said = "linear, as this data set is" if tone == "auto" else f"{tone}, as you say"
        assert f"samples are taken as {said}" in result.output
        found[tone] = [row["scores"] for row in json.loads(table.read_text())["rows"]]
    assert found["auto"] == found["linear"] != found["srgb"]
    assert "no tone curve" in unblur("evaluate", levin, "--tone", "log", expect=2).output


def test_levin_is_scored_by_its_own_protocol(levin, tmp_path):
    table = tmp_path / "out.json"
    models = "blurry,wiener+true-psf"
    result = unblur("evaluate", levin, "--models", models, "--threads", "1", "-o", table)
    assert "success 2" in result.output and "against blurry" in result.output
    assert "32 photos, this copy has 2" in result.output
    data = json.loads(table.read_text())
    assert data["dataset"] == data["protocol"]["name"] == "levin"
    assert "CVPR 2009" in data["protocol"]["source"]
    rows = {(row["method"], row["name"]): row for row in data["rows"]}
    assert len(rows) == 4
    for name in ("im05_01", "im05_02"):
        before, after = (rows[method, name]["scores"] for method in models.split(","))
        assert after["psnr_db"] > before["psnr_db"] + 0.3
        assert 1 < after["error_ratio"] < before["error_ratio"]
    (versus,) = data["differences"]
    assert (versus["method"], versus["other"]) == ("wiener+true-psf", "blurry")
    assert versus["difference"]["better"] == 2 and versus["score"] == "psnr_db"
    (summary,) = [row for row in data["summary"] if row["method"] == "blurry"]
    assert summary["scores"]["psnr_db"]["count"] == 2 and "success_5" in summary


def test_another_protocol_may_be_asked_for(levin):
    result = unblur("evaluate", levin, "--models", "blurry", "--protocol", "lai", "--json")
    assert json.loads(result.stdout)["protocol"]["name"] == "lai"
    assert "plain" in unblur("evaluate", levin, "--crop", "5", expect=3).output
    assert "did you mean" in unblur("evaluate", levin, "--protocol", "levine", expect=3).output
    assert "layout" in unblur("evaluate", levin, "--dataset", "gopro", expect=3).output


def test_copies_are_checked(levin, tmp_path):
    result = unblur("evaluate", levin, "--check", expect=1)
    assert "wrong: Levin 2009 has 32 photos" in result.output and "255 x 255" in result.output
    right = tmp_path / "pairs"
    for side in ("blur", "sharp"):
        (right / side).mkdir(parents=True)
        Image.fromarray((picture((40, 50, 3), 1) * 255).astype(np.uint8)).save(
            right / side / "1.png"
        )
    assert "looks right" in unblur("evaluate", right, "--check").output
    darker = Image.fromarray((picture((40, 50, 3), 1) * 128).astype(np.uint8))
    darker.save(right / "blur" / "1.png")
    checked = json.loads(unblur("evaluate", right, "--check", "--json").stdout)
    assert checked["complaints"] == [] and 5 < checked["blurry_psnr_db"] < 20


def test_sets_and_protocols_are_listed():
    text = unblur("evaluate", "--list").output
    for word in ("realblur-j", "CC BY 4.0", "koehler-single", "uniform/manmade_01_kernel_01.png"):
        assert word in text
    listed = json.loads(unblur("evaluate", "--list", "--json").output)
    assert {row["name"] for row in listed["datasets"]} >= {"gopro", "levin", "pairs", "synth"}
    assert "--list" in unblur("evaluate", expect=2).output


def test_photos_without_truth_are_scored_without_it(tmp_path):
    for place in ("real", "ground_truth"):
        (tmp_path / place).mkdir()
    photo = Image.fromarray((picture((120, 130, 3), 3) * 255).astype(np.uint8))
    photo.save(tmp_path / "real" / "boat1.png")
    result = unblur("evaluate", tmp_path, "--models", "blurry", "--threads", "1")
    assert "blur effect" in result.output and "reblur PSNR dB" in result.output


def test_results_of_other_programs_take_part(tmp_path):
    for place in ("set/blurry/a", "set/sharp/a", "mine"):
        (tmp_path / place).mkdir(parents=True)
    sharp = (picture((60, 70, 3), 3) * 255).astype(np.uint8)
    blurry = ndimage.gaussian_filter(sharp, (2, 2, 0))
    better = ndimage.gaussian_filter(sharp, (1, 1, 0))
    for i in (1, 2):
        Image.fromarray(sharp).save(tmp_path / f"set/sharp/a/{i}.png")
        Image.fromarray(blurry).save(tmp_path / f"set/blurry/a/{i}.png")
    Image.fromarray(better).save(tmp_path / "mine" / "a_1.png")
    models = f"blurry,mine={tmp_path / 'mine'}"
    result = unblur("evaluate", tmp_path / "set", "--models", models, expect=3)
    assert "no result for a/2" in result.output
    Image.fromarray(better).save(tmp_path / "mine" / "2.png")
    result = unblur("evaluate", tmp_path / "set", "--models", models, "--json")
    rows = json.loads(result.stdout)["rows"]
    assert [row["method"] for row in rows] == ["blurry", "mine"] * 2
    assert all(row["gain_db"] > 1 for row in rows[1::2])
    assert (
        "does not exist"
        in unblur("evaluate", tmp_path / "set", "--models", "x=none", expect=3).output
    )
