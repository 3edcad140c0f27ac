"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models


class ProviderState(models.TextChoices):
    """Whether people may sign in by a provider."""

    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"


class ClientAuth(models.TextChoices):
    """How the portal proves to a provider that it is the portal."""

    PRIVATE_KEY = "private_key_jwt", "A key of ours (private_key_jwt)"
    SECRET_BASIC = "client_secret_basic", "A client secret, in the header"
    SECRET_POST = "client_secret_post", "A client secret, in the body"


class Purpose(models.TextChoices):
    """What somebody is sent to their provider for."""

    SIGN_IN = "sign_in", "Sign-in"
    LINK = "link", "Link a signed-in person's account"
    ENROLL = "enroll", "Link the account of an enrollment link"
