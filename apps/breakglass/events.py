"""What the app writes into audit log and outbox. A value is never used again."""

from __future__ import annotations

from enum import StrEnum


class BreakGlassAction(StrEnum):
    """Audit actions about break-glass accounts."""

    OPENED = "breakglass.opened"
    ENDED = "breakglass.ended"
    REVIEWED = "breakglass.reviewed"
    DRILL_ANNOUNCED = "breakglass.drill_announced"
    DRILL_FAILED = "breakglass.drill_failed"
    DRILL_DONE = "breakglass.drill_done"


class Topic(StrEnum):
    """Outbox topics."""

    OPENED = "breakglass.opened"
