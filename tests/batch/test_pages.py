"""A TIFF of several pages is restored page by page into one file; what is lost joins the notes."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.cli import main
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.io import page_count, read_photo


def line(length):
    weights = np.zeros((length, length), np.float32)
    weights[length // 2] = 1
    return Psf(weights / weights.sum())


def blurred(seed, height, width):
    rng = np.random.default_rng(seed)
    small = rng.random((height // 12, width // 12, 3)).astype(np.float32)
    sharp = np.kron(small, np.ones((12, 12, 1), np.float32))
    light = apply_psf(srgb_to_linear(sharp), line(9), border="reflect")
    return Image.fromarray(np.round(255 * np.clip(linear_to_srgb(light), 0, 1)).astype(np.uint8))


@pytest.fixture
def pages(tmp_path):
    first, *rest = [blurred(1, 108, 144), blurred(2, 144, 108), blurred(3, 108, 120)]
    path = tmp_path / "pages.tif"
    first.save(
        path, save_all=True, append_images=rest, compression="tiff_adobe_deflate", dpi=(72, 72)
    )
    np.save(tmp_path / "psf.npy", line(9).array)
    return path


def run(*arguments):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return result


def test_all_pages_come_back_in_one_file(pages, tmp_path):
    out = tmp_path / "out.tif"
    psf = tmp_path / "psf.npy"
    result = run(pages, "-o", out, "--psf", psf, "--json")
    (row,) = json.loads(result.stdout)
    assert [page["page"] for page in row["pages"]] == [1, 2, 3]
    assert row["changed"] and all(page["changed"] for page in row["pages"])
    assert "3 of 3 pages" in row["summary"]
    assert page_count(out) == 3
    with Image.open(out) as image:
        assert image.n_frames == 3
        for number in range(3):
            image.seek(number)
            before, after = (read_photo(p, page=number + 1) for p in (pages, out))
            assert image.size == (after.width, after.height) == (before.width, before.height)
            np.testing.assert_array_equal(np.asarray(image), after.samples)
            assert not np.array_equal(before.samples, after.samples)
            assert after.metadata.dpi == (72, 72)
    alone = tmp_path / "two.tif"
    run(pages, "-o", alone, "--psf", psf, "--page", "2")
    assert page_count(alone) == 1
    np.testing.assert_array_equal(read_photo(alone).samples, read_photo(out, page=2).samples)


def test_unchanged_pages_are_the_very_file(pages, tmp_path):
    run(pages, "-o", tmp_path / "out.tif", "--strength", "0")
    assert (tmp_path / "out.tif").read_bytes() == pages.read_bytes()


def test_one_page_formats_and_pages_that_are_not_there(pages, tmp_path):
    result = CliRunner().invoke(main, [str(pages), "-o", str(tmp_path / "out.png")])
    assert result.exit_code == 3 and "--page N" in result.output
    result = CliRunner().invoke(main, [str(pages), "-o", str(tmp_path / "o.tif"), "--page", "4"])
    assert result.exit_code == 3 and "there is no page 4" in result.output
    assert not (tmp_path / "out.png").exists()


def test_what_the_format_costs_is_in_the_report(tmp_path):
    samples = np.asarray(blurred(1, 108, 144)).astype(np.uint16) * 257
    from unblur.io import Photo, write_photo

    write_photo(Photo.from_array(samples), tmp_path / "deep.png")
    np.save(tmp_path / "psf.npy", line(9).array)
    out = tmp_path / "o.jpg"
    result = run(tmp_path / "deep.png", "-o", out, "--psf", tmp_path / "psf.npy", "--json")
    (row,) = json.loads(result.stdout)
    assert any("16-bit samples are written with 8 bits" in note for note in row["notes"])
    assert row["tone"] == {"curve": "srgb", "evidence": "assumed", "probability": 1.0, "source": ""}


def test_the_tone_that_is_told_counts(tmp_path):
    path = tmp_path / "a.png"
    blurred(1, 108, 144).save(path)
    np.save(tmp_path / "psf.npy", line(9).array)
    results = {}
    for tone in ("auto", "srgb", "linear", "gamma:1.8"):
        out = tmp_path / f"{tone.replace(':', '')}.png"
        told = run(path, "-o", out, "--psf", tmp_path / "psf.npy", "--tone", tone, "--json")
        (row,) = json.loads(told.stdout)
        results[tone] = read_photo(out).samples
        assert row["tone"]["evidence"] == ("assumed" if tone == "auto" else "caller")
        assert row["tone"]["curve"] == ("srgb" if tone == "auto" else tone)
    np.testing.assert_array_equal(results["auto"], results["srgb"])
    assert not np.array_equal(results["srgb"], results["linear"])
    wrong = CliRunner().invoke(main, [str(path), "--tone", "film"])
    assert wrong.exit_code == 2 and "gamma:2.2" in wrong.output
