"""Windows mean the same in Python and in Cedar, also when clocks change."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import cedar
from engine.calendar import is_open, next_transitions, window_condition, zone_fields
from engine.schema import base_schema
from protocol.records import WindowRecord
from protocol.zones import zone_transitions

CREATED = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp())
ZONES = {
    zone: zone_transitions(zone, CREATED)
    for zone in (
        *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
        *("Asia/Kolkata", "Pacific/Apia"),
    )
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


def test_the_night_of_a_sunday_ends_on_monday() -> None:
    sundays = window(1320, 360, weekdays=(7,))
    assert opened(sundays, berlin("2026-11-23T05:59:00+01:00"))
    assert not opened(sundays, berlin("2026-11-24T05:59:00+01:00"))
    monday = '[1].contains(context.t["Europe/Berlin"].wd)'
    assert monday in window_condition(sundays)


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


some_dates = st.sets(st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31)), max_size=40)
# Anywhere in the year, but half of the time in the hours around a change of the clocks.
moments = st.one_of(
    st.integers(CREATED + 86_400, CREATED + 364 * 86_400),
    st.builds(
        lambda change, seconds: change + seconds,
        st.sampled_from(
            sorted(start for found in ZONES.values() for start, _ in found[1:])
        ),
        st.integers(-86_400, 86_400),
    ),
)


@st.composite
def windows(draw: st.DrawFn) -> WindowRecord:
    days = draw(st.sets(st.integers(1, 7), min_size=1))
    closed = draw(some_dates)
    bounds = sorted(draw(st.sets(moments, max_size=2)))
    texts = [
        f"{dt.datetime.fromtimestamp(b, dt.UTC):%Y-%m-%dT%H:%M:%SZ}" for b in bounds
    ]
    return WindowRecord(
        "w",
        "w",
        draw(st.sampled_from(sorted(ZONES))),
        tuple(sorted(days)),
        draw(minutes),
        draw(st.integers(0, 1440)),
        draw(dates),
        draw(dates),
        closed_on=tuple(sorted(map(str, closed))),
        open_on=tuple(sorted(map(str, draw(some_dates) - closed))),
        opens_at=texts[0] if texts else None,
        closes_at=texts[1] if len(texts) > 1 else None,
    )


@settings(max_examples=400, deadline=None)
@given(windows(), moments)
def test_the_cedar_expression_agrees_with_the_calendar(
    record: WindowRecord, seconds: int
) -> None:
    now = dt.datetime.fromtimestamp(seconds, dt.UTC)
    zone = record.zone
    condition = window_condition(record)
    text = f'@id("w")\npermit (principal, action, resource) when {{ {condition} }};'
    stamp = {"__extn": {"fn": "datetime", "arg": f"{now:%Y-%m-%dT%H:%M:%SZ}"}}
    found = cedar.evaluate(
        {
            "principal": {"type": "User", "id": "u"},
            "action": {"type": "Action", "id": "a"},
            "resource": {"type": "R", "id": "r"},
            "context": {"now": stamp, "t": {zone: zone_fields(ZONES[zone], now)}},
        },
        cedar.parse_policies(text),
        [],
    )
    assert found.errors == ()
    assert found.allowed == is_open(record, now, ZONES[zone])


@settings(max_examples=60, deadline=None)
@given(windows(), moments)
def test_between_two_transitions_nothing_turns(
    record: WindowRecord, seconds: int
) -> None:
    now = dt.datetime.fromtimestamp(seconds, dt.UTC)
    zone = ZONES[record.zone]
    state = is_open(record, now, zone)
    for moment, opens in next_transitions(record, now, zone, 4):
        assert opens is not state
        before = moment - dt.timedelta(seconds=1)
        assert is_open(record, before, zone) is state
        assert is_open(record, now + (before - now) / 2, zone) is state
        assert is_open(record, moment, zone) is opens
        now, state = moment, opens


def test_every_kind_of_window_satisfies_the_schema() -> None:
    schema = base_schema(
        actions={"a": ["R"]}, resource_types=["R"], zones=["Europe/Berlin"]
    )
    record = replace(
        window(1320, 360),
        closed_on=("2026-12-24",),
        open_on=("2026-12-26",),
        opens_at="2026-12-01T00:00:00Z",
        closes_at="2027-01-01T00:00:00Z",
    )
    text = '@id("w")\npermit (principal, action, resource) when { '
    text += f"{window_condition(record)} }};"
    assert cedar.validate_policies(text, schema) == []


def test_a_closed_date_closes_and_an_open_date_opens() -> None:
    record = replace(
        window(480, 1080), closed_on=("2026-12-24",), open_on=("2026-12-26",)
    )
    assert not opened(record, berlin("2026-12-24T12:00:00+01:00"))
    assert opened(record, berlin("2026-12-26T12:00:00+01:00"))
    assert not opened(record, berlin("2026-12-26T18:00:00+01:00"))


def test_a_closed_date_does_not_cut_the_night_before_short() -> None:
    night = replace(window(1320, 360), closed_on=("2026-12-24",))
    assert opened(night, berlin("2026-12-24T05:59:00+01:00"))
    assert not opened(night, berlin("2026-12-24T23:00:00+01:00"))
    assert not opened(night, berlin("2026-12-25T05:00:00+01:00"))


def test_an_open_date_does_not_reach_beyond_the_dates_of_the_window() -> None:
    record = replace(
        window(480, 1080, date_until="2026-12-20"), open_on=("2026-12-26",)
    )
    assert not opened(record, berlin("2026-12-26T12:00:00+01:00"))


def test_instants_bound_a_window_the_last_one_not_included() -> None:
    record = replace(
        window(0, 1440, (1, 2, 3, 4, 5, 6, 7)),
        opens_at="2026-12-18T17:00:00Z",
        closes_at="2028-01-04T07:00:00Z",
    )
    start, end = (
        dt.datetime.fromisoformat(str(text))
        for text in (record.opens_at, record.closes_at)
    )
    second = dt.timedelta(seconds=1)
    found = [opened(record, m) for m in (start - second, start, end - second, end)]
    assert found == [False, True, True, False]
    turns = next_transitions(record, start - second, ZONES["Europe/Berlin"])
    # The second lies beyond what zones are known for, and needs no zone.
    assert turns == [(start, True), (end, False)]


# Zone, local minutes of the window on a Sunday, and what happens: the gap's window
# opens when its start has passed, the repeated one is open both times.
CHANGES = [
    ("Europe/Berlin", (150, 240), "2026-03-29T01:00:00Z", 60),
    ("Europe/Berlin", (120, 180), "2026-10-25T00:00:00Z", 120),
    ("America/New_York", (150, 240), "2026-03-08T07:00:00Z", 60),
    ("America/New_York", (60, 120), "2026-11-01T05:00:00Z", 120),
    # Half an hour forward at 02:00 on October 4, back at 02:00 on April 5.
    ("Australia/Lord_Howe", (130, 180), "2026-10-03T15:30:00Z", 30),
    ("Australia/Lord_Howe", (90, 120), "2026-04-04T14:30:00Z", 60),
]


@pytest.mark.parametrize(("zone", "hours", "opens", "lasts"), CHANGES)
def test_the_gap_and_the_repeated_hour_follow_one_rule(
    zone: str, hours: tuple[int, int], opens: str, lasts: int
) -> None:
    record = WindowRecord("w", "w", zone, (7,), *hours)
    start = dt.datetime.fromisoformat(opens)
    before = start - dt.timedelta(days=1)
    turns = next_transitions(record, before, ZONES[zone], 2)
    assert turns == [(start, True), (start + dt.timedelta(minutes=lasts), False)]


def test_a_date_that_a_zone_skips_is_a_gap_of_a_day() -> None:
    created = int(dt.datetime(2011, 12, 1, tzinfo=dt.UTC).timestamp())
    apia = zone_transitions("Pacific/Apia", created)
    # Samoa went from Thursday, December 29 to Saturday, December 31 2011.
    midnight = dt.datetime(2011, 12, 30, 10, tzinfo=dt.UTC)
    friday = WindowRecord("f", "Friday", "Pacific/Apia", (5,), 480, 1080)
    nights = WindowRecord("n", "Nights", "Pacific/Apia", (4, 5), 1320, 360)
    hour = dt.timedelta(hours=1)
    before = midnight - 3 * hour
    assert next_transitions(friday, before, apia, 1)[0][0] > midnight + 100 * hour
    # Thursday's night ends in the skipped day; Friday's, which starts in it, opens
    # when the clock has passed its start.
    assert next_transitions(nights, before, apia, 2) == [
        (midnight - 2 * hour, True),
        (midnight + 6 * hour, False),
    ]


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
