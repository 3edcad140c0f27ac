"""The pattern language of conditions: what it means, and that it cannot hang."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.errors import PatternInvalidError
from apps.approvals.rules.patterns import compile_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"^OPS-\d+$", "OPS-7", True),
        (r"OPS-\d+", "OPS-7", True),
        (r"OPS-\d+", "see OPS-7", False),
        (r"OPS-\d{2,3}", "OPS-1", False),
        (r"(OPS|SEC)-[0-9]{4}", "SEC-1234", True),
        (r"[^a-c]+", "xyz", True),
        (r"[^a-c]+", "xaz", False),
        (r"a\.b?", "a.", True),
        (r"a\.b?", "axb", False),
        (r"", "x", None),
    ],
)
def test_a_pattern_describes_the_whole_text(
    pattern: str, text: str, fits: object
) -> None:
    if fits is None:
        with pytest.raises(PatternInvalidError):
            matches(pattern, text)
    else:
        assert matches(pattern, text) is fits


@pytest.mark.parametrize("pattern", ["(", "[a", "a{", "a{3,1}", "*a", r"\1", "(?=a)"])
def test_what_is_not_in_the_language_is_refused(pattern: str) -> None:
    with pytest.raises(PatternInvalidError):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["((a+)+)+b", "(a|a|a)*b", "(a*)*b", "(((a?){100}){100}){100}b", "(){100}b"],
)
def test_patterns_that_hang_elsewhere_answer_at_once(pattern: str) -> None:
    start = time.perf_counter()
    assert not matches(pattern, "a" * 400)
    assert time.perf_counter() - start < 2


PIECES = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        inner.map(lambda one: f"({one})*"),
        inner.map(lambda one: f"({one})?"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
    ),
    max_leaves=5,
)


@given(PIECES, st.text("ab1", max_size=8))
def test_it_agrees_with_the_standard_library(pattern: str, text: str) -> None:
    try:
        found = matches(pattern, text)
    except PatternInvalidError:
        return
    assert found is (re.fullmatch(pattern, text) is not None)
