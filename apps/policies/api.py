"""Policies and their immutable versions over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import actor_for
from apps.audit.events import Actor
from apps.core.api import asked_for, require_match, with_etag
from apps.policies import selectors, services
from apps.policies.errors import PolicyNotFoundError
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.policies.rules import TestReport
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


class _Policies(OperationBoundView, GenericAPIView[Policy]):
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
    def post(self, request: Request) -> Response:
        """Draft a new policy. Nodes hear of it once it is approved."""
        values = _sent(request)
        draft = services.save_draft(
            actor=actor_for(holder_of(request).user),
            policy_id=None,
            content=values["content"],
            expected_lock=None,
            slug=values["slug"],
        )
        return with_etag(_shown(draft.policy_id), 201)


class PolicyDetail(_Policies):
    """One policy with its draft."""

    serializer_class = WholePolicySerializer  # type: ignore[assignment]  # says more
    scopes = {"GET": Scope.POLICIES_READ, "PUT": Scope.POLICIES_WRITE}
    operations = {"PUT": Operation.DRAFT_POLICY}

    @extend_schema(operation_id="policies_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one policy and its draft; its ETag is what a change has to name."""
        return with_etag(_shown(pk))

    @extend_schema(
        operation_id="policies_replace",
        request=DraftInput,
        responses={200: WholePolicySerializer},
    )
    @transaction.atomic
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace the draft if it is still what `If-Match` names."""
        list(PolicyDraft.objects.select_for_update(of=("self",)).filter(policy_id=pk))
        seen = _shown(pk)
        require_match(request, seen)
        services.save_draft(
            actor=actor_for(holder_of(request).user),
            policy_id=pk,
            content=_sent(request)["content"],
            expected_lock=seen["draft"]["lock"],
        )
        return with_etag(_shown(pk))


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


class ActSerializer(serializers.Serializer[dict[str, Any]]):
    """Why something is done to a policy."""

    reason = serializers.CharField(max_length=500)


class RetireSerializer(ActSerializer):
    """Retiring is for good, so it is confirmed by the short name."""

    confirmed = serializers.CharField(max_length=63)


class RollbackSerializer(ActSerializer):
    """Which version's content comes back."""

    to_version = serializers.IntegerField(min_value=1)


class EndSerializer(ActSerializer):
    """Without `until` a forbid ends when it says; with it, one asks again by then."""

    until = serializers.DateTimeField(required=False)


class _Act(OperationBoundView):
    """Do something to a policy, as a security admin who signs it with a passkey."""

    scopes = {"POST": Scope.POLICIES_WRITE}
    operations = {"POST": Operation.ACT_ON_POLICY}
    body: type[ActSerializer] = ActSerializer

    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:  # noqa: ANN401  # what was posted
        """Call the service."""
        raise NotImplementedError

    def respond(self, request: Request, pk: uuid.UUID) -> Response:
        """Read, act, and tell where the policy stands."""
        wanted = self.body(data=request.data)
        wanted.is_valid(raise_exception=True)
        actor = actor_for(holder_of(request).user)
        self.carry_out(actor, pk, wanted.validated_data)
        return Response(PolicySerializer(selectors.policy_by_id(pk)).data)


class PolicySuspend(_Act):
    """Take a policy out of force, to be resumed later."""

    @extend_schema(
        operation_id="policies_suspend",
        request=ActSerializer,
        responses={200: PolicySerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Suspend a permit at once; suspending a forbid needs an approved request."""
        return self.respond(request, pk)

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.suspend_policy(
            actor=actor, policy_id=policy_id, reason=given["reason"], request_id=None
        )


class PolicyResume(_Act):
    """Put a suspended policy in force again."""

    @extend_schema(
        operation_id="policies_resume",
        request=ActSerializer,
        responses={200: PolicySerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Resume a forbid at once; what a permit allows needs an approved request."""
        return self.respond(request, pk)

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.resume_policy(
            actor=actor, policy_id=policy_id, reason=given["reason"], request_id=None
        )


class PolicyRetire(_Act):
    """Take a policy out of force for good."""

    body = RetireSerializer

    @extend_schema(
        operation_id="policies_retire",
        request=RetireSerializer,
        responses={200: PolicySerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Retire a permit at once; retiring a forbid needs an approved request."""
        return self.respond(request, pk)

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.retire_policy(
            actor=actor,
            policy_id=policy_id,
            reason=given["reason"],
            request_id=None,
            confirmed=given["confirmed"],
        )


class PolicyRollback(_Act):
    """Put the content of the version before in force again."""

    body = RollbackSerializer

    @extend_schema(
        operation_id="policies_rollback",
        request=RollbackSerializer,
        responses={200: PolicySerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Roll back to what was live directly before; older ones need a request."""
        return self.respond(request, pk)

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.roll_back(
            actor=actor,
            policy_id=policy_id,
            to_version=given["to_version"],
            reason=given["reason"],
        )


class PolicyEnd(_Act):
    """Decide about the end of a forbid."""

    body = EndSerializer

    @extend_schema(
        operation_id="policies_end",
        request=EndSerializer,
        responses={200: PolicySerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Let it end when it says, or extend it, as its owner or a security admin."""
        return self.respond(request, pk)

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.decide_end(
            actor=actor,
            policy_id=policy_id,
            reason=given["reason"],
            until=given.get("until"),
        )


class TestsAskedSerializer(serializers.Serializer[dict[str, Any]]):
    """What to run: the tests of one draft, those in a content, or with neither all."""

    # Not a test itself, whatever its name begins with.
    __test__ = False

    policy = serializers.SlugField(required=False, help_text="A policy's short name.")
    content = serializers.JSONField(
        required=False, help_text="The content of a policy that is not saved."
    )


class RunTests(TenantScopedView):
    """Run tests of policies, and say what a build should make of it."""

    scopes = {"POST": Scope.POLICIES_READ}

    @extend_schema(
        operation_id="policy_tests_run",
        request=TestsAskedSerializer,
        responses=inline_serializer(
            "PolicyTests",
            {
                "ok": serializers.BooleanField(),
                "exit_code": serializers.IntegerField(),
                "passed": serializers.IntegerField(),
                "failed": serializers.IntegerField(),
                "policies": serializers.ListField(child=serializers.DictField()),
            },
        ),
    )
    def post(self, request: Request) -> Response:
        """Run them against drafts; nothing is changed.

        `exit_code` is 0 if every test passes and all that is forbidden is covered, else
        1. What cannot be read or compiled is refused with 400.
        """
        asked = TestsAskedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        if {"policy", "content"} <= set(values):
            raise exceptions.ValidationError(
                {"content": ["Name a policy or send a content, not both."]}
            )
        reports = _reports(values)
        failed = sum(report.failed for _, report in reports)
        is_good = not any(report.problems for _, report in reports)
        return Response(
            {
                "ok": is_good,
                "exit_code": 0 if is_good else 1,
                "passed": sum(report.passed for _, report in reports),
                "failed": failed,
                "policies": [
                    {"policy": slug, **report.to_dict()} for slug, report in reports
                ],
            }
        )


def _reports(asked: dict[str, Any]) -> list[tuple[str, TestReport]]:
    if "content" in asked:
        return [("", selectors.run_tests(asked["content"]))]
    drafts = selectors.drafts()
    if "policy" in asked:
        drafts = drafts.filter(policy__slug=asked["policy"])
        if not drafts:
            raise PolicyNotFoundError
    catalogue = selectors.catalogue()
    return [
        (draft.policy.slug, selectors.run_tests(draft, catalogue=catalogue))
        for draft in drafts
    ]
