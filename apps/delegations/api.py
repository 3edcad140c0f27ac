"""Delegations and absences over REST."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.models import User
from apps.accounts.permissions import TenantScopedView
from apps.accounts.selectors import members
from apps.accounts.services import PersonHolder, actor_for
from apps.delegations import selectors, services
from apps.delegations.errors import LoanNotFoundError, PersonUnfitError
from apps.delegations.models import ApproverAbsence, Delegation
from apps.delegations.rules import Times
from apps.delegations.services import OfferSpec
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation
from protocol.records import EntityRef


class EntitySerializer(serializers.Serializer[Any]):
    """A principal or resource: its type and key."""

    type = serializers.CharField(max_length=63)
    key = serializers.CharField(max_length=255)


class _LoanSerializer(serializers.ModelSerializer[Any]):
    state = serializers.SerializerMethodField()

    def get_state(self, row: Delegation | ApproverAbsence) -> str:
        """Return where it stands now."""
        return row.state_at(timezone.now()).value


class DelegationSerializer(_LoanSerializer):
    """What one principal lends another."""

    delegator = EntitySerializer(read_only=True)
    delegate = EntitySerializer(read_only=True)
    role = serializers.CharField(source="role.slug", read_only=True)
    scope = EntitySerializer(read_only=True, allow_null=True)

    class Meta:
        model = Delegation
        fields = [
            *("id", "delegator", "delegate", "role", "scope", "start", "end", "reason"),
            *("may_redelegate", "parent", "depth", "state", "assignment"),
            *("created_at", "answered_at", "ended_at", "ended_by", "ended_reason"),
        ]


class OfferSerializer(serializers.Serializer[Any]):
    """What to lend to whom. Only a part of what one holds can be lent."""

    delegate = serializers.CharField(
        max_length=255, help_text="The key of a user who signs in to the portal."
    )
    role = serializers.CharField(max_length=63)
    scope = EntitySerializer(required=False, allow_null=True, default=None)
    start = serializers.DateTimeField(required=False, allow_null=True, default=None)
    end = serializers.DateTimeField()
    reason = serializers.CharField(max_length=200)
    may_redelegate = serializers.BooleanField(required=False, default=False)


class EndSerializer(serializers.Serializer[Any]):
    """Why it is ended."""

    reason = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )


class AbsenceSerializer(_LoanSerializer):
    """An approver is away, and another one stands in."""

    approver = serializers.CharField(source="approver.username", read_only=True)
    stand_in = serializers.CharField(source="stand_in.username", read_only=True)

    class Meta:
        model = ApproverAbsence
        fields = [
            *("id", "approver", "stand_in", "start", "end", "reason", "state"),
            *("created_at", "answered_at", "ended_at", "ended_by", "ended_reason"),
        ]


class AbsenceRequestSerializer(serializers.Serializer[Any]):
    """Who is asked to stand in, and when."""

    stand_in = serializers.CharField(max_length=150, help_text="A user name.")
    start = serializers.DateTimeField(required=False, allow_null=True, default=None)
    end = serializers.DateTimeField()
    reason = serializers.CharField(max_length=200)


class DelegationList(OperationBoundView, ListAPIView[Delegation]):
    """List delegations, and offer one."""

    serializer_class = DelegationSerializer
    scopes = {"GET": Scope.DELEGATIONS_READ, "POST": Scope.DELEGATIONS_WRITE}
    operations = {"POST": Operation.LEND}

    @override
    def get_queryset(self) -> QuerySet[Delegation]:
        return selectors.visible_to(_person(self.request))

    @extend_schema(
        operation_id="delegations_create",
        request=OfferSerializer,
        responses={201: DelegationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Offer a part of what the token's person holds."""
        wanted = OfferSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        scope = fields.pop("scope")
        delegate = EntityRef("User", fields.pop("delegate"))
        user = holder_of(request).user
        row = services.offer(
            actor=actor_for(user),
            user=user,
            spec=OfferSpec(
                delegate=delegate,
                scope=EntityRef(scope["type"], scope["key"]) if scope else None,
                **fields,
            ),
        )
        return Response(DelegationSerializer(row).data, status=201)


class DelegationDetail(TenantScopedView, GenericAPIView[Delegation]):
    """One delegation."""

    serializer_class = DelegationSerializer
    scopes = {"GET": Scope.DELEGATIONS_READ}

    @extend_schema(operation_id="delegations_retrieve")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Read one delegation."""
        row = selectors.visible_to(_person(request)).filter(pk=pk).first()
        if row is None:
            raise LoanNotFoundError
        return Response(DelegationSerializer(row).data)


class DelegationAccept(OperationBoundView):
    """Take over what was offered."""

    scopes = {"POST": Scope.DELEGATIONS_WRITE}
    operations = {"POST": Operation.LEND}

    @extend_schema(
        operation_id="delegations_accept",
        request=None,
        responses={200: DelegationSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Accept as the delegate."""
        return _answer(request, services.accept, DelegationSerializer, delegation_id=pk)


