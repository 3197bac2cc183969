"""Several candidates made one: weights by cost, what FuseNet reads, and how it begins."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.motion.test_guided import BENT, blurry, grid_of  # noqa: F401  (blurry: a fixture)
from unblur.blur import Psf
from unblur.evaluate.metrics import kernel_similarity
from unblur.models.fuse_net import FuseNet
from unblur.models.kernel_net import KernelNet
from unblur.motion.fusion import CANDIDATES, FUSE_MAPS, MEAN_LOG, fuse, fusion_maps, weighed
from unblur.motion.guided import KERNEL_MAPS
from unblur.motion.kernel import observe
from unblur.motion.psf_tools import clean_psf
from unblur.zoo.catalogue import FUSE_NET, weights_path
from unblur.zoo.models import Session

WRONG = Psf.from_line(17, 60)
WIDTHS = {"widths": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}


@pytest.fixture(scope="module")
def seen(blurry):  # noqa: F811
    return observe(blurry)


def test_the_candidate_of_less_energy_weighs_more_and_a_collapsed_one_nothing(seen):
    grids, weights = weighed(seen.window, WRONG, [BENT, Psf.delta(3)])
    assert weights.sum() == pytest.approx(1)
    assert weights[1] > 2 * weights[0] > 0 == weights[2]
    assert grids.shape == (3, 64, 64)


def test_trust_told_beforehand_counts(seen):
    _, alike = weighed(seen.window, WRONG, [BENT])
    _, doubted = weighed(seen.window, WRONG, [BENT], [1.0, 0.1])
    assert doubted[1] / doubted[0] == pytest.approx(0.1 * alike[1] / alike[0], rel=1e-3)


def test_what_fuse_net_reads_tells_each_candidate_and_its_weight(seen):
    found = [BENT, BENT.shifted(2, -1), WRONG]
    maps = dict(zip(FUSE_MAPS, fusion_maps(seen, BENT, found), strict=True))
    _, weights = weighed(seen.window, BENT, found)
    for name, weight in zip(CANDIDATES, weights, strict=True):
        np.testing.assert_allclose(maps[f"{name}_weight"], weight)
        assert maps[name].max() == pytest.approx(1)
    # Shifted candidates are shown where the others lie.
    np.testing.assert_allclose(maps["searched_after_estimate"], maps["estimated"], atol=1e-4)
    assert kernel_similarity(clean_psf(maps["previous"]), BENT) > 0.9


def test_missing_candidates_are_blank(seen):
    maps = dict(zip(FUSE_MAPS, fusion_maps(seen, BENT, [WRONG]), strict=True))
    for name in CANDIDATES[2:]:
        assert not any(maps[name + part].any() for part in ("", "_log", "_weight"))


def test_a_fuse_net_begun_with_kernel_net_gives_the_mean(seen):
    torch.manual_seed(3)
    kernel = KernelNet(maps=KERNEL_MAPS, **WIDTHS)
    network = FuseNet(mean_at=MEAN_LOG, maps=FUSE_MAPS, **WIDTHS)
    network.load_state_dict(network.adopted(kernel.state_dict()))
    maps = fusion_maps(seen, WRONG, [BENT])
    with torch.no_grad():
        psf, _ = network(torch.from_numpy(maps)[None], torch.from_numpy(seen.features.pooled)[None])
    mean = maps[FUSE_MAPS.index("previous")]
    cosine = (psf[0].numpy() * mean).sum() / np.linalg.norm(psf[0]) / np.linalg.norm(mean)
    assert cosine > 0.995  # a floor of a thousandth stays


def test_the_shipped_network_keeps_a_good_candidate_and_doubts_a_bad_one(seen):
    engine = Session(threads=1).network(weights_path(FUSE_NET), "fuse")
    kept, sure = fuse(seen, BENT, [BENT, BENT, BENT], engine)
    assert kernel_similarity(kept, BENT) > 0.85 and 0.5 < sure <= 1
    before = kernel_similarity(WRONG, BENT)
    mended, doubt = fuse(seen, WRONG, [BENT, BENT, WRONG], engine)
    assert kernel_similarity(mended, BENT) > before + 0.2 and 0 <= doubt < sure


def test_a_window_of_no_light_gives_a_psf(seen):
    dark = dataclasses.replace(seen, window=np.zeros_like(seen.window))
    assert np.isfinite(fusion_maps(dark, BENT, [WRONG])).all()
