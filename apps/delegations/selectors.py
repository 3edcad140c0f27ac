"""What is lent, borrowed and offered, what may be lent, and who stands in."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.accounts.rules import role_allows
from apps.accounts.selectors import members, roles_in_scope
from apps.delegations import rules
from apps.delegations.choices import LoanState
from apps.delegations.errors import LoanNotFoundError
from apps.delegations.models import ApproverAbsence, Delegation, DelegationPolicy
from apps.delegations.rules import Holding, Limits, Place
from apps.roles.choices import AssignmentSource
from apps.roles.models import RESOURCE_GROUP, Principal, Resource
from apps.roles.selectors import live_assignments, role_graph
from engine.roles import Holdings
from protocol.records import AssignmentRecord, EntityRef

_OPEN = (LoanState.OFFERED, LoanState.ACCEPTED)


@dataclass(frozen=True)
class Branch:
    """A delegation, where it stands, and what was passed on from it."""

    row: Delegation
    state: LoanState
    is_idle: bool
    branches: list[Branch]


def limits() -> Limits:
    """Return what the open tenant allows."""
    row = DelegationPolicy.objects.first()
    return row.limits if row else Limits()


def delegations() -> QuerySet[Delegation]:
    """Return all delegations, the newest first."""
    return Delegation.objects.select_related(
        *("delegator__user", "delegate__user", "role", "scope", "assignment"),
        *("parent__delegator", "parent__delegate"),
    ).order_by("-created_at")


def open_delegations(now: dt.datetime) -> QuerySet[Delegation]:
    """Return the delegations that are offered or run, or will."""
    return delegations().filter(state__in=_OPEN, end__gt=now)


def visible_to(user: User | None) -> QuerySet[Delegation]:
    """Return what a person may read: all with the console, else what concerns them.

    A program that stands for nobody reads what its token lets it.
    """
    if user is None or role_allows(roles_in_scope(user), "view"):
        return delegations()
    return delegations_of(user.pk)


def absences_visible_to(user: User | None) -> QuerySet[ApproverAbsence]:
    """Return the absences that a person may read, as with delegations."""
    if user is None or role_allows(roles_in_scope(user), "view"):
        return absences()
    return absences_of(user.pk)


def trees(rows: Iterable[Delegation], now: dt.datetime) -> list[Branch]:
    """Return delegations with what was passed on from each, as deep as it goes."""
    known = list(rows)
    ids = {row.pk for row in known}
    below: dict[uuid.UUID, list[Delegation]] = {}
    for row in open_delegations(now):
        if row.parent_id is not None:
            below.setdefault(row.parent_id, []).append(row)
    unused = idle([*known, *(row for rows in below.values() for row in rows)], now)

    def branch(row: Delegation) -> Branch:
        parts = [branch(each) for each in below.get(row.pk, [])]
        return Branch(row, row.state_at(now), row.pk in unused, parts)

    return [branch(row) for row in known if row.parent_id not in ids]


def borrowers(user_id: uuid.UUID) -> list[Principal]:
    """Return whom a person can lend to: whoever else signs in to this tenant."""
    people = members().filter(user__is_active=True).values("user_id")
    found = Principal.objects.filter(user_id__in=people).exclude(user_id=user_id)
    return list(found.select_related("user").order_by("name", "key"))


def other_approvers(user: User) -> list[User]:
    """Return who can stand in for an approver."""
    rows = members().exclude(user_id=user.pk)
    return [row.user for row in rows if may_vote(row.user)]


def delegation_by_id(delegation_id: uuid.UUID) -> Delegation:
    """Return a delegation or raise LoanNotFoundError."""
    row = delegations().filter(pk=delegation_id).first()
    if row is None:
        raise LoanNotFoundError
    return row


def delegations_of(user_id: uuid.UUID) -> QuerySet[Delegation]:
    """Return what a person lends, borrows, or could."""
    return delegations().filter(
        Q(delegator__user_id=user_id) | Q(delegate__user_id=user_id)
    )


def absences() -> QuerySet[ApproverAbsence]:
    """Return all absences, the latest first."""
    return ApproverAbsence.objects.select_related("approver", "stand_in").order_by(
        "-start"
    )


def absences_of(user_id: uuid.UUID) -> QuerySet[ApproverAbsence]:
    """Return a person's own absences, and those they stand in for."""
    return absences().filter(Q(approver_id=user_id) | Q(stand_in_id=user_id))


def absence_by_id(absence_id: uuid.UUID) -> ApproverAbsence:
    """Return an absence or raise LoanNotFoundError."""
    row = absences().filter(pk=absence_id).first()
    if row is None:
        raise LoanNotFoundError("There is no such absence.")
    return row


