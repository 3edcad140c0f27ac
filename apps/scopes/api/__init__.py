"""Windows, calendars and locations over REST."""

from apps.scopes.api.views import (
    CalendarDetail,
    CalendarList,
    LocationDetail,
    LocationList,
    WindowDetail,
    WindowList,
    WindowTransitions,
)

__all__ = [
    "CalendarDetail",
    "CalendarList",
    "LocationDetail",
    "LocationList",
    "WindowDetail",
    "WindowList",
    "WindowTransitions",
]
