"""Training JudgeNet: its samples are trials of one window with their worth, its loss ranks them."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.training.test_paired_samples import HOOK, stored  # noqa: E402
from tests.training.tiny import of_task  # noqa: E402
from unblur.motion.judge import NUMBERS  # noqa: E402
from unblur.training.judge_task import LOSS, JudgeSamples  # noqa: E402
from unblur.training.photos import SharpPhotos  # noqa: E402
from unblur.training.psf_pairs import PsfPair, write_pairs  # noqa: E402
from unblur.training.registry import task_of  # noqa: E402
from unblur.training.windows import drawn_px  # noqa: E402


def config(pairs, **data):
    return dataclasses.replace(
        of_task("judge", crop_px=64, psf_pairs=str(pairs), **data), widths=(4, 8), depths=(1, 1)
    )


def samples_of(made, photos, seed=0):
    maker = JudgeSamples(made, SharpPhotos(photos, "train", smallest_px=drawn_px(made)))
    return maker(np.random.default_rng(seed))[0]


@pytest.fixture(scope="module")
def sample(photos, tmp_path_factory):
    pairs = stored(tmp_path_factory.mktemp("pairs") / "pairs.npz")
    return samples_of(config(pairs), photos)


def test_a_sample_is_a_window_its_trials_and_their_worth(sample):
    trials = len(sample["scores"])
    assert sample["pictures"].shape == (1 + trials, 64, 64)
    assert sample["pictures"].dtype == np.uint8
    assert sample["numbers"].shape == (trials, len(NUMBERS), 1, 1)
    linear = sample["numbers"][:, NUMBERS.index("linear"), 0, 0]
    assert 0 < linear.mean() < 1  # both lights are tried
    assert np.isfinite(sample["scores"]).all()


def test_the_true_psf_makes_the_best_picture(photos, tmp_path):
    """Beside estimates of another motion; shifts between the PSFs do not count."""
    true = HOOK.scaled(1.5)
    write_pairs(tmp_path / "p.npz", [PsfPair(true, {"wrong": (HOOK.scaled(0.6), 0.5)})] * 2)
    made = config(tmp_path / "p.npz", true=1.0, pages=0.0)
    worth = [samples_of(made, photos, seed)["scores"][:3] for seed in range(3)]
    assert (np.mean(worth, axis=0)[1:] + 1 < np.mean(worth, axis=0)[0]).all()


def batch_of(sample):
    task = task_of(config("unused"))
    return {
        k: torch.from_numpy(v)
        for k, v in task.as_it_is({k: v[None] for k, v in sample.items()}).items()
    }


class Telling(torch.nn.Module):
    """Tells given scores."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def forward(self, pictures, numbers):
        assert pictures.shape[:2] == (len(self.scores), 2)
        return self.scores


def test_the_loss_is_least_for_the_right_order_whatever_the_offset(sample):
    task, batch = task_of(config("unused")), batch_of(sample)
    worth = batch["scores"][0]
    capped = torch.maximum(worth, worth.max() - LOSS.most_db)
    right, figures = task.loss(Telling(capped + 7), batch)
    wrong, others = task.loss(Telling(-capped), batch)
    assert float(right) == pytest.approx(0, abs=1e-5)
    assert float(wrong) > 0.5
    assert figures["chosen_db"] == pytest.approx(figures["best_db"])
    assert others["chosen_db"] < figures["chosen_db"]


def test_turning_leaves_windows_and_trials_in_register(sample):
    task = task_of(config("unused"))
    pictures = np.repeat(sample["pictures"][None, :1], 9, axis=1)
    turned = task.augment(
        {**{k: v[None] for k, v in sample.items()}, "pictures": pictures}, np.random.default_rng(3)
    )
    assert (turned["pictures"] == turned["pictures"][:, :1]).all()


def test_a_network_is_trained_and_learns_which_is_better(sample):
    torch.manual_seed(0)
    task, batch = task_of(config("unused")), batch_of(sample)
    network = task.build()
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    losses = []
    for _ in range(40):
        loss, _ = task.loss(network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
