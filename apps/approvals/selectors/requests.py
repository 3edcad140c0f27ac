"""Questions about requests and how far they got."""

from __future__ import annotations

import uuid
from collections import Counter

from django.db.models import QuerySet

from apps.approvals import rules
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.errors import RequestNotFoundError
from apps.approvals.models import ApprovalFlow, ApprovalRequest
from apps.approvals.selectors.people import roles_of


def requests() -> QuerySet[ApprovalRequest]:
    """Return all requests, newest first."""
    return ApprovalRequest.objects.order_by("-created_at")


def counters() -> dict[str, int]:
    """Return how many requests stand in each state."""
    found = Counter(ApprovalRequest.objects.values_list("state", flat=True))
    return {state.value: found[state.value] for state in RequestState}


def request_by_id(request_id: uuid.UUID) -> ApprovalRequest:
    """Return a request or raise RequestNotFoundError."""
    return _one(ApprovalRequest.objects.all(), request_id)


def lock_request(request_id: uuid.UUID) -> ApprovalRequest:
    """Return a request with its row locked, or raise RequestNotFoundError."""
    return _one(ApprovalRequest.objects.select_for_update(), request_id)


def flow_of(kind: RequestKind) -> rules.Flow:
    """Return the flow that a new request of this kind passes."""
    row = ApprovalFlow.objects.filter(kind=kind).first()
    if row is None:
        return rules.DEFAULT_FLOW
    return rules.parse_flow({"v": 1, "stages": row.stages})


def stage_of(request: ApprovalRequest) -> rules.Stage:
    """Return the stage that a request is in."""
    return rules.parse_flow(request.flow).stages[0]


def parties_of(request: ApprovalRequest) -> rules.Parties:
    """Return the persons behind a request, none of whom may decide on it."""
    items = list(request.items.all())
    subject = rules.parse_subject(request.document)
    return rules.Parties(
        opener=request.opened_by_id,
        authors=frozenset(i.author_id for i in items if i.author_id),
        last_editors=frozenset(i.last_editor_id for i in items if i.last_editor_id),
        beneficiary=subject.beneficiary_id if subject else None,
        involved=subject.involved_ids if subject else frozenset(),
    )


def refusal_for(request: ApprovalRequest, user_id: uuid.UUID) -> rules.Reason:
    """Return Reason.NONE, or why this person may not vote on this request."""
    return rules.may_vote(
        user_id=user_id,
        roles=roles_of(user_id),
        stage=stage_of(request),
        parties=parties_of(request),
        voted=request.votes.values_list("user_id", flat=True),
    )


def quorum_of(request: ApprovalRequest) -> rules.Quorum:
    """Count the votes of a request."""
    return rules.evaluate_quorum(
        stage=stage_of(request),
        parties=parties_of(request),
        ballots=[
            rules.Ballot(vote.user_id, Verdict(vote.verdict), frozenset(vote.roles))
            for vote in request.votes.all()
        ],
    )


def _one(rows: QuerySet[ApprovalRequest], request_id: uuid.UUID) -> ApprovalRequest:
    try:
        return rows.get(pk=request_id)
    except ApprovalRequest.DoesNotExist as error:
        raise RequestNotFoundError from error
