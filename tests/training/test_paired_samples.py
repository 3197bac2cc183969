"""Samples from stored PSF pairs: what is stored comes back, and banks are made with it."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.training.tiny import TINY, of_task  # noqa: E402
from unblur.blur.psf import Psf  # noqa: E402
from unblur.errors import BadValue  # noqa: E402
from unblur.training.paired_samples import PAIRED, PairedMaker  # noqa: E402
from unblur.training.photos import SharpPhotos  # noqa: E402
from unblur.training.psf_pairs import PsfPair, read_pairs, write_pairs  # noqa: E402
from unblur.training.registry import task_of  # noqa: E402
from unblur.training.restore_task import RestoreSamples  # noqa: E402
from unblur.training.windows import drawn_px  # noqa: E402

HOOK = Psf.from_points([(-4, 0), (-2, 0), (0, 0), (2, 1), (3, 4)], size=11)


def stored(path, count=30):
    pairs = [
        PsfPair(Psf.from_line(3 + i % 9, 13 * i), {"searched": (HOOK, 0.5)}) for i in range(count)
    ]
    pairs[1] = PsfPair(HOOK, {"searched": (HOOK, 0.25), "fused": (Psf.from_line(5, 90), 0.75)})
    write_pairs(path, pairs)
    return path


def test_pairs_come_back_as_they_were_stored(tmp_path):
    pairs = read_pairs(stored(tmp_path / "pairs.npz"))
    assert len(pairs) == 30
    np.testing.assert_allclose(pairs[1].true.embedded(31), HOOK.embedded(31), atol=1e-6)
    assert set(pairs[0].candidates) == {"searched"}
    assert pairs[1].candidates["fused"][1] == 0.75
    assert pairs[1].candidates["fused"][0].angle_deg() == pytest.approx(90, abs=1)


def test_a_turned_pair_is_that_of_the_turned_photo():
    pair = PsfPair(HOOK, {"searched": (HOOK, 0.5)}).turned(1, mirror=True)
    expected = np.rot90(HOOK.array)[:, ::-1]
    np.testing.assert_allclose(pair.true.array, expected)
    np.testing.assert_allclose(pair.candidates["searched"][0].array, expected)


@pytest.mark.parametrize("content", [b"", b"not a file of arrays"])
def test_what_holds_no_pairs_is_refused(tmp_path, content):
    (tmp_path / "pairs.npz").write_bytes(content)
    with pytest.raises(BadValue, match="pairs"):
        read_pairs(tmp_path / "pairs.npz")


def config(pairs):
    return dataclasses.replace(
        of_task("restore", bank="tv", crop_px=64, crops=2, psf_pairs=str(pairs)),
        network="blend_net",
        widths=(8, 8),
        depths=(1, 1),
    )


def test_samples_are_as_many_and_the_same_for_the_same_seed(photos, tmp_path):
    chosen = config(stored(tmp_path / "pairs.npz"))
    sharp = SharpPhotos(photos, "train", smallest_px=drawn_px(chosen))
    first, again = (RestoreSamples(chosen, sharp)(np.random.default_rng(5)) for _ in range(2))
    assert len(first) == 2
    assert first[0]["image"].shape == (13, 64, 64) and first[0]["sharp"].shape == (3, 64, 64)
    assert all(np.array_equal(a["image"], b["image"]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0]["image"][:3], first[0]["sharp"])


def test_with_the_true_psf_the_bank_is_nearer_to_the_sharp_photo(photos, tmp_path):
    chosen = config(stored(tmp_path / "pairs.npz"))
    sharp = SharpPhotos(photos, "train", smallest_px=drawn_px(chosen))
    samples = RestoreSamples(chosen, sharp)
    quiet = dataclasses.replace(TINY.recipe.camera, sigma_read=(0.001, 0.0011), jpeg_share=0.0)
    synthesise = type(samples.synthesise)(dataclasses.replace(chosen.recipe, camera=quiet))
    recipe = dataclasses.replace(
        PAIRED, candidates=0, true=1, objects=0, sharp=0, defocus=0, pages=0
    )
    make = PairedMaker(tmp_path / "pairs.npz", synthesise, validation=False, recipe=recipe)
    rng = np.random.default_rng(6)
    made = [s for _ in range(4) for s in make(samples.window(rng), 64, 1, rng)]
    blurry, crisp = (
        np.mean([np.abs(s["image"][i : i + 3].astype(int) - s["sharp"]).mean() for s in made])
        for i in (0, 3)
    )
    assert crisp < 0.85 * blurry


def test_validation_has_pairs_of_its_own(tmp_path):
    path = stored(tmp_path / "pairs.npz", 26)
    synthesise = None
    held, kept = (
        PairedMaker(path, synthesise, validation=v)._pairs  # type: ignore[arg-type]
        for v in (True, False)
    )
    assert (len(held), len(kept)) == (2, 24)


def test_what_is_worse_than_the_best_picture_costs(photos, tmp_path):
    task = task_of(config(stored(tmp_path / "pairs.npz")))
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 13, 32, 32, generator=generator) * 255
    batch = {"image": image, "sharp": image[:, 3:6].clone()}

    def loss(picture):
        return float(task.loss(lambda x: picture(x), batch)[0])

    assert loss(lambda x: x[:, 3:6]) < 0.01 < loss(lambda x: x[:, :3])
