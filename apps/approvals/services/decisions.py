"""Close requests, and do what was asked for when the quorum is met."""

from __future__ import annotations

import dataclasses
import uuid
from typing import assert_never

from django.utils import timezone

from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest
from apps.approvals.services.trail import audit, user_id_of
from apps.audit.events import Actor
from apps.elevations import services as elevations
from apps.policies import selectors as policy_questions
from apps.policies import services as policies
from apps.roles import services as roles
from apps.roles.choices import Workflow


def decide(actor: Actor, request: ApprovalRequest) -> None:
    """Close a request that has enough votes, one way or the other."""
    quorum = selectors.quorum_of(request)
    match quorum.outcome:
        case rules.Outcome.PENDING:
            return
        case rules.Outcome.DENIED:
            close(actor, request, RequestState.DENIED)
        case rules.Outcome.APPROVED:
            close(actor, request, RequestState.APPROVED)
            _carry_out(actor, request)
        case _:
            assert_never(quorum.outcome)


def _carry_out(actor: Actor, request: ApprovalRequest) -> None:
    match RequestKind(request.kind):
        case RequestKind.CHANGE:
            _freeze(actor, request)
        case RequestKind.ASSIGNMENT:
            _assign(actor, request)
        case RequestKind.ELEVATION:
            elevations.approve(
                actor=actor,
                elevation_id=_subject_id(request),
                request_id=request.pk,
                approver_ids=_approvers(request),
            )


def _let_go(actor: Actor, request: ApprovalRequest, state: RequestState) -> None:
    """Tell what a request was about that nothing comes of it."""
    if request.kind != RequestKind.ELEVATION:
        return
    subject, reason = _subject_id(request), request.closing_reason
    match state:
        case RequestState.DENIED:
            elevations.deny(actor=actor, elevation_id=subject, reason=reason)
        case RequestState.CANCELLED:
            elevations.cancel(actor=actor, elevation_id=subject, reason=reason)
        case RequestState.EXPIRED:
            elevations.expire(actor=actor, elevation_id=subject)
        case _:
            return


def _subject_id(request: ApprovalRequest) -> uuid.UUID:
    if request.subject_id is None:
        raise TypeError("a request for an elevation names it")
    return request.subject_id


def _approvers(request: ApprovalRequest) -> list[uuid.UUID]:
    votes = request.votes.filter(verdict=Verdict.APPROVE)
    return list(votes.values_list("user_id", flat=True))


def _assign(actor: Actor, request: ApprovalRequest) -> None:
    spec = rules.assignment_of(request.document["subject"]["document"])
    asked = dataclasses.replace(
        spec, workflow=Workflow.REQUEST.value, workflow_id=request.pk
    )
    roles.assign_role(actor=actor, spec=asked)


def _freeze(actor: Actor, request: ApprovalRequest) -> None:
    catalogue = policy_questions.catalogue()
    for item in request.items.order_by("draft_id"):
        policies.freeze_version(
            actor=actor,
            draft_id=item.draft_id,
            expected_digest=item.content_digest,
            request_id=request.pk,
            catalogue=catalogue,
        )


def close(
    actor: Actor, request: ApprovalRequest, state: RequestState, reason: str = ""
) -> None:
    """Close a request for good, and say so in the audit trail."""
    before = request.state
    request.state = state
    request.closed_at = timezone.now()
    request.closed_by_id = user_id_of(actor)
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
    audit(actor, action, request, before={"state": before}, after=after)
    _let_go(actor, request, state)
