"""Vocabulary of simulations."""

from django.db import models


class EvidenceState(models.TextChoices):
    """Where the making of evidence stands."""

    PENDING = "pending", "Waiting"
    RUNNING = "running", "Being computed"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
