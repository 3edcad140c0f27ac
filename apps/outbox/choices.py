"""Vocabulary of the outbox."""

from django.db import models


class Lane(models.IntegerChoices):
    """How much a message hurries. Lower goes first; a retired value is not reused."""

    URGENT = 0, "Urgent"
    DEFAULT = 1, "Default"
    BULK = 2, "Bulk"


class MessageState(models.TextChoices):
    """Where a message stands."""

    PENDING = "pending", "Pending"
    LEASED = "leased", "Being delivered"
    DONE = "done", "Delivered"
    DEAD = "dead", "Dead letter"
