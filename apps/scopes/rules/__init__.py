"""What windows, calendars and locations must be, and what they mean in words."""

from apps.scopes.rules.calendars import (
    CalendarSpec,
    Dates,
    Day,
    check_calendar,
    dates_of,
    days_text,
    parse_dates,
    parse_days,
)
from apps.scopes.rules.locations import (
    LocationSpec,
    check_location,
    degrees_text,
    micro_degrees,
    normal_cidrs,
    parse_cities,
)
from apps.scopes.rules.names import check_slug
from apps.scopes.rules.windows import (
    WindowSpec,
    check_window,
    parse_minute,
    resolve_local,
    time_text,
    zones,
)

__all__ = [
    "CalendarSpec",
    "Dates",
    "Day",
    "LocationSpec",
    "WindowSpec",
    "check_calendar",
    "check_location",
    "check_slug",
    "check_window",
    "dates_of",
    "days_text",
    "degrees_text",
    "micro_degrees",
    "normal_cidrs",
    "parse_cities",
    "parse_dates",
    "parse_days",
    "parse_minute",
    "resolve_local",
    "time_text",
    "zones",
]
