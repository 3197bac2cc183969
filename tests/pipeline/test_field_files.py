"""Motion fields written, edited, given back."""

from dataclasses import replace

import numpy as np
import pytest

from tests.motion.test_coarse_to_fine import scene
from unblur.blur.formation import apply_psf_grid
from unblur.blur.psf import Psf
from unblur.blur.psf_files import save_psf
from unblur.color import linear_to_srgb, quantise
from unblur.errors import BadPsf
from unblur.motion.field import MotionField, uniform_field
from unblur.pipeline.facade import restore
from unblur.pipeline.field_files import field_arrays, field_bytes, load_motion
from unblur.psnr import psnr_db

LEFT, RIGHT = Psf.from_line(11, 0).cropped(), Psf.from_points([(-3, -3), (0, 0), (4, 5)]).cropped()


def varying(shape, noise=0.002):
    one = uniform_field(shape, LEFT, noise).windows[0][0]
    windows = ((one, replace(one, psf=RIGHT, confidence=0.7)),)
    return MotionField(shape, 1, (shape[0] / 2,), (0.0, float(shape[1])), windows, uniform=False)


def saved(field, path, **changes):
    arrays = {**field_arrays(field), **changes}
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_a_field_comes_back_as_it_was(tmp_path):
    field = varying((90, 131))
    (tmp_path / "field.npz").write_bytes(field_bytes(field))
    back = load_motion(tmp_path / "field.npz")
    assert (back.shape, back.scale, back.uniform) == ((90, 131), 1, False)
    assert (back.centres_y, back.centres_x) == (field.centres_y, field.centres_x)
    for found, wanted in zip(back.windows[0], field.windows[0], strict=True):
        np.testing.assert_allclose(found.psf.array, wanted.psf.array, atol=1e-7)
        assert found.confidence == pytest.approx(wanted.confidence)
        assert found.noise == pytest.approx(wanted.noise)


def test_a_varying_field_given_to_the_restoration_undoes_each_side_with_its_own(tmp_path):
    linear = np.repeat(scene()[..., None], 3, axis=2)
    moved = apply_psf_grid(linear, ((LEFT, RIGHT),))
    sharp, blurry = (quantise(linear_to_srgb(x), np.dtype(np.uint8)) for x in (linear, moved))
    # Nodes on the borders, as the blur had them.
    path = saved(varying(sharp.shape[:2]), tmp_path / "field.npz")
    given = restore(blurry, model="wiener", psf=path).samples
    single = restore(blurry, model="wiener", psf=LEFT).samples
    half = sharp.shape[1] // 2

    def score(image, part):
        return psnr_db(image[:, part], sharp[:, part], data_range=255)

    assert score(given, slice(None)) > score(blurry, slice(None)) + 1
    assert score(given, slice(half, None)) > score(single, slice(half, None)) + 2


def test_what_a_hand_made_file_leaves_out_is_filled_in(tmp_path):
    names = ("scale", "confidence", "blur_probability", "noise", "length_px", "angle_deg")
    path = saved(varying((120, 140)), tmp_path / "f.npz", **dict.fromkeys(names))
    assert np.isnan(load_motion(path).windows[0][0].noise)
    restored = restore(np.full((120, 140, 3), 90, np.uint8), model="wiener", psf=path)
    assert np.isfinite(restored.report.noise)


def test_an_edited_window_makes_a_uniform_field_a_varying_one(tmp_path):
    field = uniform_field((80, 90), LEFT, 0.01)
    windows = ((field.windows[0][0],) * 2,)
    field = replace(field, centres_x=(20.0, 70.0), windows=windows)
    psfs = field_arrays(field)["psfs"].copy()
    assert load_motion(saved(field, tmp_path / "a.npz")).uniform
    psfs[0, 1] = psfs[0, 1].T
    assert not load_motion(saved(field, tmp_path / "b.npz", psfs=psfs)).uniform


def test_single_psfs_are_read_as_before_and_true_ones_of_pairs_as_well(tmp_path):
    save_psf(RIGHT, tmp_path / "one.png")
    np.testing.assert_allclose(
        load_motion(tmp_path / "one.png").array, RIGHT.array, atol=1e-4 * RIGHT.array.max() + 1e-5
    )
    np.savez(tmp_path / "one.npz", psf=RIGHT.array)
    assert load_motion(tmp_path / "one.npz").shape == RIGHT.shape
    np.savez(tmp_path / "true.npz", psfs=RIGHT.array[None, None], kind=np.array("shake"))
    assert load_motion(tmp_path / "true.npz").shape == RIGHT.shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"psfs": np.ones((3, 3))}, "rows, columns"),
        ({"shape": None}, "also needs shape"),
        ({"centres_x": np.array([5.0, 5.0])}, "rising"),
        ({"centres_x": np.array([5.0])}, "rising"),
        ({"scale": np.array(0)}, "scale"),
        ({"confidence": np.ones((2, 2))}, "confidence"),
        ({"psfs": np.zeros((1, 2, 5, 5))}, "PSF"),
        ({"psfs": np.ones((1, 2, 4, 4))}, "odd"),
    ],
)
def test_bad_fields_are_refused_with_the_reason(tmp_path, changes, message):
    path = saved(varying((80, 90)), tmp_path / "bad.npz", **changes)
    with pytest.raises(BadPsf, match=message) as caught:
        load_motion(path)
    assert "bad.npz" in str(caught.value)


def test_damaged_files_and_fields_of_other_photos_are_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(BadPsf, match="export it again"):
        load_motion(tmp_path / "x.npz")
    with pytest.raises(BadPsf, match="90 x 80"):
        restore(np.zeros((100, 120, 3), np.uint8), psf=varying((80, 90)))
