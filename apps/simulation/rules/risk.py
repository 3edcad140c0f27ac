"""How risky a change is: one number, one word, and the reasons.

What counts is what somebody could do afterwards that they could not before: rights of
the admin tier, rights without bounds, production, many people at once, and forbids
that fall away. What is only lost is an inconvenience, and counts little.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.simulation.rules import sensitivity
from apps.simulation.rules.changes import Pair
from apps.simulation.rules.matrix import Difference, Shift, Turn
from protocol.records import EntityRef, PolicyRecord, SeparationRecord

MEDIUM_FROM, HIGH_FROM, MOST = 25, 60, 100
_ADMIN, _WILDCARD, _SENSITIVE, _FORBID, _SEPARATION = 40, 20, 20, 30, 30
_MORE = (Turn.GAINED, Turn.WIDENED)
# Points for how many people and services gain: from so many on.
_CROWDS = ((500, 30), (100, 25), (25, 15), (5, 8), (1, 3))
_LOSSES = 10
_MANY_LOSE = 25


class RiskLevel(StrEnum):
    """How risky, in one word."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True)
class Factor:
    """A reason and its points."""

    code: str
    points: int
    words: str


@dataclass(frozen=True)
class Risk:
    """The sum of the reasons, at most 100."""

    score: int
    level: RiskLevel
    factors: tuple[Factor, ...]


def risk_of(difference: Difference, changed: Sequence[Pair]) -> Risk:
    """Return how risky a change is."""
    more = [shift for shift in difference.shifts if shift.turn in _MORE]
    factors = [
        factor
        for factor in (
            _admin(more),
            _wildcard(changed),
            _sensitive(more),
            _forbids(changed),
            _separations(changed),
            _crowd(more),
            _losses(difference.shifts),
        )
        if factor is not None
    ]
    score = min(MOST, sum(factor.points for factor in factors))
    return Risk(score, level_of(score), tuple(factors))


def level_of(score: int) -> RiskLevel:
    """Return the word for a number of points."""
    if score >= HIGH_FROM:
        return RiskLevel.HIGH
    return RiskLevel.MEDIUM if score >= MEDIUM_FROM else RiskLevel.LOW


def _admin(more: Iterable[Shift]) -> Factor | None:
    if not any(sensitivity.ADMIN in shift.tiers for shift in more):
        return None
    return Factor("admin_tier", _ADMIN, "Rights of the admin tier are gained.")


def _wildcard(changed: Iterable[Pair]) -> Factor | None:
    for before, after in changed:
        if isinstance(after, PolicyRecord) and after.effect == "permit":
            known = _wide(before) if isinstance(before, PolicyRecord) else set()
            if _wide(after) - known:
                words = "A permit names nobody, no action or no resource in particular."
                return Factor("wildcard", _WILDCARD, words)
    return None


def _wide(policy: PolicyRecord) -> set[str]:
    """Return which parts of a policy are without bounds."""
    return {
        name
        for statement in policy.statements
        for name in ("principal", "action", "resource")
        if getattr(statement, name).op == "any"
    }


def _sensitive(more: Iterable[Shift]) -> Factor | None:
    found = sorted({word for s in more for word in s.sensitive if word != "admin tier"})
    if not found:
        return None
    words = f"Rights on what is sensitive are gained: {', '.join(found)}."
    return Factor("sensitive", _SENSITIVE, words)


def _forbids(changed: Iterable[Pair]) -> Factor | None:
    for before, after in changed:
        if isinstance(before, PolicyRecord) and before.effect == "forbid":
            kept = after.statements if isinstance(after, PolicyRecord) else ()
            texts = {statement.cedar for statement in kept}
            if any(statement.cedar not in texts for statement in before.statements):
                words = f"What “{before.name}” forbids changes or falls away."
                return Factor("forbid_changed", _FORBID, words)
    return None


def _separations(changed: Iterable[Pair]) -> Factor | None:
    for before, _after in changed:
        if isinstance(before, SeparationRecord):
            words = f"The separation of duties “{before.name}” changes."
            return Factor("separation_changed", _SEPARATION, words)
    return None


def _crowd(more: Iterable[Shift]) -> Factor | None:
    count = len(_who(more))
    for least, points in _CROWDS:
        if count >= least:
            who = (
                "1 person or service gains"
                if count == 1
                else (f"{count} people and services gain")
            )
            return Factor("blast_radius", points, f"{who} rights.")
    return None


def _losses(shifts: Iterable[Shift]) -> Factor | None:
    count = len(_who(s for s in shifts if s.turn is Turn.LOST))
    if count < _MANY_LOSE:
        return None
    words = f"{count} people and services lose rights."
    return Factor("many_lose", _LOSSES, words)


def _who(shifts: Iterable[Shift]) -> set[EntityRef]:
    return {shift.principal for shift in shifts}
