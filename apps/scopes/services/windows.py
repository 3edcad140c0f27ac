"""Create, change and delete time windows."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from apps.audit.events import Actor
from apps.scopes import rules, selectors
from apps.scopes.errors import UnknownCalendarError, WindowNotFoundError
from apps.scopes.events import ScopesAction
from apps.scopes.models import HolidayCalendar, TimeWindow
from apps.scopes.rules import WindowSpec
from apps.scopes.selectors.scopes import CalendarDates
from apps.scopes.selectors.usage import Kind
from apps.scopes.services import writing
from apps.tenants.services import require_tenant_id

_PLAIN = (
    *("slug", "name", "zone", "kind", "start_minute", "end_minute"),
    *("date_from", "date_until", "opens_at", "closes_at"),
)
_LISTS = ("weekdays", "closed_calendars", "open_calendars")
_DATES = ("closed_dates", "open_dates")


@transaction.atomic
def save_window(
    *, actor: Actor, spec: WindowSpec, window_id: uuid.UUID | None = None
) -> TimeWindow:
    """Create a time window, or change the one that is named.

    Raises an InvalidError that names the field, SlugTakenError, WindowNotFoundError.
    """
    wanted = rules.check_window(spec)
    rules.dates_of(wanted, _named_calendars(wanted))
    window = _locked(window_id)
    before = _state(window) if window_id else None
    writing.keep_slug(window.slug, wanted.slug)
    _fill(window, wanted)
    after = _state(window)
    if before == after:
        return window
    writing.write(window)
    writing.announce(
        actor,
        ScopesAction.WINDOW_CHANGED if before else ScopesAction.WINDOW_CREATED,
        ("TimeWindow", window.slug),
        before,
        after,
    )
    return window


@transaction.atomic
def delete_window(*, actor: Actor, window_id: uuid.UUID) -> None:
    """Delete a window that nothing refers to.

    Raises WindowNotFoundError and InUseError, which names what refers to it.
    """
    window = _locked(window_id)
    writing.refuse_if_used(Kind.WINDOW, window.slug)
    before = _state(window)
    window.delete()
    writing.announce(
        actor,
        ScopesAction.WINDOW_DELETED,
        ("TimeWindow", before["slug"]),
        before,
        None,
    )


def _locked(window_id: uuid.UUID | None) -> TimeWindow:
    if window_id is None:
        return TimeWindow(tenant_id=require_tenant_id())
    try:
        return TimeWindow.objects.select_for_update().get(pk=window_id)
    except TimeWindow.DoesNotExist as error:
        raise WindowNotFoundError from error


def _named_calendars(spec: WindowSpec) -> CalendarDates:
    """Lock the calendars of a window, so that none is deleted meanwhile."""
    named = {*spec.closed_calendars, *spec.open_calendars}
    rows = HolidayCalendar.objects.select_for_update().filter(slug__in=named)
    found = {
        row.slug: [day.date for day in selectors.calendar_spec(row).days]
        for row in rows.order_by("slug")
    }
    for slug in sorted(named - found.keys()):
        field = "closed" if slug in spec.closed_calendars else "open"
        raise UnknownCalendarError(
            f"There is no calendar “{slug}”.", field=f"{field}_calendars"
        )
    return found


def _fill(window: TimeWindow, spec: WindowSpec) -> None:
    for name in _PLAIN:
        setattr(window, name, getattr(spec, name))
    for name in _LISTS:
        setattr(window, name, list(getattr(spec, name)))
    for name in _DATES:
        setattr(window, name, [day.isoformat() for day in getattr(spec, name)])


def _state(window: TimeWindow) -> dict[str, Any]:
    """Return a window as the audit trail keeps it; what says nothing is left out."""
    state = {name: getattr(window, name) for name in (*_PLAIN, *_LISTS, *_DATES)}
    for name in ("date_from", "date_until", "opens_at", "closes_at"):
        state[name] = state[name].isoformat() if state[name] else None
    later = ("kind", "opens_at", "closes_at", *_LISTS[1:], *_DATES)
    return {
        name: list(value) if isinstance(value, list) else value
        for name, value in state.items()
        if name not in later or (value and value != "weekly")
    }
