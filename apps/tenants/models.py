"""The tenant, and the base of everything that belongs to one."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from typing_extensions import override

from apps.core.models import TimestampedModel, UUIDModel

SLUG = RegexValidator(r"^[a-z][a-z0-9-]{1,38}[a-z0-9]$", "Use a-z, 0-9 and hyphens.")


class Tenant(UUIDModel, TimestampedModel):
    """The isolation boundary: every row of business data belongs to exactly one."""

    slug = models.CharField(max_length=40, validators=[SLUG])
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="tenants_tenant_slug_unique"),
            models.CheckConstraint(
                condition=models.Q(slug__regex=r"^[a-z][a-z0-9-]{1,38}[a-z0-9]$"),
                name="tenants_tenant_slug_shape",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class TenantModel(UUIDModel):
    """A row of one tenant; its table carries a row level security policy."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, editable=False)

    class Meta:
        abstract = True
