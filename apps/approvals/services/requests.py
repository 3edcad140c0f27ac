"""Open requests, take votes on them, and act when the quorum is met.

Locks are always taken in the same order: the request, its drafts by id, the passkey,
and last the head of the audit trail.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, assert_never

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import (
    CeremonyOptions,
    begin_operation_ceremony,
    verify_operation_assertion,
)
from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.errors import (
    AlreadyVotedError,
    CancelForbiddenError,
    DraftInAnotherRequestError,
    ProposeForbiddenError,
    RequestClosedError,
    RequestInvalidError,
    RequestOutdatedError,
    VoteForbiddenError,
)
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalFlow, ApprovalRequest, RequestItem, Vote
from apps.audit.events import Actor
from apps.audit.services import append
from apps.policies import selectors as policy_questions
from apps.policies import services as policies
from apps.tenants.services import require_tenant_id

TARGET = "approval_request"
LONGEST_TITLE = 160


class Authenticator(Protocol):
    """Something that answers a WebAuthn request, as a browser would."""

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the credential for the options of a ceremony."""


@transaction.atomic
def set_flow(*, actor: Actor, kind: RequestKind, quorum: int) -> ApprovalFlow:
    """Say how many approvers new requests of a kind need."""
    stage = rules.DEFAULT_FLOW.stages[0].to_dict() | {"quorum": quorum}
    flow = rules.parse_flow({"v": 1, "stages": [stage]}).to_dict()
    _require_proposer(actor)
    before = selectors.flow_of(kind).to_dict()
    row, _ = ApprovalFlow.objects.update_or_create(
        tenant_id=require_tenant_id(), kind=kind, defaults={"stages": flow["stages"]}
    )
    append(
        actor=actor,
        action=AuditAction.FLOW_CHANGED,
        target_type="approval_flow",
        target_id=str(row.pk),
        before=before,
        after=flow,
    )
    return row


@transaction.atomic
def open_request(
    *, actor: Actor, draft_ids: Sequence[uuid.UUID], title: str, reason: str
) -> ApprovalRequest:
    """Propose drafts together, and fix the digest of what they say now."""
    _require_proposer(actor)
    title, reason = title.strip(), reason.strip()
    _require_words(title, reason)
    wanted = list(dict.fromkeys(draft_ids))
    if not wanted:
        raise RequestInvalidError("Select at least one draft.", field="drafts")
    selectors.lock_drafts(wanted)
    _require_free(wanted)
    proposals = selectors.proposals(wanted)
    flow = selectors.flow_of(RequestKind.CHANGE)
    request_id, tenant_id = uuid.uuid4(), require_tenant_id()
    document = rules.request_document(
        tenant=str(tenant_id),
        request=str(request_id),
        kind=RequestKind.CHANGE,
        title=title,
        reason=reason,
        flow=flow,
        opened_by={"id": actor.id, "name": actor.name},
        items=[proposal.signed_form() for proposal in proposals],
    )
    request = ApprovalRequest.objects.create(
        pk=request_id,
        tenant_id=tenant_id,
        title=title,
        reason=reason,
        flow=flow.to_dict(),
        document=document,
        digest=rules.request_digest(document),
        opened_by_id=_user_id(actor),
        opened_by_name=actor.name,
    )
    RequestItem.objects.bulk_create(
        proposal.as_item(request, position)
        for position, proposal in enumerate(proposals)
    )
    _audit(actor, AuditAction.REQUEST_OPENED, request, after=document)
    return request


@transaction.atomic
def begin_vote(
    *,
    voter: User,
    request_id: uuid.UUID,
    verdict: Verdict,
    reason: str,
    session_key: str,
) -> CeremonyOptions:
    """Start the ceremony in which a passkey signs exactly this vote."""
    request = selectors.request_by_id(request_id)
    document = _votable(request, voter, verdict, reason)
    return begin_operation_ceremony(
        user=voter,
        session_key=session_key,
        operation_digest=rules.vote_digest(document),
    )


@transaction.atomic
def record_vote(  # what arrives from a ceremony, and who sends it
    *,
    actor: Actor,
    voter: User,
    request_id: uuid.UUID,
    verdict: Verdict,
    reason: str,
    ceremony_id: uuid.UUID,
    credential: Mapping[str, Any],
) -> Vote:
    """Store a vote with its proof; act when it decides the request.

    The row is locked first, so two votes at the same instant are counted one after the
    other, and what the rules see is what will be true when this transaction commits.
    """
    request = selectors.lock_request(request_id)
    selectors.lock_drafts(request.items.values_list("draft_id", flat=True))
    document = _votable(request, voter, verdict, reason)
    digest = rules.vote_digest(document)
    assertion = verify_operation_assertion(
        user=voter,
        ceremony_id=ceremony_id,
        credential_json=credential,
        operation_digest=digest,
    )
    vote = Vote.objects.create(
        tenant_id=request.tenant_id,
        request=request,
        verdict=verdict,
        reason=document["reason"],
        user_id=voter.pk,
        user_name=str(voter),
        roles=sorted(selectors.roles_of(voter.pk)),
        is_demo=voter.is_demo or assertion.is_demo,
        cast_at=timezone.now(),
        document=document,
        digest=f"sha256:{digest.hex()}",
        credential_id=assertion.credential_id,
        client_data=assertion.client_data,
        authenticator_data=assertion.authenticator_data,
        signature=assertion.signature,
        public_key=assertion.public_key,
        rp_id=settings.WEBAUTHN_RP_ID,
    )
    # What is stored must convince a stranger later; better to find out now.
    rules.verify_vote(selectors.evidence_of(vote))
    _audit(actor, AuditAction.VOTE_RECORDED, request, after=document)
    _decide(actor, request)
    return vote


