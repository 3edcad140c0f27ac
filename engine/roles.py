"""Which roles a principal holds at an instant, for a resource."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from engine.separation import Separation, Separations
from protocol.records import (
    DELEGATION,
    STANDING,
    AssignmentRecord,
    EntityRef,
    RoleRecord,
    SeparationRecord,
)

T = TypeVar("T")
# From the one who holds a right to a borrower, and on to a second one.
MAX_DELEGATIONS = 2
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
    source: str = STANDING
    delegator: EntityRef | None = None

    @classmethod
    def from_record(cls, record: AssignmentRecord) -> Grant:
        """Parse an assignment."""
        return cls(
            record.id,
            record.role,
            record.scope,
            dt.datetime.fromisoformat(record.start) if record.start else _ALWAYS,
            dt.datetime.fromisoformat(record.end) if record.end else _FOREVER,
            record.source,
            record.delegator,
        )

    @property
    def is_lent(self) -> bool:
        """Say whether the grant needs somebody else's; an odd one counts as lent."""
        return self.source == DELEGATION or self.delegator is not None

    @property
    def can_be_lent(self) -> bool:
        """Say whether others may lean on the grant; what was approved for one may not.

        An elevation and a broken glass are meant for one person.
        """
        return self.source in {STANDING, DELEGATION}

    def holds(self, now: dt.datetime, places: AbstractSet[EntityRef] | None) -> bool:
        """Say whether the grant is meant for now and for a resource in these places.

        Without places, any place does. What is lent needs a delegator who holds it as
        well: see `Holdings`.
        """
        if not self.start <= now < self.end:
            return False
        return self.scope is None or places is None or self.scope in places


@dataclass(frozen=True)
class Usable:
    """The grants that may be used, and the separations that took others away."""

    grants: tuple[Grant, ...]
    separations: tuple[str, ...] = ()


