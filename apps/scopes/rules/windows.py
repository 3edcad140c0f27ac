"""What a window must be, and its normal form.

Every check returns the value in normal form or raises an error that names the field.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from dataclasses import dataclass, replace

from apps.scopes.choices import WindowKind
from apps.scopes.errors import (
    DatesInvalidError,
    DatesTooManyError,
    HoursInvalidError,
    InstantsInvalidError,
    UnknownZoneError,
    WeekdaysInvalidError,
    WindowEmptyError,
    WindowEndsBeforeStartError,
)
from apps.scopes.rules.names import check_names

MINUTES_A_DAY = 1440
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
MOST_EXCEPTIONS = 250
MOST_CALENDARS = 10
_TIME = re.compile(r"^(\d{2}):(\d{2})$")
# Names of the tz database that are not places.
_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})
_SECOND = dt.timedelta(seconds=1)


@dataclass(frozen=True)
class WindowSpec:
    """What somebody wants a window to be.

    An absolute window has `opens_at` and `closes_at`, local times of its zone or
    instants, instead of weekdays, hours and dates. Calendars are named by short name.
    """

    slug: str
    name: str
    zone: str
    weekdays: tuple[int, ...] = EVERY_DAY
    start_minute: int = 0
    end_minute: int = MINUTES_A_DAY
    is_overnight: bool = False
    date_from: dt.date | None = None
    date_until: dt.date | None = None
    kind: str = WindowKind.WEEKLY
    opens_at: dt.datetime | None = None
    closes_at: dt.datetime | None = None
    closed_dates: tuple[dt.date, ...] = ()
    open_dates: tuple[dt.date, ...] = ()
    closed_calendars: tuple[str, ...] = ()
    open_calendars: tuple[str, ...] = ()


def check_window(spec: WindowSpec) -> WindowSpec:
    """Return the window in normal form.

    Raises an InvalidError of this app that names the field.
    """
    check_names(spec.slug, spec.name)
    if spec.zone not in zones():
        raise UnknownZoneError(f"There is no time zone “{spec.zone}”.", field="zone")
    spec = replace(
        spec,
        name=spec.name.strip(),
        closed_dates=tuple(sorted(set(spec.closed_dates))),
        open_dates=tuple(sorted(set(spec.open_dates))),
        closed_calendars=tuple(sorted(set(spec.closed_calendars))),
        open_calendars=tuple(sorted(set(spec.open_calendars))),
    )
    match spec.kind:
        case WindowKind.ABSOLUTE:
            spec = _absolute(spec)
        case WindowKind.WEEKLY:
            spec = _weekly(spec)
        case _:
            raise InstantsInvalidError(
                f"There is no kind of window “{spec.kind}”.", field="kind"
            )
    _check_exceptions(spec)
    return spec


def resolve_local(zone: str, local: dt.datetime, *, later: bool) -> dt.datetime:
    """Return the instant of a local time.

    Of a time that happens twice it is the first, or the second when `later`: what is
    meant to hold during it holds both times. Of a time that is skipped it is the
    moment at which the clock goes forward.
    """
    info = zoneinfo.ZoneInfo(zone)
    low, high = sorted(
        local.replace(tzinfo=info, fold=fold).astimezone(dt.UTC) for fold in (0, 1)
    )
    if _clock(high, info) == local:
        return high if later else low
    # Skipped: the two readings lie on either side of the change of the clock.
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if _clock(middle, info) < local:
            low = middle
        else:
            high = middle
    return high


def parse_minute(text: str, *, field: str) -> int:
    """Return the minute of the day of a time such as 08:30; 24:00 is the day's end.

    Raises HoursInvalidError.
    """
    found = _TIME.match(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else -1
    if found is None or int(found[2]) >= 60 or minute > MINUTES_A_DAY:  # noqa: PLR2004  # minutes in an hour
        raise HoursInvalidError(f"“{text}” is not a time of day.", field=field)
    return minute


def time_text(minute: int) -> str:
    """Return a minute of the day as people write it."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


@functools.cache
def zones() -> frozenset[str]:
    """Return the names of all IANA zones."""
    return frozenset(zoneinfo.available_timezones()) - _NOT_ZONES


