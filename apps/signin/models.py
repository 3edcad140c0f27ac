"""Sessions, the devices they come from, and operations that wait for a proof."""

from __future__ import annotations

import uuid

from django.db import models
from typing_extensions import override

from apps.accounts.models import User
from apps.core.models import UUIDModel
from apps.signin.choices import Acr
from apps.signin.rules.levels import Factor, level_at
from apps.signin.rules.sessions import SessionState


class KnownDevice(UUIDModel):
    """A browser that a person has signed in from; its cookie is kept as a hash."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    token_hash = models.CharField(max_length=64)
    label = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()
    trusted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "token_hash"], name="signin_device_unique"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.label


class SignIn(UUIDModel):
    """One session of one person. Belongs to a person, not to a tenant.

    The cookie's value is kept as a hash. A row is never deleted while the person is
    there: it is what the next sign-in is compared with.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_hash = models.CharField(max_length=64, unique=True)
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=20, blank=True)
    factors = models.JSONField(default=list)
    otp_device = models.CharField(max_length=100, blank=True)
    provider = models.CharField(max_length=100, blank=True)
    provider_session = models.CharField(max_length=255, blank=True)
    provider_subject = models.CharField(max_length=255, blank=True)
    device = models.ForeignKey(KnownDevice, null=True, on_delete=models.SET_NULL)
    fingerprint = models.CharField(max_length=64)
    label = models.CharField(max_length=100)
    address = models.GenericIPAddressField()
    network = models.CharField(max_length=64)
    country = models.CharField(max_length=2, blank=True)
    city = models.CharField(max_length=100, blank=True)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    risk = models.PositiveSmallIntegerField(default=0)
    risk_reasons = models.JSONField(default=list)
    risk_at = models.DateTimeField()
    must_prove_since = models.DateTimeField(null=True)
    must_prove_reason = models.CharField(max_length=200, blank=True)
    elevated_hash = models.CharField(max_length=64, blank=True)
    elevated_at = models.DateTimeField(null=True)
    elevated_seen_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "session"
        ordering = ["-started_at"]
        indexes = [
            models.Index(fields=["user", "-started_at"], name="signin_by_user"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(risk__lte=100), name="signin_risk_is_a_share"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | ~models.Q(end_reason=""),
                name="signin_end_has_a_reason",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user} on {self.label}"

    def proofs(self) -> tuple[Factor, ...]:
        """Return the factors as the rules read them."""
        return tuple(Factor.from_dict(row) for row in self.factors)

    @property
    def level(self) -> Acr:
        """Return the highest level that was ever proven in the session."""
        return level_at(self.proofs(), now=0)

    def state(self) -> SessionState:
        """Return what the rules judge a session by."""
        return SessionState(
            started_at=self.started_at,
            last_seen_at=self.last_seen_at,
            expires_at=self.expires_at,
            ended_at=self.ended_at,
            end_reason=self.end_reason,
            factors=self.proofs(),
            must_prove_since=self.must_prove_since,
            elevated_at=self.elevated_at,
            elevated_seen_at=self.elevated_seen_at,
        )


class PendingOperation(UUIDModel):
    """An operation that waits for its person's proof, or has it and was not done yet.

    In the console it keeps the form that was sent, so that nothing is lost. Over REST
    it is what an operation token stands for.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    sign_in = models.ForeignKey(SignIn, null=True, on_delete=models.CASCADE)
    # A passkey that must not confirm it: the one that is to be removed.
    not_by = models.IntegerField(null=True)
    requester = models.CharField(max_length=64, blank=True)
    tenant_id = models.UUIDField(null=True)
    operation = models.CharField(max_length=40)
    method = models.CharField(max_length=7)
    path = models.CharField(max_length=2000)
    # Encrypted: a form may carry a password or another secret on its way.
    sealed_fields = models.BinaryField(default=bytes)
    body_digest = models.CharField(max_length=64)
    digest = models.BinaryField(max_length=32)
    evidence = models.JSONField(null=True)
    token_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    proven_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used_at__isnull=True)
                | models.Q(proven_at__isnull=False),
                name="signin_operation_proven_before_used",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.operation} by {self.user}"

    @property
    def is_console(self) -> bool:
        """Say whether the operation is a page or form of the console."""
        return self.sign_in_id is not None

    @staticmethod
    def new_id() -> uuid.UUID:
        """Return an identifier before the row exists; the digest covers it."""
        return uuid.uuid4()
