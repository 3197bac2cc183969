"""MapNet's samples: cells, turned and cropped as their scenes are; its loss can be learned from."""

import numpy as np
import pytest
import torch

from tests.training.tiny import TINY, of_task
from unblur.blur.layered import Layer, LayeredScene
from unblur.blur.psf import Psf
from unblur.errors import BadValue
from unblur.training.map_task import cells_of
from unblur.training.registry import task_of

LINE = Psf.from_line(16, 30)


def scene(psf=LINE):
    share = np.zeros((128, 128), np.float32)
    share[32:96, 64:] = 1
    picture = np.random.default_rng(0).random((128, 128, 3)).astype(np.float32)
    return LayeredScene(picture, (Layer(psf, share),))


def batch(found):
    pixels = (255 * np.moveaxis(found.samples, 2, 0)).astype(np.uint8)
    return {"image": pixels[None], "cells": cells_of(found)[None]}


def test_a_cell_tells_what_moved_in_it_how_far_and_which_way():
    said = cells_of(scene())
    assert said.shape == (5, 16, 16)
    assert (said[0, 4:12, 8:] == 1).all()
    assert said[0].sum() == 8 * 8
    assert said[1, 5, 9] == pytest.approx(np.log2(LINE.length_px()), abs=0.01)
    assert said[2:4, 5, 9] == pytest.approx([np.cos(np.pi / 3), np.sin(np.pi / 3)], abs=0.1)
    assert not said[:, 0, 0].any()


def test_the_layer_that_most_of_a_cell_is_tells_its_motion():
    whole, part = np.full((64, 64), 0.3, np.float32), np.full((64, 64), 0.7, np.float32)
    picture = np.zeros((64, 64, 3), np.float32)
    found = LayeredScene(picture, (Layer(LINE, whole), Layer(Psf.from_line(6, 0), part)))
    assert np.allclose(cells_of(found)[0], 1, atol=1e-2)
    assert np.allclose(2.0 ** cells_of(found)[1], Psf.from_line(6, 0).length_px(), rtol=0.02)


def test_turned_samples_tell_the_turned_motion():
    task = task_of(of_task("map", window_px=128, crop_px=128))
    seen = set()
    for seed in range(40):
        out = task.augment(batch(scene()), np.random.default_rng(seed))
        where = out["cells"][0, 0] > 0.5
        angle = np.rad2deg(np.arctan2(*out["cells"][0, 3:1:-1][:, where].mean(axis=1))) / 2 % 180
        # Which way it lies: as a square of 8 x 8 cells at the right, left, top or bottom edge.
        rows, columns = (float(side.mean()) for side in np.nonzero(where))
        upright = abs(columns - 7.5) > abs(rows - 7.5)
        seen.add((upright, round(angle)))
    # Mirrored it is -30, with rows and columns swapped -90 - 30 or -90 + 30.
    assert {side for side, angle in seen} == {True, False}
    assert all(min(abs(a - w) for w in ((30, 150) if side else (60, 120))) < 6 for side, a in seen)


def test_a_crop_shows_the_cells_of_its_pixels():
    task = task_of(of_task("map", window_px=128, crop_px=64))
    found = scene()
    marked = np.zeros_like(found.samples)
    marked[32:96, 64:] = 1  # white where it moved
    made = batch(LayeredScene(marked, found.moved))
    for seed in range(12):
        out = task.augment(made, np.random.default_rng(seed))
        assert out["image"].shape == (1, 3, 64, 64)
        white = out["image"][0, 0].reshape(8, 8, 8, 8).mean(axis=(1, 3)) / 255
        assert np.allclose(white, out["cells"][0, 0], atol=0.02)


def test_the_truth_costs_less_than_anything_else():
    task = task_of(of_task("map", window_px=128, crop_px=128))
    made = {k: torch.from_numpy(v.astype(np.float32)) for k, v in batch(scene()).items()}
    truth = made["cells"]

    def cost(moved, length, cosine):
        out = torch.stack([moved, length, torch.full_like(moved, -2), cosine, truth[:, 3]], dim=1)
        return float(task.loss(lambda image: out, made)[0])

    right = 12 * (truth[:, 0] - 0.5), truth[:, 1], truth[:, 2]
    least = cost(*right)
    assert cost(-right[0], *right[1:]) > least + 1
    assert cost(right[0], truth[:, 1] + 1, right[2]) > least + 0.1
    assert cost(*right[:2], -truth[:, 2]) > least + 0.1


def test_it_learns():
    task = task_of(of_task("map", window_px=128, crop_px=64))
    torch.manual_seed(0)
    network = task.build()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    made = batch(scene())
    costs = []
    out = {k: torch.from_numpy(v) for k, v in task.as_it_is(made).items()}
    for _ in range(15):
        loss, _ = task.loss(network, out)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        costs.append(float(loss.detach()))
    assert np.mean(costs[-3:]) < 0.8 * np.mean(costs[:3])


def test_sides_that_the_network_cannot_take_are_refused():
    for wrong in ({"window_px": 100}, {"crop_px": 40}, {"window_px": 128, "crop_px": 160}):
        with pytest.raises(BadValue, match="must be"):
            of_task("map", TINY, **{"crop_px": 64, **wrong})
