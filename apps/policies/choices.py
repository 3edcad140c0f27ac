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
