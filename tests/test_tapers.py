import numpy as np
import pytest

from unblur.tapers import edge_ramp, hann, ramp_taper


def test_a_ramp_rises_by_half_a_cosine_and_is_flat_beyond():
    ramp = edge_ramp(40, 8)
    assert ramp[0] == pytest.approx(0.5 - 0.5 * np.cos(np.pi / 16))
    assert np.all(np.diff(ramp[:8]) > 0)
    assert np.all(ramp[8:32] == 1)
    np.testing.assert_allclose(ramp, ramp[::-1])


def test_a_taper_is_the_product_of_both_sides_and_falls_over_a_quarter_of_each():
    taper = ramp_taper(20, 48)
    np.testing.assert_allclose(taper, np.outer(edge_ramp(20, 5), edge_ramp(48, 12)), rtol=1e-6)
    assert taper.dtype == np.float32
    assert (ramp_taper(20, 48, 3)[3:-3, 3:-3] == 1).all()


def test_hanns_window_has_no_zeros():
    assert hann(5, 9).shape == (5, 9)
    assert hann(5, 9).min() > 0
    assert hann(5, 9)[2, 4] == pytest.approx(1)
