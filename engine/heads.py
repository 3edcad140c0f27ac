"""Who a statement is for and what it is about, as findings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from engine.decide import Placed, PolicyEngine
from engine.entities import Entities
from engine.findings import Finding, FindingKind
from engine.roles import Grant, chain
from protocol.records import AssignmentRecord, EntityRef, Head


@dataclass(frozen=True)
class GrantStep:
    """An assignment that counts, the roles from it up to the one asked for.

    What is lent counts by how its delegator holds it.
    """

    assignment: AssignmentRecord
    chain: tuple[str, ...]
    lender: tuple[GrantStep, ...] = ()


class Holder:
    """How the principal of a question holds roles, or why not."""

    def __init__(
        self,
        engine: PolicyEngine,
        assignments: Mapping[str, AssignmentRecord],
        placed: Placed,
    ) -> None:
        self._holdings = engine.entities.holdings
        self._assignments = assignments
        self._placed = placed
        self._principal = placed.request.principal
        self._usable = {grant.id for grant in placed.grants}

    def grants(self, role: str) -> tuple[GrantStep, ...]:
        """Return every way in which the principal holds a role here and now."""
        return self._steps(self._principal, role, frozenset())

    def finding(self, head: Head, *, held: bool) -> Finding:
        """Say whom a statement is for, and whether that is the principal."""
        who = _name(self._principal)
        match head.op:
            case "in":
                found = "holds it" if held else self._why_not(head.id)
                return Finding(
                    FindingKind.PRINCIPAL,
                    held,
                    f"the role {head.id}",
                    f"{who} {found}",
                    f"needs the role {head.id}; {who} {found}",
                    names=(head.id,),
                )
            case "is":
                wanted = f"any {head.type}"
            case "==":
                wanted = _name(EntityRef(head.type, head.id))
            case _:
                wanted = "anybody"
        return Finding(FindingKind.PRINCIPAL, held, wanted, who, f"is for {wanted}")

    def _steps(
        self, principal: EntityRef, role: str, borrowers: frozenset[EntityRef]
    ) -> tuple[GrantStep, ...]:
        now, places = self._placed.request.now, self._placed.places
        found = []
        for grant in self._holdings.counting(principal, now, places, borrowers):
            if not borrowers and grant.id not in self._usable:
                continue
            way = chain(grant.role, role, self._holdings.parents)
            if way:
                below = borrowers | {principal}
                lender = (
                    self._steps(grant.delegator, grant.role, below)
                    if grant.is_lent and grant.delegator
                    else ()
                )
                found.append(GrantStep(self._assignments[grant.id], way, lender))
        return tuple(found)

    def _why_not(self, role: str) -> str:
        """Say why a role is not held; the way that is the nearest to counting wins."""
        grants = [
            grant
            for grant in self._holdings.grants.get(self._principal, ())
            if chain(grant.role, role, self._holdings.parents)
        ]
        reasons = sorted(map(self._why_not_counted, grants))
        return reasons[0][1] if reasons else "does not hold it"

    def _why_not_counted(self, grant: Grant) -> tuple[int, str]:
        now = self._placed.request.now
        if grant.scope is not None and grant.scope not in self._placed.places:
            return 1, f"holds it only for {_name(grant.scope)}"
        if now < grant.start:
            return 2, f"holds it from {_moment(grant.start)}"
        if now >= grant.end:
            return 3, f"held it until {_moment(grant.end)}"
        lender = _name(grant.delegator) if grant.delegator else "somebody"
        return 0, f"was lent it by {lender}, who does not hold it here and now"


def resource_finding(
    head: Head, placed: Placed, entities: Entities, *, held: bool
) -> Finding:
    """Say what a statement is about, and whether that is the resource."""
    resource = placed.request.resource
    match head.op:
        case "in":
            wanted = _name(EntityRef(head.type, head.id))
        case "is_in":
            group = _name(EntityRef(head.in_type, head.in_id))
            wanted = f"any {head.type} in {group}"
        case "is":
            wanted = f"any {head.type}"
        case "==":
            wanted = _name(EntityRef(head.type, head.id))
        case _:
            wanted = "everything"
    groups = [_name(group) for group in entities.groups.get(resource, ())]
    where = f"lies in {', '.join(groups)}" if groups else "lies in no group"
    found = f"{_name(resource)} {where}" if "in" in head.op else _name(resource)
    words = f"is about {wanted}; {found}"
    return Finding(FindingKind.RESOURCE, held, wanted, found, words)


def _name(entity: EntityRef) -> str:
    kind = "group" if entity.type == "ResourceGroup" else entity.type
    return f"{kind} {entity.id}"


def _moment(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
