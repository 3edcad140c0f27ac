"""The fast way to canonical bytes writes what the reference implementation writes."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.canonical import canonical_bytes
from protocol.errors import CanonicalError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@given(VALUES)
@example({"\U0001f600": 1, "\ufb33": 2, "a": 3})
@example({"b": '\x00\x1f\x7f\u2028"\\/\b\f\n\r\t\u20ac', "a": [True, None, -0]})
@example([{"é": 1, "z": (1, 2)}])
def test_both_ways_write_the_same_bytes(value: Any) -> None:  # any JSON
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value", ["\ud800", {"\udfff": 1}, {1: 2}, {"a": object()}, b""]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(CanonicalError):
        canonical_bytes(value)


def test_nesting_without_end_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(CanonicalError):
        canonical_bytes(value)
