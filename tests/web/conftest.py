"""One server for the tests of a module."""

import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the page needs the extra 'web'")
pytest.importorskip("uvicorn", reason="the page needs the extra 'web'")

from tests.web.serving import SHAKEN, SHARP, Client, running
from unblur.runtime import ONE_THREAD
from unblur.web.settings import Limits, Settings


@pytest.fixture(scope="module")
def server():
    """(port, hub) of a running server with small limits."""
    limits = Limits(upload_bytes=40_000_000, pixels=20_000_000, stall_seconds=1.0)
    with running(Settings(runtime=ONE_THREAD, limits=limits)) as (port, hub):
        assert hub.workers[0].ready.wait(60)
        yield port, hub


@pytest.fixture
def client(server):
    """A new session on the server."""
    return Client(server[0]).begin()


def _cut(path, box):
    with Image.open(path) as image:
        return image.convert("RGB").crop(box)


@pytest.fixture(scope="session")
def shaken():
    """A small shaken photo, 160 x 120 px, as a Pillow image: a second or so to restore."""
    return _cut(SHAKEN, (180, 120, 340, 240))


@pytest.fixture(scope="session")
def sharp_jpeg():
    """A sharp photo as JPEG."""
    return SHARP.read_bytes()


@pytest.fixture(scope="session")
def encoded(shaken):
    """Return a function that gives the shaken photo as bytes of a format.

    With ``large`` it is one of 320 x 240 px, for what needs room on the screen.
    """

    def encode(kind="JPEG", *, large=False, **options):
        stream = io.BytesIO()
        image = _cut(SHAKEN, (60, 60, 380, 300)) if large else shaken
        image.save(stream, kind, **({"quality": 95} | options if kind == "JPEG" else options))
        return stream.getvalue()

    return encode


@pytest.fixture(scope="session")
def deep_png(shaken):
    """The shaken photo as PNG of 16 bits."""
    from unblur.io import Photo, write_photo

    stream = io.BytesIO()
    samples = np.asarray(shaken).astype(np.uint16) * 257
    write_photo(Photo.from_array(samples), stream, format="png")
    return stream.getvalue()
