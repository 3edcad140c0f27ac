"""Clients, and what must not be used twice or any more."""

from __future__ import annotations

import datetime as dt

from django.db import models
from typing_extensions import override

from apps.clients.choices import CERTIFICATE_METHODS, AuthMethod, ClientState
from apps.core.models import TimestampedModel
from apps.tenants.models import TenantModel


class ApiClient(TenantModel, TimestampedModel):
    """A program that asks for access tokens in its own name, in one tenant.

    Only public halves of its keys are known here.
    """

    NAME_LENGTH = 64

    name = models.CharField(max_length=NAME_LENGTH)
    client_id = models.CharField(max_length=80, unique=True)
    auth_method = models.CharField(max_length=32, choices=AuthMethod)
    jwks = models.JSONField(default=list)
    thumbprints = models.JSONField(default=list)
    scopes = models.JSONField(default=list)
    networks = models.JSONField(default=list)
    state = models.CharField(
        max_length=10, choices=ClientState, default=ClientState.ACTIVE
    )
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)

    class Meta:
        verbose_name = "API client"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="clients_client_name_unique"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name

    @property
    def uses_certificates(self) -> bool:
        """Say whether it proves itself by a certificate."""
        return self.auth_method in CERTIFICATE_METHODS

    def works(self, now: dt.datetime) -> bool:
        """Say whether it is given tokens at a moment."""
        return self.state == ClientState.ACTIVE and now < self.expires_at


class UsedAssertion(TenantModel):
    """An assertion that a client proved itself with; it counts once."""

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE)
    jti = models.CharField(max_length=128)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["expires_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "jti"], name="clients_assertion_used_once"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.jti


class RevokedToken(TenantModel):
    """An access token that does not count any more; kept until it would have ended."""

    jti = models.UUIDField()
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["expires_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "jti"], name="clients_token_revoked_once"
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.jti)
