"""Photos to train on: read as everywhere, looked through beforehand, bounded in memory."""

import io
import logging

import numpy as np
import pytest
from PIL import Image

from tests.training.tiny import TINY
from unblur.errors import BadValue, UnreadableImage
from unblur.training import clips, photo_check, photos
from unblur.training.byte_cache import ByteCache
from unblur.training.loop import train
from unblur.training.photo_check import read_rgb, usable
from unblur.training.photos import SharpPhotos

SIZE = (150, 161)


def noise(seed=0, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, channels)).astype(np.uint8)


def cut_jpeg(path):
    stream = io.BytesIO()
    Image.fromarray(noise()).save(stream, "JPEG", quality=90)
    path.write_bytes(stream.getvalue()[: len(stream.getvalue()) // 2])
    return path


# --- reading


def test_sixteen_bits_of_grey_are_read_as_they_look(tmp_path):
    values = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    pixels = read_rgb(tmp_path / "deep.png")
    assert pixels.shape == (*SIZE, 3) and pixels.dtype == np.uint8
    assert pixels.min() == 0 and pixels.max() == 255 and abs(pixels.mean() - 127.5) < 1
    assert np.abs(pixels[..., 1] - values / 257).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P"])
def test_eight_bits_are_what_pillow_reads(tmp_path, mode):
    image = Image.fromarray(noise()).convert(mode)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), np.asarray(image.convert("RGB")))


def test_windows_of_a_deep_photo_are_not_white(tmp_path):
    values = (noise(channels=1)[..., 0].astype(np.uint16) * 257) // 2
    Image.fromarray(values).save(tmp_path / "deep.png")
    (tmp_path / "manifest.csv").write_text("file,split\ndeep.png,train\n")
    sharp = SharpPhotos(tmp_path, "train", smallest_px=100)
    window = sharp.window(64, np.random.default_rng(0), downscale=1.0)
    assert 0.2 < window.mean() < 0.3 and window.max() < 0.51


# --- the look through


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        Image.fromarray(noise(i)).save(tmp_path / f"good{i}.png")
    cut_jpeg(tmp_path / "cut.jpg")
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (40, 300)).save(tmp_path / "narrow.png")
    names = ["good0.png", "good1.png", "good2.png", "cut.jpg", "text.png", "narrow.png", "gone.png"]
    rows = "".join(f"{name},train\n" for name in names)
    (tmp_path / "manifest.csv").write_text("file,split\n" + rows)
    return tmp_path


def test_bad_photos_are_named_and_left_out(folder, caplog):
    with caplog.at_level(logging.WARNING):
        sharp = SharpPhotos(folder, "train", smallest_px=100)
    assert [path.name for path in sharp.paths] == ["good0.png", "good1.png", "good2.png"]
    told = "\n".join(caplog.messages)
    for name in ("cut.jpg", "text.png", "gone.png"):
        assert told.count(name) >= 1, name
    assert "good" not in told and "1 'train' photos with a side below 100 px" in told


def test_of_many_bad_photos_the_first_are_named(tmp_path, caplog):
    for i in range(25):
        (tmp_path / f"{i:02d}.png").write_bytes(b"junk")
    Image.fromarray(noise()).save(tmp_path / "zz.png")
    paths = sorted(tmp_path.iterdir())
    assert usable(paths, smallest_px=10, split="train", root=tmp_path) == {paths[-1]: 150}
    assert len(caplog.messages) == 21 and "5 more" in caplog.messages[-1]


def test_training_does_not_begin_with_nothing_to_train_on(tmp_path):
    cut_jpeg(tmp_path / "cut.jpg")
    (tmp_path / "manifest.csv").write_text("file,split\ncut.jpg,train\ncut.jpg,val\n")
    with pytest.raises(UnreadableImage, match=r"of 1 files 1 cannot be read, as .*cut\.jpg"):
        train(TINY, tmp_path, tmp_path / "run", workers=0)


def test_all_photos_are_looked_at_before_the_first_step_and_never_again(
    folder, tmp_path, monkeypatch
):
    (folder / "manifest.csv").write_text(
        "file,split\n"
        + "".join(f"good{i}.png,{s}\n" for i, s in enumerate(["train"] * 2 + ["val"]))
    )
    read = []
    real = photo_check.read_photo
    monkeypatch.setattr(photo_check, "read_photo", lambda p: (read.append(p.name), real(p))[1])
    monkeypatch.setattr(photo_check, "_known", {})
    for _ in range(3):
        for split in ("train", "val"):
            SharpPhotos(folder, split, smallest_px=100)
    assert sorted(read) == ["good0.png", "good1.png", "good2.png"]
    Image.fromarray(noise(9)[:120]).save(folder / "good0.png")  # another photo of the same name
    assert SharpPhotos(folder, "train", smallest_px=130).paths == [folder / "good1.png"]


def test_a_manifest_without_its_columns_is_refused(folder):
    (folder / "manifest.csv").write_text("name,split\na.png,train\n")
    with pytest.raises(BadValue, match=r"manifest\.csv has no column file"):
        SharpPhotos(folder, "train", smallest_px=10)


# --- memory


def test_the_cache_holds_bytes_not_numbers():
    cache, made = ByteCache(limit=1000), []

    def get(key, size):
        return cache.get(key, lambda: (made.append(key), [np.zeros(size, np.uint8)])[1])

    for key in "abcd":
        get(key, 300)
    assert cache.bytes == 900 and made == list("abcd")
    get("b", 300)
    get("e", 400)  # c goes, which was used longest ago, and is enough
    assert cache.bytes == 1000 and made == list("abcde")
    get("b", 300)
    assert made == list("abcde")
    get("c", 300)
    assert made == [*"abcde", "c"] and cache.bytes <= 1000
    assert get("huge", 1001)[0].nbytes == 1001 and cache.bytes <= 1000
    get("huge", 1001)
    assert made.count("huge") == 2  # too large to be kept


def test_photos_and_clips_are_kept_by_bytes(folder, monkeypatch):
    small = ByteCache(limit=2 * 3 * SIZE[0] * SIZE[1])
    monkeypatch.setattr(photos, "_photos", small)
    sharp = SharpPhotos(folder, "train", smallest_px=100)
    rng = np.random.default_rng(0)
    for _ in range(30):
        sharp.window(64, rng, downscale=1.0)
        assert small.bytes <= 2 * 3 * SIZE[0] * SIZE[1]
    assert small.bytes
    assert isinstance(clips._segments, ByteCache)
