"""The catalogue of actions, and the roles that hold them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.core.models import TimestampedModel
from apps.roles.choices import AttributeSource, AttributeType, Tier
from apps.tenants.models import TenantModel

IDENTIFIER = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"


class ResourceType(TenantModel, TimestampedModel):
    """A kind of thing that actions are done to, such as Node or Namespace."""

    name = models.CharField(max_length=63)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="roles_resourcetype_name_unique"
            ),
            models.CheckConstraint(
                condition=Q(name__regex=IDENTIFIER),
                name="roles_resourcetype_name_shape",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class Permission(TenantModel, TimestampedModel):
    """An action on a type of resource: one entry of the tenant's catalogue."""

    action = models.CharField(max_length=63)
    resource_type = models.ForeignKey(
        ResourceType, on_delete=models.PROTECT, related_name="permissions"
    )
    tier = models.CharField(max_length=16, choices=Tier.choices)
    description = models.CharField(max_length=200, blank=True)

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "action": "action",
        "tier": "tier",
        "type": "resource_type__name",
    }

    class Meta:
        ordering = ["resource_type__name", "action"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "action", "resource_type"],
                name="roles_permission_unique",
            ),
            models.CheckConstraint(
                condition=Q(tier__in=Tier.values), name="roles_permission_tier_known"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.action} on {self.resource_type.name}"


class Role(TenantModel, TimestampedModel):
    """A named set of permissions; a role inherits those of its parents."""

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    tier = models.CharField(max_length=16, choices=Tier.choices)
    permissions = models.ManyToManyField(
        Permission, through="RolePermission", related_name="roles"
    )
    parents = models.ManyToManyField(
        "self",
        through="RoleParent",
        through_fields=("child", "parent"),
        symmetrical=False,
        related_name="children",
    )

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "slug": "slug",
        "name": "name",
        "tier": "tier",
    }

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "slug"], name="roles_role_slug_unique"
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z][a-z0-9-]{0,62}$"),
                name="roles_role_slug_shape",
            ),
            models.CheckConstraint(
                condition=Q(tier__in=Tier.values), name="roles_role_tier_known"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class RolePermission(TenantModel):
    """A role holds a permission by itself."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="grants")
    permission = models.ForeignKey(
        Permission, on_delete=models.PROTECT, related_name="grants"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["role", "permission"], name="roles_rolepermission_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.role_id}: {self.permission_id}"


class RoleParent(TenantModel):
    """One role inherits from another. A trigger keeps the graph acyclic and shallow."""

    child = models.ForeignKey(
        Role, on_delete=models.CASCADE, related_name="parent_links"
    )
    parent = models.ForeignKey(
        Role, on_delete=models.PROTECT, related_name="child_links"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["child", "parent"], name="roles_roleparent_unique"
            ),
            models.CheckConstraint(
                condition=~Q(child=F("parent")), name="roles_roleparent_not_itself"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.child_id} inherits {self.parent_id}"


class AttributeDefinition(TenantModel, TimestampedModel):
    """An attribute that principals or resources of one type may have.

    With `values` it takes one of these only. `freshness` says after how many seconds a
    value from its source counts as old; nobody renews it by itself.
    """

    entity_type = models.CharField(max_length=63)
    name = models.CharField(max_length=63)
    type = models.CharField(max_length=16, choices=AttributeType.choices)
    source = models.CharField(
        max_length=16,
        choices=AttributeSource.choices,
        default=AttributeSource.PORTAL,
    )
    values = models.JSONField("allowed values", default=list, blank=True)
    freshness = models.PositiveIntegerField(null=True, blank=True)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["entity_type", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "entity_type", "name"],
                name="roles_attribute_unique",
            ),
            models.CheckConstraint(
                condition=Q(name__regex=r"^[a-z][a-z0-9_]{0,62}$"),
                name="roles_attribute_name_shape",
            ),
            models.CheckConstraint(
                condition=Q(type__in=AttributeType.values),
                name="roles_attribute_type_known",
            ),
            models.CheckConstraint(
                condition=Q(source__in=AttributeSource.values),
                name="roles_attribute_source_known",
            ),
            models.CheckConstraint(
                condition=Q(freshness__isnull=True) | Q(freshness__gte=1),
                name="roles_attribute_freshness_positive",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.entity_type}.{self.name}"
