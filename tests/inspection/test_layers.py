"""What moved how is shown as layers, each with its path, that can be switched."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.motion.frames import WHITE, framed, moved, scene, written
from tests.pipeline.fakes import Brighten, FakeKernelEngine, models_of
from tests.pipeline.test_pasted import SharpAsAWhole, Windows, panned, with_something_that_moved
from unblur.blur.psf import Psf
from unblur.inspection import layering
from unblur.inspection.facts import inspect_photo
from unblur.inspection.page import page
from unblur.inspection.sheet import sheet
from unblur.io import Photo
from unblur.pipeline.layers import Layers

pytestmark = pytest.mark.usefixtures("light_may_change")

LINE, POINT = Psf.from_line(9, 0), Psf.from_line(2, 0)


class Known:
    """A session whose estimator is a stand-in."""

    def __init__(self, estimator):
        self._models = replace(models_of(Brighten(), FakeKernelEngine()), estimator=estimator)

    def models(self):
        return self._models


def inspected(samples, estimator):
    return inspect_photo(Photo(samples), name="street.jpg", session=Known(estimator))


def where(layers: Layers, kind):
    """The cells of the layers of a kind."""
    numbers = [n for n, layer in enumerate(layers.layers) if layer.kind == kind]
    return np.isin(layers.labels, numbers)


@pytest.fixture(scope="module")
def street():
    """A sharp photo in a frame, in which a disc moved: inspected; and where the disc is."""
    samples, disc = with_something_that_moved()

    class Framed(SharpAsAWhole):
        pass

    seen = inspected(framed(samples, WHITE, 24), Framed(disc))
    return seen, np.pad(disc, 24)


def test_a_frame_a_still_background_and_what_moved_before_it_are_three_layers(street):
    seen, disc = street
    layers = seen.layers
    assert [layer.kind for layer in layers.layers] == ["pasted", "still", "object"]
    assert layers.cell_px == 1
    assert where(layers, "pasted")[:24].all()
    assert not where(layers, "pasted")[24:-24, 24:-24].any()
    assert where(layers, "object")[disc].mean() > 0.7
    assert where(layers, "still")[24:-24, 24:-24][~disc[24:-24, 24:-24]].mean() > 0.9
    mover = layers.layers[2]
    assert mover.psf.length_px() == pytest.approx(14, abs=2)
    assert mover.confidence > 0.5
    y, x = (int(side) for side in mover.centre)
    assert layers.labels[y, x] == 2
    assert not seen.reason  # it is undone unasked


def test_the_camera_moved_what_a_still_subject_stands_before():
    samples, subject = panned()
    seen = inspected(samples, Windows(lambda y, x: POINT if subject[y, x] else LINE))
    assert {layer.kind for layer in seen.layers.layers} == {"still", "camera"}
    assert where(seen.layers, "still")[subject].mean() > 0.9
    assert where(seen.layers, "camera")[~subject].mean() > 0.4
    whole = inspected(moved(scene((260, 340))), Windows(lambda y, x: LINE)).layers
    assert [layer.kind for layer in whole.layers] == ["camera"]
    assert whole.layers[0].share == 1


def test_drawn_text_is_no_part_of_the_exposure():
    photo = moved(scene((260, 340)))
    stamp = written(photo, [((150, 228), "2024-07-13 18:42:07")], WHITE, 16)
    layers = inspected(stamp, Windows(lambda y, x: LINE)).layers
    assert [layer.kind for layer in layers.layers] == ["pasted", "camera"]
    assert where(layers, "pasted")[(stamp != photo).any(axis=2)].mean() > 0.9


def test_numbers_tell_each_layer(street):
    told = json.loads(json.dumps(street[0].to_dict(), allow_nan=False))
    assert [one["kind"] for one in told["layers"]] == ["pasted", "still", "object"]
    assert sum(one["share"] for one in told["layers"]) == pytest.approx(1, abs=1e-3)
    assert told["layers"][0]["length_px"] is None
    assert told["layers"][2]["length_px"] == pytest.approx(14, abs=2)
    with np.load(io.BytesIO(street[0].to_npz())) as arrays:
        assert np.array_equal(arrays["layers"], street[0].layers.labels)


def test_each_cover_is_a_layer_with_its_path(street):
    seen, disc = street
    object_, still = (layering.cover(seen, number) for number in (2, 1))
    inside = np.asarray(
        Image.fromarray(disc).resize(object_.shape[1::-1], Image.Resampling.NEAREST)
    )
    assert (object_[..., 3] > 0)[inside].mean() > 0.7
    assert (object_[..., 3] > 0)[~inside].mean() < 0.1
    white = (object_ == 255).all(axis=2)
    assert 20 < white.sum() < 0.3 * inside.sum()
    assert not (still == 255).all(axis=2).any()  # what did not move has no path
    colours = {layering.colour_of(seen.layers, number) for number in range(3)}
    assert len(colours) == 3


def test_the_page_switches_each_layer_without_a_script(street):
    text = page(street[0]).decode()
    assert "<script" not in text
    boxes = re.findall(r'<input type="checkbox" id="(layer\d)" checked>', text)
    assert boxes == ["layer0", "layer1", "layer2"]
    for name in boxes:
        assert f".layers:has(#{name}:not(:checked)) .{name}{{display:none}}" in text
        assert re.search(rf'<img class="{name}" alt="[^"]+" src="data:image/png', text)
    assert "Not part of the exposure" in text
    assert re.search(r"1[34]\.\d px at \d+°, \d+ % of the photo, confidence", text)


def test_the_sheet_shows_the_map(street):
    picture = np.asarray(Image.open(io.BytesIO(sheet(street[0]))).convert("RGB"))
    for number in range(3):
        colour = layering.colour_of(street[0].layers, number)
        assert (picture == colour).all(axis=2).sum() >= 20 * 20
