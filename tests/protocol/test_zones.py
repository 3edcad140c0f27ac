"""Transitions carry the offset in force and every change of the next 400 days."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import RecordError
from protocol.zones import zone_transitions

NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00:00Z


def test_berlin_changes_at_one_o_clock_utc() -> None:
    assert zone_transitions("Europe/Berlin", NEW_YEAR) == [
        [NEW_YEAR, 3600],
        [1_774_746_000, 7200],
        [1_792_890_000, 3600],
    ]


def test_a_zone_without_summer_time_has_one_entry() -> None:
    assert zone_transitions("UTC", NEW_YEAR) == [[NEW_YEAR, 0]]


@given(
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]),
    st.integers(0, 399 * 86_400),
)
def test_the_last_entry_before_a_moment_is_its_offset(zone: str, after: int) -> None:
    epoch = NEW_YEAR + after
    found = [o for start, o in zone_transitions(zone, NEW_YEAR) if start <= epoch][-1]
    offset = dt.datetime.fromtimestamp(epoch, ZoneInfo(zone)).utcoffset()
    assert offset == dt.timedelta(seconds=found)


@pytest.mark.parametrize("zone", ["Europe/Berlyn", "../etc/passwd", "/etc/passwd"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(RecordError) as caught:
        zone_transitions(zone, NEW_YEAR)
    assert caught.value.field == "zone"
