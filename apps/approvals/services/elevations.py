"""Ask for an elevation: write it down, and open the request that decides on it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind
from apps.approvals.rules.subjects import Subject
from apps.approvals.services.requests import cancel_request
from apps.approvals.services.subjects import open_subject_request
from apps.audit.events import Actor
from apps.elevations import rules as elevation_rules
from apps.elevations import services as elevations
from apps.elevations.choices import ElevationState
from apps.elevations.errors import NotYoursError
from apps.elevations.models import Elevation, Eligibility
from apps.elevations.rules import ElevationSpec
from apps.elevations.selectors import elevation_by_id
from protocol.records import EntityRef


@transaction.atomic
def request_elevation(
    *, actor: Actor, requester: User, spec: ElevationSpec
) -> Elevation:
    """Ask to hold a role for minutes.

    Raises what elevations.services.prepare and open_subject_request raise; nothing is
    written then.
    """
    now = timezone.now()
    row = elevations.prepare(actor=actor, requester=requester, spec=spec, now=now)
    request = open_subject_request(actor=actor, subject=elevation_subject(row))
    elevations.attach_request(elevation_id=row.pk, request_id=request.pk)
    row.request_id = request.pk
    return row


@transaction.atomic
def extend_elevation(
    *, actor: Actor, requester: User, elevation_id: uuid.UUID
) -> Elevation:
    """Ask for as much time again, with the same words.

    It is a request like the first, and a grant of its own: neither ends the other.
    Raises what request_elevation raises.
    """
    row = elevation_by_id(elevation_id)
    spec = ElevationSpec(
        eligibility=row.eligibility_id,
        minutes=min(row.minutes, row.eligibility.terms.longest),
        reason=row.reason,
        ticket=row.ticket,
        extends=row.pk,
    )
    return request_elevation(actor=actor, requester=requester, spec=spec)


@transaction.atomic
def end_elevation(*, actor: Actor, elevation_id: uuid.UUID, reason: str = "") -> None:
    """Give up an elevation, whether it waits for approval, for activation or is active.

    Raises what cancelling a request and ending an elevation raise.
    """
    row = elevation_by_id(elevation_id)
    now = timezone.now()
    state = elevation_rules.state_at(row.clocks, now)
    if state is ElevationState.PENDING and row.request_id is not None:
        cancel_request(actor=actor, request_id=row.request_id, reason=reason)
    elif state is ElevationState.APPROVED:
        _require_own(actor, row)
        elevations.cancel(actor=actor, elevation_id=row.pk, reason=reason)
    else:
        elevations.end(actor=actor, elevation_id=row.pk, reason=reason, now=now)


def _require_own(actor: Actor, row: Elevation) -> None:
    if actor.kind != "user" or actor.id != str(row.requester_id):
        raise NotYoursError


def elevation_subject(row: Elevation) -> Subject:
    """Return what a request for an elevation is about, as approvers sign it."""
    scope = scope_of(row.eligibility)
    words = "More time for" if row.extends_id else "Elevation of"
    return Subject(
        kind=RequestKind.ELEVATION,
        id=row.pk,
        title=f"{words} {row.requester_name}: {row.eligibility.purpose}"[:160],
        reason=row.reason,
        beneficiary_id=row.requester_id,
        involved_ids=frozenset(),
        tier=row.tier,
        role=row.role.slug,
        scope=scope,
        risk=rules.risk_of_tier(row.tier),
        blast_radius=selectors.blast_radius(scope),
        fields={"reason": row.reason, "ticket": row.ticket, "source": "elevation"},
        document={
            "elevation": str(row.pk),
            "purpose": row.eligibility.purpose,
            "principal": {"type": row.principal.type, "id": row.principal.key},
            "role": row.role.slug,
            "scope": scope.to_dict() if scope else None,
            "minutes": row.minutes,
            "ticket": row.ticket,
            "extends": str(row.extends_id) if row.extends_id else None,
        },
        expires_at=row.requested_at + elevation_rules.PENDING,
    )


def preview_elevation(
    eligibility: Eligibility, requester: User
) -> selectors.FlowPreview:
    """Return who would be asked, without writing anything."""
    scope = scope_of(eligibility)
    subject = Subject(
        kind=RequestKind.ELEVATION,
        id=eligibility.pk,
        title=eligibility.purpose,
        reason="",
        beneficiary_id=requester.pk,
        involved_ids=frozenset(),
        tier=eligibility.role.tier,
        role=eligibility.role.slug,
        scope=scope,
        risk=rules.risk_of_tier(eligibility.role.tier),
        blast_radius=selectors.blast_radius(scope),
        fields={"source": "elevation"},
    )
    return selectors.preview_subject(subject, opener_id=requester.pk)


def scope_of(eligibility: Eligibility) -> EntityRef | None:
    """Return where an offered role counts; everywhere if it says nothing."""
    scope = eligibility.scope
    return EntityRef(scope.type, scope.key) if scope else None
