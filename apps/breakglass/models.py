"""Break-glass accounts, how they were used, and who was told."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.accounts.models import User
from apps.breakglass.rules import LONGEST, ActivationFacts
from apps.tenants.models import TenantModel


class BreakGlassAccount(TenantModel):
    """An account that is sealed until nothing else works."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    sealed_at = models.DateTimeField()
    sealed_by = models.CharField(max_length=200)
    retired_at = models.DateTimeField(null=True)
    drill_announced_at = models.DateTimeField(null=True)
    drilled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "break-glass account"
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user"], name="breakglass_account_unique"
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.user)


class Activation(TenantModel):
    """One time that the glass was broken."""

    account = models.ForeignKey(
        BreakGlassAccount, on_delete=models.PROTECT, related_name="activations"
    )
    reason = models.CharField(max_length=500)
    is_drill = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)
    sign_in_id = models.UUIDField()
    proof_id = models.UUIDField()
    # What the signature was over, and the signature; the operation itself is swept.
    evidence = models.JSONField(default=dict)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=200, blank=True)
    findings = models.TextField(max_length=4000, blank=True)

    class Meta:
        verbose_name = "use of a break-glass account"
        verbose_name_plural = "uses of break-glass accounts"
        ordering = ["-opened_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("opened_at")),
                name="breakglass_activation_ends",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__lte=models.F("opened_at") + LONGEST),
                name="breakglass_activation_at_most_an_hour",
            ),
            models.CheckConstraint(
                condition=models.Q(closed_at__isnull=True)
                | ~models.Q(closed_by="") & ~models.Q(findings=""),
                name="breakglass_review_has_findings",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.account} on {self.opened_at:%Y-%m-%d %H:%M}"

    def facts(self) -> ActivationFacts:
        """Return what the rules judge it by."""
        return ActivationFacts(self.ends_at, self.ended_at, self.closed_at)


class Notice(TenantModel):
    """Tells one security admin that the glass was broken, until they say they know."""

    activation = models.ForeignKey(
        Activation, on_delete=models.CASCADE, related_name="notices"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    mailed_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["activation", "user"], name="breakglass_notice_unique"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user} about {self.activation}"
