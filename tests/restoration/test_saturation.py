"""What counts as saturated, the same for both banks."""

import numpy as np
import pytest

from unblur.restoration.lifted import LIFTED
from unblur.restoration.saturation import SATURATION, matter, saturated_samples
from unblur.restoration.tv_bank import TV_BANK


@pytest.mark.parametrize(
    ("noise", "white"), [(0.0, 0.985), (0.005, 0.985), (0.02, 0.946), (0.1, 0.9)]
)
def test_the_threshold_follows_the_noise_within_bounds(noise, white):
    light = np.float32([[white - 1e-3, white + 1e-3]])
    assert saturated_samples(light, noise).tolist() == [[False, True]]


def test_specks_on_paper_do_not_matter():
    few = np.zeros((500, 500), bool)
    few[3, :4] = True
    assert not matter(few)
    few[3, 4] = True
    assert matter(few)


def test_both_banks_go_by_it():
    assert TV_BANK.saturation is LIFTED.saturation is SATURATION
