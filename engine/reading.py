"""Windows and locations, read back from the conditions they compile to.

What is read counts only if it compiles to the very same text again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from engine.calendar import window_condition
from engine.places import EARTH_RADIUS, location_condition
from protocol.records import City, Fence, LocationRecord, WindowRecord

_ZONE = re.compile(r'context\.t\["(?P<zone>[^"\\]+)"\]')
_NUMBERS = r"\[[\d, ]*\]"
_OPEN_ON = rf"(?:\((?P<open>{_NUMBERS})\.contains\(t\.ymd\) \|\| )?"
_CLOSED_ON = rf"(?: && !(?P<closed>{_NUMBERS})\.contains\(t\.ymd\)\))?"
_TODAY = (
    rf"{_OPEN_ON}\(?(?P<days>{_NUMBERS})\.contains\(t\.wd\){_CLOSED_ON}\)?"
    r"(?: && t\.ymd >= (?P<first>\d+))?(?: && t\.ymd <= (?P<last>\d+))?"
)
_BY_DAY = re.compile(
    rf"\({_TODAY} && t\.min >= (?P<start>\d+) && t\.min < (?P<end>\d+)\)"
)
_OVERNIGHT = re.compile(
    rf"\(\({_TODAY} && t\.min >= (?P<start>\d+)\) \|\| "
    r"\(.* && t\.min < (?P<end>\d+)\)\)"
)
_BOUNDED = re.compile(
    r'\((?:context\.now >= datetime\("(?P<opens>[^"\\]+)"\) && )?'
    r'(?:context\.now < datetime\("(?P<closes>[^"\\]+)"\) && )?(?P<rest>\(.*\))\)'
)
_RANGE = re.compile(r'context\.ip\.isInRange\(ip\("([^"\\]+)"\)\)')
_STRING = r'"(?:[^"\\]|\\.)*"'
_STRINGS = rf"\[{_STRING}(?:, {_STRING})*\]"
_COUNTRIES = re.compile(rf"({_STRINGS})\.contains\(context\.country\)")
_CITIES = re.compile(
    rf"\(context\.country == ({_STRING}) && ({_STRINGS})\.contains\(context\.city\)\)"
)
_GROUPS = re.compile(rf"({_STRINGS})\.containsAny\(context\.node_groups\)")
_SQUARE = r"\(context\.geo\.{0} - \((-?\d+)\)\) \* \(context\.geo\.{0} - \(-?\d+\)\)"
_PLUS = r" \+ "
_CIRCLE = re.compile(
    rf"\({_PLUS.join(_SQUARE.format(axis) for axis in 'xyz')} <= (\d+)\)"
)
_ESCAPED = re.compile(r"\\(?:u\{([0-9a-f]+)\}|(.))")
_SCALE = 10**9
_MICRO = 10**6


def read_window(text: str) -> WindowRecord | None:
    """Return the window, without a name, that a condition was compiled from."""
    bounds = _BOUNDED.fullmatch(text)
    has_bounds = bounds is not None and (bounds["opens"] or bounds["closes"])
    inner = bounds["rest"] if bounds is not None and has_bounds else text
    zone = _ZONE.search(inner)
    if zone is None:
        return None
    short = inner.replace(zone[0], "t")
    match = _BY_DAY.fullmatch(short) or _OVERNIGHT.fullmatch(short)
    if match is None:
        return None
    window = WindowRecord(
        "",
        "",
        zone=zone["zone"],
        weekdays=_numbers(match["days"]),
        start_minute=int(match["start"]),
        end_minute=int(match["end"]),
        date_from=_date(match["first"]),
        date_until=_date(match["last"]),
        closed_on=_dates(match["closed"]),
        open_on=_dates(match["open"]),
        opens_at=bounds["opens"] if bounds is not None and has_bounds else None,
        closes_at=bounds["closes"] if bounds is not None and has_bounds else None,
    )
    return window if window_condition(window) == text else None


def read_location(text: str, *, lenient: bool) -> LocationRecord | None:
    """Return the location, without a name, that a condition was compiled from."""
    # What the form for unknown places adds of cities would read as countries.
    cities = tuple(_cities(text))
    rest = text.partition("context has city")[0] if cities else text
    countries = _COUNTRIES.search(rest)
    groups = _GROUPS.search(text)
    place = LocationRecord(
        "",
        "",
        cidrs=tuple(_RANGE.findall(text)),
        countries=_strings(countries[1]) if countries else (),
        cities=cities,
        fence=_fence(text),
        node_groups=_strings(groups[1]) if groups else (),
    )
    try:
        again = location_condition(place, unknown_matches=lenient)
    except ValueError:
        return None
    return place if again == text else None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.strip("[]").split(",") if number)


def _dates(text: str | None) -> tuple[str, ...]:
    return tuple(_date(str(number)) or "" for number in _numbers(text or ""))


def _date(number: str | None) -> str | None:
    return f"{number[:-4]:0>4}-{number[-4:-2]}-{number[-2:]}" if number else None


def _cities(text: str) -> Iterator[City]:
    for country, names in _CITIES.findall(text):
        for name in _strings(names):
            yield City(_plain(country), name)


def _strings(text: str) -> tuple[str, ...]:
    return tuple(_plain(part) for part in re.findall(_STRING, text))


def _plain(literal: str) -> str:
    return _ESCAPED.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else found[2], literal[1:-1]
    )


def _fence(text: str) -> Fence | None:
    """Return a circle: its center is a point on a sphere, its edge a distance."""
    found = _CIRCLE.search(text)
    if found is None:
        return None
    x, y, z, reach = (int(number) for number in found.groups())
    chord = math.sqrt(reach) / _SCALE
    if chord > 2:  # noqa: PLR2004  # the diameter of a sphere of radius 1
        return None
    return Fence(
        round(math.degrees(math.atan2(z, math.hypot(x, y))) * _MICRO),
        round(math.degrees(math.atan2(y, x)) * _MICRO),
        round(2 * math.asin(chord / 2) * EARTH_RADIUS),
    )
