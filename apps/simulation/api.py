"""Evidence over REST: ask for it, and read it once it is there."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import PersonHolder, TokenHolder
from apps.audit.events import Actor
from apps.policies import selectors as policies
from apps.policies.models import PolicyDraft
from apps.simulation import selectors, services
from apps.simulation.errors import DraftUnknownError
from apps.simulation.models import Evidence

MOST_DRAFTS = 100


class ImpactSerializer(serializers.Serializer[Any]):
    """The drafts that are measured together, by the short names of their policies."""

    drafts = serializers.ListField(
        child=serializers.CharField(max_length=63),
        min_length=1,
        max_length=MOST_DRAFTS,
    )


class EvidenceSerializer(serializers.ModelSerializer[Evidence]):
    """Evidence: how far it is, and once it is done the document with its digest."""

    class Meta:
        model = Evidence
        fields = (
            "id",
            "title",
            "state",
            "progress",
            "stage",
            "error",
            "input_digest",
            "base_digest",
            "digest",
            "requested_at",
            "computed_at",
            "document",
        )


class _Measuring(TenantScopedView):
    """Who sees only themselves may not ask what others would gain."""

    @override
    def check_permissions(self, request: Request) -> None:
        """Say whether the token's person, or the client, may look at everybody."""
        super().check_permissions(request)
        holder = request.auth
        if isinstance(holder, PersonHolder) and not holder.user.has_perm(
            "roles.view_assignment"
        ):
            raise PermissionDenied


class ImpactRequest(_Measuring):
    """What drafts would do together, computed in the background."""

    scopes = {"POST": Scope.ACCESS_EXPLAIN}

    @extend_schema(
        operation_id="impact",
        request=ImpactSerializer,
        responses={202: EvidenceSerializer},
    )
    def post(self, request: Request) -> Response:
        """Begin, or return what is known of the same drafts already."""
        asked = ImpactSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        drafts = _drafts(asked.validated_data["drafts"])
        row = services.request_evidence(
            actor=_actor(request),
            title=", ".join(map(str, drafts)),
            changes=[selectors.change_of_draft(draft) for draft in drafts],
            contents=[(draft.policy.slug, draft.content) for draft in drafts],
        )
        answer = Response(EvidenceSerializer(row).data, status=202)
        answer["Location"] = reverse("api:evidence", args=[row.pk])
        return answer


class EvidenceDetail(_Measuring):
    """Evidence that was asked for."""

    scopes = {"GET": Scope.ACCESS_EXPLAIN}

    @extend_schema(operation_id="evidence_retrieve", responses=EvidenceSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return it, with the document once it is done."""
        del request
        return Response(EvidenceSerializer(selectors.evidence_by_id(pk)).data)


def _drafts(names: Sequence[str]) -> list[PolicyDraft]:
    found = {
        draft.policy.slug: draft
        for draft in policies.drafts().filter(policy__slug__in=names)
    }
    for name in names:
        if name not in found:
            raise DraftUnknownError(f"There is no policy “{name}”.", field="drafts")
    return [found[name] for name in dict.fromkeys(names)]


def _actor(request: Request) -> Actor:
    holder = request.auth
    if not isinstance(holder, TokenHolder):
        raise NotAuthenticated
    return holder.actor
