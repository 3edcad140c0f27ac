"""Compute the evidence of a set or of a request again, as things are now."""

from __future__ import annotations

import uuid

from django.db import transaction

from apps.approvals import selectors
from apps.approvals.choices import RequestKind
from apps.approvals.errors import (
    EvidenceNotNeededError,
    OpenForbiddenError,
    RequestOutdatedError,
)
from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.approvals.services.decisions import require_open
from apps.approvals.services.proving import prove_drafts, prove_rehearsal
from apps.approvals.services.rehearsing import next_request_id, rehearse, wanted_of
from apps.approvals.services.submitting import lock_set
from apps.audit.events import Actor


@transaction.atomic
def prove_change_set(*, actor: Actor, set_id: uuid.UUID) -> ChangeSet:
    """Try a set out as things are now, and have evidence computed for that.

    Raises OpenForbiddenError, and what trying it out raises.
    """
    row = selectors.change_set_by_id(set_id)
    if row.is_draft or row.request_id is None:
        if not _may_look(actor):
            raise OpenForbiddenError
        row = selectors.lock_change_set(set_id)
        _prove_set(actor, row, next_request_id(row))
    else:
        prove_request(actor=actor, request_id=row.request_id)
        row.refresh_from_db()
    return row


@transaction.atomic
def prove_request(*, actor: Actor, request_id: uuid.UUID) -> ApprovalRequest:
    """Have evidence computed of what an open request would do now.

    Raises OpenForbiddenError, EvidenceNotNeededError, RequestOutdatedError, the error
    of a closed request, and what trying it out raises.
    """
    request = selectors.lock_request(request_id)
    _require_concerned(actor, request)
    if request.kind != RequestKind.CHANGE:
        raise EvidenceNotNeededError
    require_open(request)
    change_set = lock_set(request)
    if change_set is not None:
        proof = _prove_set(actor, change_set, request.pk)
    else:
        drafts = [i.draft_id for i in request.items.all() if i.draft_id]
        selectors.lock_drafts(drafts)
        require_current(request)
        proof = prove_drafts(actor=actor, title=request.title, draft_ids=drafts)
    request.evidence_input = proof.input if proof else ""
    request.save(update_fields=["evidence_input", "updated_at"])
    return request


def require_current(request: ApprovalRequest) -> None:
    """Raise RequestOutdatedError unless everything is as it was proposed."""
    if request.voided_at is not None:
        raise RequestOutdatedError("A draft was edited after it was proposed.")
    for change in selectors.changes_of(request):
        if not change.is_current:
            raise RequestOutdatedError(change.drift)


def _prove_set(
    actor: Actor, row: ChangeSet, request_id: uuid.UUID
) -> selectors.Proof | None:
    found = rehearse(
        actor=actor,
        wanted=wanted_of(selectors.items_of(row)),
        request_id=request_id,
        activate_at=row.activate_at,
        is_checked=True,
    )
    proof = prove_rehearsal(actor=actor, title=row.title, found=found)
    row.outcome = found.to_dict() | ({"evidence": proof.input} if proof else {})
    row.save(update_fields=["outcome"])
    return proof


def _require_concerned(actor: Actor, request: ApprovalRequest) -> None:
    """Let whoever may look at changes, and whoever decides on this one, ask for it."""
    if _may_look(actor):
        return
    if not selectors.concerns(selectors.standing_of(request), uuid.UUID(actor.id)):
        raise OpenForbiddenError


def _may_look(actor: Actor) -> bool:
    """Say whether an actor sees changes in the console; programs run for all."""
    return actor.kind != "user" or bool(selectors.console_users([uuid.UUID(actor.id)]))
