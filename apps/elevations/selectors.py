"""Questions about elevations, for the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db.models import Q, QuerySet

from apps.accounts.choices import TenantRole
from apps.accounts.selectors import members
from apps.elevations import rules
from apps.elevations.choices import OPEN_STATES, ElevationState
from apps.elevations.errors import ElevationNotFoundError, EligibilityNotFoundError
from apps.elevations.models import Elevation, Eligibility
from apps.roles import selectors as roles
from apps.roles.models import Principal
from apps.roles.rules import ancestry
from protocol.records import EligibilityRecord, EntityRef, Record


def eligibilities() -> QuerySet[Eligibility]:
    """Return everything that may be asked for, by purpose."""
    return Eligibility.objects.select_related(
        "role", "scope", "principal", "group", "holders"
    ).order_by("purpose", "pk")


def eligibilities_of(principal: Principal, now: dt.datetime) -> QuerySet[Eligibility]:
    """Return what a principal may ask for: by name, by group, or by what they hold.

    What is itself held for minutes opens no further door.
    """
    graph = roles.role_graph()
    standing = roles.live_assignments(now).filter(
        Q(start__isnull=True) | Q(start__lte=now),
        principal=principal,
        source="standing",
    )
    held = {
        slug
        for name in standing.values_list("role__slug", flat=True)
        for slug in ancestry(graph, name)
    }
    return (
        eligibilities()
        .filter(
            Q(principal=principal)
            | Q(group__members=principal)
            | Q(holders__slug__in=held),
            is_active=True,
        )
        .distinct()
    )


def eligibility_by_id(eligibility_id: uuid.UUID) -> Eligibility:
    """Return what may be asked for, or raise EligibilityNotFoundError."""
    try:
        return eligibilities().get(pk=eligibility_id)
    except Eligibility.DoesNotExist as error:
        raise EligibilityNotFoundError from error


def elevations() -> QuerySet[Elevation]:
    """Return all elevations, newest first."""
    return Elevation.objects.select_related(
        "eligibility", "role", "scope", "principal", "assignment", "extends"
    ).order_by("-requested_at", "-pk")


def elevation_by_id(elevation_id: uuid.UUID) -> Elevation:
    """Return an elevation or raise ElevationNotFoundError."""
    try:
        return elevations().get(pk=elevation_id)
    except Elevation.DoesNotExist as error:
        raise ElevationNotFoundError from error


def lock_elevation(elevation_id: uuid.UUID) -> Elevation:
    """Return an elevation with its row locked, or raise ElevationNotFoundError."""
    try:
        return elevations().select_for_update(of=("self",)).get(pk=elevation_id)
    except Elevation.DoesNotExist as error:
        raise ElevationNotFoundError from error


def elevations_of(user_id: uuid.UUID) -> QuerySet[Elevation]:
    """Return what a person asked for, newest first."""
    return elevations().filter(requester_id=user_id)


def active(*, now: dt.datetime, user_id: uuid.UUID | None = None) -> list[Elevation]:
    """Return the elevations that are in force now or will be; of one person if named.

    The soonest to end comes first.
    """
    found = elevations().filter(state=ElevationState.ACTIVE, ends_at__gt=now)
    if user_id is not None:
        found = found.filter(requester_id=user_id)
    return list(found.order_by("ends_at"))


def may_end(row: Elevation, user_id: uuid.UUID) -> bool:
    """Say whether a person may end an elevation before its time."""
    member = members().filter(user_id=user_id, user__is_active=True).first()
    return rules.may_end(
        person=user_id,
        holder=row.requester_id,
        approvers=row.approvers,
        is_security_admin=member is not None
        and TenantRole.SECURITY_ADMIN in member.roles,
    )


def open_elevations() -> QuerySet[Elevation]:
    """Return the elevations whose clocks still run, as far as is stored."""
    return elevations().filter(state__in=OPEN_STATES)


def by_assignment(assignment_id: uuid.UUID) -> Elevation | None:
    """Return the elevation that an assignment came from, if it did."""
    return elevations().filter(assignment_id=assignment_id).first()


def by_request(request_id: uuid.UUID) -> Elevation | None:
    """Return the elevation that an approval request is about, if it is."""
    return elevations().filter(request_id=request_id).first()


def live_records() -> list[Record]:
    """Return what may be asked for, as nodes tell of it."""
    found = (_record(row) for row in eligibilities().filter(is_active=True))
    # What is offered to a group of nobody is offered to nobody.
    return [record for record in found if record.principals or record.holders]


def _record(row: Eligibility) -> EligibilityRecord:
    people = [row.principal] if row.principal else []
    if row.group:
        people = list(row.group.members.order_by("type", "key"))
    return EligibilityRecord(
        str(row.pk),
        purpose=row.purpose,
        role=row.role.slug,
        tier=row.role.tier,
        minutes=row.terms.longest,
        scope=EntityRef(row.scope.type, row.scope.key) if row.scope else None,
        principals=tuple(EntityRef(who.type, who.key) for who in people),
        holders=row.holders.slug if row.holders else None,
    )
