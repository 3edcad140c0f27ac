"""When a dependency that fails is left alone, and when it is tried again. Pure.

Closed, everything passes and outcomes are counted. Once more than half of the calls
of the last ten seconds failed, it opens: nothing passes for thirty seconds. Then it is
half open: one probe every five seconds passes, and the first that succeeds closes it.
Moments are seconds, on one clock for all processes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

WINDOW_SECONDS = 10
OPEN_SECONDS = 30
PROBE_SECONDS = 5
# One call that fails is no rate yet.
FEWEST_CALLS = 3


class BreakerState(StrEnum):
    """What happens to the next call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Second:
    """How the calls that ended in one second went."""

    at: int
    good: int = 0
    bad: int = 0


@dataclass(frozen=True)
class Breaker:
    """What is remembered about one dependency."""

    seconds: Sequence[Second] = ()
    opened_at: float | None = None
    probed_at: float | None = None


@dataclass(frozen=True)
class Admission:
    """Whether a call may be made; if not, when to ask again."""

    is_allowed: bool
    is_probe: bool
    retry_after: int
    breaker: Breaker


def state_of(breaker: Breaker, *, now: float) -> BreakerState:
    """Return what the next call would meet."""
    if breaker.opened_at is None:
        return BreakerState.CLOSED
    if now < breaker.opened_at + OPEN_SECONDS:
        return BreakerState.OPEN
    return BreakerState.HALF_OPEN


def admit(breaker: Breaker, *, now: float) -> Admission:
    """Say whether a call may be made now; a probe is noted as begun."""
    match state_of(breaker, now=now):
        case BreakerState.CLOSED:
            return Admission(
                is_allowed=True, is_probe=False, retry_after=0, breaker=breaker
            )
        case BreakerState.OPEN:
            return _wait(breaker, (breaker.opened_at or 0) + OPEN_SECONDS, now)
        case BreakerState.HALF_OPEN:
            next_probe = (
                -math.inf
                if breaker.probed_at is None
                else breaker.probed_at + PROBE_SECONDS
            )
            if now < next_probe:
                return _wait(breaker, next_probe, now)
            return Admission(
                is_allowed=True,
                is_probe=True,
                retry_after=0,
                breaker=replace(breaker, probed_at=now),
            )


def settle(breaker: Breaker, *, now: float, is_error: bool, is_probe: bool) -> Breaker:
    """Return the breaker after a call has ended.

    What was begun before it opened changes nothing any more: only a probe closes it.
    """
    if breaker.opened_at is not None:
        return Breaker() if is_probe and not is_error else breaker
    counted = replace(
        breaker, seconds=_counted(breaker.seconds, now, is_error=is_error)
    )
    good, bad = calls(counted, now=now)
    is_too_much = good + bad >= FEWEST_CALLS and 2 * bad > good + bad
    return Breaker(opened_at=now) if is_too_much else counted


def calls(breaker: Breaker, *, now: float) -> tuple[int, int]:
    """Return how many calls of the window succeeded, and how many failed."""
    recent = _recent(breaker.seconds, now)
    return sum(row.good for row in recent), sum(row.bad for row in recent)


def _counted(
    seconds: Sequence[Second], now: float, *, is_error: bool
) -> tuple[Second, ...]:
    recent = _recent(seconds, now)
    this = int(now)
    last = recent[-1] if recent and recent[-1].at == this else Second(this)
    rest = [row for row in recent if row.at != this]
    grown = replace(last, good=last.good + (not is_error), bad=last.bad + is_error)
    return (*rest, grown)


def _recent(seconds: Sequence[Second], now: float) -> list[Second]:
    return [row for row in seconds if now - WINDOW_SECONDS < row.at + 1 <= now + 1]


def _wait(breaker: Breaker, until: float, now: float) -> Admission:
    return Admission(
        is_allowed=False,
        is_probe=False,
        retry_after=max(1, math.ceil(until - now)),
        breaker=breaker,
    )
