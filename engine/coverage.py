"""What the tests of a policy have tried: each statement, and each of its conditions.

A statement is reached when a question fits its head. A condition has been tried when it
was seen to hold and seen not to hold, by itself. A forbid is covered when it decided a
test that expects a denial: that is what nobody may weaken without a test failing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine import cedar
from engine.conditions import (
    NO_SCOPES,
    Condition,
    Scopes,
    read_condition,
    read_conditions,
)
from engine.decide import Placed, PolicyEngine
from engine.errors import EngineError
from engine.selftest import Bench, CaseResult
from protocol.errors import ProtocolError
from protocol.records import Statement

FORBID = "forbid"


@dataclass(frozen=True)
class ConditionCoverage:
    """How often a condition of a statement was seen to hold and not to hold."""

    condition: Condition
    held: int = 0
    failed: int = 0

    @property
    def outcomes(self) -> int:
        """Return how many of its two outcomes were seen."""
        return bool(self.held) + bool(self.failed)


@dataclass(frozen=True)
class StatementCoverage:
    """How often a statement was reached, and how often it decided as expected."""

    statement: Statement
    reached: int
    decided: int
    conditions: tuple[ConditionCoverage, ...]


@dataclass(frozen=True)
class Coverage:
    """What the tests of one policy tried."""

    effect: str
    statements: tuple[StatementCoverage, ...]

    @property
    def reached(self) -> tuple[int, int]:
        """Return how many statements were reached, and of how many."""
        found = sum(bool(one.reached) for one in self.statements)
        return found, len(self.statements)

    @property
    def outcomes(self) -> tuple[int, int]:
        """Return how many outcomes of conditions were seen, and of how many."""
        each = [one for found in self.statements for one in found.conditions]
        return sum(one.outcomes for one in each), 2 * len(each)

    @property
    def forbids(self) -> tuple[int, int]:
        """Return how many forbids are covered, and of how many."""
        if self.effect != FORBID:
            return 0, 0
        return sum(bool(one.decided) for one in self.statements), len(self.statements)

    @property
    def uncovered(self) -> tuple[StatementCoverage, ...]:
        """Return the forbids that no test would miss."""
        if self.effect != FORBID:
            return ()
        return tuple(one for one in self.statements if not one.decided)


def percent(part: tuple[int, int]) -> int:
    """Return a share in percent, rounded down; nothing of nothing is everything."""
    found, of = part
    return 100 * found // of if of else 100


def coverage(
    bench: Bench, results: Iterable[CaseResult], scopes: Scopes = NO_SCOPES
) -> Coverage:
    """Return what the tests that were run have tried."""
    tallies = [_Tally(statement, scopes) for statement in bench.statements]
    for result in results:
        try:
            engine, placed = bench.place(result.case)
            numbers = engine.candidates(placed)
        except ProtocolError:
            continue
        # Many statements of a policy share their conditions.
        known: dict[tuple[str, ...], Sequence[bool | None]] = {}
        for number in numbers:
            texts = tallies[number].texts
            if texts not in known:
                known[texts] = _held(texts, engine, placed)
            tallies[number].count(result, known[texts])
    return Coverage(bench.effect, tuple(tally.result() for tally in tallies))


class _Tally:
    """What was seen of one statement so far."""

    def __init__(self, statement: Statement, scopes: Scopes) -> None:
        self._statement = statement
        self._conditions = _conditions(statement, scopes)
        self.texts = tuple(one.cedar for one in self._conditions)
        self._held = [0] * len(self._conditions)
        self._failed = [0] * len(self._conditions)
        self._reached = self._decided = 0

    def count(self, result: CaseResult, held: Sequence[bool | None]) -> None:
        self._reached += 1
        decided = self._statement.id in result.determining
        self._decided += decided and result.passed
        for number, one in enumerate(held):
            self._held[number] += one is True
            self._failed[number] += one is False

    def result(self) -> StatementCoverage:
        found = zip(self._conditions, self._held, self._failed, strict=True)
        return StatementCoverage(
            self._statement,
            self._reached,
            self._decided,
            tuple(ConditionCoverage(*one) for one in found),
        )


def _held(
    texts: tuple[str, ...], engine: PolicyEngine, placed: Placed
) -> Sequence[bool | None]:
    """Say of each condition whether it held; None if it could not be told."""
    if not texts:
        return ()
    try:
        found = engine.evaluate(placed, _together(texts))
        if not found.errors:
            names = set(found.reasons)
            return [str(number) in names for number in range(len(texts))]
        alone = [engine.evaluate(placed, _together((text,))) for text in texts]
    except EngineError:
        return [None] * len(texts)
    return [None if one.errors else one.allowed for one in alone]


@lru_cache(maxsize=1024)
def _together(texts: tuple[str, ...]) -> Any:  # noqa: ANN401  # opaque
    statements = [
        cedar.statement_text(str(number), "permit", cedar.NO_HEADS, (text,))
        for number, text in enumerate(texts)
    ]
    return cedar.parse_policies("\n".join(statements))


def _conditions(statement: Statement, scopes: Scopes) -> tuple[Condition, ...]:
    """Return the conditions of a statement, also of one written by hand."""
    known = read_conditions(statement.cedar, scopes)
    if known is not None:
        return tuple(known)
    return tuple(
        read_condition(text, scopes) for text in cedar.conjuncts(statement.cedar)
    )
