"""Windows and locations in plain words, and why they are open or not, inside or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from engine.calendar import Transitions, zone_fields
from engine.places import Whereabouts, distance, reasons
from protocol.records import LocationRecord, WindowRecord

_DAY = 1440
_WEEK = 7
_MOST_NAMED = 4
_KILOMETER = 1000
_MICRO = 1_000_000
_MONDAY = dt.date(2024, 1, 1)


def any_of(texts: Iterable[str], word: str = "or") -> str:
    """Join alternatives."""
    found = list(texts)
    if len(found) > 1:
        return f"{', '.join(found[:-1])} {word} {found[-1]}"
    return found[0] if found else ""


def instant(text: str) -> str:
    """Return an instant of a record as one writes it."""
    return f"{dt.datetime.fromisoformat(text).astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def window_words(window: WindowRecord) -> str:
    """Say when a window is open."""
    parts = [f"{_weekdays(window.weekdays)} {_hours(window)} {window.zone}"]
    if window.date_from:
        parts.append(f"from {window.date_from}")
    if window.date_until:
        parts.append(f"until {window.date_until}")
    if window.closed_on:
        parts.append(f"not on {_few(window.closed_on)}")
    if window.open_on:
        parts.append(f"also on {_few(window.open_on)}")
    if window.opens_at:
        parts.append(f"not before {instant(window.opens_at)}")
    if window.closes_at:
        parts.append(f"only before {instant(window.closes_at)}")
    return ", ".join(parts)


def window_state(
    window: WindowRecord, now: dt.datetime, transitions: Transitions
) -> str:
    """Say what a plain week does not: why a window is open or closed just now."""
    if window.opens_at and now < dt.datetime.fromisoformat(window.opens_at):
        return f"its time begins {instant(window.opens_at)}"
    if window.closes_at and now >= dt.datetime.fromisoformat(window.closes_at):
        return f"its time ended {instant(window.closes_at)}"
    local = zone_fields(transitions, now)
    today, before = _iso(local["ymd"]), _iso(local["prev"])
    is_overnight = window.end_minute <= window.start_minute
    # The hours of an early morning belong to the day before.
    is_early = is_overnight and local["min"] < window.end_minute
    day = before if is_early else today
    name = f"{day}, when it would have opened," if is_early else day
    if window.date_from and day < window.date_from:
        return f"its dates begin on {window.date_from}"
    if window.date_until and day > window.date_until:
        return f"its dates ended with {window.date_until}"
    if day in window.closed_on:
        return f"{name} is an exception on which it stays closed"
    if day in window.open_on:
        return f"{day} is an exception on which it opens"
    return f"open since {before}, overnight" if is_early and _is(window, before) else ""


def place_words(place: LocationRecord) -> str:
    """Say what a location lists."""
    parts = [*place.cidrs, *place.countries]
    parts += [f"{city.name} ({city.country})" for city in place.cities]
    if place.fence:
        parts.append(_circle(place))
    if place.node_groups:
        parts.append(f"nodes of {any_of(place.node_groups)}")
    return ", ".join(parts)


def place_state(place: LocationRecord, known: Whereabouts) -> Iterator[str]:
    """Say of each part of a location what was found; what is inside comes first."""
    found = sorted(reasons(place, known).items(), key=lambda item: item[1] is not True)
    for part, is_inside in found:
        yield _part(place, part, known, is_inside=is_inside)


def where_words(known: Whereabouts) -> str:
    """Say where a request comes from, as far as is known."""
    parts = [known.ip, known.city, known.country]
    if known.position:
        parts.append(_position(known.position))
    if known.node_groups:
        parts.append(f"a node of {any_of(sorted(known.node_groups), 'and')}")
    return ", ".join(part for part in parts if part)


def _part(
    place: LocationRecord, part: str, known: Whereabouts, *, is_inside: bool | None
) -> str:
    verb = "is" if is_inside else "is not"
    match part:
        case "cidrs":
            what, where = "the address", f"in {_few(place.cidrs, 'or')}"
            name = known.ip
        case "countries":
            what, where = "the country", _few(place.countries, "or")
            name = known.country
        case "cities":
            names = [f"{city.name} ({city.country})" for city in place.cities]
            what, where = "the city", _few(names, "or")
            name = f"{known.city or 'a city'} ({known.country or 'of where'})"
        case "fence":
            return _distance(place, known)
        case _:
            what, where = "the node", f"of {_few(place.node_groups, 'or')}"
            groups = any_of(sorted(known.node_groups or ()), "and")
            name = f"a node of {groups or 'no group'}"
    if is_inside is None:
        return (
            f"{what} is unknown, {'' if where.startswith('of ') else 'to be '}{where}"
        )
    return f"{name} {verb} {where}"


def _distance(place: LocationRecord, known: Whereabouts) -> str:
    if place.fence is None or known.position is None:
        return f"the position is unknown, to be {_circle(place)}"
    meters = distance(place.fence, known.position)
    far = f"{meters / _KILOMETER:,.1f} km from its center"
    return f"{_position(known.position)} is {far}, to be {_circle(place)}"


def _circle(place: LocationRecord) -> str:
    if place.fence is None:
        return ""
    center = _position((place.fence.latitude, place.fence.longitude))
    return f"within {place.fence.radius / _KILOMETER:g} km of {center}"


def _position(position: tuple[int, int]) -> str:
    latitude, longitude = (part / _MICRO for part in position)
    return f"{latitude:.4f}, {longitude:.4f}"


def _weekdays(days: Sequence[int]) -> str:
    if len(days) == _WEEK:
        return "every day"
    return ", ".join(f"{_MONDAY + dt.timedelta(days=day - 1):%a}" for day in days)


def _hours(window: WindowRecord) -> str:
    if (window.start_minute, window.end_minute) == (0, _DAY):
        return "all day"
    start, end = (
        f"{minute // 60:02}:{minute % 60:02}"
        for minute in (window.start_minute, window.end_minute)
    )
    next_day = " the next day" if window.end_minute <= window.start_minute else ""
    return f"{start} to {end}{next_day}"


def _is(window: WindowRecord, day: str) -> bool:
    return dt.date.fromisoformat(day).isoweekday() in window.weekdays


def _iso(number: int) -> str:
    year, rest = divmod(number, 10_000)
    return f"{year:04}-{rest // 100:02}-{rest % 100:02}"


def _few(texts: Sequence[str], word: str = "and") -> str:
    if len(texts) <= _MOST_NAMED:
        return any_of(texts, word)
    more = len(texts) - _MOST_NAMED
    return f"{', '.join(texts[:_MOST_NAMED])} {word} {more} more"
