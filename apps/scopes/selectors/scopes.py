"""Questions about windows, calendars and locations of the tenant that is open."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping

from django.db.models import QuerySet

from apps.scopes.choices import WindowKind
from apps.scopes.errors import (
    CalendarNotFoundError,
    LocationNotFoundError,
    WindowNotFoundError,
)
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
from apps.scopes.rules import (
    CalendarSpec,
    Day,
    LocationSpec,
    WindowSpec,
    dates_of,
)
from protocol.records import City, Fence, LocationRecord, Record, WindowRecord

CalendarDates = Mapping[str, Iterable[dt.date]]


def windows() -> QuerySet[TimeWindow]:
    """Return all time windows, by short name."""
    return TimeWindow.objects.order_by("slug")


def calendars() -> QuerySet[HolidayCalendar]:
    """Return all calendars, by short name."""
    return HolidayCalendar.objects.order_by("slug")


def locations() -> QuerySet[Location]:
    """Return all locations, by short name."""
    return Location.objects.order_by("slug")


def window_by_id(window_id: uuid.UUID) -> TimeWindow:
    """Return a window or raise WindowNotFoundError."""
    try:
        return TimeWindow.objects.get(pk=window_id)
    except TimeWindow.DoesNotExist as error:
        raise WindowNotFoundError from error


def calendar_by_id(calendar_id: uuid.UUID) -> HolidayCalendar:
    """Return a calendar or raise CalendarNotFoundError."""
    try:
        return HolidayCalendar.objects.get(pk=calendar_id)
    except HolidayCalendar.DoesNotExist as error:
        raise CalendarNotFoundError from error


def location_by_id(location_id: uuid.UUID) -> Location:
    """Return a location or raise LocationNotFoundError."""
    try:
        return Location.objects.get(pk=location_id)
    except Location.DoesNotExist as error:
        raise LocationNotFoundError from error


def live_records() -> list[Record]:
    """Return the records that releases carry for this app.

    Calendars are not among them: each window carries the dates it takes from them.
    """
    return [*window_records(), *location_records()]


def window_records(slugs: Collection[str] | None = None) -> list[WindowRecord]:
    """Return all windows as records, or those with these short names."""
    found = windows() if slugs is None else windows().filter(slug__in=slugs)
    rows = list(found)
    dates = calendar_dates() if rows else {}
    return [window_record(window, dates) for window in rows]


def location_records(slugs: Collection[str] | None = None) -> list[LocationRecord]:
    """Return all locations as records, or those with these short names."""
    found = locations() if slugs is None else locations().filter(slug__in=slugs)
    return [location_record(location) for location in found]


def zones_in_use() -> frozenset[str]:
    """Return the time zones that windows are written in."""
    return frozenset(TimeWindow.objects.values_list("zone", flat=True).distinct())


def zone_to_tell(slugs: Collection[str] = ()) -> str:
    """Return the time zone that people read a moment in.

    It is the one that all of these windows are written in, or else all windows of the
    tenant; where there are several, UTC.
    """
    named = set(windows().filter(slug__in=slugs).values_list("zone", flat=True))
    zones = named or zones_in_use()
    return next(iter(zones)) if len(zones) == 1 else "UTC"


def calendar_dates() -> dict[str, tuple[dt.date, ...]]:
    """Return the dates of all calendars, by short name."""
    return {
        calendar.slug: tuple(day.date for day in calendar_spec(calendar).days)
        for calendar in calendars()
    }


def window_record(
    window: TimeWindow, dates: CalendarDates | None = None
) -> WindowRecord:
    """Return one window as a record, with the dates it takes from calendars."""
    if dates is None:
        dates = calendar_dates()
    found = dates_of(window_spec(window), dates)
    return WindowRecord(
        window.slug,
        name=window.name,
        zone=window.zone,
        weekdays=tuple(window.weekdays),
        start_minute=window.start_minute,
        end_minute=window.end_minute,
        date_from=window.date_from.isoformat() if window.date_from else None,
        date_until=window.date_until.isoformat() if window.date_until else None,
        closed_on=tuple(day.isoformat() for day in found.closed),
        open_on=tuple(day.isoformat() for day in found.open),
        opens_at=_stamp(window.opens_at),
        closes_at=_stamp(window.closes_at),
    )


def location_record(location: Location) -> LocationRecord:
    """Return one location as a record."""
    spec = location_spec(location)
    return LocationRecord(
        spec.slug,
        name=spec.name,
        cidrs=spec.cidrs,
        countries=spec.countries,
        cities=spec.cities,
        fence=spec.fence,
        node_groups=spec.node_groups,
        unknown_matches=spec.unknown_matches,
    )


def window_spec(window: TimeWindow) -> WindowSpec:
    """Return what a window is."""
    return WindowSpec(
        slug=window.slug,
        name=window.name,
        zone=window.zone,
        weekdays=tuple(window.weekdays),
        start_minute=window.start_minute,
        end_minute=window.end_minute,
        is_overnight=window.is_overnight,
        date_from=window.date_from,
        date_until=window.date_until,
        kind=WindowKind(window.kind),
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        closed_dates=_dates(window.closed_dates),
        open_dates=_dates(window.open_dates),
        closed_calendars=tuple(window.closed_calendars),
        open_calendars=tuple(window.open_calendars),
    )


def calendar_spec(calendar: HolidayCalendar) -> CalendarSpec:
    """Return what a calendar is."""
    days = (
        Day(dt.date.fromisoformat(day["date"]), day["name"]) for day in calendar.days
    )
    return CalendarSpec(calendar.slug, calendar.name, tuple(days))


def location_spec(location: Location) -> LocationSpec:
    """Return what a location is."""
    fence = None
    if (
        location.latitude is not None
        and location.longitude is not None
        and location.radius is not None
    ):
        fence = Fence(location.latitude, location.longitude, location.radius)
    return LocationSpec(
        slug=location.slug,
        name=location.name,
        cidrs=tuple(location.cidrs),
        countries=tuple(location.countries),
        cities=tuple(City(country, name) for country, name in location.cities),
        fence=fence,
        node_groups=tuple(location.node_groups),
        unknown_matches=location.unknown_matches,
    )


def _dates(texts: Iterable[str]) -> tuple[dt.date, ...]:
    return tuple(dt.date.fromisoformat(text) for text in texts)


def _stamp(moment: dt.datetime | None) -> str | None:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None
