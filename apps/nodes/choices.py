"""Vocabulary of nodes."""

from django.db import models


class NodeState(models.TextChoices):
    """Whether a node may talk to the edge."""

    ACTIVE = "active", "Active"
    REVOKED = "revoked", "Revoked"
