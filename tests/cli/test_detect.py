"""``unblur detect`` as people use it: verdicts, tables, culling, bursts, maps, mistakes."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_cli import SHAKEN, SHARP, unblur


@pytest.fixture
def folder(tmp_path):
    album = tmp_path / "album"
    (album / "trip").mkdir(parents=True)
    (album / "a-sharp.jpg").write_bytes(SHARP.read_bytes())
    (album / "trip" / "b-shaken.jpg").write_bytes(SHAKEN.read_bytes())
    return album


def test_json_has_a_verdict_for_each_photo(folder):
    rows = json.loads(unblur("detect", folder, "--json").stdout)
    assert [row["path"].rsplit("/", 1)[1] for row in rows] == ["a-sharp.jpg", "b-shaken.jpg"]
    sharp, shaken = rows
    assert sharp["blur_probability"] < 0.5 < shaken["blur_probability"]
    assert sharp["kind"] == "sharp" and sharp["blurred"] is False and sharp["length_px"] is None
    assert shaken["kind"] == "motion" and shaken["blurred"] is True
    low, high = shaken["length_px_95"]
    assert 0 < low < shaken["length_px"] < high
    assert 0 <= shaken["angle_deg"] < 180
    assert sum(shaken["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_the_table_and_csv_say_the_same(folder):
    text = unblur("detect", folder).stdout
    assert "2 photos, 1 blurred, 0 unreadable" in text
    rows = list(csv.DictReader(io.StringIO(unblur("detect", folder, "--csv").stdout)))
    assert [row["kind"] for row in rows] == ["sharp", "motion"]
    assert float(rows[1]["length_px_low"]) < float(rows[1]["length_px"])


def test_blurred_photos_are_copied_and_listed_never_moved(folder, tmp_path):
    out, listed = tmp_path / "blurred", tmp_path / "list.txt"
    before = {p: p.read_bytes() for p in folder.rglob("*.jpg")}
    unblur("detect", folder, "--blurred-to", out, "--list", listed)
    assert {p: p.read_bytes() for p in folder.rglob("*.jpg")} == before
    copies = [p.relative_to(out).as_posix() for p in out.rglob("*.jpg")]
    assert copies == ["trip/b-shaken.jpg"]
    assert (out / copies[0]).read_bytes() == SHAKEN.read_bytes()
    assert listed.read_text() == f"{folder / 'trip' / 'b-shaken.jpg'}\n"
    assert "--overwrite" in unblur("detect", folder, "--list", listed, expect=6).stderr


def test_threshold_decides_what_counts_as_blurred(folder):
    rows = json.loads(unblur("detect", folder, "--json", "--threshold", "0").stdout)
    assert all(row["blurred"] for row in rows)


def test_of_a_burst_the_sharpest_is_named(tmp_path):
    with Image.open(SHAKEN) as image:
        shaken = image.convert("RGB")
    with Image.open(SHAKEN.parents[1] / "sharp" / "rocks.jpg") as image:
        sharp = image.convert("RGB").resize(shaken.size)
    for name, picture in (("1", shaken), ("2", sharp), ("3", shaken)):
        picture.save(tmp_path / f"{name}.jpg", quality=92)
    (tmp_path / "4.jpg").write_bytes(SHARP.read_bytes())
    listed = tmp_path / "rest.txt"
    result = unblur("detect", tmp_path, "--burst", "--json", "--list", listed)
    rows = json.loads(result.stdout)
    assert [row["burst"] for row in rows] == [0, 0, 0, 1]
    assert [row["sharpest"] for row in rows] == [False, True, False, True]
    assert listed.read_text() == f"{tmp_path / '1.jpg'}\n{tmp_path / '3.jpg'}\n"


def test_a_burst_ends_with_its_folder(tmp_path):
    for name in ("one/1.jpg", "one/2.jpg", "two/3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(SHAKEN.read_bytes())
    rows = json.loads(unblur("detect", tmp_path, "--burst", "--json").stdout)
    assert [row["burst"] for row in rows] == [0, 0, 1]


def test_a_map_is_a_picture_of_the_photos_size_with_a_legend(folder, tmp_path):
    maps = tmp_path / "maps"
    unblur("detect", folder, "--map", maps)
    with Image.open(maps / "trip" / "b-shaken.jpg.blur.png") as image, Image.open(SHAKEN) as photo:
        assert (image.width, image.height - 28) == photo.size
        pixels = np.asarray(image.convert("RGB")).astype(float)
    # Motion is amber: much red, little blue.
    assert pixels[:-28, :, 0].mean() > 1.3 * pixels[:-28, :, 2].mean()


def test_bad_files_are_named_and_the_others_go_on(folder):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 not a photo")
    Image.new("RGB", (40, 400)).save(folder / "narrow.png")
    result = unblur("detect", folder, "--json", expect=3)
    rows = json.loads(result.stdout)
    assert [row["error"] is None for row in rows] == [True, False, False, True]
    assert "at least 64 px" in rows[2]["error"]
    assert "Traceback" not in result.output


def test_a_narrow_panorama_is_judged(tmp_path):
    with Image.open(SHAKEN) as image:
        strip = np.asarray(image.convert("RGB"))[100:220]
    Image.fromarray(np.tile(strip, (1, 6, 1))).save(tmp_path / "wide.jpg", quality=95)
    (row,) = json.loads(unblur("detect", tmp_path, "--json").stdout)
    assert row["scale"] == 1 and row["kind"] == "motion"


def test_mistakes_are_explained(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no photos found" in unblur("detect", empty, expect=7).stderr
    assert json.loads(unblur("detect", empty, "--json", expect=7).stdout) == []
    assert "exclude" in unblur("detect", folder, "--json", "--csv", expect=2).stderr
    assert "does not exist" in unblur("detect", folder / "none", expect=3).stderr


def test_what_could_not_be_written_is_refused_before_the_work(folder, tmp_path):
    other, out = tmp_path / "other", tmp_path / "out"
    other.mkdir()
    (other / "a-sharp.jpg").write_bytes(SHAKEN.read_bytes())
    for option in ("--blurred-to", "--map"):
        both = unblur("detect", folder, other, option, out, "--overwrite", expect=6)
        assert "would both be written" in both.stderr and not out.exists()
    same = unblur("detect", other, "--blurred-to", other, "--overwrite", expect=6)
    assert "would replace the photo" in same.stderr
    assert (other / "a-sharp.jpg").read_bytes() == SHAKEN.read_bytes()


def test_maps_are_not_taken_for_photos(folder):
    unblur("detect", folder, "--map", folder)
    assert len(json.loads(unblur("detect", folder, "--json").stdout)) == 2


def test_several_processes_say_what_one_says(folder):
    for number in range(10):
        (folder / f"copy{number}.jpg").write_bytes(SHAKEN.read_bytes())
    one = json.loads(unblur("detect", folder, "--json", "--workers", "1").stdout)
    two = json.loads(unblur("detect", folder, "--json", "--workers", "2").stdout)
    assert one == two and len(one) == 12


def test_the_light_that_is_told_is_judged(folder):
    import unblur as package

    path = folder / "trip" / "b-shaken.jpg"
    (row,) = json.loads(unblur("detect", path, "--tone", "linear", "--json").stdout)
    told, silent = package.detect(path, tone="linear"), package.detect(path)
    assert row["blur_probability"] == pytest.approx(told.blur_probability, abs=1e-4)
    assert row["sharpness"] == pytest.approx(told.sharpness, abs=1e-4)
    assert abs(told.sharpness - silent.sharpness) > 1e-3
    assert "no tone curve" in unblur("detect", path, "--tone", "log", expect=2).stderr


def test_full_size_and_python_agree_with_the_command(folder):
    import unblur as package

    row = json.loads(unblur("detect", folder / "a-sharp.jpg", "--full", "--json").stdout)[0]
    found = package.detect(folder / "a-sharp.jpg", full=True)
    assert row["blur_probability"] == pytest.approx(found.blur_probability, abs=1e-4)
    assert (row["height"], row["width"]) == found.shape
