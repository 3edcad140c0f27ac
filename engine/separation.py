"""Roles of which one principal has at most so many, held or in use at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from protocol.records import STATIC, EntityRef, SeparationRecord


@dataclass(frozen=True)
class Separation:
    """A set of roles that are kept apart, with its exceptions parsed."""

    id: str
    is_static: bool
    roles: frozenset[str]
    limit: int
    waived: frozenset[tuple[EntityRef, dt.datetime]]

    @classmethod
    def from_record(cls, record: SeparationRecord) -> Separation:
        """Parse a set."""
        return cls(
            record.id,
            record.kind == STATIC,
            frozenset(record.roles),
            record.limit,
            frozenset(
                (waiver.principal, dt.datetime.fromisoformat(waiver.until))
                for waiver in record.waivers
            ),
        )

    def waived_until(self, principal: EntityRef) -> dt.datetime | None:
        """Return when the last exception for a principal ends, or ended."""
        ends = (until for who, until in self.waived if who == principal)
        return max(ends, default=None)

    def binds(self, principal: EntityRef, now: dt.datetime) -> bool:
        """Say whether a principal must keep to it now; an exception's end is out."""
        return not any(who == principal and now < until for who, until in self.waived)


class Separations:
    """All sets of a release."""

    def __init__(self, records: Iterable[SeparationRecord]) -> None:
        self._sets = [Separation.from_record(record) for record in records]

    @property
    def waivers_end(self) -> frozenset[dt.datetime]:
        """Return when exceptions end."""
        return frozenset(end for one in self._sets for _who, end in one.waived)

    def __bool__(self) -> bool:
        return bool(self._sets)

    def broken(
        self,
        principal: EntityRef,
        now: dt.datetime,
        *,
        here: AbstractSet[str],
        anywhere: AbstractSet[str],
    ) -> list[Separation]:
        """Return the sets of which a principal has too many roles now.

        For a static set what is held in any place counts, for a dynamic one what
        counts in the place of the question.
        """
        found = self.exceeded(here=here, anywhere=anywhere)
        return [one for one in found if one.binds(principal, now)]

    def exceeded(
        self, *, here: AbstractSet[str], anywhere: AbstractSet[str]
    ) -> list[Separation]:
        """Return the sets with too many of these roles, whoever is excepted."""
        return [
            one
            for one in self._sets
            if len(one.roles & (anywhere if one.is_static else here)) > one.limit
        ]
