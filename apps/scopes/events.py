"""What the audit log and the outbox hear from this app."""

from __future__ import annotations

from enum import StrEnum


class ScopesAction(StrEnum):
    """Audited acts upon windows and locations."""

    WINDOW_CREATED = "window.created"
    WINDOW_CHANGED = "window.changed"
    LOCATION_CREATED = "location.created"
    LOCATION_CHANGED = "location.changed"


class ScopesTopic(StrEnum):
    """Outbox topics."""

    CHANGED = "scopes.changed"