class Holdings:
    """All grants of a release: who holds what by themselves, and who lends it to whom.

    What is borrowed counts only while its delegator holds the role, for the same place
    and at the same instant. So a delegate never holds more than the delegator, and the
    end of a right ends whatever was lent of it. Who holds too many roles that are kept
    apart can use, and lend, none of them.
    """

    def __init__(
        self,
        records: Iterable[AssignmentRecord],
        parents: Mapping[str, Iterable[str]],
        separations: Iterable[SeparationRecord] = (),
    ) -> None:
        self._parents = parents
        self._separations = Separations(separations)
        self._grants: dict[EntityRef, list[Grant]] = {}
        for record in records:
            grant = Grant.from_record(record)
            self._grants.setdefault(record.principal, []).append(grant)

    @property
    def parents(self) -> Mapping[str, Iterable[str]]:
        """Return which roles each role inherits from."""
        return self._parents

    @property
    def grants(self) -> Mapping[EntityRef, Sequence[Grant]]:
        """Return all grants by principal, whether they count or not."""
        return self._grants

    @property
    def waivers_end(self) -> frozenset[dt.datetime]:
        """Return when exceptions from separations end."""
        return self._separations.waivers_end

    def counting(
        self,
        principal: EntityRef,
        now: dt.datetime,
        places: AbstractSet[EntityRef],
        borrowers: frozenset[EntityRef] = frozenset(),
    ) -> list[Grant]:
        """Return the grants of a principal that count now, each by itself.

        For one who lends, `borrowers` are those who lean on them.
        """
        found = self._counting(principal, now, places, borrowers)
        return [grant for grant in found if grant.can_be_lent or not borrowers]

    def usable(
        self, principal: EntityRef, now: dt.datetime, places: AbstractSet[EntityRef]
    ) -> Usable:
        """Return what counts, without the grants that break a separation."""
        return self._usable(principal, now, places, frozenset())

    def roles(
        self, principal: EntityRef, now: dt.datetime, places: AbstractSet[EntityRef]
    ) -> set[str]:
        """Return the roles a principal holds now, and everything above them."""
        return self.above(self.counting(principal, now, places))

    def above(self, grants: Iterable[Grant]) -> set[str]:
        """Return the roles of these grants, and everything above them."""
        return closure((grant.role for grant in grants), self._parents)

    def standing(self, principal: EntityRef, now: dt.datetime) -> set[str]:
        """Return the roles that a principal holds for good, somewhere or everywhere.

        What is held for minutes, or lent, opens no further door.
        """
        held = (
            grant.role
            for grant in self._grants.get(principal, ())
            if grant.source == STANDING and grant.start <= now < grant.end
        )
        return closure(held, self._parents)

    def would_break(
        self,
        role: str,
        principal: EntityRef,
        now: dt.datetime,
        places: AbstractSet[EntityRef],
    ) -> bool:
        """Say whether a separation would be broken if a principal held a role too."""
        more = closure([role], self._parents)
        nobody: frozenset[EntityRef] = frozenset()
        return bool(
            self._separations.broken(
                principal,
                now,
                here=self.above(self._counting(principal, now, places, nobody)) | more,
                anywhere=self.above(self._counting(principal, now, None, nobody))
                | more,
            )
        )

    def apart(
        self, principal: EntityRef, now: dt.datetime, places: AbstractSet[EntityRef]
    ) -> list[tuple[Separation, tuple[Grant, ...]]]:
        """Return the sets of which a principal has too many roles, excepted or not.

        Each comes with the grants that it looks at.
        """
        if not self._separations:
            return []
        nobody: frozenset[EntityRef] = frozenset()
        here = tuple(self._counting(principal, now, places, nobody))
        anywhere = tuple(self._counting(principal, now, None, nobody))
        found = self._separations.exceeded(
            here=self.above(here), anywhere=self.above(anywhere)
        )
        return [(one, anywhere if one.is_static else here) for one in found]

    def by_id(self, assignment: str) -> tuple[EntityRef, Grant] | None:
        """Return whose grant this is, and the grant, whether it counts or not."""
        return next(
            (
                (principal, grant)
                for principal, grants in self._grants.items()
                for grant in grants
                if grant.id == assignment
            ),
            None,
        )

    def leading_to(
        self, roles: AbstractSet[str], grants: Iterable[Grant]
    ) -> tuple[str, ...]:
        """Return which of these grants lead to any of these roles."""
        if not roles:
            return ()
        return tuple(
            sorted(g.id for g in grants if not roles.isdisjoint(self.above([g])))
        )

    def _usable(
        self,
        principal: EntityRef,
        now: dt.datetime,
        places: AbstractSet[EntityRef] | None,
        borrowers: frozenset[EntityRef],
    ) -> Usable:
        grants = tuple(self._counting(principal, now, places, borrowers))
        if not self._separations or not grants:
            return Usable(grants)
        broken = self._separations.broken(
            principal,
            now,
            here=self.above(grants),
            anywhere=self.above(self._counting(principal, now, None, borrowers)),
        )
        if not broken:
            return Usable(grants)
        apart = frozenset().union(*(one.roles for one in broken))
        kept = tuple(g for g in grants if apart.isdisjoint(self.above([g])))
        return Usable(kept, tuple(sorted(one.id for one in broken)))

    def _lendable(
        self,
        lender: EntityRef,
        now: dt.datetime,
        places: AbstractSet[EntityRef] | None,
        borrowers: frozenset[EntityRef],
    ) -> set[str]:
        usable = self._usable(lender, now, places, borrowers)
        return self.above(grant for grant in usable.grants if grant.can_be_lent)

    def _counting(
        self,
        principal: EntityRef,
        now: dt.datetime,
        places: AbstractSet[EntityRef] | None,
        borrowers: frozenset[EntityRef],
    ) -> list[Grant]:
        """Return what counts for a principal that these lean on, who have borrowed."""
        below = borrowers | {principal}
        found = []
        for grant in self._grants.get(principal, ()):
            if not grant.holds(now, places):
                continue
            if grant.is_lent:
                lender = grant.delegator
                if lender is None or lender in below or len(below) > MAX_DELEGATIONS:
                    continue
                if grant.role not in self._lendable(lender, now, places, below):
                    continue
            found.append(grant)
        return found


def chain(
    start: str, end: str, parents: Mapping[str, Iterable[str]]
) -> tuple[str, ...]:
    """Return the shortest way up from one role to another, or nothing."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for way in ways:
        if way[-1] == end:
            return way
        for name in parents.get(way[-1], ()):
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()


def parents_of(roles: Iterable[RoleRecord]) -> dict[str, tuple[str, ...]]:
    """Return the inheritance of roles."""
    return {role.id: role.parents for role in roles}


def closure(start: Iterable[T], parents: Mapping[T, Iterable[T]]) -> set[T]:
    """Return names and everything above them; a cycle only ends the walk."""
    found: set[T] = set()
    stack = list(start)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack.extend(parents.get(name, ()))
    return found
