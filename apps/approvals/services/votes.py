"""Take votes, each signed by a passkey.

Locks are always taken in the same order: the request, its drafts by id, the passkey,
and last the head of the audit trail.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import (
    CeremonyOptions,
    VerifiedAssertion,
    begin_operation_ceremony,
    verify_operation_assertion,
)
from apps.approvals import rules, selectors
from apps.approvals.choices import Verdict
from apps.approvals.errors import (
    AlreadyVotedError,
    EvidenceMissingError,
    RequestExpiredError,
    RequestInvalidError,
    VoteForbiddenError,
)
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest, Vote
from apps.approvals.services.decisions import decide, require_open
from apps.approvals.services.renewing import require_current
from apps.approvals.services.submitting import lock_set
from apps.approvals.services.trail import audit
from apps.audit.events import Actor


class Authenticator(Protocol):
    """Something that answers a WebAuthn request, as a browser would."""

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the credential for the options of a ceremony."""


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
    document, _ = _votable(request, voter, verdict, reason)
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
    if lock_set(request) is None:
        drafts = request.items.values_list("draft_id", flat=True)
        selectors.lock_drafts([one for one in drafts if one])
    document, way = _votable(request, voter, verdict, reason)
    assertion = verify_operation_assertion(
        user=voter,
        ceremony_id=ceremony_id,
        credential_json=credential,
        operation_digest=rules.vote_digest(document),
    )
    vote = _vote(request, voter, document, assertion)
    vote.verdict, vote.way = verdict, [str(person) for person in way]
    vote.save(force_insert=True)
    # What is stored must convince a stranger later; better to find out now.
    rules.verify_vote(selectors.evidence_of(vote))
    audit(actor, AuditAction.VOTE_RECORDED, request, after=document)
    decide(actor, request)
    return vote


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


def _vote(
    request: ApprovalRequest,
    voter: User,
    document: dict[str, Any],
    assertion: VerifiedAssertion,
) -> Vote:
    """Return the row of a vote, with all that proves it."""
    return Vote(
        tenant_id=request.tenant_id,
        request=request,
        stage=document["stage"],
        reason=document["reason"],
        user_id=voter.pk,
        user_name=str(voter),
        roles=sorted(selectors.roles_of(voter.pk)),
        is_demo=voter.is_demo or assertion.is_demo,
        cast_at=timezone.now(),
        document=document,
        digest=f"sha256:{rules.vote_digest(document).hex()}",
        credential_id=assertion.credential_id,
        client_data=assertion.client_data,
        authenticator_data=assertion.authenticator_data,
        signature=assertion.signature,
        public_key=assertion.public_key,
        rp_id=settings.WEBAUTHN_RP_ID,
    )


def _votable(
    request: ApprovalRequest, voter: User, verdict: Verdict, reason: str
) -> tuple[dict[str, Any], rules.Way]:
    """Return what to sign and for whom, or raise why this person may not vote now."""
    require_open(request)
    standing = selectors.standing_of(request)
    if standing.deadline is not None and timezone.now() >= standing.deadline:
        raise RequestExpiredError
    found = standing.judge(voter.pk)
    if found.reason is rules.Reason.ALREADY_VOTED:
        raise AlreadyVotedError
    if found.reason is not rules.Reason.NONE:
        raise VoteForbiddenError(found.reason.sentence)
    require_current(request)
    if verdict is Verdict.APPROVE:
        _require_proof(request)
    reason = reason.strip()
    if verdict is Verdict.DENY and not reason:
        raise RequestInvalidError(
            "Say why you deny, so that the author can improve it.", field="reason"
        )
    document = rules.vote_document(
        tenant=str(request.tenant_id),
        request=str(request.pk),
        request_digest=request.digest,
        stage=standing.progress.current,
        verdict=verdict,
        reason=reason,
        voter={"id": str(voter.pk), "name": str(voter)},
        stands_for=[
            {"id": str(person), "name": selectors.name_of(person)}
            for person in found.way
        ],
        evidence=_proof_digest(request),
    )
    return document, found.way


def _require_proof(request: ApprovalRequest) -> None:
    why = selectors.missing_proof(request)
    if why:
        raise EvidenceMissingError(why)


def _proof_digest(request: ApprovalRequest) -> str:
    proof = selectors.proof_of_request(request)
    return proof.digest if proof else ""
