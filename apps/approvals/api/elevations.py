"""Elevations over REST: the same rules as the pages, and the same refusals."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.models import User
from apps.accounts.permissions import TenantScopedView
from apps.accounts.rules import role_allows
from apps.accounts.selectors import roles_in_scope
from apps.accounts.services import PersonHolder, actor_for
from apps.approvals import services
from apps.core.errors import ForbiddenError
from apps.elevations import rules
from apps.elevations import selectors as elevations
from apps.elevations import services as acts
from apps.elevations.errors import ElevationNotFoundError
from apps.elevations.models import Elevation, Eligibility
from apps.elevations.rules import ElevationSpec
from apps.roles.models import Resource
from apps.roles.selectors import principal_of_user
from apps.signin.permissions import OperationBoundView
from apps.signin.rules.operations import Operation


class PlaceSerializer(serializers.ModelSerializer[Resource]):
    """Where a role counts."""

    id = serializers.CharField(source="key")

    class Meta:
        model = Resource
        fields = ["type", "id", "name"]


class EligibilitySerializer(serializers.ModelSerializer[Eligibility]):
    """A role that may be asked for."""

    role = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    tier = serializers.CharField(source="role.tier")
    scope = PlaceSerializer(allow_null=True)
    max_minutes = serializers.IntegerField(source="terms.longest")
    default_minutes = serializers.SerializerMethodField()

    class Meta:
        model = Eligibility
        fields = [
            *("id", "purpose", "role", "tier", "scope", "max_minutes"),
            *("default_minutes", "ticket_pattern"),
        ]

    def get_default_minutes(self, row: Eligibility) -> int:
        """Return how long is proposed."""
        return rules.default_minutes(row.terms)


class ElevationSerializer(serializers.ModelSerializer[Elevation]):
    """An elevation, with the state that is true at the moment of asking."""

    purpose = serializers.CharField(source="eligibility.purpose")
    role = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    scope = PlaceSerializer(allow_null=True)
    state = serializers.SerializerMethodField()
    deadline = serializers.SerializerMethodField()

    class Meta:
        model = Elevation
        fields = [
            *("id", "purpose", "eligibility", "role", "tier", "scope", "state"),
            *("deadline", "requester_id", "requester_name", "minutes", "reason"),
            *("ticket", "request_id", "extends", "requested_at", "approved_at"),
            *("activated_at", "starts_at", "ends_at", "ended_at", "ended_by"),
            *("end_reason", "assignment"),
        ]

    def get_state(self, row: Elevation) -> str:
        """Return the state by the clocks."""
        return str(rules.state_at(row.clocks, timezone.now()))

    def get_deadline(self, row: Elevation) -> str | None:
        """Return when the state ends by itself."""
        end = rules.deadline(row.clocks)
        return end.isoformat() if end else None


class AskSerializer(serializers.Serializer[Any]):
    """What is asked for, why, and for how long."""

    eligibility = serializers.UUIDField()
    minutes = serializers.IntegerField(min_value=-10_000, max_value=10_000)
    reason = serializers.CharField(max_length=500)
    ticket = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default=""
    )


class EndSerializer(serializers.Serializer[Any]):
    """Why it is ended before its time."""

    reason = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )


class EligibilityList(TenantScopedView, ListAPIView[Eligibility]):
    """List what the token's person may ask for; a program's own token sees all."""

    serializer_class = EligibilitySerializer
    scopes = {"GET": Scope.ELEVATIONS_READ}

    @override
    def get_queryset(self) -> QuerySet[Eligibility]:
        holder = self.request.auth
        if not isinstance(holder, PersonHolder):
            return elevations.eligibilities().filter(is_active=True)
        principal = principal_of_user(holder.user.pk)
        if principal is None:
            return Eligibility.objects.none()
        return elevations.eligibilities_of(principal, timezone.now())


class ElevationList(OperationBoundView, ListAPIView[Elevation]):
    """List elevations: all for those who see the console, one's own for members."""

    serializer_class = ElevationSerializer
    scopes = {"GET": Scope.ELEVATIONS_READ, "POST": Scope.ELEVATIONS_WRITE}
    operations = {"POST": Operation.REQUEST_ELEVATION}

    @override
    def get_queryset(self) -> QuerySet[Elevation]:
        return _visible(self.request)

    @extend_schema(
        operation_id="elevations_create",
        request=AskSerializer,
        responses={201: ElevationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Ask for a role for minutes."""
        wanted = AskSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = _person(request)
        row = services.request_elevation(
            actor=actor_for(user),
            requester=user,
            spec=ElevationSpec(**wanted.validated_data),
        )
        return _answer(row.pk, status=201)


class ElevationDetail(TenantScopedView):
    """One elevation."""

    scopes = {"GET": Scope.ELEVATIONS_READ}

    @extend_schema(
        operation_id="elevations_retrieve", responses={200: ElevationSerializer}
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Read one elevation."""
        return Response(ElevationSerializer(_one(request, pk)).data)


class ElevationActivate(OperationBoundView):
    """Begin to hold what was approved."""

    scopes = {"POST": Scope.ELEVATIONS_WRITE}
    operations = {"POST": Operation.ACTIVATE_ELEVATION}

    @extend_schema(
        operation_id="elevations_activate",
        request=None,
        responses={200: ElevationSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Activate it; only the person who asked may."""
        row = _one(request, pk)
        actor = actor_for(_person(request))
        acts.activate(actor=actor, elevation_id=row.pk, now=timezone.now())
        return _answer(row.pk)


class ElevationExtend(OperationBoundView):
    """Ask for more time, as a new elevation that begins where this one ends."""

    scopes = {"POST": Scope.ELEVATIONS_WRITE}
    operations = {"POST": Operation.EXTEND_ELEVATION}

    @extend_schema(
        operation_id="elevations_extend",
        request=None,
        responses={201: ElevationSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Open the request; what is held stays as it is."""
        row, user = _one(request, pk), _person(request)
        opened = services.extend_elevation(
            actor=actor_for(user), requester=user, elevation_id=row.pk
        )
        return _answer(opened.pk, status=201)


class ElevationEnd(TenantScopedView):
    """End an active elevation, or withdraw one that is not active yet."""

    scopes = {"POST": Scope.ELEVATIONS_WRITE}

    @extend_schema(
        operation_id="elevations_end",
        request=EndSerializer,
        responses={200: ElevationSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End it at once, on every node."""
        wanted = EndSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        row, user = _one(request, pk), _person(request)
        services.end_elevation(
            actor=actor_for(user), elevation_id=row.pk, **wanted.validated_data
        )
        return _answer(row.pk)


def _person(request: Request) -> User:
    """Return whom a token stands for. Raises ForbiddenError for a program's own."""
    if not isinstance(request.auth, PersonHolder):
        raise ForbiddenError(
            "Only a person does this.", remedy="Use a token that stands for a person."
        )
    return request.auth.user


def _visible(request: Request) -> QuerySet[Elevation]:
    holder = request.auth
    if not isinstance(holder, PersonHolder):
        return elevations.elevations()
    if role_allows(roles_in_scope(holder.user), "view"):
        return elevations.elevations()
    return elevations.elevations_of(holder.user.pk)


def _one(request: Request, pk: uuid.UUID) -> Elevation:
    row = _visible(request).filter(pk=pk).first()
    if row is None:
        raise ElevationNotFoundError
    return row


def _answer(pk: uuid.UUID, *, status: int = 200) -> Response:
    row = elevations.elevation_by_id(pk)
    return Response(ElevationSerializer(row).data, status=status)
