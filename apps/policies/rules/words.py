"""What people call the things that a policy names by their short names and keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from protocol.records import EntityRef, LocationRecord, WindowRecord

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOST_NAMED = 3
_TO = "\N{EN DASH}"
_IN_A_ROW = 3
_HOUR, _DAY, _MICRO = 60, 1440, 1_000_000
# What a role is called when its name says who does something: Operator, Operators.
_DOERS = ("er", "or", "ist", "yst", "ian", "min", "ent", "lead")


@dataclass(frozen=True)
class Words:
    """Names by role, principal and resource; windows and locations as they are.

    What is not in it is called by its key, so that nothing is left unsaid.
    """

    names: Mapping[EntityRef, str] = field(default_factory=dict)
    windows: Mapping[str, WindowRecord] = field(default_factory=dict)
    locations: Mapping[str, LocationRecord] = field(default_factory=dict)

    def name_of(self, entity: EntityRef) -> str:
        """Return what people call an entity."""
        return self.names.get(entity) or entity.id

    def holders_of(self, role: str) -> tuple[str, str]:
        """Return what stands before the name of a role, and its name for many."""
        name = self.names.get(EntityRef("Role", role), "")
        if name.endswith(_DOERS):
            return "", f"{name}s"
        return "members of ", name or role


def window_words(window: WindowRecord) -> str:
    """Say in short when a window is open, with its zone."""
    if window.opens_at and window.closes_at:
        text = f"once, {instant_words(window.opens_at)}{_TO}"
        return f"{text}{instant_words(window.closes_at)}"
    parts = [f"{_weekdays(window.weekdays)} {_hours(window)} {window.zone}"]
    if window.date_from:
        parts.append(f"from {day_words(window.date_from)}")
    if window.date_until:
        parts.append(f"until {day_words(window.date_until)}")
    if window.closed_on:
        parts.append(f"not on {_dates(window.closed_on)}")
    if window.open_on:
        parts.append(f"also on {_dates(window.open_on)}")
    return ", ".join(parts)


def location_words(location: LocationRecord) -> str:
    """Say in short which places a location is."""
    parts = []
    if location.cidrs:
        parts.append(_few(location.cidrs))
    if location.countries:
        parts.append(_few(location.countries))
    if location.cities:
        parts.append(_few([f"{city.name} {city.country}" for city in location.cities]))
    if location.fence:
        fence = location.fence
        at = f"{fence.latitude / _MICRO:g}, {fence.longitude / _MICRO:g}"
        parts.append(f"within {fence.radius / 1000:g} km of {at}")
    if location.node_groups:
        parts.append(f"nodes of {_few(location.node_groups)}")
    return " or ".join(parts)


def instant_words(text: str) -> str:
    """Write an RFC 3339 instant for people; what is not one stays as it is."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.day} {moment:%b %Y %H:%M} UTC"


def day_words(text: str) -> str:
    """Write an ISO date for people; what is not one stays as it is."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day} {day:%b %Y}"


def join(texts: Iterable[str], word: str = "and") -> str:
    """Return a list as one writes it: a, b and c."""
    found = list(texts)
    if len(found) > 1:
        return f"{', '.join(found[:-1])} {word} {found[-1]}"
    return found[0] if found else ""


def _weekdays(days: Sequence[int]) -> str:
    if len(days) == len(_DAYS):
        return "every day"
    names = [_DAYS[day - 1] for day in days]
    if len(days) >= _IN_A_ROW and days[-1] - days[0] == len(days) - 1:
        return f"{names[0]}{_TO}{names[-1]}"
    return join(names)


def _hours(window: WindowRecord) -> str:
    start, end = window.start_minute, window.end_minute
    if (start, end) == (0, _DAY):
        return "around the clock"
    return f"{_clock(start)}{_TO}{_clock(end)}"


def _clock(minute: int) -> str:
    return f"{minute // _HOUR:02}:{minute % _HOUR:02}"


def _dates(days: Sequence[str]) -> str:
    if len(days) > _MOST_NAMED:
        return f"{len(days)} days"
    return join(day_words(day) for day in days)


def _few(texts: Sequence[str]) -> str:
    if len(texts) > _MOST_NAMED:
        rest = len(texts) - _MOST_NAMED
        return f"{', '.join(texts[:_MOST_NAMED])} or {rest} more"
    return join(texts, "or")
