"""Calendars of named days, and the dates that a window takes from them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from apps.scopes.errors import CalendarInvalidError, DatesTooManyError
from apps.scopes.rules.names import check_names
from apps.scopes.rules.windows import WindowSpec
from protocol.records.scopes import MOST_DATES

MOST_DAYS = 500
LONGEST_DAY_NAME = 80
MOST_PROBLEMS = 8
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_LINE = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:[\s,;]+(.*))?$")


@dataclass(frozen=True, order=True)
class Day:
    """A date and what it is called."""

    date: dt.date
    name: str = ""


@dataclass(frozen=True)
class CalendarSpec:
    """What somebody wants a calendar to be."""

    slug: str
    name: str
    days: tuple[Day, ...] = ()


@dataclass(frozen=True)
class Dates:
    """The dates on which a window does not open, and those on which it opens too."""

    closed: tuple[dt.date, ...] = ()
    open: tuple[dt.date, ...] = ()


def check_calendar(spec: CalendarSpec) -> CalendarSpec:
    """Return the calendar in normal form, one name for each date.

    Raises an InvalidError of this app that names the field.
    """
    check_names(spec.slug, spec.name)
    if not spec.days:
        raise CalendarInvalidError("A calendar needs at least one day.", field="days")
    found: dict[dt.date, dict[str, None]] = {}
    for day in spec.days:
        if not _FIRST_YEAR <= day.date.year <= _LAST_YEAR:
            raise CalendarInvalidError(
                f"{day.date} is not between {_FIRST_YEAR} and {_LAST_YEAR}.",
                field="days",
            )
        name = " ".join(day.name.split())
        found.setdefault(day.date, {})
        if name:
            found[day.date][name] = None
    if len(found) > MOST_DAYS:
        raise DatesTooManyError(
            f"A calendar has at most {MOST_DAYS} days; these are {len(found)}.",
            field="days",
        )
    days = tuple(
        Day(date, " / ".join(found[date])[:LONGEST_DAY_NAME]) for date in sorted(found)
    )
    return replace(spec, name=spec.name.strip(), days=days)


def parse_days(text: str) -> tuple[list[Day], list[str]]:
    """Return the days of a text, one a line, and what is wrong with which line."""
    days: list[Day] = []
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _LINE.match(stripped)
        date = _date(found[1]) if found else None
        if found is None or date is None:
            problems.append(
                f"Line {number}: “{stripped[:40]}” does not begin with a date such as "
                "2026-12-25."
            )
        else:
            days.append(Day(date, (found[2] or "").strip()))
    return days, _few(problems)


def parse_dates(text: str) -> tuple[list[dt.date], list[str]]:
    """Return the dates of a text, one a line, and what is wrong with which line."""
    days, problems = parse_days(text)
    named = [day for day in days if day.name]
    if named and not problems:
        problems.append(
            f"“{named[0].name[:40]}” after {named[0].date}: dates here have no names."
        )
    return [day.date for day in days], problems


def days_text(days: Iterable[Day]) -> str:
    """Return days as people write them, one a line."""
    return "\n".join(f"{day.date} {day.name}".rstrip() for day in days)


def dates_of(spec: WindowSpec, calendars: Mapping[str, Iterable[dt.date]]) -> Dates:
    """Return on which dates a window is closed or open besides its weekdays.

    Its own dates count more than those of calendars, and a calendar of closed days
    more than one of open days.

    Raises DatesTooManyError.
    """
    own_closed, own_open = set(spec.closed_dates), set(spec.open_dates)
    closed = _all(spec.closed_calendars, calendars) - own_open | own_closed
    opened = _all(spec.open_calendars, calendars) - closed | own_open
    found = Dates(_within(spec, closed), _within(spec, opened))
    if max(len(found.closed), len(found.open)) > MOST_DATES:
        raise DatesTooManyError(
            f"The calendars of “{spec.slug}” add up to more than {MOST_DATES} dates.",
            field="closed_calendars" if spec.closed_calendars else "open_calendars",
        )
    return found


def _all(
    slugs: Iterable[str], calendars: Mapping[str, Iterable[dt.date]]
) -> set[dt.date]:
    return {date for slug in slugs for date in calendars.get(slug, ())}


def _within(spec: WindowSpec, dates: set[dt.date]) -> tuple[dt.date, ...]:
    """Leave out what the bounds of the window exclude anyway."""
    # An instant is a date earlier or later somewhere, and a night begins a day before.
    margin = dt.timedelta(days=2)
    first, last = spec.date_from, spec.date_until
    if spec.opens_at and spec.closes_at:
        first = spec.opens_at.date() - margin
        last = spec.closes_at.date() + margin
    return tuple(
        sorted(
            date
            for date in dates
            if (first is None or date >= first) and (last is None or date <= last)
        )
    )


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _few(problems: list[str]) -> list[str]:
    if len(problems) <= MOST_PROBLEMS:
        return problems
    more = len(problems) - MOST_PROBLEMS
    return [*problems[:MOST_PROBLEMS], f"And {more} more lines."]
