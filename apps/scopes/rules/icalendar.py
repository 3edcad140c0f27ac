"""Read days from an iCalendar file (RFC 5545), strictly and within limits.

Only VEVENTs are looked at. A time counts on the date that is written, whatever its
zone: a holiday is a date. An event counts on every date it touches. Yearly rules are
spelled out; what repeats in another way is left out and named.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from apps.scopes.errors import CalendarFileError
from apps.scopes.rules.calendars import LONGEST_DAY_NAME, Day

LARGEST = 512 * 1024
MOST_LINES = 20_000
MOST_EVENTS = 2_000
MOST_YEARS = 20
_LONGEST_LINE = 4_096
_LONGEST_EVENT_DAYS = 62
_MOST_LEFT_OUT = 12
_DEPTH = 6
_OUTSIDE, _INSIDE = ("VCALENDAR",), ("VCALENDAR", "VEVENT")
_NAME = re.compile(r"^([A-Za-z0-9-]{1,40})")
_PARAMETER = re.compile(
    r';([A-Za-z0-9-]{1,40})=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)'
)
_DATE = re.compile(r"^(\d{4})(\d{2})(\d{2})(?:T\d{6}Z?)?$")
_MIDNIGHT = re.compile(r"T000000Z?$")
_DURATION = re.compile(
    r"^\+?P(?:(\d{1,3})W|(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?"
    r"(?:\d{1,6}S)?)?)$"
)
_BY_DAY = re.compile(r"^([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)$")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RULE_PARTS = {
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "WKST"),
}


@dataclass(frozen=True)
class Found:
    """The days of a file within the years that were asked for.

    `left_out` says which events could not be read, and why.
    """

    days: tuple[Day, ...] = ()
    left_out: tuple[str, ...] = ()
    events: int = 0


@dataclass
class _Line:
    number: int
    name: str
    parameters: Mapping[str, str]
    value: str


@dataclass
class _Event:
    number: int
    lines: list[_Line] = field(default_factory=list)

    def first(self, name: str) -> _Line | None:
        """Return the first line of this name."""
        return next((line for line in self.lines if line.name == name), None)

    def all(self, name: str) -> Iterator[_Line]:
        """Yield every line of this name."""
        return (line for line in self.lines if line.name == name)


class _EventError(ValueError):
    """An event cannot be read; says why."""


def read_calendar(text: str, *, first_year: int, last_year: int) -> Found:
    """Return the days of an iCalendar file within these years, both included.

    Raises CalendarFileError when it is none, or larger than is read.
    """
    if not 0 <= last_year - first_year < MOST_YEARS:
        raise CalendarFileError(
            f"The years span 1 to {MOST_YEARS}.", field="last_year", remedy="Use fewer."
        )
    within = (dt.date(first_year, 1, 1), dt.date(last_year, 12, 31))
    days: set[Day] = set()
    left_out = []
    events = list(islice(_events(_lines(text)), MOST_EVENTS + 1))
    if not events:
        raise CalendarFileError("The file holds no event.", field="file")
    if len(events) > MOST_EVENTS:
        raise CalendarFileError(
            f"The file has more than {MOST_EVENTS} events.", field="file"
        )
    for event in events:
        try:
            days.update(_days(event, within))
        except _EventError as error:
            left_out.append(f"Line {event.number}: {_summary(event)}: {error}.")
    if len(left_out) > _MOST_LEFT_OUT:
        more = len(left_out) - _MOST_LEFT_OUT
        left_out = [*left_out[:_MOST_LEFT_OUT], f"And {more} more events."]
    return Found(tuple(sorted(days)), tuple(left_out), len(events))


def _lines(text: str) -> Iterator[_Line]:
    """Yield unfolded content lines (section 3.1)."""
    if len(text) > LARGEST:
        raise CalendarFileError(
            f"The file is larger than {LARGEST // 1024} KiB.", field="file"
        )
    unfolded: list[tuple[int, str]] = []
    for number, raw in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if number > MOST_LINES:
            raise CalendarFileError(
                f"The file has more than {MOST_LINES} lines.", field="file"
            )
        if raw[:1] in (" ", "\t") and unfolded:
            start, before = unfolded[-1]
            unfolded[-1] = (start, before + raw[1:])
        elif raw:
            unfolded.append((number, raw))
        if unfolded and len(unfolded[-1][1]) > _LONGEST_LINE:
            raise CalendarFileError(
                f"Line {unfolded[-1][0]} is too long.", field="file"
            )
    for number, line in unfolded:
        yield _content_line(number, line)


def _content_line(number: int, text: str) -> _Line:
    name = _NAME.match(text)
    rest = text[name.end() :] if name else ""
    parameters = {}
    while found := _PARAMETER.match(rest):
        parameters[found[1].upper()] = found[2].strip('"')
        rest = rest[found.end() :]
    if name is None or not rest.startswith(":"):
        raise CalendarFileError(
            f"Line {number} is not a line of iCalendar: “{text[:40]}”.", field="file"
        )
    return _Line(number, name[1].upper(), parameters, rest[1:])


def _events(lines: Iterable[_Line]) -> Iterator[_Event]:
    """Yield the events directly inside calendars."""
    stack: tuple[str, ...] = ()
    event = _Event(0)
    for line in lines:
        before, stack = stack, _nested(stack, line)
        if stack == _INSIDE and before != stack:
            # An alarm that ends leads back inside as well.
            event = _Event(line.number) if before == _OUTSIDE else event
        elif stack == _INSIDE:
            event.lines.append(line)
        elif before == _INSIDE and stack == _OUTSIDE:
            yield event
    if stack:
        raise CalendarFileError("The file ends too early.", field="file")


def _nested(stack: tuple[str, ...], line: _Line) -> tuple[str, ...]:
    """Return which components are open after a line."""
    name = line.value.strip().upper()
    if line.name == "BEGIN":
        stack = (*stack, name)
        if stack[0] != "VCALENDAR" or len(stack) > _DEPTH:
            raise _broken(line)
        return stack
    if line.name == "END":
        if stack[-1:] != (name,):
            raise _broken(line)
        return stack[:-1]
    if not stack:
        raise _broken(line)
    return stack


def _broken(line: _Line) -> CalendarFileError:
    return CalendarFileError(
        f"Line {line.number}: “{line.name}:{line.value[:30]}” is out of place.",
        field="file",
    )


def _days(event: _Event, within: tuple[dt.date, dt.date]) -> Iterator[Day]:
    status = event.first("STATUS")
    if status is not None and status.value.strip().upper() == "CANCELLED":
        return
    start = event.first("DTSTART")
    if start is None:
        raise _EventError("it has no DTSTART")
    first = _date(start.value)
    length = _length(event, first)
    name = _summary(event)
    except_for = {
        _date(value) for line in event.all("EXDATE") for value in line.value.split(",")
    }
    for begin in (*_starts(event, first, within), *_extra(event)):
        if begin in except_for:
            continue
        for n in range(length):
            date = begin + dt.timedelta(days=n)
            if within[0] <= date <= within[1]:
                yield Day(date, name)


def _date(text: str) -> dt.date:
    found = _DATE.match(text.strip())
    if found is None:
        raise _EventError(f"“{text[:30]}” is not a date")
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise _EventError(f"“{text[:30]}” is not a date") from error


def _length(event: _Event, first: dt.date) -> int:
    """Return how many dates an event touches; its end is not included."""
    end, duration = event.first("DTEND"), event.first("DURATION")
    days = 1
    if end is not None:
        days = (_date(end.value) - first).days
        if "T" in end.value and not _MIDNIGHT.search(end.value.strip()):
            days += 1
    elif duration is not None:
        found = _DURATION.match(duration.value.strip())
        if found is None:
            raise _EventError(f"“{duration.value[:30]}” is not a duration")
        weeks, whole, hours, minutes = (int(part or 0) for part in found.groups())
        rest = hours * 60 + minutes
        days = weeks * 7 + whole + -(-rest // 1440)
    if days > _LONGEST_EVENT_DAYS:
        raise _EventError(f"it lasts longer than {_LONGEST_EVENT_DAYS} days")
    if days < 0:
        raise _EventError("it ends before it starts")
    return max(days, 1)


def _extra(event: _Event) -> Iterator[dt.date]:
    for line in event.all("RDATE"):
        for value in line.value.split(","):
            yield _date(value.split("/")[0])


def _starts(
    event: _Event, first: dt.date, within: tuple[dt.date, dt.date]
) -> Iterator[dt.date]:
    """Yield the dates on which an event begins, as far as they matter."""
    rules = list(event.all("RRULE"))
    if not rules:
        yield first
        return
    if len(rules) > 1:
        raise _EventError("it repeats by two rules")
    parts = _rule(rules[0].value)
    count = _number(parts.get("COUNT", ""), 1, 100_000) if "COUNT" in parts else None
    until = _date(parts["UNTIL"]) if "UNTIL" in parts else within[1]
    step = _number(parts.get("INTERVAL", "1"), 1, 100)
    # Without years far behind nothing is counted, so counting starts where it began.
    year = first.year
    if count is None:
        behind = max(0, within[0].year - 1 - first.year)
        year += behind - behind % step
    given = 0
    while year <= min(until.year, within[1].year):
        for date in _in_year(parts, first, year):
            if date < first or date > until:
                continue
            given += 1
            if count is not None and given > count:
                return
            yield date
        year += step


def _rule(text: str) -> dict[str, str]:
    parts = {}
    for part in text.strip().split(";"):
        name, _, value = part.upper().partition("=")
        if name not in _RULE_PARTS:
            raise _EventError(f"{name[:20]} in its rule is not understood")
        parts[name] = value
    if parts.get("FREQ") != "YEARLY":
        raise _EventError("it repeats, but not every year")
    if "BYDAY" in parts and ("BYMONTH" not in parts or "BYMONTHDAY" in parts):
        raise _EventError("BYDAY is understood with BYMONTH alone")
    return parts


def _number(text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,6}", text) or not low <= int(text) <= high:
        raise _EventError(f"“{text[:20]}” in its rule is out of range")
    return int(text)


def _in_year(parts: Mapping[str, str], first: dt.date, year: int) -> list[dt.date]:
    """Return the dates of one year that a yearly rule names."""
    found: set[dt.date] = set()
    texts = parts["BYMONTH"].split(",") if "BYMONTH" in parts else [str(first.month)]
    for month in (_number(text, 1, 12) for text in texts):
        if "BYDAY" in parts:
            for text in parts["BYDAY"].split(","):
                found.update(_weekdays(text, year, month))
            continue
        days = parts.get("BYMONTHDAY", str(first.day)).split(",")
        last = calendar.monthrange(year, month)[1]
        for day in (_number(text, -31, 31) for text in days):
            real = day if day > 0 else last + 1 + day
            if day and 1 <= real <= last:
                found.add(dt.date(year, month, real))
    return sorted(found)


def _weekdays(text: str, year: int, month: int) -> list[dt.date]:
    found = _BY_DAY.match(text)
    if found is None:
        raise _EventError(f"“{text[:20]}” in its rule is not understood")
    wanted = _WEEKDAYS.index(found[2])
    last = calendar.monthrange(year, month)[1]
    dates = [
        date
        for day in range(1, last + 1)
        if (date := dt.date(year, month, day)).weekday() == wanted
    ]
    if not found[1]:
        return dates
    number = int(found[1])
    place = number - 1 if number > 0 else len(dates) + number
    return [dates[place]] if 0 <= place < len(dates) else []


def _summary(event: _Event) -> str:
    line = event.first("SUMMARY")
    text = line.value if line else ""
    for escaped, plain in (("\\n", " "), ("\\N", " "), ("\\,", ","), ("\\;", ";")):
        text = text.replace(escaped, plain)
    text = "".join(c for c in text.replace("\\\\", "\\") if c.isprintable())
    return " ".join(text.split())[:LONGEST_DAY_NAME] or "Closed"
