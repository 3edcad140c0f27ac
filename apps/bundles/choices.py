"""Vocabularies of releases. A retired value is never reused."""

from django.db import models


class ReleaseState(models.TextChoices):
    """Where a release stands. Only a signed one leaves the portal."""

    BUILDING = "building", "Waiting for signature"
    SIGNED = "signed", "Signed"
    FAILED = "failed", "Failed"
