"""The registry of attributes over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.audit.events import Actor
from apps.roles import selectors, services
from apps.roles.api.bases import ListOf, OneOf, Saving
from apps.roles.choices import AttributeSource, AttributeType
from apps.roles.errors import KeyFixedError
from apps.roles.models import AttributeDefinition
from apps.roles.rules import AttributeLimits

_MOST_SECONDS = 2**31 - 1


class AttributeSerializer(serializers.ModelSerializer[AttributeDefinition]):
    """An attribute of a type of principal or resource."""

    values = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = AttributeDefinition
        fields = [
            *("id", "entity_type", "name", "type", "source", "values", "freshness"),
            *("description", "updated_at"),
        ]


class AttributeInput(serializers.Serializer[Any]):
    """What an attribute is to be."""

    entity_type = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=63)
    type = serializers.ChoiceField(choices=AttributeType.choices)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field of ours
        choices=AttributeSource.choices,
        required=False,
        default=AttributeSource.PORTAL.value,
    )
    values = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, default=list
    )
    freshness = serializers.IntegerField(
        min_value=1,
        max_value=_MOST_SECONDS,
        required=False,
        allow_null=True,
        default=None,
        help_text="After how many seconds a value counts as old.",
    )
    description = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )


class _Attributes(Saving[AttributeDefinition]):
    serializer_class = AttributeSerializer
    input_serializer = AttributeInput

    @override
    def get_queryset(self) -> QuerySet[AttributeDefinition]:
        """Return all attributes."""
        return selectors.attribute_definitions()

    @override
    def save(
        self, actor: Actor, values: dict[str, Any], row: AttributeDefinition | None
    ) -> AttributeDefinition:
        if row and (row.entity_type, row.name) != (
            values["entity_type"],
            values["name"],
        ):
            raise KeyFixedError(field="name")
        return services.define_attribute(
            actor=actor,
            entity_type=values["entity_type"],
            name=values["name"],
            kind=values["type"],
            description=values["description"],
            limits=AttributeLimits(
                values["source"], tuple(values["values"]), values["freshness"]
            ),
        )


class AttributeList(_Attributes, ListOf[AttributeDefinition]):
    """List attributes, and define one."""

    @extend_schema(
        operation_id="attributes_create",
        request=AttributeInput,
        responses={201: AttributeSerializer},
    )
    def post(self, request: Request) -> Response:
        """Define an attribute."""
        return self.create(request)


class AttributeDetail(_Attributes, OneOf[AttributeDefinition]):
    """One attribute."""

    @extend_schema(operation_id="attributes_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one attribute."""
        return self.read(pk)

    @extend_schema(
        operation_id="attributes_replace",
        request=AttributeInput,
        responses={200: AttributeSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what an attribute may be; owner, name and type stay."""
        return self.replace(request, pk)
