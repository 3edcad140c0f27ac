"""Questions about requests for access, in the open tenant."""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from apps.arap.choices import DRAFT, TaskStatus
from apps.arap.errors import UnknownTaskError
from apps.arap.models import AccessRequest
from apps.arap.rules.tasks import TaskFacts
from apps.elevations import rules as elevation_rules
from apps.elevations.choices import ElevationState


def is_on() -> bool:
    """Say whether the installation speaks the draft."""
    return bool(settings.PORTWARD_AUTHZEN_ACCESS_REQUEST == DRAFT)


def endpoint() -> str:
    """Return where requests are sent; never from what a caller says."""
    return f"{settings.PORTWARD_WEB_URL}{reverse('arap:requests')}"


def request_of(task_id: uuid.UUID, holder: str) -> AccessRequest:
    """Return a request of whoever sent it. Raises UnknownTaskError for all others."""
    found = (
        AccessRequest.objects.select_related("elevation__assignment")
        .filter(pk=task_id, holder=holder)
        .first()
    )
    if found is None:
        raise UnknownTaskError
    return found


def pending() -> QuerySet[AccessRequest]:
    """Return the requests whose end nobody has been told of."""
    return AccessRequest.objects.filter(status=TaskStatus.PENDING).select_related(
        "elevation__assignment", "elevation__eligibility"
    )


def state_of(row: AccessRequest, now: dt.datetime) -> ElevationState:
    """Return where the elevation truly stands."""
    elevation = row.elevation
    state = elevation_rules.state_at(elevation.clocks, now)
    assignment = elevation.assignment
    if assignment is not None and assignment.revoked_at is not None:
        return ElevationState.ENDED
    return state


def facts_of(row: AccessRequest, now: dt.datetime) -> TaskFacts:
    """Return what a task says of itself."""
    elevation = row.elevation
    base, assignment = settings.PORTWARD_WEB_URL, elevation.assignment
    until = elevation.ends_at
    if assignment is not None and assignment.revoked_at is not None and until:
        until = min(until, assignment.revoked_at)
    review = reverse(
        "admin:approvals_approvalrequest_change", args=[elevation.request_id]
    )
    return TaskFacts(
        id=str(row.pk),
        state=state_of(row, now),
        title=elevation.eligibility.purpose,
        status_endpoint=f"{base}{reverse('arap:task', args=[row.pk])}",
        cancel=f"{base}{reverse('arap:cancel', args=[row.pk])}",
        review=f"{base}{review}",
        expires_at=elevation_rules.deadline(elevation.clocks),
        approval_id=str(assignment.pk) if assignment else "",
        approved_at=elevation.activated_at,
        approved_until=until,
    )
