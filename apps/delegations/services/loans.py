"""Lend a role, answer the offer, and take it back with all that hangs on it."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.choices import TenantRole
from apps.accounts.models import User
from apps.accounts.selectors import members, roles_in_scope
from apps.audit.events import Actor
from apps.delegations import rules, selectors
from apps.delegations.choices import LoanState
from apps.delegations.errors import (
    DelegationNotAllowedError,
    LoanNotFoundError,
    LoanStateError,
    NotHeldError,
    NotYoursError,
    PersonUnfitError,
)
from apps.delegations.events import DelegationsAction, Notice
from apps.delegations.models import Delegation
from apps.delegations.rules import Holding, Times
from apps.delegations.services.trail import (
    lock_loans,
    note,
    tell,
    write_answer,
    write_end,
)
from apps.roles import services as roles
from apps.roles.choices import AssignmentSource, Workflow
from apps.roles.errors import AssignmentNotFoundError, UnknownResourceError
from apps.roles.models import Principal, Resource, Role
from apps.roles.rules import AssignmentSpec
from apps.roles.selectors import principal_of_user, role_graph
from apps.tenants.services import require_tenant_id
from protocol.records import EntityRef

_STATE_WORDS = {
    LoanState.OFFERED: "It was not accepted yet.",
    LoanState.ACCEPTED: "It was accepted already.",
    LoanState.DECLINED: "It was declined.",
    LoanState.REVOKED: "It was ended.",
    LoanState.EXPIRED: "Its time is over.",
}


@dataclass(frozen=True)
class OfferSpec:
    """What a person wants to lend to whom, from now on if `start` is left out."""

    delegate: EntityRef
    role: str
    end: dt.datetime
    reason: str
    scope: EntityRef | None = None
    start: dt.datetime | None = None
    may_redelegate: bool = False


@transaction.atomic
def offer(*, actor: Actor, user: User, spec: OfferSpec) -> Delegation:
    """Offer somebody a part of what one holds.

    Raises DelegationNotAllowedError, and an InvalidError that names the field.
    """
    lock_loans()
    delegator, delegate = _principal_of(user), _delegate(spec.delegate, user)
    row = Delegation(
        tenant_id=require_tenant_id(),
        delegator=delegator,
        delegate=delegate,
        role=_role(spec.role),
        scope=_scope(spec.scope),
        start=spec.start or timezone.now(),
        end=spec.end,
        reason=rules.check_reason(spec.reason)[:200],
        may_redelegate=spec.may_redelegate,
    )
    source = _check(row)
    row.parent_id, row.depth = source.delegation, source.depth + 1
    row.save(force_insert=True)
    note(actor, DelegationsAction.OFFERED, row, _state(row))
    tell(
        Notice.OFFERED,
        [delegate.user_id],
        f"{delegator} offers you the role {row.role}",
        row,
    )
    return row


@transaction.atomic
def accept(*, actor: Actor, user: User, delegation_id: uuid.UUID) -> Delegation:
    """Take over what was offered: from then on the delegate holds the role.

    Everything is looked at again: what the delegator lost meanwhile is not lent.
    Raises LoanNotFoundError, LoanStateError, DelegationNotAllowedError, InvalidError.
    """
    lock_loans()
    row = _offered_to(user, delegation_id)
    source = _check(row)
    if (source.delegation, source.depth + 1) != (row.parent_id, row.depth):
        raise NotHeldError("What it was lent from has changed; offer it again.")
    row.assignment = roles.assign_role(
        actor=actor,
        spec=AssignmentSpec(
            _ref(row.delegate),
            row.role.slug,
            scope=_ref(row.scope) if row.scope else None,
            start=row.start,
            end=row.end,
            source=AssignmentSource.DELEGATION,
            reason=row.reason,
            delegator=_ref(row.delegator),
            workflow=Workflow.DELEGATION,
            workflow_id=row.pk,
        ),
    )
    write_answer(row, LoanState.ACCEPTED, "assignment")
    note(actor, DelegationsAction.ACCEPTED, row, _state(row))
    tell(
        Notice.ACCEPTED,
        [row.delegator.user_id],
        f"{row.delegate} holds {row.role} for you now",
        row,
    )
    return row


@transaction.atomic
def decline(*, actor: Actor, user: User, delegation_id: uuid.UUID) -> Delegation:
    """Refuse what was offered. Raises LoanNotFoundError and LoanStateError."""
    lock_loans()
    row = _offered_to(user, delegation_id)
    write_answer(row, LoanState.DECLINED)
    note(actor, DelegationsAction.DECLINED, row, _state(row))
    tell(
        Notice.ENDED,
        [row.delegator.user_id],
        f"{row.delegate} declined the role {row.role}",
        row,
    )
    return row


@transaction.atomic
def revoke(
    *, actor: Actor, user: User, delegation_id: uuid.UUID, reason: str = ""
) -> list[Delegation]:
    """End a delegation and all that was passed on from it; return what has ended.

    Who lends takes it back, who borrows gives it back, and a security admin may end
    any. Raises LoanNotFoundError, NotYoursError and LoanStateError.
    """
    lock_loans()
    row = selectors.delegation_by_id(delegation_id)
    is_admin = TenantRole.SECURITY_ADMIN in roles_in_scope(user)
    if user.pk not in {row.delegator.user_id, row.delegate.user_id} and not is_admin:
        if TenantRole.AUDITOR in roles_in_scope(user):
            raise NotYoursError
        raise LoanNotFoundError
    _require(row, LoanState.OFFERED, LoanState.ACCEPTED)
    return end_tree(actor, row, " ".join(reason.split())[:200])


@transaction.atomic
def end_lent(
    *, actor: Actor, assignment_id: uuid.UUID, reason: str
) -> list[Delegation]:
    """End the delegation that an assignment comes from, with all that hangs on it.

    Returns nothing if there is none, or if it has ended.
    """
    lock_loans()
    row = selectors.delegations().filter(assignment_id=assignment_id).first()
    return end_tree(actor, row, reason) if row else []


def end_tree(actor: Actor, root: Delegation, reason: str) -> list[Delegation]:
    """End a delegation and everything below it. The caller holds the lock."""
    now, ended, level = timezone.now(), [], [root]
    while level:
        for row in level:
            if row.state_at(now) in {LoanState.OFFERED, LoanState.ACCEPTED}:
                _end(actor, row, reason)
                ended.append(row)
        ids = [row.pk for row in level]
        level = list(selectors.delegations().filter(parent_id__in=ids))
    return ended


def _end(actor: Actor, row: Delegation, reason: str) -> None:
    write_end(row, LoanState.REVOKED, actor, reason)
    if row.assignment_id is not None:
        # Somebody may have revoked the assignment itself before.
        with contextlib.suppress(AssignmentNotFoundError):
            roles.revoke_assignment(
                actor=actor,
                assignment_id=row.assignment_id,
                reason=reason or "The delegation was ended.",
            )
    note(actor, DelegationsAction.REVOKED, row, _state(row))
    people = {row.delegator.user_id, row.delegate.user_id}
    tell(
        Notice.ENDED,
        [who for who in people if str(who) != actor.id],
        f"{row.role} from {row.delegator} to {row.delegate} has ended",
        row,
        urgent=True,
    )


def _check(row: Delegation) -> Holding:
    """Return what the delegator has it from, or raise why it may not be lent now."""
    limits, now = selectors.limits(), timezone.now()
    if not limits.is_allowed:
        raise DelegationNotAllowedError
    times = Times(row.start, row.end)
    rules.check_times(times, limits.longest, now)
    wanted = rules.Offer(
        _ref(row.delegate),
        row.role.slug,
        selectors.place_of(row.scope),
        times,
        row.may_redelegate,
    )
    held = selectors.holdings_of(row.delegator, now)
    return rules.source_of(wanted, held, role_graph(), limits)


def _offered_to(user: User, delegation_id: uuid.UUID) -> Delegation:
    row = selectors.delegation_by_id(delegation_id)
    if row.delegate.user_id != user.pk:
        raise LoanNotFoundError
    _require(row, LoanState.OFFERED)
    return row


def _require(row: Delegation, *states: LoanState) -> None:
    found = row.state_at(timezone.now())
    if found not in states:
        raise LoanStateError(_STATE_WORDS[found])


def _principal_of(user: User) -> Principal:
    row = principal_of_user(user.pk)
    if row is None:
        raise NotHeldError(
            "You are no principal of this tenant, so you hold nothing to lend.",
            remedy="Ask a security admin to link you to your principal.",
        )
    return row


def _delegate(ref: EntityRef, user: User) -> Principal:
    row = Principal.objects.filter(type=ref.type, key=ref.id).first()
    if row is None or row.user_id is None:
        raise PersonUnfitError(
            "Nobody signs in as this principal, so nobody could accept.",
            field="delegate",
            remedy="Choose a person who signs in to the portal.",
        )
    if row.user_id == user.pk:
        raise PersonUnfitError("You hold it already.", field="delegate")
    if not members().filter(user_id=row.user_id, user__is_active=True).exists():
        raise PersonUnfitError("This person is no member any more.", field="delegate")
    return row


def _role(slug: str) -> Role:
    row = Role.objects.filter(slug=slug).first()
    if row is None:
        raise NotHeldError(field="role")
    return row


def _scope(ref: EntityRef | None) -> Resource | None:
    if ref is None:
        return None
    row = Resource.objects.filter(type=ref.type, key=ref.id).first()
    if row is None:
        raise UnknownResourceError(f"There is no {ref}.", field="scope")
    return row


def _ref(row: Principal | Resource) -> EntityRef:
    return EntityRef(row.type, row.key)


def _state(row: Delegation) -> dict[str, Any]:
    return {
        "delegator": str(_ref(row.delegator)),
        "delegate": str(_ref(row.delegate)),
        "role": row.role.slug,
        "scope": str(_ref(row.scope)) if row.scope else None,
        "start": row.start.isoformat(),
        "end": row.end.isoformat(),
        "reason": row.reason,
        "may_redelegate": row.may_redelegate,
        "parent": str(row.parent_id) if row.parent_id else None,
        "state": row.state,
        "ended_reason": row.ended_reason,
    }
