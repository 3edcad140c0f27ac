"""Propose a set of changes, and carry it out when it is approved."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.approvals import rules, selectors
from apps.approvals.choices import ChangeSetState, ItemKind
from apps.approvals.errors import (
    ChangeInvalidError,
    ChangeOutdatedError,
    ChangeSetEmptyError,
    DraftTestsFailedError,
    DraftUntestedError,
    NobodyCanApproveError,
)
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest, ChangeItem, ChangeSet, RequestItem
from apps.approvals.services.carrying import Applied, apply_changes
from apps.approvals.services.change_sets import lock_for_change, note, try_out
from apps.approvals.services.locking import lock_grounds
from apps.approvals.services.opening import create_request
from apps.approvals.services.proving import prove_rehearsal
from apps.approvals.services.rehearsing import (
    Rehearsal,
    next_request_id,
    wanted_of,
)
from apps.approvals.services.states import approval_of
from apps.approvals.services.telling import ask
from apps.approvals.services.trail import require_words, user_id_of
from apps.audit.events import Actor


@transaction.atomic
def submit_change_set(
    *, actor: Actor, set_id: uuid.UUID, expected_lock: int | None = None
) -> ApprovalRequest:
    """Propose a set as it is now, and have evidence computed of what it would do.

    Raises ChangeSetEmptyError, ChangeOutdatedError, which names who changed what, and
    what trying it out raises.
    """
    row = lock_for_change(actor, set_id, expected_lock)
    items = selectors.items_of(row)
    _require_ready(row, items)
    found = try_out(actor, row, items, about="", is_checked=True)
    _require_tested(found.applied)
    proof = prove_rehearsal(actor=actor, title=row.title, found=found)
    preview = selectors.preview_set(
        row, found.contents, opener_id=user_id_of(actor), proof=proof
    )
    if preview.problem:
        raise NobodyCanApproveError(preview.problem)
    request = create_request(
        actor=actor,
        title=row.title,
        reason=row.reason,
        flow=preview.flow,
        request_id=next_request_id(row),
        items=[_signed_form(one) for one in found.applied],
        more=_more(row, found),
        proof=proof,
    )
    _keep_items(request, items, found.applied)
    row.state, row.request = ChangeSetState.OPEN, request
    row.submissions += 1
    row.lock += 1
    row.outcome = found.to_dict() | ({"evidence": proof.input} if proof else {})
    row.save()
    ask(request)
    return request


def carry_out_set(*, actor: Actor, request: ApprovalRequest, row: ChangeSet) -> None:
    """Do everything that was approved, in the caller's transaction.

    Raises ChangeOutdatedError unless each change comes to exactly what was signed.
    """
    items = selectors.items_of(row)
    require_ground(items)
    applied = apply_changes(
        actor=actor,
        wanted=wanted_of(items),
        request_id=request.pk,
        approval=dataclasses.replace(
            approval_of(request.pk), activate_at=row.activate_at
        ),
    )
    signed = {(one.kind, one.slug): one.content_digest for one in request.items.all()}
    if {(one.kind, one.slug): one.digest for one in applied} != signed:
        raise ChangeOutdatedError("The set comes to something else than was signed.")
    row.state, row.closed_at = ChangeSetState.CARRIED_OUT, timezone.now()
    row.lock += 1
    row.save()
    note(
        actor,
        AuditAction.CHANGE_SET_CARRIED_OUT,
        row,
        after={
            "request": str(request.pk),
            "digest": request.digest,
            "changes": [f"{one.kind}:{one.slug}" for one in applied],
        },
    )


def let_set_go(row: ChangeSet) -> None:
    """Let a set be worked on again after its request came to nothing."""
    row.state = ChangeSetState.DRAFT
    row.lock += 1
    row.save()


def lock_set(request: ApprovalRequest) -> ChangeSet | None:
    """Lock the set of a request with everything that it would change."""
    named = request.document.get("change_set")
    if named is None:
        return None
    row = selectors.lock_change_set(uuid.UUID(named["id"]))
    lock_grounds(wanted_of(selectors.items_of(row)))
    return row


def require_ground(items: Sequence[ChangeItem]) -> None:
    """Raise ChangeOutdatedError that says who changed what meanwhile."""
    conflicts = selectors.conflicts_of(items)
    if conflicts:
        said = " ".join(conflict.sentence for conflict in conflicts)
        first = conflicts[0].item
        raise ChangeOutdatedError(said, field=f"{first.kind}:{first.slug}")


def _require_ready(row: ChangeSet, items: Sequence[ChangeItem]) -> None:
    require_words(row.title, row.reason)
    if not items:
        raise ChangeSetEmptyError
    if row.activate_at is not None and row.activate_at <= timezone.now():
        raise ChangeInvalidError("That time is over.", field="activate_at")
    require_ground(items)


def _require_tested(applied: Sequence[Applied]) -> None:
    for one in applied:
        for problem in one.problems:
            kind = DraftTestsFailedError if one.has_failed_tests else DraftUntestedError
            raise kind(f"“{one.name}”: {problem}", field=f"{one.kind}:{one.slug}")


def _signed_form(one: Applied) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": str(one.kind),
        "slug": one.slug,
        "name": one.name,
        "digest": one.digest,
        "base": one.ground.digest,
    }
    if one.kind is ItemKind.POLICY:
        found["policy"] = str(one.policy_id) if one.policy_id else None
        found["draft"] = str(one.draft_id) if one.draft_id else None
    return found


def _more(row: ChangeSet, found: Rehearsal) -> dict[str, Any]:
    more: dict[str, Any] = {
        "change_set": {
            "id": str(row.pk),
            "before": found.state.before,
            "after": found.state.after,
        }
    }
    if row.activate_at is not None:
        more["activate_at"] = rules.instant_text(row.activate_at)
    return more


def _keep_items(
    request: ApprovalRequest, items: Sequence[ChangeItem], applied: Sequence[Applied]
) -> None:
    written = {(item.kind, item.slug): item for item in items}
    rows = []
    for position, one in enumerate(applied):
        item = written[one.kind, one.slug]
        rows.append(
            RequestItem(
                tenant_id=request.tenant_id,
                request=request,
                position=position,
                kind=one.kind,
                slug=one.slug,
                base=item.base,
                draft_id=one.draft_id,
                policy_id=one.policy_id,
                name=one.name,
                content_digest=one.digest,
                content=one.content,
                cedar=one.cedar,
                before=one.ground.live,
                before_version=one.ground.version,
                author_id=item.author_id,
                last_editor_id=item.last_editor_id,
            )
        )
    RequestItem.objects.bulk_create(rows)
