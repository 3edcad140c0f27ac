"""Vocabularies of approval. A retired value is never reused."""

from django.db import models


class RequestKind(models.TextChoices):
    """What a request asks for; the last vote acts by an exhaustive match on it."""

    CHANGE = "change", "Policy change"


class RequestState(models.TextChoices):
    """Where a request stands. All but `open` are final."""

    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    DENIED = "denied", "Denied"
    CANCELLED = "cancelled", "Cancelled"


class Verdict(models.TextChoices):
    """What one person says about a request."""

    APPROVE = "approve", "Approve"
    DENY = "deny", "Deny"
