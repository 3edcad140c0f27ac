"""What is permitted, and how much of it by type of resource and role. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from protocol.records import AssignmentRecord, EntityRef

NOBODY_IN_PARTICULAR = ""


@dataclass(frozen=True)
class Permitted:
    """Something that is permitted, and what that rests on."""

    principal: EntityRef
    action: str
    resource: EntityRef
    policies: tuple[str, ...]
    grants: tuple[AssignmentRecord, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles that were assigned; none where no role is asked for."""
        return tuple(sorted({grant.role for grant in self.grants}))

    @property
    def until(self) -> str | None:
        """Return when the last of the assignments ends; None when one never does."""
        ends = [grant.end for grant in self.grants]
        return max(filter(None, ends), default=None) if all(ends) else None


@dataclass(frozen=True)
class Matrix:
    """How much a principal may do, by type of resource and by role, largest first."""

    roles: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...], int], ...]


def matrix(rows: Sequence[Permitted]) -> Matrix:
    """Return counts by type of resource and role; a row counts once for each role."""
    cells: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row.resource.type] += 1
        for role in row.roles or (NOBODY_IN_PARTICULAR,):
            cells[row.resource.type, role] += 1
    columns: Counter[str] = Counter()
    for (_, role), count in cells.items():
        columns[role] += count
    roles = tuple(sorted(columns, key=lambda role: (-columns[role], role)))
    kinds = sorted(totals, key=lambda kind: (-totals[kind], kind))
    return Matrix(
        roles,
        tuple(
            (kind, tuple(cells[kind, role] for role in roles), totals[kind])
            for kind in kinds
        ),
    )
