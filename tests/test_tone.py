"""Tone curves: known values, ways back, slopes, refusals."""

import numpy as np
import pytest

from unblur.color import srgb_to_linear
from unblur.errors import BadValue
from unblur.tone import LINEAR, SRGB, ToneCurve, power_curve, table_curve

RAMP = np.linspace(0, 1, 511, dtype=np.float32)
CURVES = [
    SRGB,
    LINEAR,
    power_curve(1.8),
    power_curve(2.2),
    table_curve("table", np.linspace(0, 1, 4096) ** 2.4),
]


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_the_way_back_ends_where_it_began(curve: ToneCurve) -> None:
    back = curve.to_encoded(curve.to_linear(RAMP))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, RAMP, atol=2e-4)


def test_srgb_is_the_very_function() -> None:
    assert np.array_equal(SRGB.to_linear(RAMP), srgb_to_linear(RAMP))


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_the_slope_is_the_derivative(curve: ToneCurve) -> None:
    inner = RAMP[20:-20]
    light = curve.to_linear(RAMP).astype(np.float64)
    expected = ((light[2:] - light[:-2]) * 255)[19:-19]
    np.testing.assert_allclose(curve.slope(inner), expected, rtol=0.03, atol=0.01)


def test_a_power_is_a_power() -> None:
    assert power_curve(2.0).to_linear(np.float32([0.5]))[0] == pytest.approx(0.25)
    assert power_curve(1.0) is LINEAR


def test_channels_may_have_curves_of_their_own() -> None:
    table = np.stack([np.linspace(0, 1, 256) ** g for g in (1.0, 1.5, 2.0)])
    light = table_curve("profile", table).to_linear(np.full((3, 4, 3), 0.49, np.float32))
    np.testing.assert_allclose(light[1, 2], [0.49, 0.343, 0.2401], atol=1e-4)


def test_equal_curves_are_equal() -> None:
    ramp = np.linspace(0, 1, 64)
    assert power_curve(2.2) == power_curve(2.2) != SRGB
    assert table_curve("a", ramp) == table_curve("b", ramp) != table_curve("a", ramp**2)


@pytest.mark.parametrize(
    "table", [[1.0], [0, np.nan], [0, 0.5, 0.4, 1], [1, 1], np.zeros((2, 2, 2))]
)
def test_what_is_no_curve_is_refused(table: object) -> None:
    with pytest.raises(BadValue):
        table_curve("bad", np.asarray(table))


def test_an_exponent_out_of_range_is_refused() -> None:
    with pytest.raises(BadValue, match="gamma"):
        power_curve(0.0)
