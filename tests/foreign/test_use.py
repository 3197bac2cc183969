"""Added networks work wherever a model is named: command line, Python, evaluation."""

import json

import numpy as np
import pytest
from PIL import Image

import unblur
from tests.foreign.made import Tf, brighten, run
from unblur.errors import BadValue, MissingExtra
from unblur.evaluate.methods import as_options, gated, method_of


@pytest.fixture
def brighter(tmp_path):
    (tmp_path / "brighter.onnx").write_bytes(brighten())
    run("models", "add", tmp_path / "brighter.onnx")
    return "brighter"


@pytest.fixture
def photo(tmp_path):
    samples = np.random.default_rng(1).integers(20, 200, (110, 140, 3)).astype(np.uint8)
    Image.fromarray(samples).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_restore_from_the_command_line(brighter, photo, tmp_path):
    out = tmp_path / "out.png"
    said = run(photo, "--model", brighter, "--no-gate", "-o", out).stdout
    assert "restored by brighter in" in said
    before, after = (np.asarray(Image.open(path)).astype(int) for path in (photo, out))
    np.testing.assert_allclose(after - before, 0.05 * 255, atol=1)
    said = run(photo, "--model", brighter, "-o", out, "--overwrite").stdout
    assert "unchanged" in said and out.read_bytes() == photo.read_bytes()
    (row,) = json.loads(
        run(photo, "--model", brighter, "--no-gate", "--json", "-o", out, "--overwrite").stdout
    )
    assert row["motion"] is None and row["model"] == brighter


def test_restore_from_python(brighter, photo):
    restored = unblur.restore(photo, model=brighter, gate=False)
    assert restored.report.changed and restored.motion is None
    assert not unblur.restore(photo, model=brighter).report.changed


def test_evaluate_runs_them_ungated(brighter, photo, tmp_path):
    for side in ("blurry", "sharp"):
        (tmp_path / "pairs" / side).mkdir(parents=True)
        with Image.open(photo) as image:
            image.point([v + 13 * (side == "sharp") for v in range(256)] * 3).save(
                tmp_path / "pairs" / side / "a.png"
            )
    names = f"blurry,{brighter},{brighter}+gate,unblur"
    done = run("evaluate", tmp_path / "pairs", "--models", names, "--json")
    psnr = {row["method"]: row["scores"]["psnr_db"] for row in json.loads(done.stdout)["rows"]}
    assert psnr[brighter] is None or psnr[brighter] > 45  # the sharp one is brighter by 13
    assert psnr[brighter + "+gate"] == psnr["blurry"] == psnr["unblur"] < 27
    said = run("evaluate", tmp_path / "pairs" / "sharp", "--sharp", "--models", brighter).stdout
    assert "1 to below 50 dB" in said
    said = run("evaluate", tmp_path / "pairs/sharp", "--sharp", "--models", brighter + "+gate")
    assert "1 identical" in said.stdout


def test_which_methods_the_gate_decides_for(brighter):
    assert gated("unblur") == ("unblur", True)
    assert gated("unblur+no-gate") == ("unblur", False)
    assert gated(brighter) == (brighter, False)
    assert gated(brighter + "+gate") == (brighter, True)
    with pytest.raises(BadValue, match="takes no PSF"):
        method_of(brighter + "+true-psf")


def test_settings_and_the_gate_together(brighter, photo, tmp_path):
    for side in ("blurry", "sharp"):
        (tmp_path / "pairs" / side).mkdir(parents=True)
        Image.open(photo).save(tmp_path / "pairs" / side / "a.png")
    half = tmp_path / "half.toml"
    half.write_text("strength = 0.5\n")
    names = [brighter, f"{brighter}@{half}", f"{brighter}+gate@{half}", f"wiener+no-gate@{half}"]
    done = run("evaluate", tmp_path / "pairs", "--models", ",".join(names), "--json").stdout
    psnr = [row["scores"]["psnr_db"] for row in json.loads(done)["rows"]]
    assert 24 < psnr[0] < 27  # 0.05 of the range
    assert psnr[1] == pytest.approx(psnr[0] + 6, abs=1)
    assert psnr[2] == float("inf") or psnr[2] is None
    said = run("evaluate", tmp_path / "pairs/sharp", "--sharp", "--models", names[1]).stdout
    assert "1 to below 50 dB" in said and "1 changed (lowest 3" in said
    with pytest.raises(BadValue, match="takes no PSF"):
        method_of(f"{brighter}+true-psf+gate@{half}")
    assert as_options("unblur") == "--model unblur"
    assert as_options(names[1]) == f"--model {brighter} --no-gate --settings {half}"
    assert as_options(f"{brighter}+gate@{half}") == f"--model {brighter} --settings {half}"


def test_what_is_kept_of_a_comparison_depends_on_the_added_file(brighter, model_store):
    from unblur.evaluate.comparing.cache import model_digest

    first = model_digest(brighter + "+gate")
    assert first not in (model_digest(brighter), model_digest("unblur+gate"))
    (model_store / f"{brighter}.onnx").write_bytes(b"another")
    assert model_digest(brighter + "+gate") != first


def test_tuning_leaves_the_bank_alone(brighter):
    from unblur.evaluate.tuning.search import searched_settings as searched

    assert "regularisation" in searched("unblur") and "strength" in searched(brighter)
    assert "regularisation" in searched("wiener")
    assert "regularisation" not in (*searched(brighter), *searched("plain"))


def test_tiles_come_one_after_the_other(brighter):
    from unblur.zoo.models import Session

    session = Session(threads=4)
    assert session.restorer(brighter).at_once == 1
    assert session.restorer("wiener").at_once > 1


def test_tensorflow_graphs(tmp_path):
    tf = Tf()
    path = tf.save(tmp_path, tf.op("AddV2", tf.image, tf.const(np.float32([0.1, 0.2, 0.3]))))
    known = ("--tile", 192, "--name", "tinted", "--input-range", "0..1")
    said = run("models", "add", path, *known).stdout
    assert "nhwc" in said and "only 192 x 192 px" in said
    grey = np.full((230, 300, 3), 100, np.uint8)
    tinted = unblur.restore(grey, model="tinted", gate=False).samples
    np.testing.assert_allclose(tinted[7, 250], 100 + 255 * np.array([0.1, 0.2, 0.3]), atol=1)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    tf = Tf()
    path = tf.save(tmp_path, tf.op("Abs", tf.image))
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtra, match="convert"):
        from unblur.foreign.adding import Request, prepare
        from unblur.foreign.probing import Wishes

        prepare(Request(path, "x", Wishes()))
