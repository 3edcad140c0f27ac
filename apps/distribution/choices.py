"""Vocabulary of what nodes run."""

from django.db import models


class SyncState(models.TextChoices):
    """How a node stands against the release it should run."""

    IN_SYNC = "in_sync", "In sync"
    BEHIND = "behind", "Behind"
    DRIFTED = "drifted", "Drifted"
    FAILED = "failed", "Failed"
    SILENT = "silent", "Silent"
    NEW = "new", "Never reported"
