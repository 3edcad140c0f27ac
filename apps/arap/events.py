"""What the app writes into audit log and outbox. A value is never used again."""

from __future__ import annotations

from enum import StrEnum


class ArapAction(StrEnum):
    """Audit actions about access requests."""

    SUBMITTED = "arap.submitted"
    CANCELLED = "arap.cancelled"


class Topic(StrEnum):
    """Outbox topics."""

    CALLBACK = "arap.callback"
