"""Roles that one principal must not hold, or not use, together."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from typing_extensions import override

from apps.core.models import TimestampedModel
from apps.roles.choices import SeparationKind
from apps.roles.models.catalogue import Role
from apps.roles.models.registry import Principal
from apps.tenants.models import TenantModel


class SeparationSet(TenantModel, TimestampedModel):
    """Roles of which one principal may have only so many (NIST RBAC, level 3).

    Static: they are not held together. Dynamic: they do not count together, at the
    same time for the same resource.
    """

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=SeparationKind.choices)
    roles = models.ManyToManyField(
        Role, through="SeparationSetRole", related_name="separation_sets"
    )
    limit = models.PositiveSmallIntegerField("at most together", default=1)
    owner = models.ForeignKey(
        Principal, on_delete=models.PROTECT, related_name="owned_separation_sets"
    )
    is_active = models.BooleanField("in force", default=True)

    class Meta:
        verbose_name = "separation of duties"
        verbose_name_plural = "separation of duties"
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "slug"], name="roles_separation_slug_unique"
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z][a-z0-9-]{0,62}$"),
                name="roles_separation_slug_shape",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=SeparationKind.values),
                name="roles_separation_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(limit__gte=1), name="roles_separation_limit_positive"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class SeparationSetRole(TenantModel):
    """A role is in a set."""

    separation = models.ForeignKey(
        SeparationSet, on_delete=models.CASCADE, related_name="role_links"
    )
    role = models.ForeignKey(
        Role, on_delete=models.PROTECT, related_name="separation_links"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["separation", "role"], name="roles_separationrole_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.role_id} in {self.separation_id}"


class SeparationException(TenantModel, TimestampedModel):
    """A principal need not keep to a set until then, and somebody answers for it."""

    separation = models.ForeignKey(
        SeparationSet, on_delete=models.CASCADE, related_name="exceptions"
    )
    principal = models.ForeignKey(
        Principal, on_delete=models.CASCADE, related_name="separation_exceptions"
    )
    owner = models.ForeignKey(
        Principal, on_delete=models.PROTECT, related_name="owned_separation_exceptions"
    )
    reason = models.CharField(max_length=200)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "exception from separation"
        verbose_name_plural = "exceptions from separation"
        ordering = ["until"]
        constraints = [
            models.UniqueConstraint(
                fields=["separation", "principal"],
                condition=Q(ended_at__isnull=True),
                name="roles_exception_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""), name="roles_exception_reason_set"
            ),
            models.CheckConstraint(
                condition=~Q(owner=models.F("principal")),
                name="roles_exception_owned_by_another",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.principal} until {self.until:%Y-%m-%d %H:%M} UTC"
