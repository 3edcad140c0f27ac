"""What the audit log and the outbox hear from this app."""

from __future__ import annotations

from enum import StrEnum


class ScopesAction(StrEnum):
    """Audited acts upon windows, calendars and locations."""

    WINDOW_CREATED = "window.created"
    WINDOW_CHANGED = "window.changed"
    WINDOW_DELETED = "window.deleted"
    CALENDAR_CREATED = "calendar.created"
    CALENDAR_CHANGED = "calendar.changed"
    CALENDAR_DELETED = "calendar.deleted"
    LOCATION_CREATED = "location.created"
    LOCATION_CHANGED = "location.changed"
    LOCATION_DELETED = "location.deleted"


class ScopesTopic(StrEnum):
    """Outbox topics."""

    CHANGED = "scopes.changed"
