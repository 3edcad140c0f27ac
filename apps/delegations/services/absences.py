"""Let another approver stand in while one is away."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.choices import TenantRole
from apps.accounts.models import User
from apps.accounts.selectors import roles_in_scope
from apps.audit.events import Actor
from apps.delegations import rules, selectors
from apps.delegations.choices import LoanState
from apps.delegations.errors import (
    LoanNotFoundError,
    LoanStateError,
    NotYoursError,
    PersonUnfitError,
)
from apps.delegations.events import DelegationsAction, Notice
from apps.delegations.models import ApproverAbsence
from apps.delegations.rules import LONGEST_ABSENCE, Times
from apps.delegations.services.trail import (
    lock_loans,
    note,
    tell,
    write_answer,
    write_end,
)
from apps.tenants.services import require_tenant_id


@transaction.atomic
def offer_absence(
    *, actor: Actor, user: User, stand_in: User, times: Times, reason: str
) -> ApproverAbsence:
    """Ask another approver to stand in while one is away.

    Raises NotYoursError for who is no approver, and an InvalidError.
    """
    lock_loans()
    if not selectors.may_vote(user):
        raise NotYoursError("Only an approver needs somebody to stand in.")
    if stand_in.pk == user.pk:
        raise PersonUnfitError("Choose somebody else.", field="stand_in")
    _require_approver(stand_in)
    rules.check_times(times, LONGEST_ABSENCE, timezone.now())
    row = ApproverAbsence.objects.create(
        tenant_id=require_tenant_id(),
        approver=user,
        stand_in=stand_in,
        start=times.start,
        end=times.end,
        reason=rules.check_reason(reason)[:200],
    )
    note(actor, DelegationsAction.ABSENCE_OFFERED, row, _state(row))
    tell(
        Notice.OFFERED, [stand_in.pk], f"{user} asks you to approve in their place", row
    )
    return row


@transaction.atomic
def accept_absence(
    *, actor: Actor, user: User, absence_id: uuid.UUID
) -> ApproverAbsence:
    """Agree to stand in. Raises LoanNotFoundError, LoanStateError, PersonUnfitError."""
    lock_loans()
    row = _asked(user, absence_id)
    _require_approver(user)
    write_answer(row, LoanState.ACCEPTED)
    note(actor, DelegationsAction.ABSENCE_ACCEPTED, row, _state(row))
    tell(Notice.ACCEPTED, [row.approver_id], f"{user} stands in for you", row)
    return row


@transaction.atomic
def decline_absence(
    *, actor: Actor, user: User, absence_id: uuid.UUID
) -> ApproverAbsence:
    """Refuse to stand in. Raises LoanNotFoundError and LoanStateError."""
    lock_loans()
    row = _asked(user, absence_id)
    write_answer(row, LoanState.DECLINED)
    note(actor, DelegationsAction.ABSENCE_DECLINED, row, _state(row))
    tell(Notice.ENDED, [row.approver_id], f"{user} does not stand in for you", row)
    return row


@transaction.atomic
def end_absence(
    *, actor: Actor, user: User, absence_id: uuid.UUID, reason: str = ""
) -> ApproverAbsence:
    """End an absence before its time: one's own, or as who stands in, or as an admin.

    Raises LoanNotFoundError and LoanStateError.
    """
    lock_loans()
    row = selectors.absence_by_id(absence_id)
    is_admin = TenantRole.SECURITY_ADMIN in roles_in_scope(user)
    if user.pk not in {row.approver_id, row.stand_in_id} and not is_admin:
        raise LoanNotFoundError("There is no such absence.")
    if row.state_at(timezone.now()) not in {LoanState.OFFERED, LoanState.ACCEPTED}:
        raise LoanStateError
    write_end(row, LoanState.REVOKED, actor, " ".join(reason.split())[:200])
    note(actor, DelegationsAction.ABSENCE_ENDED, row, _state(row))
    people = {row.approver_id, row.stand_in_id} - {user.pk}
    tell(Notice.ENDED, people, f"{row.stand_in} stands in no more", row)
    return row


def _asked(user: User, absence_id: uuid.UUID) -> ApproverAbsence:
    row = selectors.absence_by_id(absence_id)
    if row.stand_in_id != user.pk:
        raise LoanNotFoundError("There is no such absence.")
    if row.state_at(timezone.now()) is not LoanState.OFFERED:
        raise LoanStateError
    return row


def _require_approver(user: User) -> None:
    if not selectors.may_vote(user):
        raise PersonUnfitError(
            "Only another approver can stand in.",
            field="stand_in",
            remedy="An absence makes nobody an approver; a security admin does.",
        )


def _state(row: ApproverAbsence) -> dict[str, Any]:
    return {
        "approver": row.approver.username,
        "stand_in": row.stand_in.username,
        "start": row.start.isoformat(),
        "end": row.end.isoformat(),
        "reason": row.reason,
        "state": row.state,
    }
