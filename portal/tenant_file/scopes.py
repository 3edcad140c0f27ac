"""Turn windows, calendars and locations of a file into what the services take."""

from __future__ import annotations

import datetime as dt

from apps.scopes.choices import Weekday, WindowKind
from apps.scopes.rules import (
    CalendarSpec,
    LocationSpec,
    WindowSpec,
    micro_degrees,
    parse_cities,
    parse_days,
    parse_minute,
)
from portal.tenant_file.errors import TenantFileError
from portal.tenant_file.reading import Item
from protocol.records import Fence

WINDOW = (
    *("slug", "name", "zone", "weekdays", "start", "end", "overnight"),
    *("date_from", "date_until", "opens_at", "closes_at"),
    *("closed_dates", "open_dates", "closed_calendars", "open_calendars"),
)
CALENDAR = ("slug", "name", "days")
LOCATION = (
    *("slug", "name", "cidrs", "countries", "cities", "fence"),
    *("node_groups", "unknown_matches"),
)
DAYS = {str(day.label)[:3].lower(): day.value for day in Weekday}


def window(item: Item) -> WindowSpec:
    """Return a time window; with `opens_at` it is one that is open once."""
    common = WindowSpec(
        slug=item.text("slug"),
        name=item.text("name"),
        zone=item.text("zone"),
        closed_dates=_date_list(item, "closed_dates"),
        open_dates=_date_list(item, "open_dates"),
        closed_calendars=item.texts("closed_calendars"),
        open_calendars=item.texts("open_calendars"),
    )
    fields = vars(common)
    if item.value.keys() & {"opens_at", "closes_at"}:
        own = {
            "kind": WindowKind.ABSOLUTE,
            "opens_at": _moment(item, "opens_at"),
            "closes_at": _moment(item, "closes_at"),
        }
        return WindowSpec(**(fields | own))
    own = {
        "weekdays": tuple(_weekday(day, item) for day in item.texts("weekdays")),
        "start_minute": parse_minute(item.text("start"), field="start"),
        "end_minute": parse_minute(item.text("end"), field="end"),
        "is_overnight": item.flag("overnight"),
        "date_from": _date(item, "date_from"),
        "date_until": _date(item, "date_until"),
    }
    return WindowSpec(**(fields | own))


def calendar(item: Item) -> CalendarSpec:
    """Return a calendar; each day is written as 2026-12-25 Christmas Day."""
    days, problems = parse_days("\n".join(item.texts("days")))
    if problems:
        raise TenantFileError.at(
            item.at("days"), "date", problems[0], "Write 2026-12-25 Christmas Day."
        )
    return CalendarSpec(item.text("slug"), item.text("name"), tuple(days))


def location(item: Item) -> LocationSpec:
    """Return a location."""
    cities, problems = parse_cities("\n".join(item.texts("cities")))
    if problems:
        raise TenantFileError.at(
            item.at("cities"), "city", problems[0], "Write DE Berlin."
        )
    return LocationSpec(
        slug=item.text("slug"),
        name=item.text("name"),
        cidrs=item.texts("cidrs"),
        countries=item.texts("countries"),
        cities=tuple(cities),
        fence=_fence(item),
        node_groups=item.texts("node_groups"),
        unknown_matches=item.flag("unknown_matches"),
    )


def _fence(item: Item) -> Fence | None:
    if "fence" not in item.value:
        return None
    known = ("latitude", "longitude", "radius_km")
    fence = Item(item.mapping("fence"), item.at("fence"), known)
    # Numbers with a point are texts in this YAML, whole ones are numbers.
    texts = {name: str(fence.value.get(name, "")) for name in known}
    return Fence(
        micro_degrees(texts["latitude"], field="fence.latitude"),
        micro_degrees(texts["longitude"], field="fence.longitude"),
        micro_degrees(texts["radius_km"], field="fence.radius_km") // 1000,
    )


def _weekday(text: str, item: Item) -> int:
    day = DAYS.get(text.lower())
    if day is None:
        raise TenantFileError.at(
            item.at("weekdays"),
            "weekday",
            f"“{text}” is no weekday.",
            f"Use {', '.join(DAYS)}.",
        )
    return day


def _date(item: Item, name: str) -> dt.date | None:
    text = item.text(name, "")
    return _as_date(item, name, text) if text else None


def _date_list(item: Item, name: str) -> tuple[dt.date, ...]:
    return tuple(_as_date(item, name, text) for text in item.texts(name))


def _as_date(item: Item, name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise TenantFileError.at(
            item.at(name), "date", f"“{text}” is no date.", "Write 2026-12-31."
        ) from error


def _moment(item: Item, name: str) -> dt.datetime:
    """Return a local time of the window's zone, or an instant with its offset."""
    text = item.text(name)
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise TenantFileError.at(
            item.at(name), "moment", f"“{text}” is no time.", "Write 2026-12-18 18:00."
        ) from error