class DelegationDecline(OperationBoundView):
    """Refuse what was offered."""

    scopes = {"POST": Scope.DELEGATIONS_WRITE}
    operations = {"POST": Operation.END_LOAN}

    @extend_schema(
        operation_id="delegations_decline",
        request=None,
        responses={200: DelegationSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Decline as the delegate."""
        return _answer(
            request, services.decline, DelegationSerializer, delegation_id=pk
        )


class DelegationRevoke(OperationBoundView):
    """End a delegation and all that was passed on from it."""

    scopes = {"POST": Scope.DELEGATIONS_WRITE}
    operations = {"POST": Operation.END_LOAN}

    @extend_schema(
        operation_id="delegations_revoke",
        request=EndSerializer,
        responses={200: DelegationSerializer(many=True)},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End it as who lends or borrows, or as a security admin."""
        user = holder_of(request).user
        ended = services.revoke(
            actor=actor_for(user),
            user=user,
            delegation_id=pk,
            reason=_reason(request),
        )
        return Response(DelegationSerializer(ended, many=True).data)


class AbsenceList(OperationBoundView, ListAPIView[ApproverAbsence]):
    """List absences of approvers, and announce one's own."""

    serializer_class = AbsenceSerializer
    scopes = {"GET": Scope.DELEGATIONS_READ, "POST": Scope.DELEGATIONS_WRITE}
    operations = {"POST": Operation.LEND}

    @override
    def get_queryset(self) -> QuerySet[ApproverAbsence]:
        return selectors.absences_visible_to(_person(self.request))

    @extend_schema(
        operation_id="absences_create",
        request=AbsenceRequestSerializer,
        responses={201: AbsenceSerializer},
    )
    def post(self, request: Request) -> Response:
        """Ask another approver to stand in for the token's person."""
        wanted = AbsenceRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        member = members().filter(user__username=fields["stand_in"]).first()
        if member is None:
            raise PersonUnfitError("There is no such member.", field="stand_in")
        user = holder_of(request).user
        row = services.offer_absence(
            actor=actor_for(user),
            user=user,
            stand_in=member.user,
            times=Times(fields["start"] or timezone.now(), fields["end"]),
            reason=fields["reason"],
        )
        return Response(AbsenceSerializer(row).data, status=201)


class AbsenceAccept(OperationBoundView):
    """Agree to stand in."""

    scopes = {"POST": Scope.DELEGATIONS_WRITE}
    operations = {"POST": Operation.LEND}

    @extend_schema(
        operation_id="absences_accept", request=None, responses={200: AbsenceSerializer}
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Agree as who was asked."""
        return _answer(
            request, services.accept_absence, AbsenceSerializer, absence_id=pk
        )


class AbsenceDecline(OperationBoundView):
    """Refuse to stand in."""

    scopes = {"POST": Scope.DELEGATIONS_WRITE}
    operations = {"POST": Operation.END_LOAN}

    @extend_schema(
        operation_id="absences_decline",
        request=None,
        responses={200: AbsenceSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Decline as who was asked."""
        return _answer(
            request, services.decline_absence, AbsenceSerializer, absence_id=pk
        )


class AbsenceEnd(OperationBoundView):
    """End an absence before its time."""

    scopes = {"POST": Scope.DELEGATIONS_WRITE}
    operations = {"POST": Operation.END_LOAN}

    @extend_schema(
        operation_id="absences_end",
        request=EndSerializer,
        responses={200: AbsenceSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End it as who is away or stands in, or as a security admin."""
        return _answer(
            request,
            services.end_absence,
            AbsenceSerializer,
            absence_id=pk,
            reason=_reason(request),
        )


def _person(request: Request) -> User | None:
    """Return the person a token stands for, or None for a program of its own."""
    return request.auth.user if isinstance(request.auth, PersonHolder) else None


def _reason(request: Request) -> str:
    wanted = EndSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    return str(wanted.validated_data["reason"])


def _answer(
    request: Request,
    act: Callable[..., Delegation | ApproverAbsence],
    shape: type[_LoanSerializer],
    **given: object,
) -> Response:
    """Do what the token's person asks for, and show what became of it."""
    user = holder_of(request).user
    return Response(shape(act(actor=actor_for(user), user=user, **given)).data)
