"""Who may do something, and what somebody may do: searches made into tables."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from apps.approvals import selectors as approvals
from apps.approvals.choices import RequestKind
from apps.approvals.rules import Subject
from apps.core.errors import PortwardError
from apps.dashboard.rules import Permitted
from apps.elevations import selectors as elevations
from apps.policies.models import Policy
from apps.roles.models import Assignment, Principal, Resource, Role, SeparationSet
from apps.scopes.models import Location, TimeWindow
from apps.simulation.selectors import World
from engine.decide import Decision, Request
from engine.explain import Explanation
from engine.roles import closure
from engine.search import Query, Sought
from protocol.records import EntityRef

MOST_ASKED = 20_000
_PLACEHOLDER = "-"
_MOST_REMEDIES = 8


@dataclass(frozen=True)
class Answers:
    """What was found; `is_whole` is False when the search had to stop."""

    rows: tuple[Permitted, ...]
    is_whole: bool = True


def who(world: World, request: Request, kinds: Sequence[str]) -> Answers:
    """Return the principals of some types that may do something."""
    queries = [
        Query(
            Sought.SUBJECT,
            replace(request, principal=EntityRef(kind, _PLACEHOLDER)),
        )
        for kind in kinds
    ]
    return _search(world, queries)


def what(world: World, request: Request, kinds: Sequence[str] = ()) -> Answers:
    """Return everything that a principal may do, by resource and action."""
    types = kinds or sorted({entity.type for entity in world.resources})
    queries = [
        Query(
            Sought.RESOURCE,
            replace(request, action=action, resource=EntityRef(kind, _PLACEHOLDER)),
        )
        for kind in types
        for action in world.actions
    ]
    found = _search(world, queries)
    rows = sorted(found.rows, key=lambda row: (row.resource, row.action))
    return Answers(tuple(rows), found.is_whole)


def actions(world: World, request: Request) -> Answers:
    """Return the actions that a principal may do to a resource."""
    return _search(world, [Query(Sought.ACTION, request)])


def _search(world: World, queries: Sequence[Query]) -> Answers:
    found: list[Permitted] = []
    asked = 0
    for query in queries:
        for name in world.searcher.candidates(query):
            if asked == MOST_ASKED:
                return Answers(tuple(found), is_whole=False)
            asked += 1
            request = query.filled(name)
            decision = world.engine.decide(request)
            if decision.allowed:
                found.append(_permitted(world, request, decision))
    return Answers(tuple(found))


def _permitted(world: World, request: Request, decision: Decision) -> Permitted:
    return Permitted(
        request.principal,
        request.action,
        request.resource,
        decision.determining,
        tuple(world.assignments[ident] for ident in decision.grants),
    )


@dataclass(frozen=True)
class Remedy:
    """A way to a role that is missing: what may be asked for, or who would decide."""

    role: str
    purposes: tuple[str, ...]
    approvers: tuple[str, ...]


def remedies(
    world: World, explanation: Explanation, now: dt.datetime
) -> tuple[Remedy, ...]:
    """Return for each role that would do how the principal could come by it."""
    ref = explanation.request.principal
    row = Principal.objects.filter(type=ref.type, key=ref.id).first()
    offers = [] if row is None else list(elevations.eligibilities_of(row, now))
    parents = world.engine.entities.holdings.parents
    return tuple(
        Remedy(
            role,
            tuple(
                str(offer.purpose)
                for offer in offers
                if role in closure([offer.role.slug], parents)
            ),
            _approvers(role, None if row is None else row.user_id),
        )
        for role in explanation.roles[:_MOST_REMEDIES]
    )


def _approvers(role: str, beneficiary_id: uuid.UUID | None) -> tuple[str, ...]:
    """Return who would be asked for an assignment of a role."""
    found = Role.objects.filter(slug=role).first()
    if found is None:
        return ()
    subject = Subject(
        kind=RequestKind.ASSIGNMENT,
        id=uuid.uuid4(),
        title=role,
        reason="",
        beneficiary_id=beneficiary_id,
        involved_ids=frozenset(),
        tier=found.tier,
        role=role,
        scope=None,
    )
    try:
        preview = approvals.preview_subject(subject)
    except PortwardError:
        return ()
    names = {name for stage in preview.stages for name in stage.names}
    return tuple(sorted(names))


@dataclass(frozen=True)
class Rows:
    """The rows that exist now for names of the past; others have no page."""

    names: Mapping[EntityRef, str]
    principals: Mapping[EntityRef, uuid.UUID]
    resources: Mapping[EntityRef, uuid.UUID]
    roles: Mapping[str, uuid.UUID]
    policies: Mapping[str, uuid.UUID]
    assignments: frozenset[str]
    windows: Mapping[str, uuid.UUID]
    locations: Mapping[str, uuid.UUID]
    separations: Mapping[str, uuid.UUID]


def rows_of(
    permitted: Sequence[Permitted] = (), explanation: Explanation | None = None
) -> Rows:
    """Return the rows behind the names on a page."""
    principals = {row.principal.id for row in permitted}
    resources = {row.resource.id for row in permitted}
    grants = {grant.id for row in permitted for grant in row.grants}
    if explanation is not None:
        principals.add(explanation.request.principal.id)
        resources.add(explanation.request.resource.id)
        steps = (*explanation.permits, *explanation.forbids, *explanation.near)
        for one in explanation.separations:
            grants.update(record.id for record in one.grants)
        todo = [grant for step in steps for grant in step.grants]
        while todo:
            grant = todo.pop()
            todo.extend(grant.lender)
            grants.add(grant.assignment.id)
            principals.add(grant.assignment.principal.id)
            if grant.assignment.scope:
                resources.add(grant.assignment.scope.id)
    ids = [uuid.UUID(ident) for ident in grants]
    live = Assignment.objects.filter(pk__in=ids, revoked_at__isnull=True)
    known = Principal.objects.filter(key__in=principals)
    people = {EntityRef(row.type, row.key): row for row in known}
    return Rows(
        names={ref: row.name for ref, row in people.items() if row.name},
        principals={ref: row.pk for ref, row in people.items()},
        resources={
            EntityRef(kind, key): pk
            for kind, key, pk in Resource.objects.filter(key__in=resources).values_list(
                "type", "key", "pk"
            )
        },
        roles=dict(Role.objects.values_list("slug", "pk")),
        policies=dict(Policy.objects.values_list("slug", "pk")),
        assignments=frozenset(str(pk) for pk in live.values_list("pk", flat=True)),
        windows=dict(TimeWindow.objects.values_list("slug", "pk")),
        locations=dict(Location.objects.values_list("slug", "pk")),
        separations=dict(SeparationSet.objects.values_list("slug", "pk")),
    )
