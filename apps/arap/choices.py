"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models

# The draft that is spoken here, by its date.
DRAFT = "2026-07-03"


class TaskStatus(models.TextChoices):
    """Where a request for access stands, in the words of the profile."""

    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    DENIED = "denied", "Denied"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"
    PARTIAL = "partial", "Partial"
