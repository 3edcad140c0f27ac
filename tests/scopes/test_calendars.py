"""Calendars: which days they hold, and which dates a window takes from them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import InvalidError
from apps.scopes import rules
from apps.scopes.rules import CalendarSpec, Day
from tests.scopes.test_rules import WINDOW

CHRISTMAS, BOXING, EVE = (dt.date(2026, 12, day) for day in (25, 26, 24))
CALENDAR = CalendarSpec("germany", "Germany", (Day(CHRISTMAS, "Christmas Day"),))


def test_days_are_sorted_and_each_date_stands_once() -> None:
    days = (Day(BOXING), Day(CHRISTMAS, "Noël"), *CALENDAR.days, *CALENDAR.days)
    assert rules.check_calendar(replace(CALENDAR, days=days)).days == (
        Day(CHRISTMAS, "Noël / Christmas Day"),
        Day(BOXING),
    )


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"slug": "Ger"}, "scopes.slug_invalid", "slug"),
        ({"name": ""}, "scopes.name_invalid", "name"),
        ({"days": ()}, "scopes.calendar_invalid", "days"),
        ({"days": (Day(dt.date(1900, 1, 1)),)}, "scopes.calendar_invalid", "days"),
        (
            {"days": tuple(Day(EVE + dt.timedelta(n)) for n in range(501))},
            "scopes.too_many_dates",
            "days",
        ),
    ],
)
def test_a_calendar_is_refused_for_one_thing(
    change: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        rules.check_calendar(replace(CALENDAR, **change))  # type: ignore[arg-type]  # names vary
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert refusal.value.remedy


def test_every_wrong_line_is_named() -> None:
    days, problems = rules.parse_days(
        "# Germany\n2026-12-25 Christmas Day\n\n2026-02-30 Never\nsoon\n2026-12-26\n"
    )
    assert days == [Day(CHRISTMAS, "Christmas Day"), Day(BOXING)]
    assert [problem.split(":")[0] for problem in problems] == ["Line 4", "Line 5"]


def test_of_many_wrong_lines_some_are_named() -> None:
    _, problems = rules.parse_days("no date\n" * 40)
    assert len(problems) == 9
    assert problems[-1] == "And 32 more lines."


def test_dates_of_a_window_have_no_names() -> None:
    assert rules.parse_dates("2026-12-24\n2026-12-25") == ([EVE, CHRISTMAS], [])
    assert rules.parse_dates("2026-12-24 Christmas Eve")[1]


@given(st.sets(st.dates(dt.date(1970, 1, 1), dt.date(2199, 12, 31)), min_size=1))
def test_days_survive_writing_and_reading(dates: set[dt.date]) -> None:
    days = [Day(date, "A holiday") for date in sorted(dates)]
    assert rules.parse_days(rules.days_text(days)) == (days, [])


def test_a_window_takes_its_own_dates_before_those_of_calendars() -> None:
    spec = replace(
        WINDOW,
        closed_calendars=("germany",),
        open_calendars=("sales",),
        closed_dates=(EVE,),
        open_dates=(CHRISTMAS,),
    )
    calendars = {"germany": [CHRISTMAS, BOXING], "sales": [EVE, BOXING]}
    found = rules.dates_of(spec, calendars)
    assert found.closed == (EVE, BOXING)
    assert found.open == (CHRISTMAS,)


def test_dates_beyond_the_bounds_of_a_window_are_left_out() -> None:
    spec = replace(
        WINDOW, date_until=CHRISTMAS, closed_calendars=("germany",), open_calendars=()
    )
    found = rules.dates_of(spec, {"germany": [EVE, CHRISTMAS, BOXING]})
    assert found.closed == (EVE, CHRISTMAS)


def test_calendars_that_add_up_to_too_much_are_refused() -> None:
    many = [EVE + dt.timedelta(n) for n in range(500)]
    later = [day + dt.timedelta(500) for day in many]
    spec = replace(WINDOW, closed_calendars=("a", "b"))
    with pytest.raises(InvalidError) as refusal:
        rules.dates_of(spec, {"a": many, "b": later})
    assert refusal.value.field == "closed_calendars"
