"""Requests, votes and flows over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import ObjectScopedView, TenantScopedView
from apps.accounts.services import PersonHolder, actor_for
from apps.approvals import rules, selectors, services
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.errors import FlowNotFoundError
from apps.approvals.models import ApprovalFlow, ApprovalRequest, Vote
from apps.core.api import asked_for, require_match, with_etag
from apps.core.errors import ForbiddenError
from apps.core.views import credential_in
from apps.roles.rules import AssignmentSpec
from apps.signin.permissions import OperationBoundView
from apps.signin.rules.operations import Operation
from protocol.records import EntityRef


def person_of(request: Request) -> PersonHolder:
    """Return the person's token of a request. Raises ForbiddenError for a client's."""
    if not isinstance(request.auth, PersonHolder):
        raise ForbiddenError(
            "Only a person asks and decides.",
            remedy="Use a token that stands for a person.",
        )
    return request.auth


class VoteSerializer(serializers.ModelSerializer[Vote]):
    """What one person said, with the digest that their passkey signed."""

    class Meta:
        model = Vote
        fields = [
            *("id", "stage", "verdict", "reason", "user_id", "user_name", "way"),
            *("cast_at", "digest"),
        ]


class RequestSerializer(serializers.ModelSerializer[ApprovalRequest]):
    """A request with its votes; `document` is what approvers sign."""

    votes = VoteSerializer(many=True, read_only=True)

    class Meta:
        model = ApprovalRequest
        fields = [
            *("id", "kind", "state", "title", "reason", "document", "digest"),
            *("subject_id", "stage", "opened_by_id", "opened_by_name", "created_at"),
            *("expires_at", "voided_at", "closed_at", "closed_by_name"),
            *("closing_reason", "votes"),
        ]


class EntitySerializer(serializers.Serializer[Any]):
    """A principal or a resource."""

    type = serializers.CharField(max_length=63)
    id = serializers.CharField(max_length=255)


class AssignmentSerializer(serializers.Serializer[Any]):
    """The role that is asked for."""

    principal = EntitySerializer()
    role = serializers.CharField(max_length=63)
    scope = EntitySerializer(required=False, allow_null=True, default=None)
    start = serializers.DateTimeField(required=False, allow_null=True, default=None)
    end = serializers.DateTimeField(required=False, allow_null=True, default=None)


class NewRequestSerializer(serializers.Serializer[Any]):
    """Either drafts with a title, or an assignment; and the reason."""

    reason = serializers.CharField(max_length=2000)
    title = serializers.CharField(max_length=160, required=False, default="")
    drafts = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=100
    )
    assignment = AssignmentSerializer(required=False)

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for exactly one of the two."""
        if ("drafts" in attrs) == ("assignment" in attrs):
            raise serializers.ValidationError("Send either drafts or an assignment.")
        return attrs


class RequestFilterSerializer(serializers.Serializer[Any]):
    """Which requests to list."""

    kind = serializers.ChoiceField(choices=RequestKind.choices, required=False)
    state = serializers.ChoiceField(choices=RequestState.choices, required=False)


class CancelSerializer(serializers.Serializer[Any]):
    """Why a request is withdrawn."""

    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default=""
    )


class BallotSerializer(serializers.Serializer[Any]):
    """What a person is about to say."""

    verdict = serializers.ChoiceField(choices=Verdict.choices)
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default=""
    )


class SignedBallotSerializer(BallotSerializer):
    """The same, with the answer of an authenticator to it."""

    ceremony = serializers.UUIDField()
    credential = serializers.JSONField(help_text="AuthenticationResponseJSON")


class CeremonySerializer(serializers.Serializer[Any]):
    """What a passkey has to sign."""

    ceremony = serializers.UUIDField()
    publicKey = serializers.JSONField(help_text="PublicKeyCredentialRequestOptions")  # noqa: N815  # its name in WebAuthn


class RequestList(OperationBoundView, ListAPIView[ApprovalRequest]):
    """List requests, and open one."""

    serializer_class = RequestSerializer
    scopes = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}
    operations = {"POST": Operation.OPEN_REQUEST}

    @override
    def get_queryset(self) -> QuerySet[ApprovalRequest]:
        wanted = asked_for(self.request, RequestFilterSerializer)
        return ApprovalRequest.objects.filter(**wanted).prefetch_related("votes")

    @extend_schema(operation_id="requests_list", parameters=[RequestFilterSerializer])
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List requests."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="requests_create",
        request=NewRequestSerializer,
        responses={201: RequestSerializer},
    )
    def post(self, request: Request) -> Response:
        """Ask for drafts to become live, or for a role to be assigned."""
        wanted = NewRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields, actor = wanted.validated_data, actor_for(person_of(request).user)
        if "assignment" in fields:
            spec = _assignment(fields["assignment"], fields["reason"])
            row = services.request_assignment(actor=actor, spec=spec)
        else:
            row = services.open_request(
                actor=actor,
                draft_ids=fields["drafts"],
                title=fields["title"],
                reason=fields["reason"],
            )
        return Response(RequestSerializer(row).data, status=201)


class RequestDetail(TenantScopedView, GenericAPIView[ApprovalRequest]):
    """One request."""

    serializer_class = RequestSerializer
    scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="requests_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one request with its votes."""
        return Response(RequestSerializer(selectors.request_by_id(pk)).data)


