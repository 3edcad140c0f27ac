"""What was decided, asked again as if a change had been made.

Logs hold who asked for what and when, not from where or how. So what is asked again is
what the change makes of a question in the best and in the worst case, at its time. What
was allowed and could not be any more is `allow_to_deny`; what was denied and always
would be allowed is `deny_to_allow`; in between it depends on what the log does not say.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from apps.simulation.rules.circumstances import Case, records_in
from apps.simulation.rules.levels import Level, Levels
from engine.decide import PolicyEngine, Request
from protocol.records import EntityRef, Record
from protocol.zones import Transitions

Progress = Callable[[float], None]
_STEP = 2_000
MOST_EXAMPLES = 50


class Fate(StrEnum):
    """What becomes of a decision."""

    SAME = "same"
    ALLOW_TO_DENY = "allow_to_deny"
    DENY_TO_ALLOW = "deny_to_allow"
    DEPENDS = "depends"
    OUTDATED = "outdated"


@dataclass(frozen=True)
class Logged:
    """Decisions that were alike: one question, one answer, one quarter of an hour."""

    principal: EntityRef
    action: str
    resource: EntityRef
    at: dt.datetime
    allowed: bool
    count: int = 1


@dataclass(frozen=True)
class Replayed:
    """What became of logged decisions. `asked` of them were decided one by one."""

    counts: dict[Fate, int]
    questions: int
    asked: int
    examples: dict[Fate, tuple[Logged, ...]]
    first: dt.datetime | None = None
    last: dt.datetime | None = None

    @property
    def decisions(self) -> int:
        """Return how many decisions were logged."""
        return sum(self.counts.values())


class Replay:
    """Asks logged questions of the records as they are, and as they would be."""

    def __init__(
        self,
        before: tuple[Sequence[Record], Transitions],
        after: tuple[Sequence[Record], Transitions],
    ) -> None:
        now = dt.datetime.fromtimestamp(0, dt.UTC)
        self._levels = [
            Levels(PolicyEngine.from_records(*side), now) for side in (before, after)
        ]
        self._sides = (before, after)
        self._asked = 0

    def run(
        self,
        logged: Iterable[Logged],
        *,
        total: int = 0,
        progress: Progress = lambda _share: None,
    ) -> Replayed:
        """Return what becomes of each decision."""
        counts: Counter[Fate] = Counter()
        examples: dict[Fate, list[Logged]] = {fate: [] for fate in Fate}
        questions = 0
        first = last = None
        self._asked = 0
        for questions, one in enumerate(logged, start=1):
            if questions % _STEP == 0:
                progress(min(1.0, questions / total) if total else 0.0)
            fate = self.fate(one)
            counts[fate] += one.count
            if fate is not Fate.SAME and len(examples[fate]) < MOST_EXAMPLES:
                examples[fate].append(one)
            first = one.at if first is None else min(first, one.at)
            last = one.at if last is None else max(last, one.at)
        return Replayed(
            counts={fate: counts[fate] for fate in Fate},
            questions=questions,
            asked=self._asked,
            examples={fate: tuple(found) for fate, found in examples.items()},
            first=first,
            last=last,
        )

    def fate(self, one: Logged) -> Fate:
        """Say what becomes of one decision."""
        before, after = (
            side.cell(one.principal, one.action, one.resource, one.at)
            for side in self._levels
        )
        is_same = (before.level, before.signature) == (after.level, after.signature)
        if not is_same and (before.is_timed or after.is_timed):
            # The moment is known, so what windows say of it is, too.
            self._asked += 1
            levels = [case.level(_request(one)) for case in self._cases]
        else:
            levels = [before.level, after.level]
        return _fate(levels[0], levels[1], is_same=is_same, allowed=one.allowed)

    @cached_property
    def _cases(self) -> list[_Cases]:
        return [_Cases(*side) for side in self._sides]


def _fate(before: Level, after: Level, *, is_same: bool, allowed: bool) -> Fate:
    impossible = Level.NEVER if allowed else Level.ALWAYS
    certain = Level.ALWAYS if allowed else Level.NEVER
    if before is impossible and after is impossible:
        return Fate.OUTDATED
    if is_same or after is certain:
        return Fate.SAME
    if after is Level.SOMETIMES:
        return Fate.DEPENDS
    return Fate.ALLOW_TO_DENY if allowed else Fate.DENY_TO_ALLOW


def _request(one: Logged) -> Request:
    return Request(one.principal, one.action, one.resource, one.at)


class _Cases:
    """The engines of the best and of the worst case; the time is known."""

    def __init__(self, records: Sequence[Record], zones: Transitions) -> None:
        self._best, self._worst = (
            PolicyEngine.from_records(records_in(records, case, keeps_time=True), zones)
            for case in (Case.BEST, Case.WORST)
        )

    def level(self, request: Request) -> Level:
        """Return how far a question is allowed at its time."""
        if not self._best.decide(request).allowed:
            return Level.NEVER
        is_always = self._worst.decide(request).allowed
        return Level.ALWAYS if is_always else Level.SOMETIMES
