"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models


class Reviewers(models.TextChoices):
    """Who is asked whether somebody still needs a role."""

    OWNERS = "owners", "Owners of the resource"
    MANAGER = "manager", "The manager of the person"
    NAMED = "named", "Named people"
    SELF = "self", "The person themselves"


class Silence(models.TextChoices):
    """What no answer means."""

    KEEP = "keep", "Keep the assignment"
    REVOKE = "revoke", "Revoke the assignment"
    ADVICE = "advice", "Follow the advice"


class Advice(models.TextChoices):
    """What the decision logs say about an assignment."""

    NO_DATA = "no_data", "No data"
    UNUSED = "unused", "Unused for 30 days"
    USED = "used", "Used"


class Verdict(models.TextChoices):
    """What a reviewer decides."""

    KEEP = "keep", "Keep"
    REVOKE = "revoke", "Revoke"


class RunState(models.TextChoices):
    """Where a run of a campaign stands."""

    OPEN = "open", "Open"
    HELD = "held", "Held back"
    APPLIED = "applied", "Applied"
    CANCELLED = "cancelled", "Cancelled"


class Outcome(models.TextChoices):
    """What became of an assignment."""

    KEPT = "kept", "Kept"
    REVOKED = "revoked", "Revoked"
    GONE = "gone", "Gone before"


class Recurrence(models.IntegerChoices):
    """How many months lie between the runs of a campaign."""

    ONCE = 0, "By hand only"
    MONTHLY = 1, "Every month"
    QUARTERLY = 3, "Every 3 months"
    HALF_YEARLY = 6, "Every 6 months"
    YEARLY = 12, "Every year"
