"""Windows mean the same in Python and in Cedar, also when clocks change."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import cedar
from engine.calendar import is_open, next_transitions, window_condition, zone_fields
from protocol.records import WindowRecord
from protocol.zones import zone_transitions

CREATED = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp())
ZONES = {
    zone: zone_transitions(zone, CREATED)
    for zone in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia")
}


def window(
    start: int,
    end: int,
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5),
    *,
    date_until: str | None = None,
) -> WindowRecord:
    zone = "Europe/Berlin"
    return WindowRecord("w", "w", zone, weekdays, start, end, None, date_until)


def berlin(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def opened(record: WindowRecord, now: dt.datetime) -> bool:
    return is_open(record, now, ZONES[record.zone])


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T07:59:59+01:00", False),
        ("2026-11-20T08:00:00+01:00", True),
        ("2026-11-20T17:59:59+01:00", True),
        ("2026-11-20T18:00:00+01:00", False),
        ("2026-11-21T12:00:00+01:00", False),
    ],
)
def test_office_hours_include_their_start_and_exclude_their_end(
    moment: str, *, expected: bool
) -> None:
    assert opened(window(480, 1080), berlin(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T22:00:00+01:00", True),
        ("2026-11-21T05:59:00+01:00", True),
        ("2026-11-21T06:00:00+01:00", False),
        ("2026-11-21T22:00:00+01:00", False),
        ("2026-11-23T05:00:00+01:00", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_starts(
    moment: str, *, expected: bool
) -> None:
    assert opened(window(1320, 360), berlin(moment)) is expected


def test_the_last_date_of_a_night_window_covers_the_morning_after() -> None:
    night = window(1320, 360, date_until="2026-11-20")
    assert opened(night, berlin("2026-11-21T05:00:00+01:00"))
    assert not opened(night, berlin("2026-11-20T05:00:00+01:00").replace(year=2027))


def test_a_window_inside_the_spring_gap_opens_when_its_start_has_passed() -> None:
    gap = window(150, 240, weekdays=(7,))
    assert not opened(gap, berlin("2026-03-29T01:59:59+01:00"))
    assert opened(gap, berlin("2026-03-29T03:00:00+02:00"))


def test_a_window_over_the_repeated_hour_is_open_both_times() -> None:
    twice = window(120, 180, weekdays=(7,))
    assert opened(twice, berlin("2026-10-25T02:30:00+02:00"))
    assert opened(twice, berlin("2026-10-25T02:30:00+01:00"))


def test_the_next_transitions_alternate_and_start_in_the_future() -> None:
    now = berlin("2026-11-20T12:00:00+01:00")
    found = next_transitions(window(480, 1080), now, ZONES["Europe/Berlin"])
    assert [state for _, state in found] == [False, True] * 5
    assert found[0][0] == berlin("2026-11-20T18:00:00+01:00")
    assert found[1][0] == berlin("2026-11-23T08:00:00+01:00")


def test_the_next_transitions_are_exact_when_two_days_share_an_hour() -> None:
    days = (1, 2, 3, 4, 5, 6, 7)
    now = berlin("2026-07-01T12:00:00+02:00")
    found = next_transitions(window(0, 1410, days), now, ZONES["Europe/Berlin"], 2)
    assert found == [
        (berlin("2026-07-01T23:30:00+02:00"), False),
        (berlin("2026-07-02T00:00:00+02:00"), True),
    ]


minutes = st.integers(0, 1439)
dates = st.one_of(
    st.none(), st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31)).map(str)
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(ZONES)),
    st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))),
    minutes,
    st.integers(0, 1440),
    dates,
    dates,
    st.datetimes(dt.datetime(2026, 1, 2), dt.datetime(2026, 12, 30)),  # noqa: DTZ001
)
def test_the_cedar_expression_agrees_with_the_calendar(
    zone: str,
    weekdays: tuple[int, ...],
    start: int,
    end: int,
    first: str | None,
    last: str | None,
    moment: dt.datetime,
) -> None:
    record = WindowRecord("w", "w", zone, weekdays, start, end, first, last)
    now = moment.replace(tzinfo=dt.UTC)
    condition = window_condition(record)
    text = f'@id("w")\npermit (principal, action, resource) when {{ {condition} }};'
    found = cedar.evaluate(
        {
            "principal": {"type": "User", "id": "u"},
            "action": {"type": "Action", "id": "a"},
            "resource": {"type": "R", "id": "r"},
            "context": {"t": {zone: zone_fields(ZONES[zone], now)}},
        },
        cedar.parse_policies(text),
        [],
    )
    assert found.errors == ()
    assert found.allowed == is_open(record, now, ZONES[zone])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(ZONES)), st.integers(0, 364 * 86_400))
def test_shipped_transitions_give_the_local_time_of_the_zone(
    zone: str, seconds: int
) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    now = dt.datetime.fromtimestamp(CREATED + seconds, dt.UTC)
    local = now.astimezone(ZoneInfo(zone))
    fields = zone_fields(ZONES[zone], now)
    assert fields["min"] == local.hour * 60 + local.minute
    assert fields["wd"] == local.isoweekday()
    assert fields["ymd"] == int(local.strftime("%Y%m%d"))