@transaction.atomic
def cancel_request(
    *, actor: Actor, request_id: uuid.UUID, reason: str = ""
) -> ApprovalRequest:
    """Withdraw an open request; its drafts are free again."""
    request = selectors.lock_request(request_id)
    if not request.is_open:
        raise RequestClosedError
    is_opener = _user_id(actor) is not None and _user_id(actor) == request.opened_by_id
    if not is_opener and selectors.SECURITY_ADMIN not in selectors.roles_of_actor(
        actor
    ):
        raise CancelForbiddenError
    _close(actor, request, RequestState.CANCELLED, reason.strip())
    return request


def cast_demo_vote(
    *,
    actor: Actor,
    voter: User,
    request_id: uuid.UUID,
    verdict: Verdict,
    authenticator: Authenticator,
    reason: str = "",
) -> Vote:
    """Vote as a demo user whose passkey is a file. Refused for anybody else."""
    if not voter.is_demo:
        raise VoteForbiddenError("Only demo users vote without a person.")
    session_key = f"demo:{voter.pk}"
    ceremony = begin_vote(
        voter=voter,
        request_id=request_id,
        verdict=verdict,
        reason=reason,
        session_key=session_key,
    )
    return record_vote(
        actor=actor,
        voter=voter,
        request_id=request_id,
        verdict=verdict,
        reason=reason,
        ceremony_id=ceremony.ceremony_id,
        credential=authenticator.get(ceremony.public_key),
    )


def _user_id(actor: Actor) -> uuid.UUID | None:
    return uuid.UUID(actor.id) if actor.kind == "user" else None


def _require_proposer(actor: Actor) -> None:
    match actor.kind:
        case "command":
            return
        case "user" if selectors.SECURITY_ADMIN in selectors.roles_of_actor(actor):
            return
        case _:
            raise ProposeForbiddenError


def _require_words(title: str, reason: str) -> None:
    if not title or len(title) > LONGEST_TITLE:
        raise RequestInvalidError(
            f"A title says in a line what changes ({LONGEST_TITLE} characters).",
            field="title",
        )
    if not reason:
        raise RequestInvalidError(
            "Say why the change is needed.",
            field="reason",
            remedy="Approvers and auditors read this first.",
        )


def _require_free(draft_ids: Sequence[uuid.UUID]) -> None:
    taken = RequestItem.objects.filter(
        draft_id__in=draft_ids, request__state=RequestState.OPEN
    ).select_related("request")
    for item in taken:
        raise DraftInAnotherRequestError(
            f"“{item.name}” is under review in “{item.request.title}”.", field="drafts"
        )


def _votable(
    request: ApprovalRequest, voter: User, verdict: Verdict, reason: str
) -> dict[str, Any]:
    """Return the document to sign, or raise why this person may not vote now."""
    if not request.is_open:
        raise RequestClosedError
    refusal = selectors.refusal_for(request, voter.pk)
    if refusal is rules.Reason.ALREADY_VOTED:
        raise AlreadyVotedError
    if refusal is not rules.Reason.NONE:
        raise VoteForbiddenError(refusal.sentence)
    _require_current(request)
    reason = reason.strip()
    if verdict is Verdict.DENY and not reason:
        raise RequestInvalidError(
            "Say why you deny, so that the author can improve it.", field="reason"
        )
    return rules.vote_document(
        tenant=str(request.tenant_id),
        request=str(request.pk),
        request_digest=request.digest,
        stage=0,
        verdict=verdict,
        reason=reason,
        voter={"id": str(voter.pk), "name": str(voter)},
    )


def _require_current(request: ApprovalRequest) -> None:
    for change in selectors.changes_of(request):
        if not change.is_current:
            raise RequestOutdatedError(change.drift)


def _decide(actor: Actor, request: ApprovalRequest) -> None:
    quorum = selectors.quorum_of(request)
    match quorum.outcome:
        case rules.Outcome.PENDING:
            return
        case rules.Outcome.DENIED:
            _close(actor, request, RequestState.DENIED)
        case rules.Outcome.APPROVED:
            _close(actor, request, RequestState.APPROVED)
            _carry_out(actor, request)
        case _:
            assert_never(quorum.outcome)


def _carry_out(actor: Actor, request: ApprovalRequest) -> None:
    match RequestKind(request.kind):
        case RequestKind.CHANGE:
            catalogue = policy_questions.catalogue()
            for item in request.items.order_by("draft_id"):
                policies.freeze_version(
                    actor=actor,
                    draft_id=item.draft_id,
                    expected_digest=item.content_digest,
                    request_id=request.pk,
                    catalogue=catalogue,
                )


def _close(
    actor: Actor, request: ApprovalRequest, state: RequestState, reason: str = ""
) -> None:
    before = request.state
    request.state = state
    request.closed_at = timezone.now()
    request.closed_by_id = _user_id(actor)
    request.closed_by_name = actor.name
    request.closing_reason = reason
    request.save()
    action = {
        RequestState.APPROVED: AuditAction.REQUEST_APPROVED,
        RequestState.DENIED: AuditAction.REQUEST_DENIED,
        RequestState.CANCELLED: AuditAction.REQUEST_CANCELLED,
        RequestState.EXPIRED: AuditAction.REQUEST_EXPIRED,
    }[state]
    after = {"state": str(state), "reason": reason, "digest": request.digest}
    _audit(actor, action, request, before={"state": before}, after=after)


def _audit(
    actor: Actor,
    action: AuditAction,
    request: ApprovalRequest,
    *,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    append(
        actor=actor,
        action=action,
        target_type=TARGET,
        target_id=str(request.pk),
        before=before,
        after=after,
    )
