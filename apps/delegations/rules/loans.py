"""Decide what a person may lend: never more than they hold, in role, place and time."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.delegations.choices import LoanState
from apps.delegations.errors import (
    LoanDatesError,
    NotHeldError,
    PolicyInvalidError,
    ReasonMissingError,
    RedelegationError,
)
from apps.roles.rules import RoleGraph, ancestry
from protocol.records import EntityRef

MOST_DAYS = 30
MOST_DEPTH = 2
LONGEST = dt.timedelta(days=MOST_DAYS)
LONGEST_ABSENCE = dt.timedelta(days=90)
# Holidays are planned ahead; what begins later is asked for again.
_FURTHEST = dt.timedelta(days=180)
_SHORTEST_REASON = 5


@dataclass(frozen=True)
class Limits:
    """What a tenant allows. Without a row nothing is lent."""

    is_allowed: bool = False
    max_days: int = MOST_DAYS
    max_depth: int = 1

    @property
    def longest(self) -> dt.timedelta:
        """Return how long a loan may last; no tenant can raise the ceiling."""
        return min(dt.timedelta(days=self.max_days), LONGEST)


@dataclass(frozen=True)
class Times:
    """From when (inside) until when (outside)."""

    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True)
class Place:
    """A resource and the groups it sits in; without one, everywhere."""

    ref: EntityRef | None = None
    groups: frozenset[EntityRef] = frozenset()

    def lies_in(self, scope: EntityRef | None) -> bool:
        """Say whether all of this place is inside a scope."""
        if scope is None:
            return True
        return self.ref is not None and (self.ref == scope or scope in self.groups)


@dataclass(frozen=True)
class Holding:
    """A role that somebody holds by one assignment.

    `delegation` names the loan that it came by, `depth` how often it was lent so far,
    and `behind` who lent it: they cannot borrow it back.
    """

    role: str
    scope: EntityRef | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    delegation: uuid.UUID | None = None
    may_redelegate: bool = False
    depth: int = 0
    behind: frozenset[EntityRef] = frozenset()

    def covers(self, offer: Offer, graph: RoleGraph) -> bool:
        """Say whether all that is offered is part of this, at every instant."""
        return (
            offer.role in ancestry(graph, self.role)
            and offer.place.lies_in(self.scope)
            and (self.start is None or self.start <= offer.times.start)
            and (self.end is None or offer.times.end <= self.end)
        )


@dataclass(frozen=True)
class Offer:
    """What somebody wants to lend to whom."""

    delegate: EntityRef
    role: str
    place: Place
    times: Times
    may_redelegate: bool = False


def source_of(
    offer: Offer, holdings: Iterable[Holding], graph: RoleGraph, limits: Limits
) -> Holding:
    """Return the holding that an offer is a part of, one's own before a borrowed one.

    Raises NotHeldError when nothing covers it, and RedelegationError when only
    something does that may not be passed on, or not once more.
    """
    covering = [each for each in holdings if each.covers(offer, graph)]
    if not covering:
        raise _not_held(offer, holdings, graph)
    fit = [each for each in covering if _may_lend(each, offer, limits)]
    if not fit:
        raise RedelegationError(field="role")
    best = min(fit, key=lambda each: (each.depth, each.end is not None))
    if offer.may_redelegate and best.depth + 1 >= limits.max_depth:
        raise RedelegationError(
            "It may not be passed on once more in this tenant.",
            field="may_redelegate",
            remedy="Do not allow passing it on.",
        )
    return best


def check_times(times: Times, longest: dt.timedelta, now: dt.datetime) -> None:
    """Raise LoanDatesError unless a loan is ahead and not too long."""
    if times.end <= times.start:
        raise LoanDatesError(field="end")
    if times.end <= now:
        raise LoanDatesError("The end is over already.", field="end")
    if times.end - times.start > longest:
        raise LoanDatesError(
            f"It is longer than {longest.days} days.",
            field="end",
            remedy="End it earlier.",
        )
    if times.start - now > _FURTHEST:
        raise LoanDatesError(
            f"It begins more than {_FURTHEST.days} days from now.", field="start"
        )


def check_reason(reason: str) -> str:
    """Return a reason in normal form. Raises ReasonMissingError."""
    text = " ".join(reason.split())
    if len(text) < _SHORTEST_REASON:
        raise ReasonMissingError(field="reason")
    return text


def check_limits(limits: Limits) -> None:
    """Raise PolicyInvalidError for limits above those in the code."""
    if not 1 <= limits.max_days <= MOST_DAYS:
        raise PolicyInvalidError(f"Choose 1 to {MOST_DAYS} days.", field="max_days")
    if not 1 <= limits.max_depth <= MOST_DEPTH:
        raise PolicyInvalidError(f"Choose 1 to {MOST_DEPTH}.", field="max_depth")


def state_at(state: str, end: dt.datetime, now: dt.datetime) -> LoanState:
    """Return where a loan stands at an instant: what runs or waits expires."""
    found = LoanState(state)
    if found in {LoanState.OFFERED, LoanState.ACCEPTED} and end <= now:
        return LoanState.EXPIRED
    return found


def lendable_roles(
    holdings: Sequence[Holding], graph: RoleGraph, limits: Limits
) -> list[tuple[str, EntityRef | None]]:
    """Return each role and scope that somebody may lend, once, by name."""
    found = {
        (role, each.scope)
        for each in holdings
        if each.delegation is None
        or (each.may_redelegate and each.depth < limits.max_depth)
        for role in ancestry(graph, each.role)
    }
    return sorted(found, key=lambda pair: (pair[0], str(pair[1] or "")))


def _may_lend(holding: Holding, offer: Offer, limits: Limits) -> bool:
    if holding.delegation is None:
        return True
    return (
        holding.may_redelegate
        and holding.depth < limits.max_depth
        and offer.delegate not in holding.behind
    )


def _not_held(
    offer: Offer, holdings: Iterable[Holding], graph: RoleGraph
) -> NotHeldError:
    """Return a refusal that says whether only the time is the matter."""
    timeless = [
        each
        for each in holdings
        if offer.role in ancestry(graph, each.role) and offer.place.lies_in(each.scope)
    ]
    if not timeless:
        return NotHeldError(field="role")
    ends = [each.end for each in timeless if each.end is not None]
    until = f" It ends {max(ends):%Y-%m-%d %H:%M} UTC." if ends else ""
    return NotHeldError(
        f"You do not hold this role for all of that time.{until}",
        field="end",
        remedy="Lend it for a shorter time.",
    )
