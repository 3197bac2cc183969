"""Tiny fakes of every published layout: what is found, what is noted, what is refused."""

import numpy as np
import pytest
from PIL import Image
from scipy import io, ndimage

from unblur.blur import Psf
from unblur.blur.formation import apply_psf
from unblur.errors import (
    BadPsf,
    BadValue,
    ShapeMismatch,
    UnreadableImage,
    UnsupportedImage,
)
from unblur.evaluate.datasets import open_dataset, readers
from unblur.evaluate.datasets.averaged import DVD_TEST
from unblur.evaluate.datasets.base import Expected
from unblur.evaluate.datasets.checking import complaints, inspect
from unblur.evaluate.matlab import MatPicture
from unblur.evaluate.protocols import protocols

HOOK = Psf.from_points([(-3, -1), (-1, 0), (0, 0), (1, 1), (1, 3)], weights=[1, 2, 3, 2, 1], size=9)
J = "RealBlur-J_ECC_IMCORR_centroid_itensity_ref"


def save(path, *, shape=(18, 25, 3), level=None):
    """Write a photo whose values tell its path; black where it is not told otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    level = sum(path.as_posix().encode()) % 200 if level is None else level
    image = np.full(shape, level, np.uint8)
    image[0, 0] = 255
    Image.fromarray(image).save(path)


def pairs(root, places):
    for place in places:
        save(root / place)


GOPRO = [f"test/GOPR0384_11_00/{side}/00000{i}.png" for side in ("blur", "sharp") for i in (1, 2)]
LAYOUTS = {
    "gopro": (GOPRO, ["GOPR0384_11_00/000001", "GOPR0384_11_00/000002"]),
    "gopro-gamma": (
        [place.replace("/blur/", "/blur_gamma/") for place in GOPRO],
        ["GOPR0384_11_00/000001", "GOPR0384_11_00/000002"],
    ),
    "hide": (
        [
            "test/test-close-ups/1fromGOPR0950.png",
            "test/test-long-shot/7fromGOPR1089.png",
            "train/3fromGOPR1.png",
            *(f"GT/{name}.png" for name in ("1fromGOPR0950", "7fromGOPR1089", "3fromGOPR1")),
        ],
        ["1fromGOPR0950", "7fromGOPR1089"],
    ),
    "reds": (
        [f"val/{side}/00{c}/0000000{i}.png" for side in ("val_blur", "val_sharp")
         for c in (0, 1) for i in (0, 9)],
        ["000/00000000", "000/00000009", "001/00000000", "001/00000009"],
    ),
    "reds-jpeg": (
        ["val_blur_jpeg/000/00000009.jpg", "val_sharp/000/00000009.png"],
        ["000/00000009"],
    ),
    "bsd": (
        [f"BSD_2ms16ms/test/003/{side}/RGB/00000000.png" for side in ("Blur", "Sharp")],
        ["BSD_2ms16ms/003/00000000"],
    ),
    "dvd": (
        [f"quantitative_datasets/{clip}/{side}/00001.jpg"
         for clip in (*DVD_TEST, "IMG_0200") for side in ("input", "GT")],
        [f"{clip}/00001" for clip in DVD_TEST],
    ),
    "rsblur": (
        ["RSBlur/0001/000022/real_blur/real_blur.png", "RSBlur/0001/000022/gt/gt_sharp.png"],
        ["0001/000022"],
    ),
    "realblur-j": (
        [f"{J}/scene050/blur/blur_{i}.png" for i in (2, 10)]
        + [f"{J}/scene050/gt/gt_{i}.png" for i in (2, 10)],
        ["scene050/10", "scene050/2"],
    ),
    "lai-uniform": (
        ["uniform/manmade_01_kernel_02.png", "ground_truth/manmade_01.png"],
        ["manmade_01_kernel_02"],
    ),
    "lai-nonuniform": (
        ["nonuniform/text_05_gyro_24.png", "ground_truth/text_05.png"],
        ["text_05_gyro_24"],
    ),
    "pairs": (["lq/a/1.png", "gt/a/1.png"], ["a/1"]),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_found_by_itself_and_by_name(name, tmp_path):
    places, expected = LAYOUTS[name]
    pairs(tmp_path, places)
    found = open_dataset(tmp_path)
    assert found.name == name
    assert [case.name for case in found.cases] == expected
    assert [case.name for case in open_dataset(tmp_path, name).cases] == expected
    for case in found.cases:
        blurry, (sharp,) = case.blurry.path, [picture.path for picture in case.sharp]
        assert blurry != sharp and case.blurry.read().shape == (18, 25, 3)
        assert case.read_sharp().dtype == np.uint8
    assert found.protocol in protocols()
    with pytest.raises(UnreadableImage, match="layout"):
        open_dataset(tmp_path, "levin")


def test_pairs_are_of_the_same_photo(tmp_path):
    pairs(tmp_path, LAYOUTS["realblur-j"][0])
    for case in open_dataset(tmp_path).cases:
        assert case.sharp[0].path.name == case.blurry.path.name.replace("blur", "gt")
    pairs(tmp_path / "hide", LAYOUTS["hide"][0])
    parts = {case.name: case.facts["kind"] for case in open_dataset(tmp_path / "hide").cases}
    assert parts == {"1fromGOPR0950": "close-ups", "7fromGOPR1089": "long-shot"}
    clips = tmp_path / "gopro"
    pairs(clips, GOPRO)
    assert open_dataset(clips).cases[1].facts == {"clip": "GOPR0384_11_00", "frame": "000002"}


def test_every_reader_says_where_its_data_come_from():
    for name, reader in readers().items():
        about = reader.about
        assert reader.name == name and reader.protocol in protocols()
        assert about.title and about.home and about.licence and about.layout
        assert about.paper or name in ("pairs", "photos", "synth")


def test_lists_of_test_photos_are_followed(tmp_path):
    pairs(tmp_path, LAYOUTS["realblur-j"][0])
    assert "list" in open_dataset(tmp_path).notes[0]
    listing = tmp_path / "RealBlur_J_test_list.txt"
    listing.write_text(f"{J}/scene050/gt/gt_2.png {J}/scene050/blur/blur_2.png \n")
    found = open_dataset(tmp_path)
    assert [case.name for case in found.cases] == ["scene050/2"] and not found.notes
    assert found.protocol == "realblur"
    listing.write_text(f"{J}/scene050/gt/gt_3.png {J}/scene050/blur/blur_3.png\n")
    with pytest.raises(UnreadableImage, match="gt_3"):
        open_dataset(tmp_path)
    listing.write_text("/etc/passwd ../x\n")
    with pytest.raises(BadValue, match="line 1"):
        open_dataset(tmp_path)
    other = tmp_path / "other"
    pairs(other, LAYOUTS["rsblur"][0])
    assert open_dataset(other).protocol == "rsblur" and open_dataset(other).notes
    line = "RSBlur/0001/000022/gt/gt_sharp.png RSBlur/0001/000022/real_blur/real_blur.png\n"
    (other / "RSBlur_real_test.txt").write_text(line)
    assert not open_dataset(other).notes


def test_what_is_missing_is_said(tmp_path):
    pairs(tmp_path / "g", GOPRO[:-1])
    with pytest.raises(BadValue, match="000002"):
        open_dataset(tmp_path / "g")
    pairs(tmp_path / "h", LAYOUTS["hide"][0][:4])
    with pytest.raises(BadValue, match="7fromGOPR1089"):
        open_dataset(tmp_path / "h")
    pairs(tmp_path / "t", [place.replace("test/", "train/") for place in GOPRO])
    assert "trained on" in open_dataset(tmp_path / "t").notes[0]
    pairs(tmp_path / "d", [f"{DVD_TEST[3]}/{side}/00001.jpg" for side in ("input", "GT")])
    assert "IMG_0003" in open_dataset(tmp_path / "d").notes[0]
    pairs(tmp_path / "l", ["uniform/people_01_kernel_01.png", "ground_truth/text_05.png"])
    with pytest.raises(UnreadableImage, match="people_01"):
        open_dataset(tmp_path / "l")
    with pytest.raises(UnreadableImage, match="no layout"):
        open_dataset(tmp_path)
    with pytest.raises(BadValue, match="did you mean 'gopro'"):
        open_dataset(tmp_path, "gopr")
    with pytest.raises(UnreadableImage, match="does not exist"):
        open_dataset(tmp_path / "none")


def test_flat_copies_are_understood_by_name(tmp_path):
    pairs(tmp_path, ["input/1.png", "target/1.png"])
    assert open_dataset(tmp_path).name == "pairs"
    found = open_dataset(tmp_path, "hide")
    assert found.name == "hide" and found.about.expected.counts == (2025,)
    with pytest.raises(UnreadableImage, match="layout"):
        open_dataset(tmp_path, "dvd")


def test_koehler_as_matlab_files_pictures_or_single_references(tmp_path):
    frames = np.zeros((18, 25, 3, 31), np.uint8)
    frames[0, 0, 0] = np.arange(31)
    mat = tmp_path / "mat"
    for name in ("1_2", "1_3"):
        save(mat / "BlurryImages" / f"Blurry{name}.png")
        io.savemat(mat / f"GroundTruth{name}.mat", {"GroundTruth": frames})
    found = open_dataset(mat)
    assert (found.name, found.protocol, found.notes) == ("koehler", "koehler", ())
    plain, short = found.cases
    assert plain.name == "1_02" and len(plain.sharp) == 31
    assert plain.sharp[7].read()[0, 0, 0] == 7 and plain.sharp[7].read().dtype == np.uint8
    assert plain.sharp[0].size() == plain.blurry.size() == (18, 25)
    # The benchmark's own code leaves frame 30 of this one out.
    assert [int(p.read()[0, 0, 0]) for p in short.sharp][-2:] == [28, 30]
    with pytest.raises(BadValue, match="31 sharp pictures"):
        plain.read_sharp()

    png = tmp_path / "png"
    save(png / "Blurry4_12.png")
    for i in (1, 2, 10):
        save(png / "Image4" / "Kernel12" / f"GroundTruth4_12_{i}.png", level=i)
    (case,) = open_dataset(png).cases
    assert [int(p.read()[5, 5, 0]) for p in case.sharp] == [1, 2, 10]

    single = tmp_path / "single"
    for i in (1, 2):
        save(single / f"Blurry{i}_5.png")
        save(single / "sharp" / f"{i}.png", level=i)
    found = open_dataset(single)
    assert found.protocol == "koehler-single" and "not to be compared" in found.notes[0]
    assert [int(case.read_sharp()[5, 5, 0]) for case in found.cases] == [1, 2]
    save(single / "Blurry3_5.png")
    with pytest.raises(UnreadableImage, match="Blurry3_5"):
        open_dataset(single)


@pytest.fixture
def levin(tmp_path):
    rng = np.random.default_rng(3)
    sharp = ndimage.gaussian_filter(rng.random((64, 71)), 0.8).astype(np.float32)
    blurry = apply_psf(sharp[..., None], HOOK)[..., 0].astype(np.float64)
    for name, psf in (("im05_flit01", HOOK.array), ("im05_flit02", HOOK.array[::-1, ::-1])):
        io.savemat(tmp_path / f"{name}.mat", {"x": sharp.astype(float), "y": blurry, "f": psf})
    return tmp_path


def test_levin_holds_real_numbers_and_a_psf_in_either_orientation(levin):
    found = open_dataset(levin)
    assert (found.name, found.protocol) == ("levin", "levin")
    for case in found.cases:
        assert case.blurry.read().shape == (64, 71, 1) and case.blurry.read().dtype == np.float32
        again = apply_psf(case.read_sharp(), case.true_psf())
        np.testing.assert_allclose(again, case.blurry.read(), atol=1e-5)
    io.savemat(levin / "im06_flit01.mat", {"x": np.zeros((9, 9)), "y": np.zeros((9, 9))})
    with pytest.raises(UnreadableImage, match="f not"):
        open_dataset(levin)
    io.savemat(levin / "im06_flit01.mat", {n: np.zeros((9, 9)) for n in "xyf"})
    with pytest.raises(BadPsf, match="'f'"):
        open_dataset(levin).cases[-1].true_psf()


def test_lai_has_psfs_and_real_photos(tmp_path):
    pairs(tmp_path, [*LAYOUTS["lai-uniform"][0], "real/boat1.jpg"])
    (tmp_path / "kernel").mkdir()
    side = np.zeros((10, 10))
    side[2:5, 3:9] = [[1, 2, 3, 3, 1, 0], [0, 0, 1, 2, 3, 1], [0, 0, 0, 0, 0, 2]]
    Image.fromarray((side * 80).astype(np.uint8)).save(tmp_path / "kernel" / "kernel_02.png")
    (case,) = open_dataset(tmp_path, "lai-uniform").cases
    psf = case.true_psf()
    assert (psf.array > 0).sum() == np.count_nonzero(side)
    assert psf.array.max() == pytest.approx(3 / side.sum(), rel=0.02)
    assert case.facts == {"kind": "manmade", "light": "linear"}
    real = open_dataset(tmp_path, "lai-real")
    assert real.protocol == "unpaired" and real.cases[0].sharp == ()
    with pytest.raises(BadValue, match="0 sharp"):
        real.cases[0].read_sharp()


def test_matlab_files_that_are_none(tmp_path):
    path = tmp_path / "a.mat"
    with pytest.raises(UnreadableImage, match="does not exist"):
        MatPicture(path, "x").read()
    path.write_bytes(b"no such thing" * 20)
    with pytest.raises(UnreadableImage, match=r"a\.mat"):
        MatPicture(path, "x").size()
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400))
    with pytest.raises(UnsupportedImage, match="-v7"):
        MatPicture(path, "x").read()
    io.savemat(path, {"x": np.zeros((3, 4, 5)), "text": "no picture"})
    with pytest.raises(ShapeMismatch, match="picture"):
        MatPicture(path, "x").read()
    with pytest.raises(ShapeMismatch, match="N"):
        MatPicture(path, "x", 0).read()
    with pytest.raises(UnreadableImage, match="'y'"):
        MatPicture(path, "y").read()


def test_a_copy_is_checked(tmp_path, monkeypatch):
    pairs(tmp_path, LAYOUTS["reds"][0])
    found = open_dataset(tmp_path)
    count, size = complaints(found)
    assert "3000 or 300" in count and "4" in count
    assert "1280 x 720" in size and "25 x 18" in size
    about = found.about.__class__(
        **{**vars(found.about), "expected": Expected((4,), (25, 18), (1, 1), 30.0)}
    )
    right = found.__class__(**{**vars(found), "about": about})
    assert complaints(right) == []
    seen = []
    (deep,), _ = inspect(right, progress=lambda done, all_: seen.append((done, all_)))
    assert "30.00 dB is published" in deep and seen[-1] == (4, 4)
    save(tmp_path / "val/val_sharp/000/00000000.png", shape=(20, 25, 3))
    (tmp_path / "val/val_blur/001/00000009.png").write_bytes(b"broken")
    told = complaints(right)
    assert any("000/00000000" in text and "25 x 20" in text for text in told)
    assert any("001/00000009" in text for text in told)
