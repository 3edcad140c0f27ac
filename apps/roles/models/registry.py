"""Who acts, and what is acted upon."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from typing_extensions import override

from apps.accounts.models import User
from apps.core.models import TimestampedModel
from apps.roles.choices import PrincipalType
from apps.roles.models.catalogue import IDENTIFIER
from apps.tenants.models import TenantModel

RESOURCE_GROUP = "ResourceGroup"


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

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "slug": "slug",
        "name": "name",
    }

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

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "type": "type",
        "key": "key",
        "name": "name",
        "group": "groups__key",
        "attributes": "attributes",
    }

    class Meta:
        ordering = ["type", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "type", "key"], name="roles_resource_key_unique"
            ),
            models.CheckConstraint(
                condition=Q(type__regex=IDENTIFIER), name="roles_resource_type_shape"
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
