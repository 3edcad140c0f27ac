"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models


class TenantRole(models.TextChoices):
    """What a member may do in a tenant."""

    SECURITY_ADMIN = "security_admin", "Security admin"
    APPROVER = "approver", "Approver"
    AUDITOR = "auditor", "Auditor"


class CeremonyPurpose(models.TextChoices):
    """What an answer of an authenticator is asked for."""

    REGISTRATION = "reg", "Registration"
    LOGIN = "login", "Sign-in"
    OPERATION = "operation", "Operation"