class RequestCancel(OperationBoundView):
    """Withdraw a request."""

    scopes = {"POST": Scope.REQUESTS_WRITE}
    operations = {"POST": Operation.OPEN_REQUEST}

    @extend_schema(
        operation_id="requests_cancel",
        request=CancelSerializer,
        responses={200: RequestSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Withdraw it; who opened it, who gains and security admins may."""
        wanted = CancelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        row = services.cancel_request(
            actor=actor_for(person_of(request).user),
            request_id=pk,
            reason=wanted.validated_data["reason"],
        )
        return Response(RequestSerializer(row).data)


class VoteOptions(TenantScopedView):
    """Begin a vote."""

    answers_secrets = True
    scopes = {"POST": Scope.REQUESTS_WRITE}

    @extend_schema(
        operation_id="votes_options",
        request=BallotSerializer,
        responses={200: CeremonySerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Return what the passkey has to sign for exactly this vote."""
        holder = person_of(request)
        wanted = BallotSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        options = services.begin_vote(
            voter=holder.user,
            request_id=pk,
            verdict=Verdict(wanted.validated_data["verdict"]),
            reason=wanted.validated_data["reason"],
            session_key=str(holder.token_id),
        )
        return Response(options.as_dict())


class VoteList(TenantScopedView):
    """Vote. The assertion over the vote is the proof; no other is asked for."""

    answers_secrets = True
    scopes = {"POST": Scope.REQUESTS_WRITE}

    @extend_schema(
        operation_id="votes_create",
        request=SignedBallotSerializer,
        responses={201: VoteSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Record the vote that the passkey signed."""
        holder = person_of(request)
        wanted = SignedBallotSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        vote = services.record_vote(
            actor=actor_for(holder.user),
            voter=holder.user,
            request_id=pk,
            verdict=Verdict(fields["verdict"]),
            reason=fields["reason"],
            ceremony_id=fields["ceremony"],
            credential=credential_in(fields),
        )
        return Response(VoteSerializer(vote).data, status=201)


class FlowSerializer(serializers.ModelSerializer[ApprovalFlow]):
    """A flow in version 2; what `match` and `stages` hold stands in the handbook."""

    v = serializers.SerializerMethodField()

    class Meta:
        model = ApprovalFlow
        fields = ["id", "v", "name", "kind", "order", "is_active", "match", "stages"]

    def get_v(self, _row: ApprovalFlow) -> int:
        """Return the version of the form."""
        return 2

    @override
    def to_representation(self, instance: ApprovalFlow) -> dict[str, Any]:
        """Return the flow in the form that it is written in."""
        return {"id": str(instance.pk), **selectors.spec_of(instance).to_dict()}


class FlowList(
    OperationBoundView, ObjectScopedView[ApprovalFlow], ListAPIView[ApprovalFlow]
):
    """List flows, and make one."""

    serializer_class = FlowSerializer
    scopes = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}
    operations = {"POST": Operation.CHANGE_ACCESS}
    queryset = ApprovalFlow.objects.all()

    @override
    def get_queryset(self) -> QuerySet[ApprovalFlow]:
        return selectors.flows()

    @extend_schema(operation_id="flows_create", responses={201: FlowSerializer})
    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Make a flow. Refused if nobody could ever pass it."""
        row = services.save_flow(
            actor=actor_for(person_of(request).user),
            flow_id=None,
            spec=rules.parse_spec(request.data),
        )
        self.require_after("add", row)
        return with_etag(FlowSerializer(row).data, 201)


class FlowDetail(OperationBoundView, ObjectScopedView[ApprovalFlow]):
    """One flow."""

    serializer_class = FlowSerializer
    scopes = {"GET": Scope.REQUESTS_READ, "PUT": Scope.REQUESTS_WRITE}
    operations = {"PUT": Operation.CHANGE_ACCESS}

    @extend_schema(operation_id="flows_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one flow; the entity tag names the state for a change."""
        return with_etag(FlowSerializer(self._visible(pk)).data)

    @extend_schema(operation_id="flows_update")
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Change a flow whose state the sender saw (`If-Match`)."""
        actor = actor_for(person_of(request).user)
        with transaction.atomic():
            self.require("change", self._visible(pk))
            row = ApprovalFlow.objects.select_for_update().get(pk=pk)
            require_match(request, FlowSerializer(row).data)
            row = services.save_flow(
                actor=actor, flow_id=pk, spec=rules.parse_spec(_without_id(request))
            )
            self.require_after("change", row)
        return with_etag(FlowSerializer(row).data)

    def _visible(self, pk: uuid.UUID) -> ApprovalFlow:
        row = self.filter_queryset(selectors.flows()).filter(pk=pk).first()
        if row is None:
            raise FlowNotFoundError
        return row


def _without_id(request: Request) -> object:
    """Return what was sent; what was read before may be sent back with its id."""
    if not isinstance(request.data, dict):
        return request.data
    return {name: value for name, value in request.data.items() if name != "id"}


def _assignment(fields: dict[str, Any], reason: str) -> AssignmentSpec:
    scope = fields["scope"]
    return AssignmentSpec(
        principal=EntityRef(**fields["principal"]),
        role=fields["role"],
        scope=EntityRef(**scope) if scope else None,
        start=fields["start"],
        end=fields["end"],
        reason=reason[:200],
    )
