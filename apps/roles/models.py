"""Who acts, on what, and the roles between them.

`key` is a stable name that people read: it is the entity's id in Cedar. Rows refer to
each other by our own ids, records and policies by key.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.core.models import TimestampedModel
from apps.roles.choices import AssignmentSource, AttributeType, PrincipalType, Tier
from apps.tenants.models import TenantModel

RESOURCE_GROUP = "ResourceGroup"
_IDENTIFIER = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"


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
                condition=Q(name__regex=_IDENTIFIER),
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


class Principal(TenantModel, TimestampedModel):
    """A user or service that policies are about."""

    type = models.CharField(max_length=16, choices=PrincipalType.choices)
    key = models.CharField(max_length=255)
    name = models.CharField(max_length=150, blank=True)
    attributes = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["type", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "type", "key"], name="roles_principal_key_unique"
            ),
            models.CheckConstraint(
                condition=Q(type__in=PrincipalType.values),
                name="roles_principal_type_known",
            ),
            models.CheckConstraint(
                condition=~Q(key=""), name="roles_principal_key_set"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name or self.key


class Resource(TenantModel, TimestampedModel):
    """Something actions are done to, or a group (type ResourceGroup) of such things."""

    type = models.CharField(max_length=63)
    key = models.CharField(max_length=255)
    name = models.CharField(max_length=150, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    groups = models.ManyToManyField(
        "self",
        through="ResourceGroupMembership",
        through_fields=("resource", "group"),
        symmetrical=False,
        related_name="members",
    )

    class Meta:
        ordering = ["type", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "type", "key"], name="roles_resource_key_unique"
            ),
            models.CheckConstraint(
                condition=Q(type__regex=_IDENTIFIER), name="roles_resource_type_shape"
            ),
            models.CheckConstraint(condition=~Q(key=""), name="roles_resource_key_set"),
        ]

    @override
    def __str__(self) -> str:
        return self.name or self.key

    @property
    def is_group(self) -> bool:
        """Say whether other resources may sit in this one."""
        return self.type == RESOURCE_GROUP


class ResourceGroupMembership(TenantModel):
    """A resource sits in a group. A trigger keeps groups out of groups."""

    resource = models.ForeignKey(
        Resource, on_delete=models.CASCADE, related_name="group_links"
    )
    group = models.ForeignKey(
        Resource, on_delete=models.PROTECT, related_name="member_links"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resource", "group"], name="roles_groupmembership_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.resource_id} in {self.group_id}"


class Assignment(TenantModel, TimestampedModel):
    """A principal holds a role: on one resource or everywhere, for a time or always."""

    principal = models.ForeignKey(
        Principal, on_delete=models.PROTECT, related_name="assignments"
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="assignments")
    scope = models.ForeignKey(
        Resource,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="assignments",
    )
    start = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    source = models.CharField(
        max_length=16,
        choices=AssignmentSource.choices,
        default=AssignmentSource.STANDING,
    )
    reason = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["principal__key", "role__slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "role", "scope"],
                condition=Q(source=AssignmentSource.STANDING, revoked_at__isnull=True),
                nulls_distinct=False,
                name="roles_assignment_standing_unique",
            ),
            models.CheckConstraint(
                condition=Q(source__in=AssignmentSource.values),
                name="roles_assignment_source_known",
            ),
            models.CheckConstraint(
                condition=Q(start__isnull=True)
                | Q(end__isnull=True)
                | Q(start__lt=F("end")),
                name="roles_assignment_end_after_start",
            ),
            models.CheckConstraint(
                condition=Q(source=AssignmentSource.STANDING) | Q(end__isnull=False),
                name="roles_assignment_temporary_ends",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.principal} is {self.role}"


class AttributeDefinition(TenantModel, TimestampedModel):
    """An attribute that principals or resources of one type may have."""

    entity_type = models.CharField(max_length=63)
    name = models.CharField(max_length=63)
    type = models.CharField(max_length=16, choices=AttributeType.choices)
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
        ]

    @override
    def __str__(self) -> str:
        return f"{self.entity_type}.{self.name}"
