"""Who acts, on what, and the roles between them.

`key` is a stable name that people read: it is the entity's id in Cedar. Rows refer to
each other by our own ids, records and policies by key.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.accounts.models import User
from apps.core.models import TimestampedModel
from apps.roles.choices import (
    AssignmentSource,
    AttributeType,
    PrincipalType,
    Tier,
    Workflow,
)
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
    """A user or service that policies are about.

    `user` is the person who signs in to the portal as this principal, if there is one;
    `manager` is whom approval flows mean by that word.
    """

    type = models.CharField(max_length=16, choices=PrincipalType.choices)
    key = models.CharField(max_length=255)
    name = models.CharField(max_length=150, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="principals",
    )
    manager = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
    )

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
            models.UniqueConstraint(
                fields=["tenant", "user"], name="roles_principal_user_unique"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(type=PrincipalType.USER),
                name="roles_principal_only_users_sign_in",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name or self.key


class PrincipalGroup(TenantModel, TimestampedModel):
    """People or services that are named together, such as a team or those on call."""

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    members = models.ManyToManyField(
        Principal, through="PrincipalGroupMember", related_name="principal_groups"
    )

    class Meta:
        verbose_name = "group"
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "slug"], name="roles_group_slug_unique"
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z][a-z0-9-]{0,62}$"),
                name="roles_group_slug_shape",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class PrincipalGroupMember(TenantModel):
    """A principal is in a group."""

    group = models.ForeignKey(
        PrincipalGroup, on_delete=models.CASCADE, related_name="member_links"
    )
    principal = models.ForeignKey(
        Principal, on_delete=models.CASCADE, related_name="principal_group_links"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "principal"], name="roles_groupmember_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.principal_id} in {self.group_id}"


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


class ResourceOwner(TenantModel):
    """A principal answers for a resource, or for all that sits in a group."""

    resource = models.ForeignKey(
        Resource, on_delete=models.CASCADE, related_name="owner_links"
    )
    principal = models.ForeignKey(
        Principal, on_delete=models.CASCADE, related_name="owned_links"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resource", "principal"], name="roles_owner_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.principal_id} owns {self.resource_id}"


class Assignment(TenantModel, TimestampedModel):
    """A principal holds a role: on one resource or everywhere, for a time or always.

    Overlapping assignments are independent of each other, and their union counts.
    `workflow` and `workflow_id` name the way by which it came about; a trigger sets
    `is_out_of_band` for good on a row that names none. `delegator` lends what they
    hold: the assignment counts only while they hold the role themselves.
    """

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
    revoked_reason = models.CharField(max_length=200, blank=True)
    delegator = models.ForeignKey(
        Principal,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="lent_assignments",
    )
    workflow = models.CharField(max_length=16, choices=Workflow.choices, blank=True)
    workflow_id = models.UUIDField(null=True, blank=True)
    is_out_of_band = models.BooleanField(default=False, editable=False)

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
            models.CheckConstraint(
                condition=Q(workflow__in=["", *Workflow.values]),
                name="roles_assignment_workflow_known",
            ),
            models.CheckConstraint(
                condition=Q(source=AssignmentSource.DELEGATION, delegator__isnull=False)
                | (~Q(source=AssignmentSource.DELEGATION) & Q(delegator__isnull=True)),
                name="roles_assignment_delegator_of_delegation",
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
