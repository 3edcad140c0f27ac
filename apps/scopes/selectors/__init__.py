"""Questions about windows, calendars and locations of the tenant that is open."""

from apps.scopes.selectors import usage
from apps.scopes.selectors.scopes import (
    calendar_by_id,
    calendar_dates,
    calendar_spec,
    calendars,
    live_records,
    location_by_id,
    location_record,
    location_records,
    location_spec,
    locations,
    window_by_id,
    window_record,
    window_records,
    window_spec,
    windows,
    zone_to_tell,
    zones_in_use,
)

__all__ = [
    "calendar_by_id",
    "calendar_dates",
    "calendar_spec",
    "calendars",
    "live_records",
    "location_by_id",
    "location_record",
    "location_records",
    "location_spec",
    "locations",
    "usage",
    "window_by_id",
    "window_record",
    "window_records",
    "window_spec",
    "windows",
    "zone_to_tell",
    "zones_in_use",
]
