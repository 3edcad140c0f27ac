"""Create, change and delete windows, calendars and locations."""

from apps.scopes.services.calendars import delete_calendar, save_calendar
from apps.scopes.services.locations import delete_location, save_location
from apps.scopes.services.windows import delete_window, save_window

__all__ = [
    "delete_calendar",
    "delete_location",
    "delete_window",
    "save_calendar",
    "save_location",
    "save_window",
]
