"""Principals, groups of them, and resources over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.audit.events import Actor
from apps.roles import selectors, services
from apps.roles.api.bases import EntitySerializer, ListOf, OneOf, Saving, entity
from apps.roles.models import Principal, PrincipalGroup, Resource, ResourceOwner
from apps.roles.rules import EntrySpec, GroupSpec


class PrincipalSerializer(serializers.ModelSerializer[Principal]):
    """A user or service."""

    manager = EntitySerializer(read_only=True, allow_null=True)
    attributes = serializers.DictField()

    class Meta:
        model = Principal
        fields = [
            *("id", "type", "key", "name", "attributes", "user", "manager"),
            "updated_at",
        ]


class PrincipalInput(serializers.Serializer[Any]):
    """What a principal is to be. Its person is linked in the console."""

    type = serializers.CharField(max_length=16)
    key = serializers.CharField(max_length=255)
    name = serializers.CharField(max_length=150, required=False, default="")
    attributes = serializers.DictField(required=False, default=dict)
    manager = EntitySerializer(required=False, allow_null=True, default=None)


class GroupSerializer(serializers.ModelSerializer[PrincipalGroup]):
    """A group of principals."""

    members = EntitySerializer(many=True, read_only=True)

    class Meta:
        model = PrincipalGroup
        fields = ["id", "slug", "name", "members", "updated_at"]


class GroupInput(serializers.Serializer[Any]):
    """What a group is to be."""

    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)
    members = EntitySerializer(many=True, required=False, default=list)


class ResourceSerializer(serializers.ModelSerializer[Resource]):
    """A resource or a group of resources."""

    groups = serializers.SlugRelatedField[Resource](
        slug_field="key", many=True, read_only=True
    )
    owners = serializers.SerializerMethodField()
    attributes = serializers.DictField()

    class Meta:
        model = Resource
        fields = [
            *("id", "type", "key", "name", "attributes", "groups", "owners"),
            "updated_at",
        ]

    @extend_schema_field(EntitySerializer(many=True))
    def get_owners(self, row: Resource) -> list[dict[str, str]]:
        """Return who answers for it by themselves."""
        links: list[ResourceOwner] = getattr(row, "owned", [])
        owners = sorted((link.principal.type, link.principal.key) for link in links)
        return [{"type": kind, "key": key} for kind, key in owners]


class ResourceInput(serializers.Serializer[Any]):
    """What a resource is to be."""

    type = serializers.CharField(max_length=63)
    key = serializers.CharField(max_length=255)
    name = serializers.CharField(max_length=150, required=False, default="")
    attributes = serializers.DictField(required=False, default=dict)
    groups = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, default=list
    )
    owners = EntitySerializer(many=True, required=False, default=list)


class _Principals(Saving[Principal]):
    serializer_class = PrincipalSerializer
    input_serializer = PrincipalInput

    @override
    def get_queryset(self) -> QuerySet[Principal]:
        """Return all principals."""
        return selectors.principals().prefetch_related("manager")

    @override
    def save(
        self, actor: Actor, values: dict[str, Any], row: Principal | None
    ) -> Principal:
        return services.save_principal_with_manager(
            actor=actor,
            spec=EntrySpec(entity(values), values["name"], values["attributes"]),
            manager=entity(values["manager"]) if values["manager"] else None,
            principal_id=row.pk if row else None,
        )


class PrincipalList(_Principals, ListOf[Principal]):
    """List principals, and register one."""

    @extend_schema(
        operation_id="principals_create",
        request=PrincipalInput,
        responses={201: PrincipalSerializer},
    )
    def post(self, request: Request) -> Response:
        """Register a principal."""
        return self.create(request)


class PrincipalDetail(_Principals, OneOf[Principal]):
    """One principal."""

    @extend_schema(operation_id="principals_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one principal."""
        return self.read(pk)

    @extend_schema(
        operation_id="principals_replace",
        request=PrincipalInput,
        responses={200: PrincipalSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace what is known of a principal; type and key stay."""
        return self.replace(request, pk)


class _Groups(Saving[PrincipalGroup]):
    serializer_class = GroupSerializer
    input_serializer = GroupInput

    @override
    def get_queryset(self) -> QuerySet[PrincipalGroup]:
        """Return all groups."""
        return selectors.groups()

    @override
    def save(
        self, actor: Actor, values: dict[str, Any], row: PrincipalGroup | None
    ) -> PrincipalGroup:
        members = tuple(entity(member) for member in values["members"])
        return services.save_group(
            actor=actor,
            spec=GroupSpec(values["slug"], values["name"], members),
            group_id=row.pk if row else None,
        )


class GroupList(_Groups, ListOf[PrincipalGroup]):
    """List groups of principals, and create one."""

    @extend_schema(
        operation_id="groups_create",
        request=GroupInput,
        responses={201: GroupSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a group."""
        return self.create(request)


class GroupDetail(_Groups, OneOf[PrincipalGroup]):
    """One group of principals."""

    @extend_schema(operation_id="groups_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one group."""
        return self.read(pk)

    @extend_schema(
        operation_id="groups_replace",
        request=GroupInput,
        responses={200: GroupSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a group's name and members."""
        return self.replace(request, pk)


class _Resources(Saving[Resource]):
    serializer_class = ResourceSerializer
    input_serializer = ResourceInput

    @override
    def get_queryset(self) -> QuerySet[Resource]:
        """Return all resources."""
        owners = ResourceOwner.objects.select_related("principal")
        return selectors.resources().prefetch_related(
            Prefetch("owner_links", owners, to_attr="owned")
        )

    @override
    def save(
        self, actor: Actor, values: dict[str, Any], row: Resource | None
    ) -> Resource:
        return services.save_resource_with_owners(
            actor=actor,
            spec=EntrySpec(
                entity(values),
                values["name"],
                values["attributes"],
                tuple(values["groups"]),
            ),
            owners=[entity(owner) for owner in values["owners"]],
            resource_id=row.pk if row else None,
        )


class ResourceList(_Resources, ListOf[Resource]):
    """List resources, and register one."""

    @extend_schema(
        operation_id="resources_create",
        request=ResourceInput,
        responses={201: ResourceSerializer},
    )
    def post(self, request: Request) -> Response:
        """Register a resource or a group of resources."""
        return self.create(request)


class ResourceDetail(_Resources, OneOf[Resource]):
    """One resource."""

    @extend_schema(operation_id="resources_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one resource."""
        return self.read(pk)

    @extend_schema(
        operation_id="resources_replace",
        request=ResourceInput,
        responses={200: ResourceSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace what is known of a resource; type and key stay."""
        return self.replace(request, pk)
