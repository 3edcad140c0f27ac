"""Windows and locations: what is accepted, in which form, and what is not."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import InvalidError
from apps.scopes import rules
from apps.scopes.choices import WindowKind
from apps.scopes.rules import LocationSpec, WindowSpec
from protocol.records import City, Fence

WINDOW = WindowSpec(
    slug="office-hours",
    name="Office hours",
    zone="Europe/Berlin",
    weekdays=(1, 2, 3, 4, 5),
    start_minute=8 * 60,
    end_minute=18 * 60,
)
LOCATION = LocationSpec(slug="office", name="Office", cidrs=("10.1.0.0/16",))
EVE = dt.date(2026, 12, 24)
FREEZE = WindowSpec(
    slug="freeze",
    name="Freeze",
    zone="Europe/Berlin",
    kind=WindowKind.ABSOLUTE,
    opens_at=dt.datetime(2026, 12, 18, 18),  # noqa: DTZ001  # local time of the zone
    closes_at=dt.datetime(2027, 1, 4, 8),  # noqa: DTZ001  # local time of the zone
)


def test_a_good_window_is_returned_as_it_is() -> None:
    assert rules.check_window(WINDOW) == WINDOW


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"slug": "Office Hours"}, "scopes.slug_invalid", "slug"),
        ({"name": "  "}, "scopes.name_invalid", "name"),
        ({"zone": "Europe/Atlantis"}, "scopes.unknown_zone", "zone"),
        ({"zone": "../etc/passwd"}, "scopes.unknown_zone", "zone"),
        ({"weekdays": ()}, "scopes.weekdays_invalid", "weekdays"),
        ({"weekdays": (0,)}, "scopes.weekdays_invalid", "weekdays"),
        ({"start_minute": 1440}, "scopes.hours_invalid", "start"),
        ({"end_minute": 1441}, "scopes.hours_invalid", "end"),
        ({"end_minute": 480}, "scopes.window_empty", "end"),
        ({"end_minute": 60}, "scopes.end_before_start", "end"),
        ({"is_overnight": True}, "scopes.hours_invalid", "end"),
        (
            {"date_from": dt.date(2026, 2, 1), "date_until": dt.date(2026, 1, 1)},
            "scopes.dates_reversed",
            "date_until",
        ),
        ({"kind": "monthly"}, "scopes.instants_invalid", "kind"),
        (
            {"closed_dates": (EVE,), "open_dates": (EVE,)},
            "scopes.dates_reversed",
            "open_dates",
        ),
        (
            {"open_dates": (EVE,), "date_until": dt.date(2026, 12, 1)},
            "scopes.dates_reversed",
            "open_dates",
        ),
        (
            {"closed_calendars": ("a",), "open_calendars": ("a",)},
            "scopes.dates_reversed",
            "open_calendars",
        ),
        (
            {"closed_dates": tuple(EVE + dt.timedelta(n) for n in range(251))},
            "scopes.too_many_dates",
            "closed_dates",
        ),
        (
            {"open_calendars": tuple(f"c{n}" for n in range(11))},
            "scopes.too_many_dates",
            "open_calendars",
        ),
    ],
)
def test_a_window_is_refused_for_one_thing(
    change: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        rules.check_window(replace(WINDOW, **change))  # type: ignore[arg-type]  # names vary
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert refusal.value.message
    assert refusal.value.remedy


def test_a_window_that_is_open_once_knows_its_instants() -> None:
    found = rules.check_window(FREEZE)
    assert found.opens_at == dt.datetime(2026, 12, 18, 17, tzinfo=dt.UTC)
    assert found.closes_at == dt.datetime(2027, 1, 4, 7, tzinfo=dt.UTC)
    assert (found.weekdays, found.start_minute, found.end_minute) == (
        (1, 2, 3, 4, 5, 6, 7),
        0,
        1440,
    )
    assert rules.check_window(found) == found


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"opens_at": None}, "scopes.instants_invalid", "opens_at"),
        ({"closes_at": None}, "scopes.instants_invalid", "closes_at"),
        ({"closes_at": FREEZE.opens_at}, "scopes.window_empty", "closes_at"),
        (
            {"closes_at": dt.datetime(2026, 12, 1)},  # noqa: DTZ001  # local time of the zone
            "scopes.instants_invalid",
            "closes_at",
        ),
        ({"open_dates": (EVE,)}, "scopes.dates_reversed", "open_dates"),
    ],
)
def test_a_window_that_is_open_once_is_refused_for_one_thing(
    change: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        rules.check_window(replace(FREEZE, **change))  # type: ignore[arg-type]  # names vary
    assert (refusal.value.code, refusal.value.field) == (code, field)


@pytest.mark.parametrize(
    ("zone", "local", "first", "last"),
    [
        ("Europe/Berlin", "2026-06-01T12:00", "10:00", "10:00"),
        # Skipped: both are the moment at which the clock goes forward.
        ("Europe/Berlin", "2026-03-29T02:30", "01:00", "01:00"),
        ("America/New_York", "2026-03-08T02:00", "07:00", "07:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "15:30", "15:30"),
        ("Pacific/Apia", "2011-12-30T12:00", "10:00", "10:00"),
        # Twice: the first for an opening, the second for a closing.
        ("Europe/Berlin", "2026-10-25T02:30", "00:30", "01:30"),
        ("America/New_York", "2026-11-01T01:00", "05:00", "06:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "14:45", "15:15"),
    ],
)
def test_a_local_time_becomes_one_instant(
    zone: str, local: str, first: str, last: str
) -> None:
    moment = dt.datetime.fromisoformat(local)
    for later, expected in ((False, first), (True, last)):
        assert f"{rules.resolve_local(zone, moment, later=later):%H:%M}" == expected


@given(
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/New_York"]),
    st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2027, 1, 1)),  # noqa: DTZ001  # local
)
def test_what_is_shown_of_an_instant_leads_back_to_it(
    zone: str, local: dt.datetime
) -> None:
    local = local.replace(second=0, microsecond=0)
    for later in (False, True):
        found = rules.resolve_local(zone, local, later=later)
        shown = found.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        assert rules.resolve_local(zone, shown, later=later) == found
        assert shown == local or shown > local


def test_a_window_may_run_overnight_when_marked() -> None:
    night = replace(WINDOW, start_minute=1320, end_minute=360, is_overnight=True)
    assert rules.check_window(night) == night


def test_weekdays_are_sorted_and_counted_once() -> None:
    assert rules.check_window(replace(WINDOW, weekdays=(5, 1, 1))).weekdays == (1, 5)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"cidrs": ("10.0.0.0/33",)}, "scopes.invalid_cidr", "cidrs"),
        ({"cidrs": ("office",)}, "scopes.invalid_cidr", "cidrs"),
        ({"countries": ("XX",)}, "scopes.unknown_country", "countries"),
        ({"cidrs": ()}, "scopes.location_empty", "cidrs"),
        ({"slug": ""}, "scopes.slug_invalid", "slug"),
        ({"cities": (City("XX", "Berlin"),)}, "scopes.unknown_country", "cities"),
        ({"cities": (City("DE", " "),)}, "scopes.city_invalid", "cities"),
        ({"node_groups": ("a b",)}, "scopes.node_group_invalid", "node_groups"),
        ({"fence": Fence(90_000_001, 0, 1000)}, "scopes.fence_invalid", "latitude"),
        ({"fence": Fence(0, 180_000_001, 1000)}, "scopes.fence_invalid", "longitude"),
        ({"fence": Fence(0, 0, 99)}, "scopes.fence_invalid", "radius"),
        ({"fence": Fence(0, 0, 20_000_001)}, "scopes.fence_invalid", "radius"),
        (
            {"cidrs": tuple(f"10.0.{n}.0/24" for n in range(201))},
            "scopes.location_too_large",
            "cidrs",
        ),
    ],
)
def test_a_location_is_refused_for_one_thing(
    change: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        rules.check_location(replace(LOCATION, **change))  # type: ignore[arg-type]  # names vary
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("given_text", "normal"),
    [
        ("10.1.2.3/16", "10.1.0.0/16"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ],
)
def test_an_address_range_takes_its_normal_form(given_text: str, normal: str) -> None:
    assert rules.normal_cidrs([given_text]) == (normal,)


@given(st.lists(st.ip_addresses(), max_size=8), st.integers(0, 32))
def test_normal_form_is_stable_whatever_the_order(
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address], length: int
) -> None:
    ranges = [f"{address}/{length}" for address in addresses]
    normal = rules.normal_cidrs(ranges)
    assert rules.normal_cidrs(reversed(normal)) == normal
    assert rules.normal_cidrs(reversed(ranges)) == normal


@given(st.integers(0, 1440))
def test_a_time_of_day_survives_writing_and_reading(minute: int) -> None:
    assert rules.parse_minute(rules.time_text(minute), field="start") == minute


@pytest.mark.parametrize("text", ["24:01", "8:00", "08:60", "noon", ""])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        rules.parse_minute(text, field="start")
    assert refusal.value.code == "scopes.hours_invalid"


@pytest.mark.parametrize(
    "change",
    [
        {"countries": ("DE",)},
        {"cities": (City("DE", "Berlin"),)},
        {"fence": Fence(0, 0, 1000)},
        {"node_groups": ("edge",)},
    ],
)
def test_a_location_needs_one_thing_only(change: dict[str, object]) -> None:
    wanted = replace(LOCATION, cidrs=(), **change)  # type: ignore[arg-type]  # names vary
    assert rules.check_location(wanted) == wanted


@given(st.integers(-180_000_000, 180_000_000))
def test_an_angle_survives_writing_and_reading(angle: int) -> None:
    text = rules.degrees_text(angle)
    assert rules.micro_degrees(text, field="longitude") == angle


@pytest.mark.parametrize("text", ["", "north", "1e9", "NaN", "52,5", "1234", "5.1.2"])
def test_what_is_no_angle_is_refused(text: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        rules.micro_degrees(text, field="latitude")
    assert refusal.value.code == "scopes.fence_invalid"


def test_every_line_that_is_no_city_is_named() -> None:
    cities, problems = rules.parse_cities("DE Berlin\nus: New York\n\nParis\nXX Y\n")
    assert cities == [City("DE", "Berlin"), City("US", "New York")]
    assert [problem.split(":")[0] for problem in problems] == ["Line 4", "Line 5"]
