"""Layered scenes: what moved is told with its motion, and what did not is not."""

from dataclasses import fields

import numpy as np
import pytest

from tests.motion.frames import scene
from unblur.blur.camera import CameraRecipe
from unblur.blur.layered import LEAST_PX, LayeredSynthesiser, LayerShares, blob, cells
from unblur.blur.recipe import SynthesisRecipe
from unblur.blur.synthesis import Synthesiser
from unblur.errors import BadValue

CLEAN = CameraRecipe(
    sigma_read=(1e-6, 1e-6), shot=(1e-9, 1e-9), highlight_share=0, tone=(0, 0), jpeg_share=0
)
RECIPE = SynthesisRecipe(
    length_px=(8, 20), shake=0.5, line=0.5, sharp=0, defocus=0, reach_px=16, camera=CLEAN
)
SIDE = 128


def only(**shares):
    none = {one.name: 0.0 for one in fields(LayerShares)}
    return LayerShares(**{**none, **shares})


def drawn(seed, shares):
    photos = iter(scene((SIDE + 32, SIDE + 32), number) for number in range(9))
    compose = LayeredSynthesiser(Synthesiser(RECIPE), shares)
    return compose(lambda: next(photos), np.random.default_rng(seed))


@pytest.mark.parametrize("kind", ["sharp", "pasted", "focus", "hardly"])
def test_where_nothing_moved_nothing_is_told(kind):
    for seed in range(4):
        assert drawn(seed, only(**{kind: 1})).moved == ()


def test_an_object_is_told_by_its_share_of_the_light_and_the_rest_stays_as_it_was():
    found = drawn(5, only(object=1))
    sharp = drawn(5, only(sharp=1)).samples  # of the same photo
    assert found.samples.shape == (SIDE, SIDE, 3)
    cover = sum(layer.share for layer in found.moved)
    assert 0.02 < (cover > 0.5).mean() < 0.8
    assert all(layer.psf.length_px() >= LEAST_PX for layer in found.moved)
    untouched = cover == 0
    assert untouched.any()
    assert np.abs(found.samples - sharp)[untouched].max() < 0.01
    assert np.abs(found.samples - sharp)[cover > 0.9].mean() > 0.02


def test_of_what_all_moved_each_layer_has_its_share():
    for kind in ("panning", "shake", "both"):
        found = drawn(3, only(**{kind: 1}))
        total = sum(layer.share for layer in found.moved)
        assert total.max() <= 1 + 1e-5
        if kind != "panning":
            assert total.min() > 0.99
        else:
            assert total.min() < 0.01


def test_objects_are_of_many_sizes_and_have_soft_borders():
    masks = [blob((96, 128), np.random.default_rng(seed), (0.04, 0.6)) for seed in range(40)]
    shares = [float(mask.mean()) for mask in masks]
    assert min(shares) < 0.1
    assert max(shares) > 0.3
    assert all(((mask > 0.2) & (mask < 0.8)).any() for mask in masks if 0.02 < mask.mean() < 0.98)


def test_cells_are_means():
    plane = np.arange(8 * 20, dtype=np.float32).reshape(8, 20)
    assert np.allclose(cells(plane, 8), [[plane[:, :8].mean(), plane[:, 8:16].mean()]])


def test_shares_that_are_all_nothing_are_refused():
    with pytest.raises(BadValue, match="not all 0"):
        only()
