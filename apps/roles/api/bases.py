"""What the endpoints of this app share: lists that add, details that are replaced."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.choices import Scope
from apps.accounts.permissions import ObjectScopedView
from apps.accounts.services import actor_for
from apps.audit.events import Actor
from apps.core.api import require_match, with_etag
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation
from protocol.records import EntityRef

M = TypeVar("M", bound=Model)


class EntitySerializer(serializers.Serializer[Any]):
    """A principal or resource: its type and key."""

    type = serializers.CharField(max_length=63)
    key = serializers.CharField(max_length=255)


def entity(values: Mapping[str, str]) -> EntityRef:
    """Return what an EntitySerializer has read."""
    return EntityRef(values["type"], values["key"])


class Saving(OperationBoundView, ObjectScopedView[M]):
    """How rows of one kind are written: what is sent, and which service takes it."""

    input_serializer: ClassVar[type[serializers.Serializer[Any]]]

    def save(self, actor: Actor, values: dict[str, Any], row: M | None) -> M:
        """Write a new row, or replace one. Raises what the service raises."""
        raise NotImplementedError

    def values_of(self, request: Request) -> dict[str, Any]:
        """Return what was sent. Raises ValidationError."""
        sent = self.input_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return dict(sent.validated_data)


class ListOf(Saving[M], ListAPIView[M]):
    """Read all rows, and add one."""

    scopes = {"GET": Scope.ROLES_READ, "POST": Scope.ROLES_WRITE}
    operations = {"POST": Operation.CHANGE_ACCESS}

    @transaction.atomic
    def create(self, request: Request) -> Response:
        """Add a row, and answer with it and its ETag."""
        actor = actor_for(holder_of(request).user)
        self.require_some("add", self.get_queryset().model)
        saved = self.save(actor, self.values_of(request), None)
        self.require_after("add", saved)
        row = self.get_queryset().get(pk=saved.pk)
        return with_etag(self.get_serializer(row).data, 201)


class OneOf(Saving[M]):
    """Read a row with its ETag, and replace what was read."""

    scopes = {"GET": Scope.ROLES_READ, "PUT": Scope.ROLES_WRITE}
    operations = {"PUT": Operation.CHANGE_ACCESS}

    def read(self, pk: uuid.UUID) -> Response:
        """Answer with a row and its ETag."""
        rows = self.filter_queryset(self.get_queryset())
        return with_etag(self.get_serializer(self._row(rows, pk)).data)

    @transaction.atomic
    def replace(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a row if it is still what `If-Match` names."""
        rows = self.filter_queryset(self.get_queryset())
        row = self._row(rows.select_for_update(of=("self",)), pk)
        self.require("change", row)
        require_match(request, self.get_serializer(row).data)
        actor = actor_for(holder_of(request).user)
        saved = self.save(actor, self.values_of(request), row)
        self.require_after("change", saved)
        return with_etag(self.get_serializer(self._row(rows.all(), pk)).data)

    @staticmethod
    def _row(rows: QuerySet[M], pk: uuid.UUID) -> M:
        row = rows.filter(pk=pk).first()
        if row is None:
            raise Http404
        return row
