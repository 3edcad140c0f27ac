"""Open and withdraw requests."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from apps.approvals import selectors
from apps.approvals.choices import RequestState
from apps.approvals.errors import (
    CancelForbiddenError,
    DraftInAnotherRequestError,
    NobodyCanApproveError,
    RequestInvalidError,
)
from apps.approvals.models import ApprovalRequest, RequestItem
from apps.approvals.services.decisions import close, require_open
from apps.approvals.services.opening import create_request
from apps.approvals.services.proving import prove_drafts
from apps.approvals.services.telling import ask
from apps.approvals.services.trail import (
    require_proposer,
    require_words,
    user_id_of,
)
from apps.audit.events import Actor


@transaction.atomic
def open_request(
    *, actor: Actor, draft_ids: Sequence[uuid.UUID], title: str, reason: str
) -> ApprovalRequest:
    """Propose drafts together, and fix the digest of what they say now.

    Evidence of what they would do begins to be computed; nobody approves before.
    """
    require_proposer(actor)
    title, reason = title.strip(), reason.strip()
    require_words(title, reason)
    wanted = list(dict.fromkeys(draft_ids))
    if not wanted:
        raise RequestInvalidError("Select at least one draft.", field="drafts")
    selectors.lock_drafts(wanted)
    _require_free(wanted)
    proposals = selectors.proposals(wanted)
    proof = prove_drafts(actor=actor, title=title, draft_ids=wanted)
    facts = {"title": title, "reason": reason}
    preview = selectors.preview_change(proposals, user_id_of(actor), facts, proof)
    if preview.problem:
        raise NobodyCanApproveError(preview.problem)
    request = create_request(
        actor=actor,
        title=title,
        reason=reason,
        flow=preview.flow,
        proposals=proposals,
        proof=proof,
    )
    RequestItem.objects.bulk_create(
        proposal.as_item(request, position)
        for position, proposal in enumerate(proposals)
    )
    ask(request)
    return request


@transaction.atomic
def cancel_request(
    *, actor: Actor, request_id: uuid.UUID, reason: str = ""
) -> ApprovalRequest:
    """Withdraw an open request; what it was about is free again."""
    request = selectors.lock_request(request_id)
    require_open(request)
    if not _may_cancel(actor, request):
        raise CancelForbiddenError
    close(actor, request, RequestState.CANCELLED, reason.strip())
    return request


def _may_cancel(actor: Actor, request: ApprovalRequest) -> bool:
    if actor.kind != "user":
        return actor.kind == "system" or request.opened_by_id is None
    own = uuid.UUID(actor.id) in {
        request.opened_by_id,
        selectors.parties_of(request).beneficiary,
    }
    return own or selectors.SECURITY_ADMIN in selectors.roles_of_actor(actor)


def _require_free(draft_ids: Sequence[uuid.UUID]) -> None:
    taken = RequestItem.objects.filter(
        draft_id__in=draft_ids, request__state=RequestState.OPEN
    ).select_related("request")
    for item in taken:
        raise DraftInAnotherRequestError(
            f"“{item.name}” is under review in “{item.request.title}”.", field="drafts"
        )
