"""Configs of strangers: a value, or one error in one line."""

import json

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from unblur.errors import BadValue
from unblur.pipeline.settings import Settings, read_settings
from unblur.toml import from_dict

HOSTILE = {
    "endless number": b"strength = " + b"9" * 5000,
    "endless hexadecimal": b"likely = 0x" + b"f" * 5000,
    "endless in a list": b"probability = [0x" + b"f" * 5000 + b", 1]",
    "nested": b"strength = " + b"[" * 5000 + b"]" * 5000,
    "nested tables": b"strength = " + b"{a=" * 3000 + b"1" + b"}" * 3000,
    "dotted": b".".join([b"a"] * 5000) + b" = 1",
    "no number": b"strength = nan",
    "infinite": b"regularisation = -inf",
    "true": b"strength = true",
    "date": b"strength = 2026-01-02",
    "no UTF-8": b"strength = '\xff'",
    "long key": b"'" + b"k" * 100_000 + b"' = 1",
    "long value": b"strength = '" + b"v" * 100_000 + b"'",
    "key of many lines": b'"a\\nb" = 1',
    "too long": b"# " + b"x" * 1_100_000,
    "table in place of a number": b"[strength]\na = 1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_our_error(tmp_path, name):
    path = tmp_path / "s.toml"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(BadValue) as caught:
        read_settings(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


@pytest.mark.parametrize("values", [None, [], "x", 3])
def test_what_is_no_table(values):
    with pytest.raises(BadValue, match="must be a table"):
        from_dict(Settings, values, where="here")


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(BadValue):
            read_settings(path)


TEXTS = st.sampled_from(
    ["strength", "probability", " = ", "[", "]", "{", "}", "0.5", "1e999", "'", '"', "\n", ",", "#"]
)


@seed(11)
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(TEXTS | st.text(max_size=3), max_size=12))
def test_any_text_is_settings_or_our_error(tmp_path, parts):
    path = tmp_path / "s.toml"
    path.write_text("".join(parts), encoding="utf-8", errors="replace", newline="")
    try:
        assert isinstance(read_settings(path), Settings)
    except BadValue as error:
        assert "\n" not in str(error)


@seed(12)
@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["strength", "probability", "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.lists(st.floats(), max_size=3),
    )
)
def test_any_values_are_settings_or_our_error(values):
    try:
        from_dict(Settings, json.loads(json.dumps(values)), where="here")
    except BadValue as error:
        assert "\n" not in str(error)
