"""Refusals of windows and locations. Each has a code of its own."""

from __future__ import annotations

from apps.core.errors import ConflictError, InvalidError, NotFoundError


class SlugInvalidError(InvalidError):
    """A short name has a wrong shape."""

    code = "scopes.slug_invalid"
    default_message = "The short name is malformed."
    default_remedy = "Use a-z, 0-9 and hyphens, starting with a letter."


class SlugFixedError(InvalidError):
    """A short name is what policies refer to; it never changes."""

    code = "scopes.slug_fixed"
    default_message = "The short name cannot change."
    default_remedy = "Create another one under the new short name."


class SlugTakenError(ConflictError):
    """The short name is in use."""

    code = "scopes.slug_taken"
    default_message = "This short name is taken."
    default_remedy = "Choose another short name, or edit the existing one."


class NameMissingError(InvalidError):
    """A name is empty or too long."""

    code = "scopes.name_invalid"
    default_message = "A name of 1 to 120 characters is needed."
    default_remedy = "Write what people call it."


class UnknownZoneError(InvalidError):
    """There is no such time zone."""

    code = "scopes.unknown_zone"
    default_remedy = "Use an IANA zone such as Europe/Berlin."


class WeekdaysInvalidError(InvalidError):
    """The weekdays are empty or out of range."""

    code = "scopes.weekdays_invalid"
    default_message = "A window needs weekdays from 1 (Monday) to 7 (Sunday)."
    default_remedy = "Choose at least one day."


class HoursInvalidError(InvalidError):
    """A time of day is malformed or outside the day."""

    code = "scopes.hours_invalid"
    default_remedy = "Write times from 00:00 to 24:00."


class WindowEndsBeforeStartError(InvalidError):
    """The window ends before it starts, and is not marked as overnight."""

    code = "scopes.end_before_start"
    default_message = "The window ends before it starts."
    default_remedy = "Swap the times, or mark the window as overnight."


class WindowEmptyError(InvalidError):
    """The window has no length."""

    code = "scopes.window_empty"
    default_message = "The window starts and ends at the same minute."
    default_remedy = "For a whole day write 00:00 to 24:00."


class DatesInvalidError(InvalidError):
    """The last date lies before the first."""

    code = "scopes.dates_reversed"
    default_message = "The last date lies before the first."
    default_remedy = "Swap the dates, or leave one open."


class DatesTooManyError(InvalidError):
    """There are more dates than a window or calendar may have."""

    code = "scopes.too_many_dates"
    default_remedy = "Leave out what is over, or use fewer calendars."


class InstantsInvalidError(InvalidError):
    """A window that is open once lacks an end, or ends before it starts."""

    code = "scopes.instants_invalid"
    default_remedy = "Write both as 2026-12-18 18:00."


class CalendarInvalidError(InvalidError):
    """A calendar holds no day, or one that is none."""

    code = "scopes.calendar_invalid"
    default_remedy = "Write one day a line, such as 2026-12-25 Christmas Day."


class CalendarFileError(InvalidError):
    """A file is not a calendar, or larger than is read."""

    code = "scopes.calendar_file"
    default_remedy = "Export the calendar as iCalendar (.ics) again, or write its days."


class CIDRInvalidError(InvalidError):
    """An address range is malformed."""

    code = "scopes.invalid_cidr"
    default_remedy = "Write a network such as 10.1.0.0/16 or 2001:db8::/32."


class UnknownCountryError(InvalidError):
    """There is no such country code."""

    code = "scopes.unknown_country"
    default_remedy = "Use two capital letters of ISO 3166-1, such as DE."


class CityInvalidError(InvalidError):
    """The name of a city is empty or too long."""

    code = "scopes.city_invalid"
    default_message = "A city has a name of 1 to 100 characters."
    default_remedy = "Write one a line, such as DE Berlin."


class FenceInvalidError(InvalidError):
    """A circle lies nowhere, or has an impossible radius."""

    code = "scopes.fence_invalid"
    default_remedy = "Write degrees such as 52.52 and 13.405, and kilometers."


class NodeGroupInvalidError(InvalidError):
    """A text is not the short name of a node group."""

    code = "scopes.node_group_invalid"
    default_remedy = "Use the short name from the list of node groups."


class LocationTooLargeError(InvalidError):
    """A location lists more than a policy can hold."""

    code = "scopes.location_too_large"
    default_remedy = "Join neighboring ranges, or split the location."


class LocationEmptyError(InvalidError):
    """A location names no place at all."""

    code = "scopes.location_empty"
    default_message = "A location needs a range, country, city, circle or node group."
    default_remedy = "Add at least one."


class WindowNotFoundError(NotFoundError):
    """There is no such window."""

    code = "scopes.window_not_found"
    default_message = "There is no such time window."


class LocationNotFoundError(NotFoundError):
    """There is no such location."""

    code = "scopes.location_not_found"
    default_message = "There is no such location."


class CalendarNotFoundError(NotFoundError):
    """There is no such calendar."""

    code = "scopes.calendar_not_found"
    default_message = "There is no such calendar."


class UnknownCalendarError(InvalidError):
    """A window refers to a calendar that does not exist."""

    code = "scopes.unknown_calendar"
    default_remedy = "Create the calendar first, or correct its short name."


class InUseError(ConflictError):
    """What policies or windows refer to cannot be deleted."""

    code = "scopes.in_use"
    default_remedy = "Remove it there first, and have that approved."
