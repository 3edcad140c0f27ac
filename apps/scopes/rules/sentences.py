"""Windows and locations in one plain sentence, the way one would tell a colleague."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from apps.scopes.choices import Weekday, WindowKind
from apps.scopes.rules.locations import LocationSpec, degrees_text
from apps.scopes.rules.windows import EVERY_DAY, MINUTES_A_DAY, WindowSpec, time_text

_MOST_NAMED = 6
_WORKDAYS = (1, 2, 3, 4, 5)
_IN_A_ROW = 3


def window_sentence(spec: WindowSpec) -> str:
    """Say when a window is open."""
    if spec.kind == WindowKind.ABSOLUTE and spec.opens_at and spec.closes_at:
        zone = ZoneInfo(spec.zone)
        opens, closes = spec.opens_at.astimezone(zone), spec.closes_at.astimezone(zone)
        text = f"Open once, from {_moment(opens)} until {_moment(closes)}"
    else:
        text = f"Open {_weekdays(spec.weekdays)} {_hours(spec)}{_dates(spec)}"
    return f"{text}, {spec.zone} time{_exceptions(spec)}."


def location_sentence(spec: LocationSpec) -> str:
    """Say which requests are from a location."""
    parts = []
    if spec.cidrs:
        parts.append(f"an address in {_few(spec.cidrs, 'or')}")
    if spec.countries:
        parts.append(f"anywhere in {_few(spec.countries, 'or')}")
    if spec.cities:
        names = [f"{city.name} ({city.country})" for city in spec.cities]
        parts.append(f"the city of {_few(names, 'or')}")
    if spec.fence:
        fence = spec.fence
        parts.append(
            f"a place within {fence.radius / 1000:g} km of "
            f"{degrees_text(fence.latitude)}, {degrees_text(fence.longitude)}"
        )
    if spec.node_groups:
        parts.append(f"a node of {_few(spec.node_groups, 'or')}")
    unknown = (
        "Where a request comes from may be unknown: then it counts as from here."
        if spec.unknown_matches
        else "Where a request comes from may be unknown: then a permit does not apply, "
        "and a forbid does."
    )
    return f"A request from {', or '.join(parts)}. {unknown}"


def _weekdays(days: Sequence[int]) -> str:
    if tuple(days) == EVERY_DAY:
        return "every day"
    names = [str(Weekday(day).label) for day in days]
    if len(days) >= _IN_A_ROW and days[-1] - days[0] == len(days) - 1:
        return f"{names[0]} to {names[-1]}"
    return _and(names)


def _hours(spec: WindowSpec) -> str:
    if spec.start_minute == 0 and spec.end_minute == MINUTES_A_DAY:
        return "around the clock"
    text = f"from {time_text(spec.start_minute)} to {time_text(spec.end_minute)}"
    return f"{text} on the next day" if spec.is_overnight else text


def _dates(spec: WindowSpec) -> str:
    if spec.date_from and spec.date_until:
        return f", from {spec.date_from} to {spec.date_until}"
    if spec.date_from:
        return f", from {spec.date_from}"
    return f", until {spec.date_until}" if spec.date_until else ""


def _exceptions(spec: WindowSpec) -> str:
    closed = _days(spec.closed_dates, spec.closed_calendars)
    opened = _days(spec.open_dates, spec.open_calendars)
    text = f", except on {closed}" if closed else ""
    return f"{text}, and also on {opened}" if opened else text


def _days(dates: Sequence[dt.date], calendars: Sequence[str]) -> str:
    texts = [f"the days of {slug}" for slug in calendars]
    if dates:
        texts.append(_few([str(day) for day in dates]))
    return _and(texts) if texts else ""


def _moment(moment: dt.datetime) -> str:
    return f"{moment:%a %Y-%m-%d %H:%M}"


def _few(texts: Sequence[str], word: str = "and") -> str:
    if len(texts) <= _MOST_NAMED:
        return _and(texts, word)
    return f"{', '.join(texts[:_MOST_NAMED])} {word} {len(texts) - _MOST_NAMED} more"


def _and(texts: Sequence[str], word: str = "and") -> str:
    if len(texts) == 1:
        return texts[0]
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"
