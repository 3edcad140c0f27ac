"""Vocabularies of the app."""

from __future__ import annotations

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
