"""Vocabularies of the app."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models


class ElevationState(models.TextChoices):
    """Where an elevation stands. A retired value is never used again."""

    PENDING = "pending", "Waiting for approval"
    APPROVED = "approved", "Approved, not activated"
    ACTIVE = "active", "Active"
    DENIED = "denied", "Denied"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"
    ENDED = "ended", "Ended"


OPEN_STATES = (
    ElevationState.PENDING,
    ElevationState.APPROVED,
    ElevationState.ACTIVE,
)

# How a page colors each state.
TONES: Mapping[ElevationState, str] = {
    ElevationState.PENDING: "accent",
    ElevationState.APPROVED: "warn",
    ElevationState.ACTIVE: "ok",
    ElevationState.DENIED: "bad",
    ElevationState.CANCELLED: "muted",
    ElevationState.EXPIRED: "muted",
    ElevationState.ENDED: "muted",
}
