"""People, what they belong to, and the passkeys that they sign with."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, TypeVar

from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import QuerySet
from django_otp.models import Device
from typing_extensions import override

from apps.accounts.choices import (
    AttestationPolicy,
    CeremonyPurpose,
    CodeDeviceKind,
    FallbackKind,
    TenantRole,
)
from apps.core.models import TimestampedModel, UUIDModel
from apps.tenants.models import TenantModel

M = TypeVar("M", bound=models.Model)
USERNAME = RegexValidator(
    r"^[a-z0-9][a-z0-9._@+-]{0,149}$", "Use a-z, 0-9 and . _ @ + -"
)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Belongs to tenants through memberships; signs in with a passkey."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=150, unique=True, validators=[USERNAME])
    display_name = models.CharField(max_length=150)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BaseUserManager["User"]()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name"]

    class Meta:
        ordering = ["username"]

    @override
    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def is_staff(self) -> bool:
        """Say whether the admin may be entered at all; rights come from memberships."""
        return self.is_active

    @override
    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Ask the backends only: no flag on an account grants anything in a tenant."""
        return any(
            backend.has_perm(self, perm, obj)
            for backend in auth.get_backends()
            if hasattr(backend, "has_perm")
        )

    def has_some(self, perm: str) -> bool:
        """Say whether a permission is held on everything, or on any single object."""
        return self.has_perm(perm) or any(
            backend.has_some(self, perm)
            for backend in auth.get_backends()
            if hasattr(backend, "has_some")
        )

    def object_scopes(self) -> frozenset[str]:
        """Return what single objects let a token of this person do with them."""
        return frozenset().union(
            *(
                backend.object_scopes(self)
                for backend in auth.get_backends()
                if hasattr(backend, "object_scopes")
            )
        )

    def narrowed(self, perm: str, rows: QuerySet[M]) -> QuerySet[M]:
        """Return only the rows that a permission is held on; deny is the default."""
        if self.has_perm(perm):
            return rows
        for backend in auth.get_backends():
            if hasattr(backend, "narrowed"):
                found: QuerySet[M] = backend.narrowed(self, perm, rows)
                return found
        return rows.none()

    @override
    def has_module_perms(self, app_label: str) -> bool:
        """Say whether anything in the app may be seen."""
        return any(
            backend.has_module_perms(self, app_label)
            for backend in auth.get_backends()
            if hasattr(backend, "has_module_perms")
        )


class Membership(TenantModel, TimestampedModel):
    """A person's place in one tenant; the person may read it outside its scope too."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    roles = models.JSONField(default=list)
    # The place of a break-glass account: its roles count until `open_until` only.
    is_sealed = models.BooleanField(default=False)
    open_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user"], name="accounts_membership_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=TenantRole.values),
                name="accounts_membership_known_roles",
            ),
            models.CheckConstraint(
                condition=models.Q(is_sealed=True) | models.Q(open_until__isnull=True),
                name="accounts_membership_only_sealed_opens",
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.user)


class SignInPolicy(TenantModel):
    """What a tenant asks of sign-ins. Without a row the defaults of the rules hold."""

    accepted = models.JSONField(default=list)
    attestation = models.CharField(
        max_length=8, choices=AttestationPolicy, default=AttestationPolicy.NONE
    )
    aaguids = models.JSONField(default=list)
    risk_step_up = models.PositiveSmallIntegerField(default=40)
    risk_block = models.PositiveSmallIntegerField(default=80)

    class Meta:
        verbose_name = "sign-in settings"
        verbose_name_plural = "sign-in settings"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], name="accounts_sign_in_policy_one"
            ),
            models.CheckConstraint(
                condition=models.Q(accepted__contained_by=FallbackKind.values),
                name="accounts_sign_in_policy_known_kinds",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    risk_step_up__gte=10,
                    risk_step_up__lte=models.F("risk_block"),
                    risk_block__lte=100,
                ),
                name="accounts_sign_in_policy_floor",
            ),
        ]

    @override
    def __str__(self) -> str:
        return "Sign-in settings"


class Passkey(Device):
    """A WebAuthn credential. Belongs to a person, not to a tenant.

    Being a device of django-otp, it makes the sessions it opened verified ones, and
    only as long as it stays confirmed: blocking it ends them.
    """

    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    aaguid = models.CharField(max_length=36)
    transports = models.JSONField(default=list)
    is_backup_eligible = models.BooleanField(default=False)
    is_backed_up = models.BooleanField(default=False)
    # Its maker's certificate chain ends at a root that this installation trusts.
    is_attested = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    blocked_at = models.DateTimeField(null=True)
    blocked_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(blocked_at__isnull=True) | models.Q(confirmed=False),
                name="accounts_passkey_blocked_is_unconfirmed",
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.name)


class KeyRecord(UUIDModel):
    """Whose a passkey was, and from when until when. Kept when the passkey is gone.

    Who checks a signature years later needs it. The person is named by id without a
    foreign key, so that a deleted account does not take the evidence with it.
    """

    user_id = models.UUIDField(db_index=True)
    user_name = models.CharField(max_length=150)
    credential_id = models.BinaryField(max_length=1023)
    public_key = models.BinaryField()
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["since"]

    @override
    def __str__(self) -> str:
        return self.user_name


class CodeDevice(Device):
    """An app or token that shows one-time codes. Belongs to a person.

    The secret is sealed: the database alone does not let anybody make codes.
    """

    kind = models.CharField(max_length=4, choices=CodeDeviceKind)
    sealed_secret = models.BinaryField()
    next_value = models.BigIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]

    @override
    def __str__(self) -> str:
        return str(self.name)


class RecoveryCode(UUIDModel):
    """One of ten codes that each let a person in once when nothing else is at hand."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    code_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]

    @override
    def __str__(self) -> str:
        return f"recovery code of {self.user}"


