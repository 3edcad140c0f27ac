"""Vocabulary of the outbox."""

from django.db import models


class MessageState(models.TextChoices):
    """Where a message stands."""

    PENDING = "pending", "Pending"
    LEASED = "leased", "Being delivered"
    DONE = "done", "Delivered"
    DEAD = "dead", "Dead letter"
