"""Vocabularies of approval. A retired value is never reused."""

from django.db import models


class RequestKind(models.TextChoices):
    """What a request asks for; the last vote acts by an exhaustive match on it."""

    CHANGE = "change", "Policy change"
    ELEVATION = "elevation", "Elevation"
    ASSIGNMENT = "assignment", "Standing assignment"


class RequestState(models.TextChoices):
    """Where a request stands. All but `open` are final."""

    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    DENIED = "denied", "Denied"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


class Verdict(models.TextChoices):
    """What one person says about a request."""

    APPROVE = "approve", "Approve"
    DENY = "deny", "Deny"


class ChangeSetState(models.TextChoices):
    """Where a set of changes stands."""

    DRAFT = "draft", "Draft"
    OPEN = "open", "Waits for approval"
    CARRIED_OUT = "carried_out", "Carried out"
    DISCARDED = "discarded", "Discarded"


class ItemKind(models.TextChoices):
    """What a change is about, in the order in which changes are carried out."""

    CALENDAR = "calendar", "Calendar"
    WINDOW = "window", "Time window"
    LOCATION = "location", "Location"
    ROLE = "role", "Role"
    POLICY = "policy", "Policy"
    POLICY_STATE = "policy_state", "Policy state"
