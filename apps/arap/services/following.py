"""Follow what becomes of a request for access, and withdraw it."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.approvals import services as approvals
from apps.arap import selectors
from apps.arap.errors import InvalidTaskStateError, TaskExpiredError
from apps.arap.events import ArapAction, Topic
from apps.arap.models import AccessRequest
from apps.arap.rules.tasks import may_cancel, status_of
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.core.errors import PortwardError
from apps.elevations import services as elevations
from apps.elevations.choices import ElevationState
from apps.outbox.choices import Lane
from apps.outbox.services import enqueue


@transaction.atomic
def cancel(*, actor: Actor, task_id: uuid.UUID, holder: str) -> AccessRequest:
    """Withdraw a request that nobody holds anything by yet.

    Raises UnknownTaskError, TaskExpiredError and InvalidTaskStateError.
    """
    row = selectors.request_of(task_id, holder)
    now = timezone.now()
    state = selectors.state_of(row, now)
    if state is ElevationState.EXPIRED:
        raise TaskExpiredError
    if not may_cancel(state):
        raise InvalidTaskStateError
    reason = "Withdrawn by the program that asked."
    if state is ElevationState.PENDING and row.elevation.request_id:
        approvals.cancel_request(
            actor=actor, request_id=row.elevation.request_id, reason=reason
        )
    else:
        elevations.cancel(actor=actor, elevation_id=row.elevation.pk, reason=reason)
    audit.append(
        actor=actor,
        action=ArapAction.CANCELLED,
        target_type="AccessRequest",
        target_id=str(row.pk),
    )
    return _note(_locked(row.pk), now)


@transaction.atomic
def follow(*, actor: Actor, request_id: uuid.UUID) -> AccessRequest:
    """Begin what was approved if it begins by itself, and tell of an end.

    What begins by itself is the requester's own act, announced when they asked;
    `actor` is only who looked.
    """
    del actor
    row = _locked(request_id)
    now = timezone.now()
    is_approved = selectors.state_of(row, now) is ElevationState.APPROVED
    if row.activates and is_approved:
        _activate(row, now)
        row = _locked(request_id)
    return _note(row, now)


def _activate(row: AccessRequest, now: dt.datetime) -> None:
    requester = User.objects.filter(
        pk=row.elevation.requester_id, is_active=True
    ).first()
    if requester is None:
        return
    try:
        with transaction.atomic():
            elevations.activate(
                actor=actor_for(requester, credential=f"access request {row.pk}"),
                elevation_id=row.elevation.pk,
                now=now,
            )
    except PortwardError:
        # The offer is gone meanwhile: it runs out by itself, and the task says so.
        return


def _note(row: AccessRequest, now: dt.datetime) -> AccessRequest:
    status = status_of(selectors.state_of(row, now))
    if status == row.status:
        return row
    row.status = status
    row.save(update_fields=["status"])
    if row.callback_url and status in row.callback_events:
        enqueue(topic=Topic.CALLBACK, payload={"request": str(row.pk)}, lane=Lane.BULK)
    return row


def _locked(request_id: uuid.UUID) -> AccessRequest:
    return (
        AccessRequest.objects.select_for_update(of=("self",))
        .select_related("elevation__assignment", "elevation__eligibility")
        .get(pk=request_id)
    )
