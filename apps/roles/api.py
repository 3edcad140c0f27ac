"""Roles over REST."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.roles.models import Permission, Role
from apps.roles.selectors import roles


class PermissionSerializer(serializers.ModelSerializer[Permission]):
    """An action on a type of resource."""

    resource_type = serializers.CharField(source="resource_type.name")

    class Meta:
        model = Permission
        fields = ["action", "resource_type", "tier"]


class RoleSerializer(serializers.ModelSerializer[Role]):
    """A role, its own permissions, and the roles it inherits from."""

    permissions = PermissionSerializer(many=True, read_only=True)
    parents = serializers.SlugRelatedField[Role](
        slug_field="slug", many=True, read_only=True
    )

    class Meta:
        model = Role
        fields = [
            *("id", "slug", "name", "description", "tier"),
            *("permissions", "parents", "updated_at"),
        ]


class _Roles(TenantScopedView, GenericAPIView[Role]):
    serializer_class = RoleSerializer
    scopes = {"GET": Scope.ROLES_READ}

    @override
    def get_queryset(self) -> QuerySet[Role]:
        """Return the roles of the tenant with what belongs to them."""
        return roles().prefetch_related("permissions__resource_type", "parents")


class RoleList(_Roles, ListAPIView[Role]):
    """List roles."""


class RoleDetail(_Roles, RetrieveAPIView[Role]):
    """Read one role."""
