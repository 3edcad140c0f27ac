"""What the audit log hears from this app."""

from __future__ import annotations

from enum import StrEnum


class ElevationAction(StrEnum):
    """Audited acts. A retired value is never used again."""

    ELIGIBILITY_CREATED = "eligibility.created"
    ELIGIBILITY_CHANGED = "eligibility.changed"
    ELIGIBILITY_REMOVED = "eligibility.removed"
    REQUESTED = "elevation.requested"
    APPROVED = "elevation.approved"
    DENIED = "elevation.denied"
    CANCELLED = "elevation.cancelled"
    EXPIRED = "elevation.expired"
    ACTIVATED = "elevation.activated"
    ENDED = "elevation.ended"
