"""Read the JSON form of time windows and locations.

Fields that came later are absent while they say nothing: an empty one is refused, so
that a record has one form only.
"""

from __future__ import annotations

import ipaddress
import re

from protocol.errors import RecordError
from protocol.records import values
from protocol.records.kinds import City, Fence, LocationRecord, WindowRecord
from protocol.records.values import JSONObject

WINDOW_LATER = ("closed_on", "open_on", "opens_at", "closes_at")
LOCATION_LATER = ("cities", "fence", "node_groups", "unknown_matches")
MOST_DATES = 750
_COUNTRY = re.compile(r"[A-Z]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_MINUTES_A_DAY = 1440
_POLE, _DATE_LINE = 90_000_000, 180_000_000
_HALF_WAY_ROUND = 20_038_000


def parse_window(ident: str, f: JSONObject) -> WindowRecord:
    """Parse a time window or raise RecordError."""
    _refuse_empty(f, WINDOW_LATER)
    weekdays = tuple(
        values.integer(day, "weekdays", 1, 7)
        for day in values.items(f["weekdays"], "weekdays")
    )
    if not weekdays or list(weekdays) != sorted(set(weekdays)):
        raise RecordError(
            "weekdays: distinct, ascending, at least one", field="weekdays"
        )
    record = WindowRecord(
        ident,
        name=values.text(f["name"], "name"),
        zone=values.text(f["zone"], "zone"),
        weekdays=weekdays,
        start_minute=values.integer(
            f["start_minute"], "start_minute", 0, _MINUTES_A_DAY - 1
        ),
        end_minute=values.integer(f["end_minute"], "end_minute", 0, _MINUTES_A_DAY),
        date_from=values.date(f["date_from"], "date_from"),
        date_until=values.date(f["date_until"], "date_until"),
        closed_on=_dates(f, "closed_on"),
        open_on=_dates(f, "open_on"),
        opens_at=_instant(f, "opens_at"),
        closes_at=_instant(f, "closes_at"),
    )
    if set(record.closed_on) & set(record.open_on):
        raise RecordError("open_on: a date is open or closed", field="open_on")
    if record.opens_at and record.closes_at and record.closes_at <= record.opens_at:
        raise RecordError("closes_at: later than opens_at", field="closes_at")
    return record


def parse_location(ident: str, f: JSONObject) -> LocationRecord:
    """Parse a location or raise RecordError."""
    _refuse_empty(f, LOCATION_LATER)
    cidrs = values.texts(f["cidrs"], "cidrs")
    for cidr in cidrs:
        try:
            normal = str(ipaddress.ip_network(cidr))
        except ValueError as error:
            raise RecordError(f"cidrs: {error}", field="cidrs") from error
        if normal != cidr:
            raise RecordError(f"cidrs: write {cidr} as {normal}", field="cidrs")
    fence = f.get("fence")
    if f.get("unknown_matches", True) is not True:
        raise RecordError("unknown_matches: true or absent", field="unknown_matches")
    return LocationRecord(
        ident,
        name=values.text(f["name"], "name"),
        cidrs=cidrs,
        countries=tuple(
            _country(code, "countries")
            for code in values.texts(f["countries"], "countries")
        ),
        cities=tuple(_city(c) for c in values.items(f.get("cities", []), "cities")),
        fence=None if fence is None else _fence(fence),
        node_groups=values.texts(f.get("node_groups", []), "node_groups"),
        unknown_matches="unknown_matches" in f,
    )


def _refuse_empty(f: JSONObject, names: tuple[str, ...]) -> None:
    for name in names:
        if name in f and not f[name]:
            raise RecordError(f"{name}: absent when it says nothing", field=name)


def _dates(f: JSONObject, name: str) -> tuple[str, ...]:
    found = tuple(
        values.date(values.text(item, name), name) or ""
        for item in values.items(f.get(name, []), name)
    )
    if list(found) != sorted(set(found)):
        raise RecordError(f"{name}: distinct and ascending", field=name)
    if len(found) > MOST_DATES:
        raise RecordError(f"{name}: at most {MOST_DATES} dates", field=name)
    return found


def _instant(f: JSONObject, name: str) -> str | None:
    found = values.instant(f.get(name), name)
    if found is not None and not _INSTANT.fullmatch(found):
        raise RecordError(f"{name}: an instant like 2026-01-31T12:00:00Z", field=name)
    return found


def _country(code: str, field: str) -> str:
    if not _COUNTRY.fullmatch(code):
        raise RecordError(f"{field}: {code!r} is no code", field=field)
    return code


def _city(value: object) -> City:
    match value:
        case [str(country), str(name)]:
            return City(_country(country, "cities"), values.text(name, "cities", 100))
        case _:
            raise RecordError("cities: pairs of country and name", field="cities")


def _fence(value: object) -> Fence:
    f = values.fields(value, "fence", ("latitude", "longitude", "radius"))
    return Fence(
        values.integer(f["latitude"], "fence.latitude", -_POLE, _POLE),
        values.integer(f["longitude"], "fence.longitude", -_DATE_LINE, _DATE_LINE),
        values.integer(f["radius"], "fence.radius", 1, _HALF_WAY_ROUND),
    )
