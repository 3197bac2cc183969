"""Pages of text that are drawn for training."""

import numpy as np
import pytest

from unblur.training.pages import draw_page


def test_the_same_seed_draws_the_same_page_and_another_another():
    pages = [draw_page(64, 96, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert pages[0].shape == (64, 96, 3)
    assert pages[0].dtype == np.float32
    assert (pages[0] == pages[1]).all()
    assert (pages[0] != pages[2]).any()


@pytest.mark.parametrize("seed", range(8))
def test_a_page_is_paper_with_some_ink_on_it(seed):
    page = draw_page(160, 160, np.random.default_rng(seed))
    assert page.min() >= 0
    assert page.max() <= 1
    luma = page.mean(axis=2)
    middle = np.median(luma)
    assert 0.4 < (np.abs(luma - middle) < 0.1).mean() < 0.995
    assert np.abs(luma - middle).max() > 0.1


def test_pages_are_dark_on_light_and_light_on_dark():
    kinds = set()
    for seed in range(30):
        luma = draw_page(96, 96, np.random.default_rng(seed)).mean(axis=2)
        kinds.add(bool(np.median(luma) > luma.mean()))
    assert kinds == {True, False}
