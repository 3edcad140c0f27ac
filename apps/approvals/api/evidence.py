"""Evidence of changes over REST: what it says, and have it computed again."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import actor_for
from apps.approvals import selectors, services
from apps.approvals.api.requests import RequestSerializer, person_of
from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.signin.permissions import OperationBoundView
from apps.signin.rules.operations import Operation


class ProofSerializer(serializers.Serializer[Any]):
    """Evidence: how far it is, and once it is done the document with its digest."""

    id = serializers.UUIDField()
    input = serializers.CharField()
    state = serializers.CharField()
    progress = serializers.IntegerField()
    stage = serializers.CharField()
    error = serializers.CharField()
    digest = serializers.CharField()
    is_fresh = serializers.BooleanField()
    computed_at = serializers.DateTimeField(allow_null=True)
    document = serializers.DictField()


class StandingProofSerializer(serializers.Serializer[Any]):
    """Evidence as it is now; `missing` says why nobody can approve without more."""

    missing = serializers.CharField()
    evidence = ProofSerializer(allow_null=True)


class CallOffSerializer(serializers.Serializer[Any]):
    """Why it is called off."""

    reason = serializers.CharField(max_length=2000)


class RequestEvidence(TenantScopedView):
    """What the change of a request would do."""

    scopes = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}

    @extend_schema(
        operation_id="requests_evidence", responses={200: StandingProofSerializer}
    )
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read the evidence that stands in front of approvers."""
        return Response(_of_request(selectors.request_by_id(pk)))

    @extend_schema(
        operation_id="requests_prove",
        request=None,
        responses={202: StandingProofSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Have it computed again, as things are now; the same is computed once."""
        actor = actor_for(person_of(request).user)
        row = services.prove_request(actor=actor, request_id=pk)
        return Response(_of_request(row), status=202)


class ChangeSetEvidence(TenantScopedView):
    """What a set of changes would do."""

    scopes = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}

    @extend_schema(
        operation_id="change_sets_evidence", responses={200: StandingProofSerializer}
    )
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read the evidence that a set has; none before it was asked for."""
        return Response(_of_set(selectors.change_set_by_id(pk)))

    @extend_schema(
        operation_id="change_sets_prove",
        request=None,
        responses={202: StandingProofSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Try the set out as things are now, and have evidence computed for that."""
        actor = actor_for(person_of(request).user)
        row = services.prove_change_set(actor=actor, set_id=pk)
        return Response(_of_set(row), status=202)


class RequestCallOff(OperationBoundView):
    """Call off what was approved for a time that has not come yet."""

    scopes = {"POST": Scope.REQUESTS_WRITE}
    operations = {"POST": Operation.OPEN_REQUEST}

    @extend_schema(
        operation_id="requests_call_off",
        request=CallOffSerializer,
        responses={200: RequestSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Call all of it off; what is in force now stays."""
        wanted = CallOffSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        row = services.cancel_activation(
            actor=actor_for(person_of(request).user),
            request_id=pk,
            reason=wanted.validated_data["reason"],
        )
        return Response(RequestSerializer(row).data)


def _of_request(row: ApprovalRequest) -> dict[str, Any]:
    proof = selectors.proof_of_request(row)
    missing = selectors.missing_proof(row, proof) if row.is_open else ""
    return _said(missing, proof)


def _of_set(row: ChangeSet) -> dict[str, Any]:
    proof = selectors.proof_of_set(row)
    return _said(selectors.why_unproven(proof), proof)


def _said(missing: str, proof: selectors.Proof | None) -> dict[str, Any]:
    return {
        "missing": missing,
        "evidence": ProofSerializer(proof).data if proof else None,
    }
