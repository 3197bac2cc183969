"""Sets of pairs: windows, truths and tables that are whole, or refused in plain words."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from unblur.blur import SynthesisRecipe
from unblur.errors import BadPsf, BadValue, UnreadableImage, WouldOverwrite
from unblur.evaluate.pairs import find_sharp, read_pairs, write_pairs

SHAKE = SynthesisRecipe(length_px=(6.0, 12.0), shake=1, line=0, defocus=0, sharp=0)
OBJECT = SynthesisRecipe(shake=0, line=0, defocus=0, sharp=0, moving_object=1)


def save_photo(path, shape=(118, 141, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    image = ndimage.gaussian_filter(rng.random(shape), (1, 1, 0)[: len(shape)])
    image = (image - image.min()) / np.ptp(image) * 255
    Image.fromarray(image.astype(np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    save_photo(tmp_path / "sharp" / "a.png")
    return tmp_path / "sharp"


def size_and_mode(path):
    with Image.open(path) as image:
        return image.size, image.mode


def digests(out):
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file()
    }


def test_equal_seeds_give_equal_files(folder, tmp_path):
    for name in ("one", "two"):
        write_pairs(find_sharp(folder), tmp_path / name, SHAKE, seed=3, per_photo=2)
    first = digests(tmp_path / "one")
    assert len(first) == 2 * 3 + 2
    assert first == digests(tmp_path / "two")


def test_a_pair_does_not_depend_on_other_photos(folder, tmp_path):
    write_pairs(find_sharp(folder), tmp_path / "alone", SHAKE, seed=3, crop_px=40)
    save_photo(folder / "0.png")
    save_photo(folder / "sub" / "z.png")
    write_pairs(find_sharp(folder), tmp_path / "more", SHAKE, seed=3, crop_px=40)
    alone, more = digests(tmp_path / "alone"), digests(tmp_path / "more")
    ours = [name for name in alone if "a_0." in name]
    assert len(ours) == 3
    assert all(alone[name] == more[name] for name in ours)
    rows = [(tmp_path / s / "manifest.jsonl").read_text().splitlines() for s in ("alone", "more")]
    assert rows[0][0] in rows[1] and len(rows[1]) == 3


def test_crop_gives_small_pairs_at_different_places(folder, tmp_path):
    write_pairs(find_sharp(folder), tmp_path / "o", SHAKE, seed=1, per_photo=3, crop_px=45)
    pairs = read_pairs(tmp_path / "o")
    found = {
        size_and_mode(path) for pair in pairs for path in (pair.blurry.path, pair.sharp[0].path)
    }
    assert found == {((45, 45), "RGB")}
    assert len({pair.sharp[0].path.read_bytes() for pair in pairs}) == 3
    assert {(p.facts["height"], p.facts["width"]) for p in pairs} == {(45, 45)}
    write_pairs(find_sharp(folder), tmp_path / "large", SHAKE, seed=1, crop_px=60)
    (pair,) = read_pairs(tmp_path / "large")  # the photo has no more than 118 - 62 rows
    assert size_and_mode(pair.blurry.path)[0] == (60, 56)


def test_a_grey_photo_becomes_rgb(tmp_path):
    save_photo(tmp_path / "sharp" / "grey.png", (118, 141))
    assert write_pairs(find_sharp(tmp_path / "sharp"), tmp_path / "o", SHAKE, seed=1).written == 1
    assert size_and_mode(read_pairs(tmp_path / "o")[0].blurry.path)[1] == "RGB"


def test_truths_say_what_they_hold(folder, tmp_path):
    recipe = SynthesisRecipe(shake=0, line=0, defocus=0, sharp=0, rotation=1)
    write_pairs(find_sharp(folder), tmp_path / "o", recipe, seed=2)
    with np.load(tmp_path / "o" / "psf" / "a_0.npz", allow_pickle=False) as stored:
        psfs, kind = stored["psfs"], str(stored["kind"])
    assert kind == "rotation" and psfs.dtype == np.float32
    assert psfs.ndim == 4 and psfs.shape[0] * psfs.shape[1] > 1 and psfs.shape[2] % 2 == 1
    np.testing.assert_allclose(psfs.sum(axis=(2, 3)), 1, atol=1e-5)


def test_the_background_of_a_moving_object_is_never_taken_for_the_truth(folder, tmp_path):
    write_pairs(find_sharp(folder), tmp_path / "o", OBJECT, seed=2)
    assert read_pairs(tmp_path / "o")[0].true_psf() is None
    (tmp_path / "o" / "manifest.jsonl").unlink()
    assert read_pairs(tmp_path / "o")[0].true_psf() is None


def test_progress_counts_photos_left_out_too(folder, tmp_path):
    (folder / "b.jpg").write_bytes(b"no photo")
    seen = []
    done = write_pairs(
        find_sharp(folder),
        tmp_path / "o",
        SHAKE,
        seed=1,
        progress=lambda number, total: seen.append((number, total)),
    )
    assert seen == [(1, 2), (2, 2)]
    assert done.written == 1 and [name for name, _ in done.skipped] == ["b.jpg"]


@pytest.mark.parametrize(
    ("options", "word"),
    [({"seed": -1}, "seed"), ({"per_photo": 0}, "per photo"), ({"crop_px": 0}, "crop_px")],
)
def test_numbers_out_of_range_write_nothing(folder, tmp_path, options, word):
    with pytest.raises(BadValue, match=word):
        write_pairs(find_sharp(folder), tmp_path / "o", SHAKE, **{"seed": 1, **options})
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("names", [("b.png", "b.jpg"), ("sub/b.png", "sub_b.png")])
@pytest.mark.parametrize("overwrite", [False, True])
def test_two_photos_never_share_a_pair(tmp_path, names, overwrite):
    for name in names:
        save_photo(tmp_path / "sharp" / name)
    photos = find_sharp(tmp_path / "sharp")
    with pytest.raises(WouldOverwrite, match="both give pairs named"):
        write_pairs(photos, tmp_path / "o", SHAKE, seed=1, overwrite=overwrite)
    assert not (tmp_path / "o").exists()


def test_a_split_comes_from_the_manifest(folder):
    save_photo(folder / "sub" / "v.png")
    text = "file,split\nsub/v.png,val\na.png,train\nsub/v.png,val\n"
    (folder / "manifest.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())  # as Excel writes it
    assert [p.relative.as_posix() for p in find_sharp(folder, split="val")] == ["sub/v.png"]
    with pytest.raises(UnreadableImage, match="test"):
        find_sharp(folder, split="test")


@pytest.mark.parametrize(
    "table",
    [b"name,part\na.png,val\n", b"file,split\n\xff.png,val\n", b"file,split\n../a.png,val\n"],
)
def test_a_damaged_manifest_is_refused(folder, table):
    (folder / "manifest.csv").write_bytes(table)
    with pytest.raises(BadValue, match=r"manifest\.csv"):
        find_sharp(folder, split="val")


def test_a_manifest_may_not_lead_out_of_its_folder(folder):
    (folder / "manifest.csv").write_text(f"file,split\n{folder.resolve()}/a.png,val\n")
    with pytest.raises(BadValue, match="must lie in"):
        find_sharp(folder, split="val")


def test_pairs_of_an_earlier_run_are_not_counted_in_silence(folder, tmp_path):
    save_photo(folder / "b.png")
    write_pairs(find_sharp(folder), tmp_path / "o", SHAKE, seed=1)
    (folder / "b.png").unlink()
    write_pairs(find_sharp(folder), tmp_path / "o", SHAKE, seed=1, overwrite=True)
    with pytest.raises(BadValue, match="'b_0'"):
        read_pairs(tmp_path / "o")
    (tmp_path / "o" / "manifest.jsonl").unlink()
    assert [pair.name for pair in read_pairs(tmp_path / "o")] == ["a_0", "b_0"]


def test_photos_of_one_name_are_refused(folder, tmp_path):
    for name in ("blurry/x.png", "blurry/x.jpg", "sharp/x.png"):
        save_photo(tmp_path / "d" / name)
    with pytest.raises(BadValue, match="share a name"):
        read_pairs(tmp_path / "d")


def write_npz(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 cut off",
        {"psf": np.ones((1, 1, 3, 3))},
        {"psfs": np.ones((3, 3))},
        {"psfs": np.ones((1, 1, 4, 4))},
        {"psfs": np.zeros((1, 1, 3, 3))},
    ],
)
def test_damaged_truths_are_refused(folder, tmp_path, content):
    write_pairs(find_sharp(folder), tmp_path / "o", SHAKE, seed=1)
    write_npz(tmp_path / "o" / "psf" / "a_0.npz", content)
    with pytest.raises(BadPsf):
        read_pairs(tmp_path / "o")[0].true_psf()


def test_an_array_under_the_name_of_a_truth_is_refused(folder, tmp_path):
    write_pairs(find_sharp(folder), tmp_path / "o", SHAKE, seed=1)
    with (tmp_path / "o" / "psf" / "a_0.npz").open("wb") as stream:
        np.save(stream, np.ones((3, 3)))
    with pytest.raises(BadPsf, match="cannot read"):
        read_pairs(tmp_path / "o")[0].true_psf()


def test_a_damaged_table_of_pairs_is_refused(folder, tmp_path):
    write_pairs(find_sharp(folder), tmp_path / "o", SHAKE, seed=1)
    (tmp_path / "o" / "manifest.jsonl").write_text(json.dumps(["no", "name"]) + "\n")
    with pytest.raises(BadValue, match="damaged"):
        read_pairs(tmp_path / "o")


@pytest.mark.parametrize("sides", [("blur", "sharp"), ("input", "target"), ("lq", "gt")])
def test_folders_of_other_usual_names(tmp_path, sides):
    for side in sides:
        save_photo(tmp_path / side / "scene" / "1.png")
    (pair,) = read_pairs(tmp_path)
    assert pair.name == "scene/1" and pair.true_psf() is None
    assert (pair.blurry.path.parts[-3], pair.sharp[0].path.parts[-3]) == sides
    save_photo(tmp_path / sides[1] / "lonely.png")
    with pytest.raises(BadValue, match=f"'lonely', which is in {sides[1]}/ only"):
        read_pairs(tmp_path)


def test_our_own_names_come_first(tmp_path):
    for side in ("blurry", "sharp", "input", "target"):
        save_photo(tmp_path / side / "1.png")
    (pair,) = read_pairs(tmp_path)
    assert pair.blurry.path.parent.name == "blurry"
