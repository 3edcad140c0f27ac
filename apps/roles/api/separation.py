"""Sets of roles that are kept apart, over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.services import actor_for
from apps.audit.events import Actor
from apps.core.api import require_match
from apps.roles import selectors, services
from apps.roles.api.bases import EntitySerializer, ListOf, OneOf, entity
from apps.roles.choices import SeparationKind
from apps.roles.models import Role, SeparationSet
from apps.roles.rules import SeparationSpec
from apps.signin.permissions import holder_of
from apps.signin.rules.operations import Operation

_IF_MATCH = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    required=True,
    description="The ETag of the state that the change is about.",
)


class SeparationSerializer(serializers.ModelSerializer[SeparationSet]):
    """Roles of which one principal has at most so many."""

    roles = serializers.SlugRelatedField[Role](
        slug_field="slug", many=True, read_only=True
    )
    owner = EntitySerializer(read_only=True)

    class Meta:
        model = SeparationSet
        fields = [
            *("id", "slug", "name", "kind", "roles", "limit", "owner", "is_active"),
            "updated_at",
        ]


class SeparationInput(serializers.Serializer[Any]):
    """What a set is to be."""

    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=SeparationKind.choices)
    roles = serializers.ListField(child=serializers.CharField(max_length=63))
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=1)
    owner = EntitySerializer()
    is_active = serializers.BooleanField(default=True)


class SeparationList(ListOf[SeparationSet]):
    """List the sets, and add one."""

    serializer_class = SeparationSerializer
    input_serializer = SeparationInput

    @override
    def get_queryset(self) -> QuerySet[SeparationSet]:
        return selectors.separations()

    @override
    def save(
        self, actor: Actor, values: dict[str, Any], row: SeparationSet | None
    ) -> SeparationSet:
        return _save(actor, values, row)

    @extend_schema(
        operation_id="separations_create",
        request=SeparationInput,
        responses={201: SeparationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Keep roles apart."""
        return self.create(request)


class SeparationDetail(OneOf[SeparationSet]):
    """One set."""

    serializer_class = SeparationSerializer
    input_serializer = SeparationInput
    scopes = {
        "GET": Scope.ROLES_READ,
        "PUT": Scope.ROLES_WRITE,
        "DELETE": Scope.ROLES_WRITE,
    }
    operations = dict.fromkeys(("PUT", "DELETE"), Operation.CHANGE_ACCESS)

    @override
    def get_queryset(self) -> QuerySet[SeparationSet]:
        return selectors.separations()

    @override
    def save(
        self, actor: Actor, values: dict[str, Any], row: SeparationSet | None
    ) -> SeparationSet:
        return _save(actor, values, row)

    @extend_schema(operation_id="separations_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one set."""
        return self.read(pk)

    @extend_schema(
        operation_id="separations_replace",
        parameters=[_IF_MATCH],
        request=SeparationInput,
        responses={200: SeparationSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace one set."""
        return self.replace(request, pk)

    @extend_schema(
        operation_id="separations_delete",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove a set that nobody was ever excused from."""
        rows = self.filter_queryset(self.get_queryset())
        row = self._row(rows.select_for_update(of=("self",)), pk)
        self.require("delete", row)
        require_match(request, self.get_serializer(row).data)
        services.remove_separation(
            actor=actor_for(holder_of(request).user), separation_id=row.pk
        )
        return Response(status=204)


def _save(
    actor: Actor, values: dict[str, Any], row: SeparationSet | None
) -> SeparationSet:
    owner = entity(values.pop("owner"))
    spec = SeparationSpec(**values | {"roles": tuple(values["roles"])})
    return services.save_separation(
        actor=actor, spec=spec, owner=owner, separation_id=row.pk if row else None
    )
