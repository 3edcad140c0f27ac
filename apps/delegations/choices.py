"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models


class LoanState(models.TextChoices):
    """Where a delegation or an absence stands. Only expiry is a matter of the clock."""

    OFFERED = "offered", "Offered"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    REVOKED = "revoked", "Ended"
    EXPIRED = "expired", "Expired"
