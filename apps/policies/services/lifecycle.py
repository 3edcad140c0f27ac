"""Suspend, resume and retire policies; decide about the end of forbids."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils import timezone

from apps.accounts.choices import TenantRole
from apps.accounts.models import User
from apps.accounts.selectors import members, roles_in_scope
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.outbox import services as outbox
from apps.outbox.choices import Lane
from apps.policies import selectors
from apps.policies.choices import Act, PolicyState
from apps.policies.errors import (
    ConfirmationError,
    NotForYouError,
    NothingDueError,
    PolicyNotFoundError,
    PolicyStateError,
    ReasonMissingError,
    RequestNeededError,
    UntilInvalidError,
)
from apps.policies.events import PoliciesAction, PoliciesTopic
from apps.policies.models import Policy, PolicyAct, PolicyVersion
from apps.policies.rules import lifecycle
from apps.policies.services.telling import tell_of_act

LONGEST_REASON = 500
_ACTIONS = {
    Act.SUSPEND: PoliciesAction.POLICY_SUSPENDED,
    Act.RESUME: PoliciesAction.POLICY_RESUMED,
    Act.RETIRE: PoliciesAction.POLICY_RETIRED,
}


def suspend_policy(
    *, actor: Actor, policy_id: uuid.UUID, reason: str, request_id: uuid.UUID | None
) -> Policy:
    """Take a policy out of force, to be resumed later.

    Raises PolicyNotFoundError, PolicyStateError, ReasonMissingError; without a request
    also NotForYouError, and RequestNeededError for a forbid.
    """
    return _move(actor, policy_id, Act.SUSPEND, reason, request_id)


def resume_policy(
    *, actor: Actor, policy_id: uuid.UUID, reason: str, request_id: uuid.UUID | None
) -> Policy:
    """Put a suspended policy in force again. Raises what suspend_policy raises.

    Without a request, RequestNeededError is for a permit.
    """
    return _move(actor, policy_id, Act.RESUME, reason, request_id)


@transaction.atomic
def retire_policy(
    *,
    actor: Actor,
    policy_id: uuid.UUID,
    reason: str,
    request_id: uuid.UUID | None,
    confirmed: str,
) -> Policy:
    """Take a policy out of force for good. `confirmed` is its short name.

    Raises what suspend_policy raises, and ConfirmationError.
    """
    policy = lock_policy(policy_id)
    if confirmed != policy.slug:
        raise ConfirmationError(field="confirmed")
    return _move(actor, policy_id, Act.RETIRE, reason, request_id)


@transaction.atomic
def decide_end(
    *,
    actor: Actor,
    policy_id: uuid.UUID,
    reason: str,
    until: dt.datetime | None = None,
    request_id: uuid.UUID | None = None,
) -> PolicyAct:
    """Let a forbid end when it says, or extend it until somebody is asked again.

    Until then it stays in force, past the end that it names: doubt forbids. Its owner
    and security admins decide.

    Raises NothingDueError, UntilInvalidError, NotForYouError, ReasonMissingError.
    """
    policy = lock_policy(policy_id)
    version = _asking_version(policy)
    require_reason(reason)
    if request_id is None:
        require_owner_or_admin(actor, version)
    due = selectors.due_for(version)
    known = due or version.effective_until
    if known is None or (due is None and until is None):
        raise NothingDueError
    if until is not None and until <= max(known, timezone.now()):
        raise UntilInvalidError(field="until")
    row = write_act(
        actor,
        policy,
        Act.LET_END if until is None else Act.EXTEND,
        reason,
        request_id=request_id,
        version=version,
        until=until or known,
    )
    audit.append(
        actor=actor,
        action=PoliciesAction.END_DECIDED,
        target_type="Policy",
        target_id=policy.slug,
        after={"decision": row.act, "until": (until or known).isoformat()},
        context=context_of(row),
    )
    _publish(policy, row.act)
    return row


def lock_policy(policy_id: uuid.UUID) -> Policy:
    """Return a policy for a change; raises PolicyNotFoundError."""
    policy = Policy.objects.select_for_update().filter(pk=policy_id).first()
    if policy is None:
        raise PolicyNotFoundError
    return policy


def require_reason(reason: str) -> None:
    """Raise ReasonMissingError for a reason that says nothing or too much."""
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise ReasonMissingError(field="reason")


def require_admin(actor: Actor) -> None:
    """Raise NotForYouError for a person who is no security admin."""
    if actor.kind != "user":
        return
    user = User.objects.filter(pk=actor.id).first()
    if user is None or TenantRole.SECURITY_ADMIN not in roles_in_scope(user):
        raise NotForYouError("Only a security admin does this.")


def require_owner_or_admin(actor: Actor, version: PolicyVersion) -> None:
    """Raise NotForYouError for a person who neither owns a policy nor is an admin."""
    if actor.kind != "user":
        return
    row = members().filter(user_id=actor.id).first()
    if row is not None:
        owner = version.content["owner"]
        if roles_in_scope(row.user) and selectors.owns(row.user, owner):
            return
    require_admin(actor)


def write_act(  # noqa: PLR0913  # what is written down
    actor: Actor,
    policy: Policy,
    act: Act,
    reason: str,
    *,
    request_id: uuid.UUID | None = None,
    version: PolicyVersion | None = None,
    until: dt.datetime | None = None,
    approvers: Sequence[Mapping[str, str]] = (),
) -> PolicyAct:
    """Write down what was done to a policy."""
    return PolicyAct.objects.create(
        tenant_id=policy.tenant_id,
        policy=policy,
        version=version,
        act=act,
        state=policy.state,
        until=until,
        reason=reason.strip(),
        request_id=request_id,
        actor_id=uuid.UUID(actor.id) if actor.kind == "user" else None,
        actor_name=actor.name,
        approvers=[dict(person) for person in approvers],
    )


def context_of(row: PolicyAct) -> dict[str, str]:
    """Return what the audit trail says besides of an act."""
    request = {"request": str(row.request_id)} if row.request_id else {}
    return {"reason": row.reason, **request}


@transaction.atomic
def _move(
    actor: Actor,
    policy_id: uuid.UUID,
    act: Act,
    reason: str,
    request_id: uuid.UUID | None,
) -> Policy:
    policy = lock_policy(policy_id)
    before, after = policy.state, lifecycle.next_state(policy.state, act)
    newest = selectors.newest_version(policy.pk)
    if after is None or newest is None:
        raise PolicyStateError(
            f"“{policy}” is {PolicyState(policy.state).label.lower()}."
        )
    require_reason(reason)
    if request_id is None:
        _require_direct(actor, policy, act)
    policy.state = after
    policy.save(update_fields=["state", "updated_at"])
    row = write_act(actor, policy, act, reason, request_id=request_id, version=newest)
    audit.append(
        actor=actor,
        action=_ACTIONS[act],
        target_type="Policy",
        target_id=policy.slug,
        before={"state": before},
        after={"state": policy.state},
        context=context_of(row),
    )
    _publish(policy, act)
    tell_of_act(policy, row)
    return policy


def _require_direct(actor: Actor, policy: Policy, act: Act) -> None:
    """Refuse what only an approved request may do.

    Every version that is in force or to come counts: one forbid is enough.
    """
    require_admin(actor)
    rows = [one.version for one in selectors.shipped_versions_of(policy)]
    if any(lifecycle.needs_request(act, row.content) for row in rows):
        raise RequestNeededError(
            f"{lifecycle.risk_of(act, rows[0].content).reason} "
            "So others have to approve it."
        )


def _asking_version(policy: Policy) -> PolicyVersion:
    rows = [one.version for one in selectors.shipped_versions_of(policy)]
    found = next((row for row in rows if selectors.asks_for_decision(row)), None)
    if found is None or policy.state != PolicyState.LIVE:
        raise NothingDueError
    return found


def _publish(policy: Policy, act: str) -> None:
    outbox.enqueue(
        topic=PoliciesTopic.STATE_CHANGED,
        payload={"cause": {"act": act, "target": policy.slug}},
        coalesce_key=f"policy:{policy.pk}:{act}",
        lane=Lane.URGENT,
    )
