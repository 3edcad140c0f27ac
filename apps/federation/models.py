"""Identity providers, whom they are linked with, and sign-ins under way."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from typing_extensions import override

from apps.accounts.models import User
from apps.core.models import TimestampedModel, UUIDModel
from apps.federation.choices import ClientAuth, ProviderState, Purpose
from apps.federation.rules.mapping import ClaimMapping
from apps.tenants.models import TenantModel

SLUG = RegexValidator(r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$", "Use a-z, 0-9 and hyphens.")


class IdentityProvider(TenantModel, TimestampedModel):
    """A provider that a tenant lets vouch for its people.

    What it published about itself is kept with the time at which it was read.
    """

    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=40, validators=[SLUG])
    issuer = models.CharField(max_length=500)
    client_id = models.CharField(max_length=255)
    client_auth = models.CharField(max_length=20, choices=ClientAuth)
    sealed_secret = models.BinaryField(default=bytes)
    key_reference = models.CharField(max_length=120, blank=True)
    scopes = models.CharField(max_length=200, default="openid")
    acr_values = models.CharField(max_length=300, blank=True)
    max_age = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(
        max_length=10, choices=ProviderState, default=ProviderState.ACTIVE
    )
    acr_map = models.JSONField(default=dict)
    amr_map = models.JSONField(default=dict)
    group_claim = models.CharField(max_length=100, blank=True)
    group_map = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    metadata_at = models.DateTimeField(null=True)
    keys = models.JSONField(default=dict)
    keys_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "slug"], name="federation_provider_slug_unique"
            ),
            models.UniqueConstraint(
                fields=["tenant", "issuer", "client_id"],
                name="federation_provider_issuer_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=ProviderState.values),
                name="federation_provider_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(client_auth__in=ClientAuth.values),
                name="federation_provider_auth_known",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """Say whether people may sign in by the provider."""
        return self.state == ProviderState.ACTIVE

    def mapping(self) -> ClaimMapping:
        """Return how the provider's claims are read."""
        return ClaimMapping(
            self.acr_map, self.amr_map, self.group_claim, self.group_map
        )


class FederatedLink(TenantModel):
    """An account at a provider and the person it stands for, by subject only.

    `mapped_roles` are the roles that came by the provider's groups: these alone go when
    the groups do. `left_by_mapping` says that the last of them was the person's place
    in the tenant, which the groups may give back.
    """

    provider = models.ForeignKey(
        IdentityProvider, on_delete=models.PROTECT, related_name="links"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="links")
    subject = models.CharField(max_length=255)
    enrollment_link_id = models.UUIDField(null=True)
    mapped_roles = models.JSONField(default=list)
    left_by_mapping = models.BooleanField(default=False)
    last_claims = models.JSONField(default=dict)
    last_used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "subject"], name="federation_link_subject_unique"
            ),
            models.UniqueConstraint(
                fields=["provider", "user"], name="federation_link_user_unique"
            ),
            models.UniqueConstraint(
                fields=["enrollment_link_id"], name="federation_link_once_by_enrollment"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user} at {self.provider}"


class SignInAttempt(UUIDModel):
    """One way to a provider and back: one browser's, used once, for ten minutes.

    Nobody is signed in yet, so it belongs to no tenant's scope.
    """

    tenant_id = models.UUIDField()
    provider_id = models.UUIDField()
    purpose = models.CharField(max_length=8, choices=Purpose)
    state_hash = models.CharField(max_length=64, unique=True)
    session_hash = models.CharField(max_length=64)
    nonce_hash = models.CharField(max_length=64)
    # The verifier of PKCE and where to go on, encrypted: both are worth something.
    sealed = models.BinaryField()
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE)
    enrollment_link_id = models.UUIDField(null=True)
    max_age = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose=Purpose.SIGN_IN, user__isnull=True)
                | ~models.Q(purpose=Purpose.SIGN_IN) & models.Q(user__isnull=False),
                name="federation_attempt_knows_its_user",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.get_purpose_display()} until {self.expires_at:%H:%M}"


class UsedLogout(TenantModel):
    """A logout token that was acted upon, remembered while it could come again."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE)
    serial_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "serial_hash"], name="federation_logout_once"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.serial_hash[:12]
