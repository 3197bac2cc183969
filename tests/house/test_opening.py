"""No decoder that starts programs can be reached, from wherever a file comes."""

import ast
import contextlib
import io
import shutil
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from unblur.errors import BadPsf, UnblurError, UnreadableImage, UnsupportedImage
from unblur.opening import PHOTO_FORMATS, open_image

SOURCE = Path(__file__).parents[2] / "src" / "unblur"
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"


FORBIDDEN = ("open", "EpsImagePlugin", "ImageShow", "ImageGrab", "ImageFile")


def calls_of_pillow(tree):
    """Return the lines on which a module opens an image by itself, or takes a plugin."""
    nodes = list(ast.walk(tree))
    froms = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module in ("PIL", "PIL.Image")]
    names = [(n.lineno, name) for n in froms for name in n.names]
    lines = [line for line, name in names if name.name in FORBIDDEN]
    whole = [n for n in nodes if isinstance(n, ast.Import)]
    lines += [n.lineno for n in whole if any(name.name.startswith("PIL") for name in n.names)]
    images = {name.asname or name.name for _, name in names if name.name == "Image"}
    opens = [n for n in nodes if isinstance(n, ast.Attribute) and n.attr == "open"]
    for node in opens:
        value = node.value
        direct = isinstance(value, ast.Name) and value.id in images
        if direct or (isinstance(value, ast.Attribute) and value.attr == "Image"):
            lines.append(node.lineno)
    return lines


def test_one_module_opens_pictures():
    for path in sorted(SOURCE.rglob("*.py")):
        lines = calls_of_pillow(ast.parse(path.read_text("utf-8")))
        expected = path.name == "opening.py"
        assert bool(lines) == expected, f"{path}: {lines}; open pictures by unblur.opening"


@pytest.mark.parametrize(
    "text",
    [
        "from PIL import Image as I\nI.open(x)",
        "from PIL.Image import open as o",
        "import PIL.Image\nPIL.Image.open(x)",
        "from PIL import Image\nopener = Image.open",
    ],
)
def test_the_walk_sees_every_spelling(text):
    assert calls_of_pillow(ast.parse(text))


def load_psf(path):
    from unblur.blur.psf_files import load_psf

    return load_psf(path)


def lai_psf(path):
    from unblur.evaluate.datasets.lai import PsfPicture

    return PsfPicture(path).read()


def page_psf(path):
    from unblur.web.work import given_psf

    return given_psf(path)


def page_mask(path):
    from unblur.io import Photo
    from unblur.web.work import painted_mask

    return painted_mask(path, Photo(np.zeros((4, 4, 3), np.uint8)))


def read_photo(path):
    from unblur.io import read_photo

    return read_photo(path)


def read_reduced(path):
    from unblur.io.reduced import read_reduced

    return read_reduced(path, side_px=8)


def size_in_an_evaluation(path):
    from unblur.evaluate.samples import Photo8

    return Photo8(path).size()


def training_photo(path):
    from unblur.training.photos import read_rgb

    return read_rgb(path)


def clip_photos(path):
    from unblur.evaluate.clips import large_enough
    from unblur.io import InputFile

    return large_enough([InputFile(path, Path(path.name))], 4)


def video_folder(path):
    from unblur.io.video_folder import FolderSource

    folder = path.with_name("frames")
    folder.mkdir()
    shutil.copy(path, folder / f"1{path.suffix}")
    return list(FolderSource(folder))


READERS = (
    *(load_psf, lai_psf, page_psf, page_mask, read_photo, read_reduced),
    *(size_in_an_evaluation, training_photo, clip_photos, video_folder),
)


@pytest.fixture
def no_programs(monkeypatch):
    """Fail where a plugin would start Ghostscript, whether that is installed or not."""
    started = []

    def start(*args, **kwargs):
        started.append(args)
        raise AssertionError("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", start)
    monkeypatch.setattr("subprocess.Popen", start)
    yield
    assert not started


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".bmp"])
def test_a_postscript_file_is_refused_whatever_it_is_called(tmp_path, no_programs, read, suffix):
    path = tmp_path / f"k{suffix}"
    path.write_bytes(EPS)
    with pytest.raises(UnblurError, match=r"not an image|not of a kind"):
        read(path)


def test_pillow_itself_would_start_one(monkeypatch):
    asked = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *a, **k: asked.append(a) or 1 / 0)
    with Image.open(io.BytesIO(EPS)) as image, pytest.raises(ZeroDivisionError):
        image.load()
    assert asked


def test_an_opened_postscript_image_is_refused(no_programs):
    from unblur.io.decode import from_pillow

    with Image.open(io.BytesIO(EPS)) as image, pytest.raises(UnsupportedImage, match="EPS"):
        from_pillow(image)


def test_only_known_formats_may_be_asked_for():
    assert "EPS" not in PHOTO_FORMATS
    for formats in (("EPS",), (), ("PNG", "PSD")):
        with pytest.raises(ValueError, match="formats must be"):
            open_image(EPS, formats)


def test_the_error_names_file_and_formats(tmp_path):
    (tmp_path / "k.png").write_bytes(EPS)
    with pytest.raises(BadPsf, match=r"k\.png.*not an image of a known format \(PNG, TIFF"):
        load_psf(tmp_path / "k.png")
    with pytest.raises(UnreadableImage, match=r"k\.png"):
        training_photo(tmp_path / "k.png")


def test_a_chunk_that_claims_gigabytes_takes_none(tmp_path):
    with io.BytesIO() as stream:
        Image.new("L", (9, 5), 9).save(stream, "PNG")
        whole = stream.getvalue()
    (tmp_path / "k.png").write_bytes(whole[:-12] + b"\xfe\x42\x60\x82IEND" + whole[-4:])
    tracemalloc.start()
    try:
        with contextlib.suppress(UnblurError):
            load_psf(tmp_path / "k.png")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("odd"), struct.error("short")])
def test_whatever_a_decoder_raises_is_an_error_of_ours(tmp_path, monkeypatch, error):
    def fail(self, *args):
        raise error

    Image.new("L", (9, 5), 9).save(tmp_path / "k.png")
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(BadPsf, match=str(error) or type(error).__name__):
        load_psf(tmp_path / "k.png")


def test_libraries_print_nothing_about_damaged_files():
    """Their logs, which Python prints where nobody listens, would stand between our lines."""
    code = (
        "import logging, sys\nfrom unblur.io import read_photo\n"
        "for name in ('PIL.TiffImagePlugin', 'tifffile'):\n"
        "    logging.getLogger(name).error('found in a file')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b""
