"""Roles and the catalogue over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.services import actor_for
from apps.audit.events import Actor
from apps.roles import rules, selectors, services
from apps.roles.api.bases import ListOf, OneOf, Saving
from apps.roles.choices import Tier
from apps.roles.errors import KeyFixedError, KeyTakenError
from apps.roles.models import Permission, Role
from apps.roles.rules import RoleSpec
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation
from protocol import records


class PermissionSerializer(serializers.ModelSerializer[Permission]):
    """An action on a type of resource."""

    resource_type = serializers.CharField(source="resource_type.name")

    class Meta:
        model = Permission
        fields = ["action", "resource_type", "tier"]


class CatalogueSerializer(serializers.ModelSerializer[Permission]):
    """An entry of the catalogue."""

    resource_type = serializers.CharField(source="resource_type.name")

    class Meta:
        model = Permission
        fields = ["id", "action", "resource_type", "tier", "description", "updated_at"]


class PermissionInput(serializers.Serializer[Any]):
    """An action, and how much it can break."""

    action = serializers.CharField(max_length=63)
    resource_type = serializers.CharField(max_length=63)
    tier = serializers.ChoiceField(choices=Tier.choices)
    description = serializers.CharField(max_length=200, required=False, default="")


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


class HeldSerializer(serializers.Serializer[Any]):
    """A permission that a role holds by itself."""

    action = serializers.CharField(max_length=63)
    resource_type = serializers.CharField(max_length=63)


class RoleInput(serializers.Serializer[Any]):
    """What a role is to be."""

    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, allow_blank=True, default="")
    tier = serializers.ChoiceField(choices=Tier.choices)
    permissions = HeldSerializer(many=True, required=False, default=list)
    parents = serializers.ListField(
        child=serializers.CharField(max_length=63), required=False, default=list
    )


class _Roles(Saving[Role]):
    serializer_class = RoleSerializer
    input_serializer = RoleInput

    @override
    def get_queryset(self) -> QuerySet[Role]:
        """Return the roles of the tenant with what belongs to them."""
        return selectors.roles()

    @override
    def save(self, actor: Actor, values: dict[str, Any], row: Role | None) -> Role:
        spec = RoleSpec(
            permissions=tuple(
                records.Permission(p["action"], p["resource_type"])
                for p in values.pop("permissions")
            ),
            parents=tuple(values.pop("parents")),
            **values,
        )
        return services.save_role(
            actor=actor, spec=spec, role_id=row.pk if row else None
        )


class RoleList(_Roles, ListOf[Role]):
    """List roles, and create one."""

    @extend_schema(
        operation_id="roles_create", request=RoleInput, responses={201: RoleSerializer}
    )
    def post(self, request: Request) -> Response:
        """Create a role."""
        return self.create(request)


class RoleDetail(_Roles, OneOf[Role]):
    """One role."""

    @extend_schema(operation_id="roles_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one role."""
        return self.read(pk)

    @extend_schema(
        operation_id="roles_replace", request=RoleInput, responses={200: RoleSerializer}
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace one role."""
        return self.replace(request, pk)


class _Permissions(Saving[Permission]):
    serializer_class = CatalogueSerializer
    input_serializer = PermissionInput

    @override
    def get_queryset(self) -> QuerySet[Permission]:
        """Return the catalogue."""
        return selectors.permissions()

    @override
    def save(
        self, actor: Actor, values: dict[str, Any], row: Permission | None
    ) -> Permission:
        named = (values["action"], values["resource_type"])
        known = selectors.permissions().filter(
            action=named[0], resource_type__name=named[1]
        )
        if row is None and known.exists():
            raise KeyTakenError(field="action")
        if row is not None and named != (row.action, row.resource_type.name):
            raise KeyFixedError("Action and type cannot change.", field="action")
        return services.define_permission(actor=actor, **values)


class PermissionList(_Permissions, ListOf[Permission]):
    """List the catalogue, and add to it."""

    @extend_schema(
        operation_id="permissions_create",
        request=PermissionInput,
        responses={201: CatalogueSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a permission to the catalogue."""
        return self.create(request)


class PermissionDetail(_Permissions, OneOf[Permission]):
    """One permission of the catalogue."""

    @extend_schema(operation_id="permissions_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one permission."""
        return self.read(pk)

    @extend_schema(
        operation_id="permissions_replace",
        request=PermissionInput,
        responses={200: CatalogueSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Change the tier or the description of a permission."""
        return self.replace(request, pk)


class RoleFileInput(serializers.Serializer[Any]):
    """A file of roles, and whether to look only."""

    text = serializers.CharField(max_length=256 * 1024, trim_whitespace=False)
    dry_run = serializers.BooleanField(default=True)


class RoleChangeSerializer(serializers.Serializer[Any]):
    """What an import does to one role."""

    slug = serializers.CharField()
    kind = serializers.ChoiceField(choices=["new", "changed", "same"])
    fields_changed = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField())
    )


class RoleFileSerializer(serializers.Serializer[Any]):
    """All roles as one text."""

    text = serializers.CharField()


class RoleTransfer(OperationBoundView):
    """All roles as a file: out, and in again."""

    scopes = {"GET": Scope.ROLES_READ, "POST": Scope.ROLES_WRITE}
    operations = {"POST": Operation.CHANGE_ACCESS}

    @extend_schema(operation_id="roles_export", responses={200: RoleFileSerializer})
    def get(self, _request: Request) -> Response:
        """Return all roles as YAML."""
        specs = selectors.role_specs().values()
        text = rules.write_roles(specs, selectors.catalogue_tiers(), "yaml")
        return Response({"text": text})

    @extend_schema(
        operation_id="roles_import",
        request=RoleFileInput,
        responses={200: RoleChangeSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        """Bring roles in from a file: all of them or none."""
        sent = RoleFileInput(data=request.data)
        sent.is_valid(raise_exception=True)
        found = services.import_roles(
            actor=actor_for(holder_of(request).user),
            file=rules.read_roles(sent.validated_data["text"]),
            is_dry_run=sent.validated_data["dry_run"],
        )
        return Response(
            [
                {"slug": one.slug, "kind": one.kind, "fields_changed": one.fields}
                for one in found
            ]
        )
