"""What time and edits do to open requests. Silence never approves anything."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from apps.approvals import selectors
from apps.approvals.choices import RequestState
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules.timing import Step, due, passed_percent, reminders_due
from apps.approvals.services.decisions import close
from apps.approvals.services.telling import ask, tell_voided
from apps.approvals.services.trail import audit
from apps.audit.events import Actor
from apps.notifications.choices import Event


@transaction.atomic
def tend_request(*, actor: Actor, request_id: uuid.UUID) -> None:
    """Remind, escalate or expire a request, and note edits of its drafts.

    Doing it twice does nothing the second time: each step is written down under the
    lock of the request.
    """
    request = selectors.lock_request(request_id)
    if not request.is_open:
        return
    _void_if_edited(actor, request)
    standing, now = selectors.standing_of(request), timezone.now()
    deadline = standing.deadline
    if deadline is None:
        return
    percent = passed_percent(selectors.started_at(request), deadline, now)
    steps = due(
        stage=standing.stage,
        percent=percent,
        reminders_sent=request.reminders_sent,
        is_escalated=standing.progress.current in request.escalated,
    )
    for step in steps:
        match step:
            case Step.EXPIRE:
                close(actor, request, RequestState.EXPIRED, "Nobody decided in time.")
            case Step.ESCALATE:
                _escalate(actor, request, standing.progress.current)
            case Step.REMIND:
                request.reminders_sent = reminders_due(percent)
                request.save(update_fields=["reminders_sent", "updated_at"])
                ask(request, Event.APPROVAL_REMINDER)


def _escalate(actor: Actor, request: ApprovalRequest, stage: int) -> None:
    request.escalated = [*request.escalated, stage]
    request.save(update_fields=["escalated", "updated_at"])
    audit(actor, AuditAction.REQUEST_ESCALATED, request, after={"stage": stage})
    ask(request, Event.APPROVAL_ESCALATED)


def _void_if_edited(actor: Actor, request: ApprovalRequest) -> None:
    if request.voided_at is not None:
        return
    drifts = [change.drift for change in selectors.changes_of(request) if change.drift]
    if not drifts:
        return
    request.voided_at = timezone.now()
    request.save(update_fields=["voided_at", "updated_at"])
    votes = request.votes.count()
    after = {"votes": votes, "why": drifts}
    audit(actor, AuditAction.VOTES_VOIDED, request, after=after)
    tell_voided(request, " ".join(drifts))
