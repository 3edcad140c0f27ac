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

from apps.simulation.rules.changes import pairs
from apps.simulation.rules.circumstances import Case, records_in
from apps.simulation.rules.touch import Touch, different, is_by_heads
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
    """What became of logged decisions. `asked` is how many had to be decided anew."""

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
        changed = pairs(before[0], after[0])
        old, new = different(changed)
        plain = [PolicyEngine.from_records(*side) for side in (before, after)]
        self._touch = Touch(
            ((plain[0], old), (plain[1], new)), by_heads=is_by_heads(changed)
        )
        self._before = _Cases(*before)
        self._after = _Cases(*after)

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
        questions = asked = 0
        times: list[dt.datetime] = []
        for questions, one in enumerate(logged, start=1):
            if questions % _STEP == 0:
                progress(min(1.0, questions / total) if total else 0.0)
            fate = Fate.SAME
            if self._touch.could(one.principal, one.action, one.resource):
                asked += 1
                fate = self.fate(one)
            counts[fate] += one.count
            if fate is not Fate.SAME and len(examples[fate]) < MOST_EXAMPLES:
                examples[fate].append(one)
            times = [min([one.at, *times[:1]]), max([one.at, *times[1:]])]
        return Replayed(
            counts={fate: counts[fate] for fate in Fate},
            questions=questions,
            asked=asked,
            examples={fate: tuple(found) for fate, found in examples.items()},
            first=times[0] if times else None,
            last=times[1] if times else None,
        )

    def fate(self, one: Logged) -> Fate:
        """Say what becomes of one decision."""
        request = Request(one.principal, one.action, one.resource, one.at)
        surely, hopeless = (
            (self._after.at_worst, self._after.at_best)
            if one.allowed
            else (self._after.at_best, self._after.at_worst)
        )
        if hopeless(request) is not one.allowed:
            # As it is now, could it have been answered as it was?
            known = self._before.at_best if one.allowed else self._before.at_worst
            if known(request) is not one.allowed:
                return Fate.OUTDATED
            return Fate.ALLOW_TO_DENY if one.allowed else Fate.DENY_TO_ALLOW
        return Fate.SAME if surely(request) is one.allowed else Fate.DEPENDS


class _Cases:
    """The engines of the best and of the worst case; the time is known."""

    def __init__(self, records: Sequence[Record], zones: Transitions) -> None:
        self._best, self._worst = (
            PolicyEngine.from_records(records_in(records, case, keeps_time=True), zones)
            for case in (Case.BEST, Case.WORST)
        )

    def at_best(self, request: Request) -> bool:
        return self._best.decide(request).allowed

    def at_worst(self, request: Request) -> bool:
        return self._worst.decide(request).allowed
