"""Questions about windows and locations of the tenant whose scope is open."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.scopes.errors import LocationNotFoundError, WindowNotFoundError
from apps.scopes.models import Location, TimeWindow
from protocol.records import LocationRecord, Record, WindowRecord


def windows() -> QuerySet[TimeWindow]:
    """Return all time windows, by short name."""
    return TimeWindow.objects.order_by("slug")


def locations() -> QuerySet[Location]:
    """Return all locations, by short name."""
    return Location.objects.order_by("slug")


def window_by_id(window_id: uuid.UUID) -> TimeWindow:
    """Return a window or raise WindowNotFoundError."""
    try:
        return TimeWindow.objects.get(pk=window_id)
    except TimeWindow.DoesNotExist as error:
        raise WindowNotFoundError from error


def location_by_id(location_id: uuid.UUID) -> Location:
    """Return a location or raise LocationNotFoundError."""
    try:
        return Location.objects.get(pk=location_id)
    except Location.DoesNotExist as error:
        raise LocationNotFoundError from error


def live_records() -> list[Record]:
    """Return the records that releases carry for this app."""
    return [*window_records(), *location_records()]


def window_records() -> list[WindowRecord]:
    """Return all windows as records."""
    return [window_record(window) for window in windows()]


def location_records() -> list[LocationRecord]:
    """Return all locations as records."""
    return [
        LocationRecord(
            location.slug,
            name=location.name,
            cidrs=tuple(location.cidrs),
            countries=tuple(location.countries),
        )
        for location in locations()
    ]


def window_record(window: TimeWindow) -> WindowRecord:
    """Return one window as a record."""
    return WindowRecord(
        window.slug,
        name=window.name,
        zone=window.zone,
        weekdays=tuple(window.weekdays),
        start_minute=window.start_minute,
        end_minute=window.end_minute,
        date_from=window.date_from.isoformat() if window.date_from else None,
        date_until=window.date_until.isoformat() if window.date_until else None,
    )
