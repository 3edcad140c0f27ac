"""Windows and locations: what is accepted, in which form, and what is not."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import InvalidError
from apps.scopes import rules
from apps.scopes.rules import LocationSpec, WindowSpec

WINDOW = WindowSpec(
    slug="office-hours",
    name="Office hours",
    zone="Europe/Berlin",
    weekdays=(1, 2, 3, 4, 5),
    start_minute=8 * 60,
    end_minute=18 * 60,
)
LOCATION = LocationSpec(slug="office", name="Office", cidrs=("10.1.0.0/16",))


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
