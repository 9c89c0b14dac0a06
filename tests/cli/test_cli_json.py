"""The commands' own JSON takes what msgspec takes, means the same by it, and writes what msgspec reads."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.cli import _json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
#: No clock judges: neither one example, nor how long it takes to think of one.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
WELL = VALUES.filter(lambda value: "\\ud" not in json.dumps(value))


@PATIENT
@given(WELL)
def test_what_it_writes_msgspec_reads_as_the_same(value: object) -> None:
    assert msgspec.json.decode(_json.write(value)) == value
    assert b"\n" not in _json.write(value)
    assert json.loads(_json.pretty(value)) == value
    assert _json.pretty(value) == json.dumps(value, indent=2)


@PATIENT
@given(WELL)
def test_it_reads_what_others_write(value: object) -> None:
    for text in (msgspec.json.encode(value), json.dumps(value, indent=1), json.dumps(value, ensure_ascii=False)):
        found = _json.read(text)
        assert found == value
        assert type(found) is type(value)


@PATIENT
@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \\u\n', max_size=12))
def test_it_refuses_what_msgspec_refuses(text: str) -> None:
    try:
        theirs: object = msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        with pytest.raises(ValueError):
            _json.read(text)
    else:
        ours = _json.read(text)
        assert ours == theirs or math.isclose(ours, theirs)


@pytest.mark.parametrize(
    "text", ["NaN", "-Infinity", "1e999", '"\\ud800"', "01", "1.", "'x'", "", " ", "1 2", '"\n"', "[1,]", "nul"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        _json.read(text)


@pytest.mark.parametrize("text", [b"\xff", b'"\xc3"', b"\xef\xbb\xbf1"])
def test_bytes_that_are_no_text(text: bytes) -> None:
    with pytest.raises(ValueError):
        _json.read(text)
