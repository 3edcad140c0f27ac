"""Standing roles and how many of their holders use them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from apps.approvals.selectors import convertible
from apps.distribution.selectors import last_use
from apps.roles.models import Assignment, Role

DAYS = 90


@dataclass(frozen=True)
class Holding:
    """One standing assignment, and when it last carried a permit."""

    row: Assignment
    used_at: dt.datetime | None
    is_used: bool


@dataclass(frozen=True)
class Standing:
    """A role, those who hold it for good, and how many of them used it lately."""

    role: Role
    holders: int
    used: int

    @property
    def percent(self) -> int:
        """Return the share of holders who used it."""
        return self.used * 100 // self.holders if self.holders else 0

    @property
    def words(self) -> str:
        """Say it as people would."""
        return f"{self.used} of {self.holders} used it in {DAYS} days"


def standing_roles(now: dt.datetime) -> Sequence[Standing]:
    """Return the roles that are held for good, the least used first."""
    people: dict[Role, set[uuid.UUID]] = defaultdict(set)
    active: dict[Role, set[uuid.UUID]] = defaultdict(set)
    for one in _holdings(list(convertible()), now):
        people[one.row.role].add(one.row.principal_id)
        if one.is_used:
            active[one.row.role].add(one.row.principal_id)
    found = [
        Standing(role, len(holders), len(active[role]))
        for role, holders in people.items()
    ]
    return sorted(found, key=lambda one: (one.percent, -one.holders, one.role.slug))


def holders_of(role: Role, now: dt.datetime) -> list[Holding]:
    """Return who holds a role for good, those who used it longest ago first."""
    found = _holdings(list(convertible().filter(role=role)), now)
    never = dt.datetime.min.replace(tzinfo=dt.UTC)
    return sorted(found, key=lambda one: (one.used_at or never, str(one.row.principal)))


def _holdings(rows: list[Assignment], now: dt.datetime) -> list[Holding]:
    uses = last_use(row.pk for row in rows)
    since = now - dt.timedelta(days=DAYS)
    return [
        Holding(row, at, at is not None and at >= since)
        for row in rows
        for at in [uses.get(row.pk)]
    ]
