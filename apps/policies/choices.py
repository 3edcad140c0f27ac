"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models


class Effect(models.TextChoices):
    """What a policy does when it applies; forbid wins."""

    PERMIT = "permit", "Permit"
    FORBID = "forbid", "Forbid"


class PolicyState(models.TextChoices):
    """Where a policy is in its life; only live ones reach the nodes."""

    DRAFT = "draft", "Never approved"
    LIVE = "live", "Live"
    SUSPENDED = "suspended", "Suspended"
    RETIRED = "retired", "Retired"


class Act(models.TextChoices):
    """What is done to a policy besides changing what it says."""

    SUSPEND = "suspend", "Suspend"
    RESUME = "resume", "Resume"
    RETIRE = "retire", "Retire"
    ROLL_BACK = "rollback", "Roll back"
    LET_END = "let_end", "Let it end"
    EXTEND = "extend", "Extend"


class VersionKind(models.TextChoices):
    """How a version came about."""

    EDIT = "edit", "Edit"
    ROLLBACK = "rollback", "Rollback"