def _clock(moment: dt.datetime, info: zoneinfo.ZoneInfo) -> dt.datetime:
    return moment.astimezone(info).replace(tzinfo=None, fold=0)


def _absolute(spec: WindowSpec) -> WindowSpec:
    bounds = []
    for field in ("opens_at", "closes_at"):
        value: dt.datetime | None = getattr(spec, field)
        if value is None:
            raise InstantsInvalidError(
                "A window that is open once says from when until when.", field=field
            )
        value = value.replace(second=0, microsecond=0)
        if value.tzinfo is None:
            value = resolve_local(spec.zone, value, later=field == "closes_at")
        bounds.append(value.astimezone(dt.UTC))
    opens_at, closes_at = bounds
    if closes_at == opens_at:
        raise WindowEmptyError(
            "The window opens and closes at the same moment.",
            field="closes_at",
            remedy="Choose a later end.",
        )
    if closes_at < opens_at:
        raise InstantsInvalidError(
            "The window closes before it opens.",
            field="closes_at",
            remedy="Swap the two moments.",
        )
    if spec.open_dates or spec.open_calendars:
        raise DatesInvalidError(
            "A window that is open once is open on every day in between.",
            field="open_dates" if spec.open_dates else "open_calendars",
            remedy="Leave the additional days out.",
        )
    return replace(
        spec,
        weekdays=EVERY_DAY,
        start_minute=0,
        end_minute=MINUTES_A_DAY,
        is_overnight=False,
        date_from=None,
        date_until=None,
        opens_at=opens_at,
        closes_at=closes_at,
    )


def _weekly(spec: WindowSpec) -> WindowSpec:
    days = tuple(sorted(set(spec.weekdays)))
    if not days or not set(days) <= set(EVERY_DAY):
        raise WeekdaysInvalidError(field="weekdays")
    _check_hours(spec)
    if spec.date_from and spec.date_until and spec.date_until < spec.date_from:
        raise DatesInvalidError(field="date_until")
    return replace(spec, weekdays=days, opens_at=None, closes_at=None)


def _check_hours(spec: WindowSpec) -> None:
    start, end = spec.start_minute, spec.end_minute
    if not 0 <= start < MINUTES_A_DAY:
        raise HoursInvalidError("A window starts within the day.", field="start")
    if not 0 <= end <= MINUTES_A_DAY:
        raise HoursInvalidError("A window ends within a day.", field="end")
    if start == end:
        raise WindowEmptyError(field="end")
    if end < start and not spec.is_overnight:
        raise WindowEndsBeforeStartError(
            f"The window ends at {time_text(end)}, before it starts at "
            f"{time_text(start)}.",
            field="end",
        )
    if spec.is_overnight and end > start:
        raise HoursInvalidError(
            "An overnight window ends at or before the time it starts.",
            field="end",
            remedy="Remove the overnight mark, or choose an earlier end.",
        )


def _check_exceptions(spec: WindowSpec) -> None:
    for field in ("closed", "open"):
        if len(getattr(spec, f"{field}_dates")) > MOST_EXCEPTIONS:
            raise DatesTooManyError(
                f"A window has at most {MOST_EXCEPTIONS} dates of its own.",
                field=f"{field}_dates",
            )
        if len(getattr(spec, f"{field}_calendars")) > MOST_CALENDARS:
            raise DatesTooManyError(
                f"A window refers to at most {MOST_CALENDARS} calendars.",
                field=f"{field}_calendars",
            )
    if both := set(spec.closed_dates) & set(spec.open_dates):
        raise DatesInvalidError(
            f"{min(both)} is both closed and open.",
            field="open_dates",
            remedy="Remove it from one of the two.",
        )
    if calendars := set(spec.closed_calendars) & set(spec.open_calendars):
        raise DatesInvalidError(
            f"The days of “{min(calendars)}” are both closed and open.",
            field="open_calendars",
            remedy="Choose the calendar once.",
        )
    for day in spec.open_dates:
        if (spec.date_from and day < spec.date_from) or (
            spec.date_until and day > spec.date_until
        ):
            raise DatesInvalidError(
                f"{day} lies outside the dates of the window.",
                field="open_dates",
                remedy="Widen the dates of the window, or leave the day out.",
            )
