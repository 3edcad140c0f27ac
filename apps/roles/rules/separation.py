"""Roles that one principal must not hold, or not use, together (NIST RBAC, level 3).

Who holds a role holds what it inherits, so a role counts for every set that it or
something above it is in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from apps.roles.choices import SeparationKind
from apps.roles.errors import (
    RoleUnholdableError,
    SeparationSetInvalidError,
    UnknownRoleError,
)
from apps.roles.rules.entries import check_name
from apps.roles.rules.graph import RoleGraph, ancestry
from apps.roles.rules.roles import check_slug

_FEWEST_ROLES = 2


@dataclass(frozen=True)
class SeparationSpec:
    """Roles of which one principal has at most `limit`."""

    slug: str
    name: str
    kind: str
    roles: tuple[str, ...]
    limit: int = 1
    is_active: bool = True


@dataclass(frozen=True)
class Waiver:
    """A principal's exception from a set, which ends at an instant."""

    separation: str
    until: dt.datetime


@dataclass(frozen=True)
class Refusal:
    """Which roles of which set would come together."""

    separation: SeparationSpec
    roles: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Say it in one sentence."""
        named = " and ".join(f"“{role}”" for role in self.roles)
        words = SeparationKind(self.separation.kind).label.lower()
        most = (
            "one of them" if self.separation.limit == 1 else f"{self.separation.limit}"
        )
        return (
            f"“{self.separation.name}” keeps {named} apart: {words}, "
            f"one principal has at most {most}."
        )


def check_separation(  # everything the answer depends on
    held_roles: Iterable[str],
    wanted_role: str,
    sets: Iterable[SeparationSpec],
    exceptions: Iterable[Waiver],
    now: dt.datetime,
    graph: RoleGraph,
) -> Refusal | None:
    """Say why a principal who holds these roles must not get one more, if so.

    `exceptions` are the principal's own.
    """
    wanted = {wanted_role, *ancestry(graph, wanted_role)}
    concerned = [s for s in sets if not wanted.isdisjoint(s.roles)]
    found = broken_sets([*held_roles, wanted_role], concerned, exceptions, now, graph)
    return found[0] if found else None


def broken_sets(
    held_roles: Iterable[str],
    sets: Iterable[SeparationSpec],
    exceptions: Iterable[Waiver],
    now: dt.datetime,
    graph: RoleGraph,
) -> list[Refusal]:
    """Return the sets of which somebody with these roles holds too much."""
    held: set[str] = set()
    for role in held_roles:
        held |= {role, *ancestry(graph, role)}
    waived = {waiver.separation for waiver in exceptions if now < waiver.until}
    return [
        Refusal(one, tuple(sorted(held.intersection(one.roles))))
        for one in sets
        if one.is_active
        and one.slug not in waived
        and len(held.intersection(one.roles)) > one.limit
    ]


def check_set(spec: SeparationSpec, graph: RoleGraph) -> SeparationSpec:
    """Return a set in normal form, or raise an InvalidError that names the field."""
    check_slug(spec.slug)
    check_name(spec.name)
    if spec.kind not in SeparationKind.values:
        raise SeparationSetInvalidError(
            f"There is no kind “{spec.kind}”.",
            field="kind",
            remedy="Use static or dynamic.",
        )
    for role in spec.roles:
        if role not in graph:
            raise UnknownRoleError(f"There is no role “{role}”.", field="roles")
    roles = tuple(sorted(set(spec.roles)))
    if len(roles) < _FEWEST_ROLES:
        raise SeparationSetInvalidError(
            "A set has at least two roles.", field="roles", remedy="Choose another one."
        )
    if not 1 <= spec.limit < len(roles):
        raise SeparationSetInvalidError(
            f"Of {len(roles)} roles, at least 1 and at most {len(roles) - 1} can be "
            "held together.",
            field="limit",
            remedy="Choose a number in between.",
        )
    normal = replace(spec, name=spec.name.strip(), roles=roles)
    check_no_role_breaks([normal], graph, "roles")
    return normal


def check_no_role_breaks(
    sets: Iterable[SeparationSpec], graph: RoleGraph, field: str = "parents"
) -> None:
    """Refuse when a role by itself is more than a set allows: nobody could hold it."""
    for one in sets:
        for slug in sorted(graph):
            together = sorted(set(ancestry(graph, slug)).intersection(one.roles))
            if one.is_active and len(together) > one.limit:
                named = " and ".join(f"“{role}”" for role in together)
                raise RoleUnholdableError(
                    f"Whoever holds “{slug}” holds {named}, which “{one.name}” keeps "
                    "apart.",
                    field=field,
                )
