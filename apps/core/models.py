"""Abstract models that the apps build on."""

from __future__ import annotations

import uuid

from django.db import models


class UUIDModel(models.Model):
    """Give a row an identifier that cannot be guessed or counted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True


class TimestampedModel(models.Model):
    """Remember when a row was created and last written."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
