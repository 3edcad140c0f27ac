"""Delegated rights over REST: given with a proof, revoked upon what one saw."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import ObjectScopedView
from apps.accounts.services import PersonHolder, actor_for
from apps.core.api import require_match, with_etag
from apps.roles import rules, selectors, services
from apps.roles.choices import GrantAction
from apps.roles.models import ObjectGrant
from apps.roles.rules import GrantSpec
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation


class GrantSerializer(serializers.ModelSerializer[ObjectGrant]):
    """Who may do what to which objects, until when, and who gave it."""

    user = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    group = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    action = serializers.ChoiceField(choices=GrantAction.choices, read_only=True)
    model = serializers.CharField(source="model_name", read_only=True)
    object_id = serializers.SerializerMethodField()
    constraint = serializers.JSONField(read_only=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = ObjectGrant
        fields = [
            *("id", "user", "group", "action", "model", "object_id", "constraint"),
            *("may_pass_on", "parent", "until", "state", "reason", "granted_by_name"),
            *("created_at", "revoked_at", "revoked_by_name", "revoked_reason"),
        ]

    def get_object_id(self, row: ObjectGrant) -> str | None:
        """Return the object's id, if the right is on one."""
        return row.object_pk

    def get_state(self, row: ObjectGrant) -> str:
        """Return now, expired or revoked."""
        state = rules.grant_state(row.until, row.revoked_at, timezone.now())
        return str(state.value)


class GrantInput(serializers.Serializer[Any]):
    """What is given: one of user and group, one of object and constraint."""

    user_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    group_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    action = serializers.ChoiceField(choices=GrantAction.choices)
    model = serializers.CharField(max_length=100)
    object_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    constraint = serializers.JSONField(required=False, allow_null=True, default=None)
    may_pass_on = serializers.BooleanField(required=False, default=False)
    until = serializers.DateTimeField()
    reason = serializers.CharField(max_length=200)


class GrantEnd(serializers.Serializer[Any]):
    """Why a right ends."""

    reason = serializers.CharField(max_length=200)


class _Grants(ObjectScopedView[ObjectGrant]):
    serializer_class = GrantSerializer

    @override
    def get_queryset(self) -> QuerySet[ObjectGrant]:
        """Return the rights that were ever delegated."""
        return selectors.grants()

    @override
    def filter_queryset(  # type: ignore[override]  # rows, never values
        self, queryset: QuerySet[ObjectGrant]
    ) -> QuerySet[ObjectGrant]:
        """Leave what concerns the person, unless they may see all."""
        holder = self.request.auth
        if not isinstance(holder, PersonHolder):
            return queryset
        if selectors.acts_on_all(holder.user, "view"):
            return queryset
        return queryset.filter(selectors.concerning(holder.user.pk))

    def row(self, pk: uuid.UUID) -> ObjectGrant:
        """Return a right that the person may see."""
        row = self.filter_queryset(self.get_queryset()).filter(pk=pk).first()
        if row is None:
            raise Http404
        return row


class GrantList(OperationBoundView, _Grants, ListAPIView[ObjectGrant]):
    """List delegated rights, and give one."""

    scopes = {"GET": Scope.ROLES_READ, "POST": Scope.ROLES_WRITE}
    operations = {"POST": Operation.DELEGATE_RIGHTS}

    @extend_schema(
        operation_id="object_grants_create",
        request=GrantInput,
        responses={201: GrantSerializer},
    )
    def post(self, request: Request) -> Response:
        """Let somebody do something to an object, or to those that fit."""
        sent = GrantInput(data=request.data)
        sent.is_valid(raise_exception=True)
        row = services.grant_object(
            actor=actor_for(holder_of(request).user),
            spec=GrantSpec(**sent.validated_data),
        )
        return with_etag(self.get_serializer(selectors.grant_by_id(row.pk)).data, 201)


class GrantDetail(_Grants):
    """One delegated right."""

    scopes = {"GET": Scope.ROLES_READ}

    @extend_schema(operation_id="object_grants_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one delegated right."""
        return with_etag(self.get_serializer(self.row(pk)).data)


class GrantRevoke(OperationBoundView, _Grants):
    """The end of a delegated right."""

    scopes = {"POST": Scope.ROLES_WRITE}
    operations = {"POST": Operation.DELEGATE_RIGHTS}

    @extend_schema(
        operation_id="object_grants_revoke",
        request=GrantEnd,
        responses={200: GrantSerializer},
    )
    @transaction.atomic
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End it now, and what was passed on from it."""
        sent = GrantEnd(data=request.data)
        sent.is_valid(raise_exception=True)
        actor = actor_for(holder_of(request).user)
        row = self.row(pk)
        if not services.may_revoke(actor, row):
            raise PermissionDenied
        require_match(request, self.get_serializer(row).data)
        services.revoke_grant(
            actor=actor, grant_id=pk, reason=sent.validated_data["reason"]
        )
        return with_etag(self.get_serializer(selectors.grant_by_id(pk)).data)