class EnrollmentLink(UUIDModel):
    """A right to register one passkey; the token itself is never stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    @override
    def __str__(self) -> str:
        return f"{self.user} until {self.expires_at:%Y-%m-%d %H:%M}"


class Ceremony(UUIDModel):
    """One question to an authenticator: single use, short-lived, one session's."""

    purpose = models.CharField(max_length=9, choices=CeremonyPurpose)
    challenge = models.BinaryField(max_length=32)
    session_hash = models.CharField(max_length=64)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE)
    enrollment_link = models.ForeignKey(
        EnrollmentLink, null=True, on_delete=models.CASCADE
    )
    operation_digest = models.BinaryField(max_length=32, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "ceremonies"
        ordering = ["-created_at"]
        constraints = [
            # What is signed off is the challenge itself, so the two never differ.
            models.CheckConstraint(
                condition=models.Q(purpose=CeremonyPurpose.OPERATION)
                & models.Q(operation_digest=models.F("challenge"))
                | ~models.Q(purpose=CeremonyPurpose.OPERATION)
                & models.Q(operation_digest__isnull=True),
                name="accounts_ceremony_challenge_is_operation",
            ),
            models.CheckConstraint(
                condition=models.Q(purpose=CeremonyPurpose.LOGIN)
                | models.Q(user__isnull=False),
                name="accounts_ceremony_knows_its_user",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.pk}"


class ApiToken(TenantModel):
    """Lets a program read as a person in one tenant. Only a hash of it is kept."""

    NAME_LENGTH = 64

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    name = models.CharField(max_length=NAME_LENGTH)
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    networks = models.JSONField(default=list)
    # How its owner had proven themselves when making it.
    acr = models.CharField(max_length=8, default="none")
    amr = models.JSONField(default=list)
    auth_time = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "personal token"
        ordering = ["-created_at"]

    @override
    def __str__(self) -> str:
        return self.name


class RefusedSignIn(UUIDModel):
    """A sign-in as a known person that was refused; risk is judged by them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    at = models.DateTimeField(auto_now_add=True)
    code = models.CharField(max_length=64)

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["user", "-at"], name="accounts_refused_by_user"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user}: {self.code}"


class Freeze(TenantModel):
    """Keeps a person, or one session of theirs, from working in the tenant.

    It ends by itself. Who is frozen reads why and until when, and may appeal.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="freezes")
    sign_in_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=500)
    instructions = models.CharField(max_length=500, blank=True)
    is_automatic = models.BooleanField(default=False)
    created_by_id = models.CharField(max_length=64)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    appeal = models.TextField(blank=True, max_length=2000)
    appealed_at = models.DateTimeField(null=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=200, blank=True)
    lift_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")),
                name="accounts_freeze_ends",
            ),
            models.CheckConstraint(
                condition=models.Q(lifted_at__isnull=True) | ~models.Q(lifted_by=""),
                name="accounts_freeze_lifted_by_somebody",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user} until {self.expires_at:%Y-%m-%d %H:%M}"


class IdempotentAnswer(TenantModel):
    """What a REST request with an Idempotency-Key was answered, to answer it again.

    The row is written in the transaction of what the request does, so one is never
    there without the other.
    """

    holder = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "holder", "key"], name="accounts_answer_once"
            )
        ]

    @override
    def __str__(self) -> str:
        return self.key
