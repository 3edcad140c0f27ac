"""Create, change and delete calendars."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from apps.audit.events import Actor
from apps.scopes import rules, selectors
from apps.scopes.errors import CalendarNotFoundError, DatesTooManyError
from apps.scopes.events import ScopesAction
from apps.scopes.models import HolidayCalendar
from apps.scopes.rules import CalendarSpec
from apps.scopes.selectors.usage import Kind
from apps.scopes.services import writing
from apps.tenants.services import require_tenant_id


@transaction.atomic
def save_calendar(
    *, actor: Actor, spec: CalendarSpec, calendar_id: uuid.UUID | None = None
) -> HolidayCalendar:
    """Create a calendar, or change the one that is named.

    Raises an InvalidError that names the field, SlugTakenError, CalendarNotFoundError.
    """
    wanted = rules.check_calendar(spec)
    calendar = _locked(calendar_id)
    before = _state(calendar) if calendar_id else None
    writing.keep_slug(calendar.slug, wanted.slug)
    calendar.slug, calendar.name = wanted.slug, wanted.name
    calendar.days = [
        {"date": day.date.isoformat(), "name": day.name} for day in wanted.days
    ]
    after = _state(calendar)
    if before == after:
        return calendar
    _check_windows(wanted)
    writing.write(calendar)
    writing.announce(
        actor,
        ScopesAction.CALENDAR_CHANGED if before else ScopesAction.CALENDAR_CREATED,
        ("HolidayCalendar", calendar.slug),
        before,
        after,
    )
    return calendar


@transaction.atomic
def delete_calendar(*, actor: Actor, calendar_id: uuid.UUID) -> None:
    """Delete a calendar that no window refers to.

    Raises CalendarNotFoundError and InUseError, which names what refers to it.
    """
    calendar = _locked(calendar_id)
    writing.refuse_if_used(Kind.CALENDAR, calendar.slug)
    before = _state(calendar)
    calendar.delete()
    writing.announce(
        actor,
        ScopesAction.CALENDAR_DELETED,
        ("HolidayCalendar", before["slug"]),
        before,
        None,
    )


def _locked(calendar_id: uuid.UUID | None) -> HolidayCalendar:
    if calendar_id is None:
        return HolidayCalendar(tenant_id=require_tenant_id())
    try:
        return HolidayCalendar.objects.select_for_update().get(pk=calendar_id)
    except HolidayCalendar.DoesNotExist as error:
        raise CalendarNotFoundError from error


def _check_windows(wanted: CalendarSpec) -> None:
    """Refuse days that would overfill a window that refers to the calendar."""
    dates = selectors.calendar_dates() | {
        wanted.slug: tuple(day.date for day in wanted.days)
    }
    for window in selectors.windows():
        if wanted.slug in (*window.closed_calendars, *window.open_calendars):
            try:
                rules.dates_of(selectors.window_spec(window), dates)
            except DatesTooManyError as error:
                raise DatesTooManyError(error.message, field="days") from error


def _state(calendar: HolidayCalendar) -> dict[str, Any]:
    return {
        "slug": calendar.slug,
        "name": calendar.name,
        "days": [dict(day) for day in calendar.days],
    }
