"""Summaries with infinities in them, groups, order; sharp photos through a method."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.motion.test_coarse_to_fine import scene
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.color import linear_to_srgb, quantise
from unblur.errors import BadValue, ShapeMismatch
from unblur.evaluate import harm, methods, quality, tables
from unblur.evaluate.cases import Case
from unblur.evaluate.metrics import cropped
from unblur.evaluate.protocols.plain import plain_inside
from unblur.evaluate.samples import Photo8
from unblur.pipeline.outcome import Result
from unblur.runtime import ONE_THREAD

INF = float("inf")


def row(name="a", gain=1.0, *, length=None, kind="", kernel=None, method="m"):
    psnr = INF if gain == INF else 20.0
    scores = {"psnr_db": psnr, "ssim": 0.9}
    return quality.Row(method, name, scores, gain, kernel, length, kind, 0.5)


def find(table, group):
    (found,) = [r for r in table if r["group"] == group]
    return found


def test_lengths_and_kinds_are_counted_apart():
    lengths = {"shake": [3.0, 10.0, 10.5, 20.0, 39.0, 40.0, 41.0], "sharp": [0.0], "": [None]}
    rows = [row(length=value, kind=kind) for kind, values in lengths.items() for value in values]
    counts = {r["group"]: r["count"] for r in tables.summarise(rows)}
    assert counts == {
        "all": 9,
        "0-10 px": 2,
        "10-20 px": 2,
        "20-40 px": 2,
        "> 40 px": 1,
        "shake": 7,
        "sharp": 1,
    }


def test_worse_means_by_more_than_a_tenth_and_the_worst_five_come_first():
    gains = [0.5, -0.05, -0.2, 1.0, -3.0, 0.1, 0.0]
    rows = [row(str(i), gain) for i, gain in enumerate(gains)]
    summary = find(tables.summarise(rows), "all")
    assert summary["worse_share"] == pytest.approx(2 / 7)
    assert [r["name"] for r in summary["worst"]] == ["4", "2", "1", "6", "5"]
    assert summary["gain_db"] == pytest.approx(np.mean(gains))


def test_the_interval_is_seeded_and_covers_the_mean():
    rng = np.random.default_rng(0)
    rows = [row(str(i), gain) for i, gain in enumerate(rng.normal(1, 2, 60))]
    first, again = (find(tables.summarise(rows, seed=4), "all") for _ in range(2))
    low, high = first["gain_db_95"]
    assert first == again
    assert low < first["gain_db"] < high
    assert high - low == pytest.approx(2 * 1.96 * 2 / np.sqrt(60), rel=0.25)


@pytest.mark.parametrize(
    ("gains", "mean"), [([INF, 1.0], INF), ([-INF, 1.0], -INF), ([INF, -INF, 1.0], None)]
)
def test_infinite_gains_neither_warn_nor_break_the_table(gains, mean):
    table = tables.summarise([row(str(i), gain) for i, gain in enumerate(gains)])
    low, high = find(table, "all")["gain_db_95"]
    if mean is None:
        assert np.isnan([low, high, find(table, "all")["gain_db"]]).all()
    else:
        assert find(table, "all")["gain_db"] == mean
        assert {low, high} == {mean, 1.0}
    assert tables.format_table(table).count("\n") == 1


def test_similarity_is_the_mean_of_what_is_known():
    rows = [row("a", kernel=0.5), row("b", kernel=0.9), row("c")]
    assert find(tables.summarise(rows), "all")["kernel_similarity"] == pytest.approx(0.7)
    assert find(tables.summarise([row()]), "all")["kernel_similarity"] is None


@pytest.fixture
def photo(tmp_path):
    rng = np.random.default_rng(1)
    image = ndimage.gaussian_filter(rng.random((131, 160, 3)), (0.6, 0.6, 0))
    image = (image - image.min()) / np.ptp(image) * 255
    path = tmp_path / "photo.png"
    Image.fromarray(image.astype(np.uint8)).save(path)
    return path


def test_only_the_inside_is_scored_when_cropping(photo):
    def spoil_the_frame(samples, pair):
        spoilt = samples.copy()
        spoilt[:4] = 0
        return spoilt, None

    pair = Case("photo", Photo8(photo), (Photo8(photo),))
    (whole,) = quality.evaluate([pair], {"frame": spoil_the_frame})
    (inside,) = quality.evaluate([pair], {"frame": spoil_the_frame}, protocol=plain_inside(4))
    assert whole.scores["psnr_db"] < 40 and whole.gain_db == -INF
    assert (
        inside.scores["psnr_db"] == INF
        and inside.gain_db == 0
        and inside.scores["ssim"] == pytest.approx(1)
    )
    with pytest.raises(BadValue):
        cropped(np.zeros((20, 30, 3)), -1)


def test_pairs_of_unequal_size_are_refused(photo, tmp_path):
    with Image.open(photo) as image:
        image.crop((0, 0, 100, 90)).save(tmp_path / "small.png")
    pair = Case("photo", Photo8(photo), (Photo8(tmp_path / "small.png"),))
    with pytest.raises(ShapeMismatch, match="photo"):
        quality.evaluate([pair], {"blurry": methods.method_of("blurry")})


def test_sharp_photos_are_compared_with_themselves(photo, tmp_path, monkeypatch):
    (tmp_path / "broken.png").write_bytes(b"no photo")
    darker = tmp_path / "darker.png"
    with Image.open(photo) as image:
        Image.fromarray(np.asarray(image) // 2).save(darker)

    def harm_only_dark_photos(picture, models, options):
        samples = picture.samples
        return Result(samples if samples.mean() > 100 else samples // 2, None, None)

    monkeypatch.setattr(harm, "restore_picture", harm_only_dark_photos)
    paths = [photo, tmp_path / "broken.png", darker]
    kept, broken, harmed = harm.unharmed(paths, "wiener", runtime=ONE_THREAD)
    assert kept["psnr_db"] == INF and not kept["harmed"]
    assert broken["psnr_db"] is None and "broken.png" in broken["error"] and not broken["harmed"]
    assert harmed["psnr_db"] < harm.UNHARMED_DB and harmed["harmed"]
    assert kept.keys() == broken.keys() == harmed.keys()


def test_linear_photos_are_given_as_srgb_and_taken_back():
    from unblur.color import linear_to_srgb
    from unblur.evaluate.light import in_srgb

    samples = np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10, 1)
    seen = []

    def darken(given, case):
        seen.append(given)
        return (given if case.name == "same" else given / 2), None

    linear = {"light": "linear"}
    dark, _ = in_srgb(darken)(samples, Case("dark", Photo8(None), facts=linear))
    np.testing.assert_array_equal(seen[0], linear_to_srgb(samples))
    np.testing.assert_allclose(linear_to_srgb(dark), seen[0] / 2, atol=1e-6)
    same, _ = in_srgb(darken)(samples, Case("same", Photo8(None), facts=linear))
    assert same is samples
    plain, _ = in_srgb(darken)(samples, Case("dark", Photo8(None)))
    np.testing.assert_array_equal(plain, samples / 2)
    assert in_srgb(lambda s, c: None)(samples, Case("x", Photo8(None), facts=linear)) is None


def test_the_light_of_a_data_set_is_its_own_or_what_the_user_says():
    from unblur.evaluate.datasets.base import About, DataSet
    from unblur.evaluate.light import curve_of, in_light

    cases = tuple(
        Case(name, Photo8(Path(name)), facts=facts)
        for name, facts in (("known", {"light": "linear", "kind": "line"}), ("silent", {}))
    )
    found = DataSet("x", cases, "plain", About("", "", "", "", ""), notes=("a note",))
    for tone in ("auto", "profile"):
        alike = in_light(found, tone)
        assert [curve_of(case).name for case in alike.cases] == ["linear", "srgb"]
        assert alike.notes == ("a note", "samples are taken as linear, as this data set is")
    told = in_light(found, "gamma:2.2")
    assert [curve_of(case).gamma for case in told.cases] == [2.2, 2.2]
    assert told.cases[0].facts["kind"] == "line" and "gamma:2.2, as you say" in told.notes[1]
    silent = replace(found, cases=cases[1:])
    assert in_light(silent, "auto").notes == ("a note",)
    assert [curve_of(case).name for case in in_light(found, "srgb").cases] == ["srgb", "srgb"]
    with pytest.raises(BadValue, match="no tone curve"):
        in_light(found, "log")


def test_sharp_photos_are_checked_in_the_light_that_is_told(monkeypatch, tmp_path):
    seen = []

    def look(picture, models, options):
        seen.append(picture.tone.name)
        return Result(picture.samples, None, None)

    monkeypatch.setattr(harm, "restore_picture", look)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    for tone in ("auto", "linear"):
        harm.unharmed([tmp_path / "a.png"], "wiener", tone=tone, runtime=ONE_THREAD)
    assert seen == ["srgb", "linear"]


def test_scores_that_some_photos_lack_are_means_of_the_others():
    rows = [row("a"), row("b"), row("c", kind="small")]
    rows[1].scores["ms_ssim"] = 0.7
    rows[2].scores["ssim"] = 0.6
    table = tables.summarise(rows)
    assert find(table, "all")["ms_ssim"] == 0.7
    assert find(table, "all")["scores"]["ms_ssim"]["count"] == 1
    head, first, small = tables.format_table(table).splitlines()
    assert "MS-SSIM" in head and "0.7000" in first and " - " in small


def test_the_unsharp_mask_raises_detail_in_any_depth_and_leaves_flat_photos():
    from unblur.evaluate.references import unsharp_mask

    step = np.full((20, 40, 3), 100, np.uint8)
    step[:, 20:] = 160
    sharpened = unsharp_mask(step)
    assert sharpened.dtype == np.uint8 and sharpened.shape == step.shape
    assert sharpened[10, 19, 0] < 100 and sharpened[10, 20, 0] > 160
    np.testing.assert_array_equal(sharpened[:, :5], 100)
    fine = unsharp_mask((step / 255).astype(np.float32))
    np.testing.assert_allclose(fine * 255, sharpened, atol=0.51)
    case = Case("a", Photo8(None))
    restored, motion = methods.method_of(methods.UNSHARP)(step, case)
    np.testing.assert_array_equal(restored, sharpened)
    assert motion is None


def test_the_classical_reference_is_a_method_that_tells_its_psf(tmp_path):
    linear = np.repeat(scene()[..., None], 3, axis=2)
    psf = Psf.from_line(9, 25)
    sharp, blurry = (
        quantise(linear_to_srgb(image), np.dtype(np.uint8))
        for image in (linear, apply_psf(linear, psf))
    )
    for name, image in (("sharp", sharp), ("blurry", blurry)):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    pair = Case("a", Photo8(tmp_path / "blurry.png"), (Photo8(tmp_path / "sharp.png"),))
    method = methods.method_of(methods.CLASSICAL_BLIND, runtime=ONE_THREAD)
    (found,) = quality.evaluate([pair], {"classical-blind": method})
    assert found.gain_db > 1
    restored, motion = method(blurry, pair)
    assert restored.shape == blurry.shape
    assert motion.uniform
    assert motion.windows[0][0].psf.length_px() == pytest.approx(9, abs=3)
