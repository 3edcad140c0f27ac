"""What is done to a policy over REST, beside approving it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.services import actor_for
from apps.audit.events import Actor
from apps.policies import selectors, services
from apps.policies.api.policies import PolicySerializer
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation


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
        raise NotImplementedError  # abstract: each kind says its own

    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Read, act, and tell where the policy stands."""
        wanted = self.body(data=request.data)
        wanted.is_valid(raise_exception=True)
        actor = actor_for(holder_of(request).user)
        self.carry_out(actor, pk, wanted.validated_data)
        return Response(PolicySerializer(selectors.policy_by_id(pk)).data)


V = TypeVar("V", bound=type[_Act])


def _documented(name: str, description: str) -> Callable[[V], V]:
    """Say in the document of the interface what an act does."""

    def document(view: V) -> V:
        said = extend_schema(
            operation_id=f"policies_{name}",
            description=description,
            request=view.body,
            responses={200: PolicySerializer},
        )
        return extend_schema_view(post=said)(view)

    return document


@_documented(
    "suspend",
    "Suspend a permit at once; suspending a forbid needs an approved request.",
)
class PolicySuspend(_Act):
    """Take a policy out of force, to be resumed later."""

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.suspend_policy(
            actor=actor, policy_id=policy_id, reason=given["reason"], request_id=None
        )


@_documented(
    "resume",
    "Resume a forbid at once; what a permit allows needs an approved request.",
)
class PolicyResume(_Act):
    """Put a suspended policy in force again."""

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.resume_policy(
            actor=actor, policy_id=policy_id, reason=given["reason"], request_id=None
        )


@_documented(
    "retire", "Retire a permit at once; retiring a forbid needs an approved request."
)
class PolicyRetire(_Act):
    """Take a policy out of force for good."""

    body = RetireSerializer

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.retire_policy(
            actor=actor,
            policy_id=policy_id,
            reason=given["reason"],
            request_id=None,
            confirmed=given["confirmed"],
        )


@_documented(
    "rollback",
    "Roll back to what was live directly before; older ones need a request.",
)
class PolicyRollback(_Act):
    """Put the content of the version before in force again."""

    body = RollbackSerializer

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.roll_back(
            actor=actor,
            policy_id=policy_id,
            to_version=given["to_version"],
            reason=given["reason"],
        )


@_documented(
    "end",
    "Let it end when it says, or extend it, as its owner or a security admin.",
)
class PolicyEnd(_Act):
    """Decide about the end of a forbid."""

    body = EndSerializer

    @override
    def carry_out(self, actor: Actor, policy_id: uuid.UUID, given: Any) -> None:
        services.decide_end(
            actor=actor,
            policy_id=policy_id,
            reason=given["reason"],
            until=given.get("until"),
        )