def standins(now: dt.datetime) -> Mapping[uuid.UUID, frozenset[uuid.UUID]]:
    """Return who stands in for which absent approver now.

    Both still have to be approvers: nobody passes on a vote that they lost, and an
    absence makes nobody an approver.
    """
    found: dict[uuid.UUID, frozenset[uuid.UUID]] = {}
    rows = absences().filter(
        state=LoanState.ACCEPTED, start__lte=now, end__gt=now, ended_at__isnull=True
    )
    for row in rows:
        if may_vote(row.approver) and may_vote(row.stand_in):
            known = found.get(row.approver_id, frozenset())
            found[row.approver_id] = known | {row.stand_in_id}
    return found


def may_vote(user: User) -> bool:
    """Say whether a person is an approver of the open tenant who can work now."""
    return user.is_active and role_allows(roles_in_scope(user), "vote")


def place_of(scope: Resource | None) -> Place:
    """Return a scope with the groups it sits in."""
    if scope is None:
        return Place()
    groups = frozenset(EntityRef(group.type, group.key) for group in scope.groups.all())
    return Place(EntityRef(scope.type, scope.key), groups)


def holdings_of(principal: Principal, now: dt.datetime) -> list[Holding]:
    """Return what a principal could lend: what they hold for themselves, or borrowed.

    An elevation or a broken glass is meant for one person and never lent.
    """
    rows = live_assignments(now).filter(
        principal=principal,
        source__in=[AssignmentSource.STANDING, AssignmentSource.DELEGATION],
    )
    loans = {
        row.assignment_id: row
        for row in delegations().filter(delegate=principal, state=LoanState.ACCEPTED)
    }
    found = []
    for row in rows:
        scope = EntityRef(row.scope.type, row.scope.key) if row.scope else None
        holding = Holding(row.role.slug, scope, row.start, row.end)
        if row.source == AssignmentSource.STANDING:
            found.append(holding)
        elif row.pk in loans:
            found.append(_borrowed(holding, loans[row.pk]))
    return found


def lendable(principal: Principal, now: dt.datetime) -> list[tuple[str, str]]:
    """Return what a principal may lend: role and scope, as Type::key or nothing."""
    pairs = rules.lendable_roles(holdings_of(principal, now), role_graph(), limits())
    return [(role, f"{ref.type}::{ref.id}" if ref else "") for role, ref in pairs]


def places_inside(scope: Resource | None) -> QuerySet[Resource]:
    """Return the resources that lie in a scope, itself among them."""
    found = Resource.objects.order_by("type", "key")
    if scope is None:
        return found
    if scope.type != RESOURCE_GROUP:
        return found.filter(pk=scope.pk)
    return found.filter(Q(pk=scope.pk) | Q(groups=scope)).distinct()


def idle(rows: list[Delegation], now: dt.datetime) -> frozenset[uuid.UUID]:
    """Return which accepted delegations do not count now, as the nodes see it."""
    parents = {slug: node.parents for slug, node in role_graph().items()}
    holdings = Holdings(assignment_records(now), parents)
    found = set()
    for row in rows:
        if row.state_at(now) is not LoanState.ACCEPTED or row.start > now:
            continue
        place = place_of(row.scope)
        places = place.groups | ({place.ref} if place.ref else set())
        who = EntityRef(row.delegate.type, row.delegate.key)
        ids = {grant.id for grant in holdings.counting(who, now, places)}
        if str(row.assignment_id) not in ids:
            found.add(row.pk)
    return frozenset(found)


def assignment_records(now: dt.datetime) -> list[AssignmentRecord]:
    """Return what is assigned as the engine reads it."""
    return [
        AssignmentRecord(
            str(row.pk),
            principal=EntityRef(row.principal.type, row.principal.key),
            role=row.role.slug,
            scope=EntityRef(row.scope.type, row.scope.key) if row.scope else None,
            start=row.start.isoformat() if row.start else None,
            end=row.end.isoformat() if row.end else None,
            source=row.source,
            delegator=EntityRef(row.delegator.type, row.delegator.key)
            if row.delegator
            else None,
        )
        for row in live_assignments(now)
    ]


def _borrowed(holding: Holding, loan: Delegation) -> Holding:
    behind = {loan.delegator}
    if loan.parent is not None:
        behind.add(loan.parent.delegator)
    return Holding(
        holding.role,
        holding.scope,
        holding.start,
        holding.end,
        delegation=loan.pk,
        may_redelegate=loan.may_redelegate,
        depth=loan.depth,
        behind=frozenset(EntityRef(who.type, who.key) for who in behind),
    )
