"""Which roles are kept apart, who is excepted, and who holds too much all the same."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet

from apps.roles.choices import SeparationKind
from apps.roles.errors import SeparationNotFoundError
from apps.roles.models import (
    Assignment,
    Principal,
    Resource,
    Role,
    SeparationException,
    SeparationSet,
)
from apps.roles.rules.graph import RoleGraph
from apps.roles.rules.separation import Refusal, SeparationSpec, Waiver, broken_sets
from apps.roles.selectors.access import instant, live_assignments, role_graph
from protocol import records
from protocol.records import EntityRef


@dataclass(frozen=True)
class Violation:
    """A principal who holds more of a set than it allows, and what excuses it."""

    separation: SeparationSet
    principal: Principal
    roles: tuple[str, ...]
    exception: SeparationException | None


def separations() -> QuerySet[SeparationSet]:
    """Return all sets with their roles."""
    return (
        SeparationSet.objects.select_related("owner")
        .prefetch_related(Prefetch("roles", Role.objects.order_by("slug")))
        .order_by("slug")
    )


def separation_by_id(separation_id: uuid.UUID) -> SeparationSet:
    """Return a set or raise SeparationNotFoundError."""
    row = separations().filter(pk=separation_id).first()
    if row is None:
        raise SeparationNotFoundError
    return row


def separation_spec(row: SeparationSet) -> SeparationSpec:
    """Return a set as the rules see it."""
    return SeparationSpec(
        row.slug,
        row.name,
        row.kind,
        tuple(role.slug for role in row.roles.all()),
        row.limit,
        row.is_active,
    )


def separation_specs() -> list[SeparationSpec]:
    """Return the sets that are in force, as the rules see them."""
    return [separation_spec(row) for row in separations().filter(is_active=True)]


def open_exceptions(now: dt.datetime) -> QuerySet[SeparationException]:
    """Return the exceptions that hold now."""
    return (
        SeparationException.objects.filter(ended_at__isnull=True, until__gt=now)
        .select_related("separation", "principal", "owner")
        .order_by("until", "pk")
    )


def waivers_of(principal: Principal, now: dt.datetime) -> list[Waiver]:
    """Return the exceptions of one principal as the rules see them."""
    rows = open_exceptions(now).filter(principal=principal)
    return [Waiver(row.separation.slug, row.until) for row in rows]


def held_by(principal: Principal, now: dt.datetime) -> QuerySet[Assignment]:
    """Return what a principal holds or will hold."""
    return live_assignments(now).filter(principal=principal)


def used_with(
    principal: Principal,
    scope: Resource | None,
    period: tuple[dt.datetime, dt.datetime | None],
) -> list[list[Assignment]]:
    """Return, place by place, what can count together with a grant in a period."""
    start, end = period
    rows = held_by(principal, start)
    if end is not None:
        rows = rows.filter(Q(start__isnull=True) | Q(start__lt=end))
    return _by_place(list(rows), _inside(scope) if scope else None)


def violations(now: dt.datetime) -> list[Violation]:
    """Return who holds more of a set now than it allows, excused or not."""
    graph = role_graph()
    sets = {row.slug: row for row in separations().filter(is_active=True)}
    excused = {
        (row.separation.slug, row.principal_id): row for row in open_exceptions(now)
    }
    found = [
        Violation(
            sets[broken.separation.slug],
            principal,
            broken.roles,
            excused.get((broken.separation.slug, principal.pk)),
        )
        for principal, held in _held_now(now).values()
        for broken in _broken(held, sets, now, graph)
    ]
    return sorted(found, key=lambda v: (v.separation.slug, v.principal.key))


def separation_records(now: dt.datetime) -> list[records.Record]:
    """Return the sets in force with their exceptions, as releases carry them."""
    waivers: dict[uuid.UUID, list[records.Waiver]] = {}
    for row in open_exceptions(now):
        ref = EntityRef(row.principal.type, row.principal.key)
        waiver = records.Waiver(ref, instant(row.until) or "")
        waivers.setdefault(row.separation_id, []).append(waiver)
    return [
        records.SeparationRecord(
            row.slug,
            name=row.name,
            kind=row.kind,
            roles=tuple(role.slug for role in row.roles.all()),
            limit=row.limit,
            waivers=tuple(
                sorted(waivers.get(row.pk, ()), key=lambda w: str(w.principal))
            ),
        )
        for row in separations().filter(is_active=True)
    ]


def _held_now(
    now: dt.datetime,
) -> dict[uuid.UUID, tuple[Principal, list[Assignment]]]:
    found: dict[uuid.UUID, tuple[Principal, list[Assignment]]] = {}
    running = live_assignments(now).filter(Q(start__isnull=True) | Q(start__lte=now))
    for row in running:
        found.setdefault(row.principal_id, (row.principal, []))[1].append(row)
    return found


def _broken(
    held: list[Assignment],
    sets: dict[str, SeparationSet],
    now: dt.datetime,
    graph: RoleGraph,
) -> list[Refusal]:
    """Return what is broken: static sets anywhere, dynamic ones in one place."""
    specs = [separation_spec(row) for row in sets.values()]
    static = [one for one in specs if one.kind == SeparationKind.STATIC]
    dynamic = [one for one in specs if one.kind == SeparationKind.DYNAMIC]
    found = broken_sets([row.role.slug for row in held], static, (), now, graph)
    if not broken_sets([row.role.slug for row in held], dynamic, (), now, graph):
        return found
    seen: dict[str, Refusal] = {}
    for together in _by_place(held, None):
        roles = [row.role.slug for row in together]
        for one in broken_sets(roles, dynamic, (), now, graph):
            seen.setdefault(one.separation.slug, one)
    return [*found, *seen.values()]


def _by_place(
    held: list[Assignment], within: set[uuid.UUID] | None
) -> list[list[Assignment]]:
    """Return what counts together: everywhere, and in each place of its own."""
    inside = {row.pk: _inside(row.scope) for row in held if row.scope}
    places = set().union(*inside.values()) if within is None else within
    found = {frozenset(row.pk for row in held if row.pk not in inside)}
    for place in places:
        found.add(
            frozenset(
                row.pk
                for row in held
                if row.pk not in inside or place in inside[row.pk]
            )
        )
    return [[row for row in held if row.pk in together] for together in found]


def _inside(scope: Resource) -> set[uuid.UUID]:
    """Return a place and, for a group, all that lies in it."""
    return {scope.pk, *scope.members.values_list("pk", flat=True)}
