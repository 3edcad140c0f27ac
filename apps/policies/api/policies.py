"""Policies and their immutable versions over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import ObjectScopedView, TenantScopedView
from apps.accounts.services import actor_for
from apps.core.api import asked_for, require_match, with_etag
from apps.policies import selectors, services
from apps.policies.errors import PolicyNotFoundError
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation


class PolicySerializer(serializers.ModelSerializer[Policy]):
    """A policy: what it is called and where it stands."""

    class Meta:
        model = Policy
        fields = ["id", "slug", "name", "state", "created_at", "updated_at"]


class VersionSerializer(serializers.ModelSerializer[PolicyVersion]):
    """A version: what was approved, word by word."""

    policy = serializers.SlugRelatedField[Policy](slug_field="slug", read_only=True)

    class Meta:
        model = PolicyVersion
        fields = [
            *("id", "policy", "number", "content", "statements", "digest"),
            *("request_id", "author_name", "frozen_at", "kind", "reason"),
            *("approvers", "evidence_digest", "effective_from", "effective_until"),
        ]


class VersionQuery(serializers.Serializer[dict[str, Any]]):
    """What a list of versions may be narrowed by."""

    policy = serializers.SlugField(required=False, help_text="A policy's short name.")
    as_of = serializers.DateTimeField(
        required=False, help_text="Only those that were in force at this moment."
    )


class DraftSerializer(serializers.ModelSerializer[PolicyDraft]):
    """What a policy shall say once it is approved."""

    content = serializers.JSONField()
    statements = serializers.JSONField()

    class Meta:
        model = PolicyDraft
        fields = [
            *("content", "statements", "digest", "lock", "author_name"),
            *("last_editor_name", "updated_at"),
        ]


class WholePolicySerializer(serializers.ModelSerializer[Policy]):
    """A policy with its draft, and the same in one sentence."""

    draft = DraftSerializer()
    sentence = serializers.SerializerMethodField()

    class Meta:
        model = Policy
        fields = [*PolicySerializer.Meta.fields, "sentence", "draft"]

    def get_sentence(self, policy: Policy) -> str:
        """Say in one plain sentence what the draft does."""
        return selectors.sentence_of(policy.draft.content)


class DraftInput(serializers.Serializer[Any]):
    """What a policy shall say. A new one may be given its short name."""

    slug = serializers.SlugField(max_length=63, required=False, default="")
    content = serializers.DictField()


class _Policies(OperationBoundView, ObjectScopedView[Policy]):
    serializer_class = PolicySerializer

    @override
    def get_queryset(self) -> QuerySet[Policy]:
        """Return the policies of the tenant."""
        return Policy.objects.order_by("id")


class PolicyList(_Policies, ListAPIView[Policy]):
    """List policies, and draft one."""

    scopes = {"GET": Scope.POLICIES_READ, "POST": Scope.POLICIES_WRITE}
    operations = {"POST": Operation.DRAFT_POLICY}

    @extend_schema(
        operation_id="policies_create",
        request=DraftInput,
        responses={201: WholePolicySerializer},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Draft a new policy. Nodes hear of it once it is approved."""
        self.require_some("add", Policy)
        values = _sent(request)
        draft = services.save_draft(
            actor=actor_for(holder_of(request).user),
            policy_id=None,
            content=values["content"],
            expected_lock=None,
            slug=values["slug"],
        )
        self.require_after("add", draft.policy)
        return with_etag(_shown(draft.policy_id), 201)


class PolicyDetail(_Policies):
    """One policy with its draft."""

    serializer_class = WholePolicySerializer  # type: ignore[assignment]  # says more
    scopes = {"GET": Scope.POLICIES_READ, "PUT": Scope.POLICIES_WRITE}
    operations = {"PUT": Operation.DRAFT_POLICY}

    @extend_schema(operation_id="policies_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one policy and its draft; its ETag is what a change has to name."""
        self._visible(pk)
        return with_etag(_shown(pk))

    @extend_schema(
        operation_id="policies_replace",
        request=DraftInput,
        responses={200: WholePolicySerializer},
    )
    @transaction.atomic
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace the draft if it is still what `If-Match` names."""
        policy = self._visible(pk)
        self.require("change", policy)
        list(PolicyDraft.objects.select_for_update(of=("self",)).filter(policy_id=pk))
        seen = _shown(pk)
        require_match(request, seen)
        services.save_draft(
            actor=actor_for(holder_of(request).user),
            policy_id=pk,
            content=_sent(request)["content"],
            expected_lock=seen["draft"]["lock"],
        )
        self.require_after("change", policy)
        return with_etag(_shown(pk))

    def _visible(self, pk: uuid.UUID) -> Policy:
        row = self.filter_queryset(self.get_queryset()).filter(pk=pk).first()
        if row is None:
            raise PolicyNotFoundError
        return row


def _sent(request: Request) -> dict[str, Any]:
    sent = DraftInput(data=request.data)
    sent.is_valid(raise_exception=True)
    return dict(sent.validated_data)


def _shown(pk: uuid.UUID) -> dict[str, Any]:
    return dict(WholePolicySerializer(selectors.policy_by_id(pk)).data)


class _Versions(TenantScopedView, GenericAPIView[PolicyVersion]):
    serializer_class = VersionSerializer
    scopes = {"GET": Scope.POLICIES_READ}

    @override
    def get_queryset(self) -> QuerySet[PolicyVersion]:
        """Return the versions of the tenant: of a policy, or in force at a moment."""
        found = selectors.versions().select_related("policy")
        asked = asked_for(self.request, VersionQuery)
        if moment := asked.get("as_of"):
            rows = [row.version for row in selectors.as_of(moment)]
            found = found.filter(pk__in=[row.pk for row in rows if row is not None])
        slug = asked.get("policy", "")
        return found.filter(policy__slug=slug) if slug else found


class VersionList(_Versions, ListAPIView[PolicyVersion]):
    """List versions; `policy` is the short name of one policy."""

    @extend_schema(parameters=[VersionQuery])
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class VersionDetail(_Versions, RetrieveAPIView[PolicyVersion]):
    """Read one version."""
