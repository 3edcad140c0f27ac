"""Transitions carry the offset in force and every change of the next 400 days."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
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


def carefully(zone: str, created: int) -> list[list[int]]:
    """Look at every hour from the creation on, and halve the hour of a change."""
    info = ZoneInfo(zone)

    def offset(epoch: int) -> int:
        found = dt.datetime.fromtimestamp(epoch, info).utcoffset()
        assert found is not None
        return int(found.total_seconds())

    found = [[created, offset(created)]]
    for hour in range(1, 400 * 24 + 1):
        later = created - created % 3600 + hour * 3600
        if offset(later) != found[-1][1]:
            first = next(
                e for e in range(later - 3600, later + 1) if offset(e) == offset(later)
            )
            found.append([first, offset(later)])
    return found


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"]),
    st.integers(0, 399 * 86_400),
)
def test_what_is_remembered_of_a_day_is_right_at_any_second_of_it(
    zone: str, after: int
) -> None:
    created = NEW_YEAR + after
    assert zone_transitions(zone, created) == carefully(zone, created)


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_a_release_made_around_a_change_says_the_offset_in_force(seconds: int) -> None:
    change = 1_774_746_000
    found = zone_transitions("Europe/Berlin", change + seconds)
    assert found == carefully("Europe/Berlin", change + seconds)
    assert found[0][1] == (3600 if seconds < 0 else 7200)
