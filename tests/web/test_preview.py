"""The preview of a large photo: soon there, screen size, and only where something moved."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from tests.web.serving import SHAKEN, SHARP, Client
from unblur.io import read_photo
from unblur.io.sources import as_photo
from unblur.runtime import ONE_THREAD
from unblur.web.preview import LONGEST_PX, NAME, write_preview
from unblur.zoo.models import Session


@pytest.fixture(scope="module")
def session():
    return Session(runtime=ONE_THREAD)


def large(path, factor=4):
    """The photo magnified, as large as photos of cameras are."""
    with Image.open(path) as image:
        size = (factor * image.width, factor * image.height)
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))


def sharp():
    """A large sharp photo: the same one, side by side."""
    with Image.open(SHARP) as image:
        return np.tile(np.asarray(image.convert("RGB")), (4, 4, 1))


def test_a_large_shaken_photo_has_a_sharper_preview(session, tmp_path):
    samples = large(SHAKEN)
    assert write_preview(as_photo(samples), tmp_path, session)
    with Image.open(tmp_path / NAME) as image:
        shown = np.asarray(image.convert("L"), np.float32)
    step = -(-max(samples.shape) // LONGEST_PX)
    before = np.asarray(Image.fromarray(samples).reduce(step).convert("L"), np.float32)
    assert shown.shape == before.shape and max(shown.shape) <= LONGEST_PX
    steps = [float(np.abs(np.diff(plane, axis=1)).mean()) for plane in (before, shown)]
    assert steps[1] > 1.1 * steps[0]


def test_small_photos_and_sharp_ones_have_none(session, tmp_path):
    assert not write_preview(read_photo(SHAKEN), tmp_path, session)
    assert not write_preview(as_photo(sharp()), tmp_path, session)
    assert not list(tmp_path.iterdir())


def test_a_photo_far_too_narrow_has_none(session, tmp_path):
    narrow = np.zeros((40, 60_000, 3), np.uint8)
    assert not write_preview(as_photo(narrow), tmp_path, session)


def test_the_preview_is_there_before_the_result(server):
    with io.BytesIO() as stream:
        Image.fromarray(large(SHAKEN)).save(stream, "JPEG", quality=92)
        data = stream.getvalue()
    client = Client(server[0]).begin()
    job = client.order(client.send(data)["id"])
    until = time.monotonic() + 100
    while not (row := client.json("GET", f"/api/jobs/{job['id']}"))["preview"]:
        assert row["state"] in ("queued", "running") and time.monotonic() < until, row
        time.sleep(0.05)
    assert row["state"] == "running"
    status, _, picture = client.ask("GET", f"/api/jobs/{job['id']}/preview")
    with Image.open(io.BytesIO(picture)) as image:
        assert status == 200 and max(image.size) <= LONGEST_PX
    client.json("DELETE", f"/api/jobs/{job['id']}", status=204)
