"""Close requests, and do what was asked for when the quorum is met."""

from __future__ import annotations

import dataclasses
import uuid
from typing import assert_never

from django.utils import timezone

from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.errors import (
    RequestCancelledError,
    RequestClosedError,
    RequestExpiredError,
)
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest, RequestItem
from apps.approvals.rules.conversions import is_conversion
from apps.approvals.services.conversions import carry_out_conversion
from apps.approvals.services.states import approval_of
from apps.approvals.services.submitting import carry_out_set, let_set_go, lock_set
from apps.approvals.services.telling import ask, tell_decided
from apps.approvals.services.trail import audit, user_id_of
from apps.audit.events import Actor
from apps.elevations import services as elevations
from apps.policies import selectors as policy_questions
from apps.policies import services as policies
from apps.roles import services as roles
from apps.roles.choices import Workflow


def decide(actor: Actor, request: ApprovalRequest) -> None:
    """Close a request that has enough votes, or note the stage it has reached."""
    found = selectors.standing_of(request).progress
    match found.outcome:
        case rules.Outcome.PENDING:
            _reach(actor, request, found.current)
        case rules.Outcome.DENIED:
            close(actor, request, RequestState.DENIED)
        case rules.Outcome.APPROVED:
            close(actor, request, RequestState.APPROVED)
            _carry_out(actor, request)
        case _:
            assert_never(found.outcome)


def require_open(request: ApprovalRequest) -> None:
    """Raise the error that says how a request was closed, unless it is open."""
    match RequestState(request.state):
        case RequestState.OPEN:
            return
        case RequestState.EXPIRED:
            raise RequestExpiredError
        case RequestState.CANCELLED:
            raise RequestCancelledError
        case _:
            raise RequestClosedError


def _reach(actor: Actor, request: ApprovalRequest, stage: int) -> None:
    if stage == request.stage:
        return
    before, request.stage = request.stage, stage
    request.stage_started_at = timezone.now()
    request.reminders_sent = 0
    request.save(
        update_fields=["stage", "stage_started_at", "reminders_sent", "updated_at"]
    )
    audit(
        actor,
        AuditAction.STAGE_REACHED,
        request,
        before={"stage": before},
        after={"stage": stage},
    )
    ask(request)


def _carry_out(actor: Actor, request: ApprovalRequest) -> None:
    match RequestKind(request.kind):
        case RequestKind.CHANGE:
            _change(actor, request)
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
    change_set = lock_set(request)
    if change_set is not None and state is not RequestState.APPROVED:
        let_set_go(change_set)
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
    """Return whose approvals counted, with those for whom they were given."""
    ignored = {person for one in request.tally or [] for person, _ in one["ignored"]}
    votes = request.votes.filter(verdict=Verdict.APPROVE)
    return [
        person
        for vote in votes
        if str(vote.user_id) not in ignored
        for person in (vote.user_id, *map(uuid.UUID, vote.way))
    ]


def _assign(actor: Actor, request: ApprovalRequest) -> None:
    document = request.document["subject"]["document"]
    if is_conversion(document):
        carry_out_conversion(actor, request)
        return
    spec = rules.assignment_of(document)
    asked = dataclasses.replace(
        spec, workflow=Workflow.REQUEST.value, workflow_id=request.pk
    )
    roles.assign_role(actor=actor, spec=asked)


def _change(actor: Actor, request: ApprovalRequest) -> None:
    change_set = lock_set(request)
    if change_set is None:
        _freeze(actor, request)
    else:
        carry_out_set(actor=actor, request=request, row=change_set)


def _freeze(actor: Actor, request: ApprovalRequest) -> None:
    catalogue = policy_questions.catalogue()
    approval = approval_of(request.pk)
    for item in request.items.order_by("draft_id"):
        policies.freeze_version(
            actor=actor,
            draft_id=_draft_of(item),
            expected_digest=item.content_digest,
            request_id=request.pk,
            catalogue=catalogue,
            approval=approval,
        )


def _draft_of(item: RequestItem) -> uuid.UUID:
    if item.draft_id is None:
        raise TypeError("a request for drafts names them")
    return item.draft_id


def close(
    actor: Actor, request: ApprovalRequest, state: RequestState, reason: str = ""
) -> None:
    """Close a request for good, and say so in the audit trail."""
    found = selectors.standing_of(request).progress
    before = request.state
    request.tally = [
        {
            "outcome": str(one.outcome),
            "approvals": one.approvals,
            "denials": one.denials,
            "needed": one.needed,
            "ignored": [[str(person), str(why)] for person, why in one.ignored],
        }
        for one in found.stages
    ]
    request.stage = found.current
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
    tell_decided(request)
