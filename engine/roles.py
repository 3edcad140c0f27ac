"""Which roles a principal holds at an instant, for a resource."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from protocol.records import AssignmentRecord, EntityRef, RoleRecord

_FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)
_ALWAYS = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Grant:
    """An assignment with its times parsed. The start is inside, the end is not."""

    id: str
    role: str
    scope: EntityRef | None
    start: dt.datetime
    end: dt.datetime

    @classmethod
    def from_record(cls, record: AssignmentRecord) -> Grant:
        """Parse an assignment."""
        return cls(
            record.id,
            record.role,
            record.scope,
            dt.datetime.fromisoformat(record.start) if record.start else _ALWAYS,
            dt.datetime.fromisoformat(record.end) if record.end else _FOREVER,
        )

    def holds(self, now: dt.datetime, places: AbstractSet[EntityRef]) -> bool:
        """Say whether the grant counts now, for a resource in these places."""
        if not self.start <= now < self.end:
            return False
        return self.scope is None or self.scope in places


def active_roles(
    grants: Iterable[Grant], now: dt.datetime, places: AbstractSet[EntityRef]
) -> frozenset[str]:
    """Return the roles held directly: the union of grants, each counted by itself."""
    return frozenset(grant.role for grant in grants if grant.holds(now, places))


def parents_of(roles: Iterable[RoleRecord]) -> dict[str, tuple[str, ...]]:
    """Return the inheritance of roles."""
    return {role.id: role.parents for role in roles}


def closure(start: Iterable[str], parents: Mapping[str, Iterable[str]]) -> set[str]:
    """Return names and everything above them; a cycle only ends the walk."""
    found: set[str] = set()
    stack = list(start)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack.extend(parents.get(name, ()))
    return found
