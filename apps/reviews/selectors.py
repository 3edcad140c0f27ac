"""What is reviewed, by whom, how far it is, and what would be lost."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Min, Q, QuerySet

from apps.accounts.choices import TenantRole
from apps.accounts.models import User
from apps.accounts.rules import role_allows
from apps.accounts.selectors import members, roles_in_scope
from apps.delegations.selectors import assignment_records, place_of
from apps.distribution.models import GrantUse
from apps.distribution.selectors import decisions
from apps.reviews import rules
from apps.reviews.choices import RunState, Verdict
from apps.reviews.errors import ReviewNotFoundError
from apps.reviews.models import Campaign, Item, Run
from apps.reviews.rules import Subject
from apps.roles.models import Assignment, Principal
from apps.roles.rules import RoleGraph
from apps.roles.selectors import live_assignments, names_of, owners_of, role_graph
from engine.roles import Holdings
from protocol.records import AssignmentRecord, EntityRef, Permission

EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    total: int
    answered: int
    to_revoke: int

    @property
    def percent(self) -> int:
        """Return how much is answered, in percent."""
        return self.answered * 100 // self.total if self.total else 0


@dataclass(frozen=True)
class Loss:
    """What somebody would not be able to do any more, and where."""

    principal: str
    place: str
    permissions: tuple[str, ...]
    is_borrower: bool


def campaigns() -> QuerySet[Campaign]:
    """Return all campaigns, by name."""
    return Campaign.objects.prefetch_related("named").order_by("name")


def campaign_by_id(campaign_id: uuid.UUID) -> Campaign:
    """Return a campaign or raise ReviewNotFoundError."""
    row = campaigns().filter(pk=campaign_id).first()
    if row is None:
        raise ReviewNotFoundError
    return row


def matching(campaign: Campaign, now: dt.datetime) -> QuerySet[Assignment]:
    """Return the assignments that a campaign asks about."""
    found = live_assignments(now).prefetch_related("scope__groups")
    if campaign.roles:
        found = found.filter(role__slug__in=campaign.roles)
    if campaign.tiers:
        found = found.filter(role__tier__in=campaign.tiers)
    if campaign.sources:
        found = found.filter(source__in=campaign.sources)
    if campaign.scopes:
        found = found.filter(_in_scopes(campaign.scopes))
    return found


def runs() -> QuerySet[Run]:
    """Return all runs, the newest first, with how far they are."""
    return (
        Run.objects.select_related("campaign")
        .annotate(
            total=Count("items"),
            answered=Count("items", filter=~Q(items__verdict="")),
        )
        .order_by("-opened_at")
    )


def runs_visible_to(user: User | None) -> QuerySet[Run]:
    """Return all runs for who sees the console, else those that ask the person."""
    if user is None or role_allows(roles_in_scope(user), "view"):
        return runs()
    asked = Item.objects.filter(reviewers=user.pk).values("run_id")
    return runs().filter(pk__in=asked)


def run_by_id(run_id: uuid.UUID) -> Run:
    """Return a run or raise ReviewNotFoundError."""
    row = runs().filter(pk=run_id).first()
    if row is None:
        raise ReviewNotFoundError
    return row


def items_of(run: Run) -> QuerySet[Item]:
    """Return what a run asks, with all that a page shows of it."""
    return (
        Item.objects.filter(run=run)
        .select_related(
            *("assignment__principal", "assignment__role", "assignment__scope"),
            "decided_by",
        )
        .prefetch_related("reviewers")
        .order_by("assignment__principal__key", "assignment__role__slug", "pk")
    )


def items_for(run: Run, user: User) -> QuerySet[Item]:
    """Return what a person is asked in a run."""
    return items_of(run).filter(reviewers=user.pk)


def open_runs_for(user: User) -> QuerySet[Run]:
    """Return the open runs that ask a person, with how much they have answered."""
    mine = Q(items__reviewers=user.pk)
    return (
        Run.objects.select_related("campaign")
        .filter(state=RunState.OPEN)
        .annotate(
            total=Count("items", filter=mine),
            answered=Count("items", filter=mine & ~Q(items__verdict="")),
        )
        .filter(total__gt=0)
        .order_by("closes_at")
    )


def progress(run: Run, items: Iterable[Item]) -> Progress:
    """Return how far a run is, and how many assignments it would revoke now."""
    rows = list(items)
    return Progress(
        total=len(rows),
        answered=sum(bool(row.verdict) for row in rows),
        to_revoke=len(to_revoke(run, rows)),
    )


def to_revoke(run: Run, items: Iterable[Item]) -> list[Item]:
    """Return what would be revoked if the run were applied now."""
    return [
        row
        for row in items
        if row.assignment.revoked_at is None
        and rules.outcome(row.verdict, run.silence, row.advice) is Verdict.REVOKE
    ]


def subject_of(row: Assignment, managers: dict[uuid.UUID, uuid.UUID]) -> Subject:
    """Return whose assignment it is, and who is near them."""
    scope = row.scope
    return Subject(
        row.principal.user_id,
        managers.get(row.principal_id),
        owners_of(EntityRef(scope.type, scope.key)) if scope else frozenset(),
    )


def managers() -> dict[uuid.UUID, uuid.UUID]:
    """Return the manager, as a person, of each principal that has one."""
    rows = Principal.objects.filter(manager__user__isnull=False)
    return dict(rows.values_list("pk", "manager__user_id"))


def security_admins() -> frozenset[uuid.UUID]:
    """Return who is asked when nobody else is left."""
    rows = members().filter(
        roles__contains=[TenantRole.SECURITY_ADMIN.value], user__is_active=True
    )
    return frozenset(rows.values_list("user_id", flat=True))


def known_from() -> dt.datetime | None:
    """Return since when it is known at least which assignments are used."""
    first = decisions().order_by().aggregate(at=Min("first_at"))["at"]
    used = GrantUse.objects.aggregate(at=Min("last_at"))["at"]
    return min((moment for moment in (first, used) if moment), default=None)


def preview(items: Sequence[Item], now: dt.datetime) -> list[Loss]:
    """Return who could not do what any more if these assignments were revoked.

    What somebody still holds by another assignment is not lost. Who borrows from them
    is looked at too, since a loan counts only while its delegator holds the role.
    """
    revoked = {str(row.assignment_id) for row in items}
    before = assignment_records(now)
    after = [record for record in before if record.id not in revoked]
    direct = {record.principal for record in before if record.id in revoked}
    affected = _with_borrowers(direct, before)
    graph = role_graph()
    parents = {slug: node.parents for slug, node in graph.items()}
    comparison = Holdings(before, parents), Holdings(after, parents)
    places = _places(now, before, affected)
    names = names_of(affected)
    return [
        Loss(
            names.get(who, f"{who.type} {who.id}"),
            place,
            _words(lost),
            who not in direct,
        )
        for who in sorted(affected)
        for place, lost in _lost(comparison, graph, who, places, now).items()
    ]


def _lost(
    comparison: tuple[Holdings, Holdings],
    graph: RoleGraph,
    who: EntityRef,
    places: dict[str, frozenset[EntityRef]],
    now: dt.datetime,
) -> dict[str, frozenset[Permission]]:
    """Return what is lost where; what is lost everywhere is not said again."""
    found: dict[str, frozenset[Permission]] = {}
    for name, place in places.items():
        had, has = (
            _permissions(graph, each.roles(who, now, place)) for each in comparison
        )
        lost = had - has - found.get(EVERYWHERE, frozenset())
        if lost:
            found[name] = lost
    return found


def _permissions(graph: RoleGraph, roles: Iterable[str]) -> frozenset[Permission]:
    return frozenset(
        each for slug in roles if slug in graph for each in graph[slug].permissions
    )


def _words(permissions: Iterable[Permission]) -> tuple[str, ...]:
    return tuple(sorted(f"{p.action} on {p.resource_type}" for p in permissions))


def _with_borrowers(
    start: Iterable[EntityRef], records: Iterable[AssignmentRecord]
) -> set[EntityRef]:
    found, known = set(start), list(records)
    while more := {
        each.principal
        for each in known
        if each.delegator in found and each.principal not in found
    }:
        found |= more
    return found


def _places(
    now: dt.datetime, records: Iterable[AssignmentRecord], people: set[EntityRef]
) -> dict[str, frozenset[EntityRef]]:
    """Return where these people hold anything, everywhere first."""
    wanted = {each.scope for each in records if each.principal in people}
    found: dict[str, frozenset[EntityRef]] = {EVERYWHERE: frozenset()}
    rows = live_assignments(now).filter(scope__isnull=False)
    for row in rows.prefetch_related("scope__groups"):
        place = place_of(row.scope)
        if place.ref in wanted and place.ref is not None:
            found[f"{place.ref.type} {place.ref.id}"] = place.groups | {place.ref}
    return found


def _in_scopes(scopes: Iterable[str]) -> Q:
    found = Q(pk__in=[])
    for scope in scopes:
        kind, _, key = scope.partition("::")
        if scope == EVERYWHERE:
            found |= Q(scope__isnull=True)
        else:
            found |= Q(scope__type=kind, scope__key=key)
    return found
