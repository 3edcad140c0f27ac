"""Ask for an elevation, decide on it, activate it and end it.

The row is locked first, then the rules are asked about the instant; the audit trail's
head is locked last.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.events import Actor
from apps.elevations import rules, selectors
from apps.elevations.choices import ElevationState
from apps.elevations.errors import (
    AlreadyRequestedError,
    ElevationExpiredError,
    ElevationStateError,
    MayNotEndError,
    NotEligibleError,
    NotYoursError,
)
from apps.elevations.events import ElevationAction
from apps.elevations.models import Elevation
from apps.elevations.rules import ElevationSpec
from apps.elevations.services.telling import tell_activated, tell_ended, tell_ending
from apps.elevations.services.trail import audit, state
from apps.roles import selectors as role_questions
from apps.roles import services as roles
from apps.roles.choices import AssignmentSource, Workflow
from apps.roles.rules import AssignmentSpec
from apps.tenants.services import require_tenant_id
from protocol.records import EntityRef

_LONGEST_REASON = 500


@transaction.atomic
def prepare(
    *, actor: Actor, requester: User, spec: ElevationSpec, now: dt.datetime
) -> Elevation:
    """Write down what a person asks for; the caller opens the request about it.

    Raises NotEligibleError, AlreadyRequestedError, and an InvalidError that names the
    field.
    """
    principal = role_questions.principal_of_user(requester.pk)
    offered = principal and selectors.eligibilities_of(principal, now)
    eligibility = offered and offered.filter(pk=spec.eligibility).first()
    if principal is None or not eligibility:
        raise NotEligibleError
    rules.check_request(spec, eligibility.terms)
    settle(actor=Actor.system("elevations"), now=now, requester_id=requester.pk)
    row = Elevation(
        tenant_id=require_tenant_id(),
        eligibility=eligibility,
        principal=principal,
        role=eligibility.role,
        scope=eligibility.scope,
        tier=eligibility.role.tier,
        minutes=spec.minutes,
        reason=spec.reason.strip(),
        ticket=spec.ticket.strip(),
        extends=_extended(spec, requester, now),
        requester_id=requester.pk,
        requester_name=str(requester),
        requested_at=now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "elevations_one_waiting" in str(error):
            raise AlreadyRequestedError from error
        raise
    audit(actor, ElevationAction.REQUESTED, row)
    return row


@transaction.atomic
def attach_request(*, elevation_id: uuid.UUID, request_id: uuid.UUID) -> None:
    """Remember which approval request decides on an elevation."""
    Elevation.objects.filter(pk=elevation_id, state=ElevationState.PENDING).update(
        request_id=request_id
    )


@transaction.atomic
def approve(
    *,
    actor: Actor,
    elevation_id: uuid.UUID,
    request_id: uuid.UUID,
    approver_ids: Iterable[uuid.UUID],
) -> Elevation:
    """Let the requester activate it, within 15 minutes."""
    row = _waiting(elevation_id, request_id)
    before = state(row)
    row.state = ElevationState.APPROVED
    row.approved_at = timezone.now()
    row.request_id = request_id
    row.approver_ids = sorted(str(person) for person in approver_ids)
    row.save(update_fields=["state", "approved_at", "request_id", "approver_ids"])
    audit(actor, ElevationAction.APPROVED, row, before=before)
    return row


@transaction.atomic
def deny(*, actor: Actor, elevation_id: uuid.UUID, reason: str = "") -> Elevation:
    """Note that the request was denied."""
    row = _waiting(elevation_id)
    return _close(actor, row, ElevationState.DENIED, ElevationAction.DENIED, reason)


@transaction.atomic
def cancel(*, actor: Actor, elevation_id: uuid.UUID, reason: str = "") -> Elevation:
    """Note that the request was withdrawn, or that an approval is not used."""
    row = selectors.lock_elevation(elevation_id)
    if row.state == ElevationState.EXPIRED:
        # The clocks were written down before its request was closed.
        return row
    if row.state not in {ElevationState.PENDING, ElevationState.APPROVED}:
        raise ElevationStateError("Only what is not active yet can be cancelled.")
    return _close(
        actor, row, ElevationState.CANCELLED, ElevationAction.CANCELLED, reason
    )


@transaction.atomic
def expire(*, actor: Actor, elevation_id: uuid.UUID) -> Elevation:
    """Note that nobody decided, or that nobody activated, in time."""
    row = selectors.lock_elevation(elevation_id)
    if row.state == ElevationState.EXPIRED:
        return row
    if row.state not in {ElevationState.PENDING, ElevationState.APPROVED}:
        raise ElevationStateError("This does not wait for anything.")
    return _close(actor, row, ElevationState.EXPIRED, ElevationAction.EXPIRED)


@transaction.atomic
def activate(*, actor: Actor, elevation_id: uuid.UUID, now: dt.datetime) -> Elevation:
    """Begin to hold the role: the requester gets an assignment that ends by itself.

    Raises NotYoursError, ElevationStateError, ElevationExpiredError, NotEligibleError
    when the offer is gone meanwhile, and what assigning raises.
    """
    row = selectors.lock_elevation(elevation_id)
    if actor.kind != "user" or actor.id != str(row.requester_id):
        raise NotYoursError
    rules.check_activation(row.clocks, now)
    offered = selectors.eligibilities_of(row.principal, now)
    if not offered.filter(pk=row.eligibility_id).exists():
        raise NotEligibleError("This is not offered to you any more.")
    before = state(row)
    row.starts_at, row.ends_at = rules.access_times(
        row.minutes, now=now, extended_end=_running_end(row.extends, now)
    )
    row.assignment = roles.assign_role(actor=actor, spec=_assignment(row))
    row.state, row.activated_at = ElevationState.ACTIVE, now
    row.save()
    audit(actor, ElevationAction.ACTIVATED, row, before=before)
    tell_activated(row)
    return row


@transaction.atomic
def end(
    *, actor: Actor, elevation_id: uuid.UUID, reason: str, now: dt.datetime
) -> Elevation:
    """End an active elevation before its time, on every node at once.

    Raises MayNotEndError and ElevationStateError.
    """
    row = selectors.lock_elevation(elevation_id)
    if actor.kind != "user" or not selectors.may_end(row, uuid.UUID(actor.id)):
        raise MayNotEndError
    if rules.state_at(row.clocks, now) is not ElevationState.ACTIVE:
        raise ElevationStateError("This is not active.", remedy="Reload the page.")
    reason = reason.strip()[:_LONGEST_REASON]
    if row.assignment is not None and row.assignment.revoked_at is None:
        roles.revoke_assignment(
            actor=actor,
            assignment_id=row.assignment.pk,
            reason=f"Elevation ended. {reason}".strip()[:200],
        )
    return _close(actor, row, ElevationState.ENDED, ElevationAction.ENDED, reason)


@transaction.atomic
def settle(
    *, actor: Actor, now: dt.datetime, requester_id: uuid.UUID | None = None
) -> list[Elevation]:
    """Write down what the clocks have ended; access itself ended at its instant.

    An elevation whose assignment was revoked elsewhere has ended too.
    """
    found = selectors.open_elevations()
    if requester_id is not None:
        found = found.filter(requester_id=requester_id)
    changed = []
    for row in found.select_for_update(of=("self",), skip_locked=True).order_by("pk"):
        true_state = rules.state_at(row.clocks, now)
        if row.assignment is not None and row.assignment.revoked_at is not None:
            true_state = ElevationState.ENDED
        if true_state == row.state:
            continue
        action = {
            ElevationState.EXPIRED: ElevationAction.EXPIRED,
            ElevationState.ENDED: ElevationAction.ENDED,
        }[true_state]
        changed.append(_close(actor, row, true_state, action, "Its time is over."))
    return changed


@transaction.atomic
def take_warnings(*, now: dt.datetime) -> list[Elevation]:
    """Tell the holders of what ends soon, once, and return these elevations."""
    due = []
    rows = selectors.open_elevations().filter(
        state=ElevationState.ACTIVE, warned_at__isnull=True, ends_at__gt=now
    )
    for row in rows.select_for_update(of=("self",), skip_locked=True):
        if row.starts_at is None or row.ends_at is None:
            continue
        if now >= rules.warns_at(row.starts_at, row.ends_at):
            row.warned_at = now
            row.save(update_fields=["warned_at"])
            tell_ending(row)
            due.append(row)
    return due


def _waiting(elevation_id: uuid.UUID, request_id: uuid.UUID | None = None) -> Elevation:
    row = selectors.lock_elevation(elevation_id)
    if row.state != ElevationState.PENDING:
        raise ElevationStateError("This was decided already.")
    if request_id is not None and row.request_id not in {None, request_id}:
        raise ElevationStateError("Another request decides on this.")
    if rules.state_at(row.clocks, timezone.now()) is not ElevationState.PENDING:
        raise ElevationExpiredError("Nobody decided within an hour.")
    return row


def _close(
    actor: Actor,
    row: Elevation,
    into: ElevationState,
    action: ElevationAction,
    reason: str = "",
) -> Elevation:
    before = state(row)
    row.state, row.ended_at = into, timezone.now()
    row.ended_by, row.end_reason = actor.name[:200], reason.strip()[:_LONGEST_REASON]
    row.save(update_fields=["state", "ended_at", "ended_by", "end_reason"])
    audit(actor, action, row, before=before, end_reason=row.end_reason)
    if action is ElevationAction.ENDED:
        tell_ended(row, by=actor)
    return row


def _extended(
    spec: ElevationSpec, requester: User, now: dt.datetime
) -> Elevation | None:
    if spec.extends is None:
        return None
    row = selectors.elevation_by_id(spec.extends)
    if row.requester_id != requester.pk:
        raise NotYoursError
    if row.eligibility_id != spec.eligibility:
        raise ElevationStateError("An extension is of the same kind.")
    if rules.state_at(row.clocks, now) is not ElevationState.ACTIVE:
        raise ElevationStateError(
            "Only what is active can be extended.", remedy="Ask for it anew."
        )
    return row


def _running_end(row: Elevation | None, now: dt.datetime) -> dt.datetime | None:
    if row is None or rules.state_at(row.clocks, now) is not ElevationState.ACTIVE:
        return None
    if row.assignment is None or row.assignment.revoked_at is not None:
        return None
    return row.ends_at


def _assignment(row: Elevation) -> AssignmentSpec:
    scope = row.scope
    return AssignmentSpec(
        principal=EntityRef(row.principal.type, row.principal.key),
        role=row.role.slug,
        scope=EntityRef(scope.type, scope.key) if scope else None,
        start=row.starts_at,
        end=row.ends_at,
        source=AssignmentSource.ELEVATION.value,
        reason=row.reason[:200],
        workflow=Workflow.REQUEST.value,
        workflow_id=row.request_id,
    )
