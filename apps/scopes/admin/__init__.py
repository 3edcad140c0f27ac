"""Windows, calendars and locations in the console."""

from apps.scopes.admin.calendars import HolidayCalendarAdmin
from apps.scopes.admin.locations import LocationAdmin
from apps.scopes.admin.windows import TimeWindowAdmin

__all__ = ["HolidayCalendarAdmin", "LocationAdmin", "TimeWindowAdmin"]
