"""The life of a policy: which act leads where, what it risks, and who has to agree.

What only takes access away may be done at once, by a security admin with a fresh proof.
What could give access asks for votes, like any change of what the policy says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.policies.choices import Act, Effect, PolicyState

_MOVES: Mapping[tuple[str, str], PolicyState] = {
    (PolicyState.LIVE, Act.SUSPEND): PolicyState.SUSPENDED,
    (PolicyState.SUSPENDED, Act.RESUME): PolicyState.LIVE,
    (PolicyState.LIVE, Act.RETIRE): PolicyState.RETIRED,
    (PolicyState.SUSPENDED, Act.RETIRE): PolicyState.RETIRED,
}
RISKY, ORDINARY = 80, 20
DAYS_BEFORE = (14, 3, 1)


@dataclass(frozen=True)
class Risk:
    """How much an act could open, from 0 to 100, and why."""

    score: int
    reason: str

    @property
    def is_risky(self) -> bool:
        """Say whether the act could let somebody do what they may not do now."""
        return self.score >= RISKY


@dataclass(frozen=True)
class Decision:
    """What somebody said about the end of a forbid."""

    lets_end: bool
    until: dt.datetime


def next_state(state: str, act: str) -> PolicyState | None:
    """Return the state that an act leads to, or None where it is not possible."""
    return _MOVES.get((state, act))


def possible(state: str) -> tuple[Act, ...]:
    """Return the acts that are possible in a state."""
    return tuple(Act(act) for before, act in _MOVES if before == state)


def risk_of(act: str, content: Mapping[str, Any]) -> Risk:
    """Say what an act upon a policy of this content risks."""
    forbids = content.get("effect") == Effect.FORBID
    match Act(act):
        case Act.SUSPEND | Act.RETIRE if forbids:
            return Risk(RISKY, "What the policy forbids may be allowed without it.")
        case Act.SUSPEND | Act.RETIRE:
            return Risk(ORDINARY, "It only takes away what the policy permits.")
        case Act.RESUME if forbids:
            return Risk(ORDINARY, "It only forbids what was forbidden before.")
        case Act.RESUME:
            return Risk(RISKY, "It permits again what the policy permits.")
        case Act.ROLL_BACK:
            return Risk(RISKY, "It puts an earlier content in force again.")
        case Act.LET_END:
            return Risk(RISKY, "What the policy forbids may be allowed afterwards.")
        case _:
            return Risk(ORDINARY, "It goes on forbidding what it forbids.")


def needs_request(act: str, content: Mapping[str, Any]) -> bool:
    """Say whether an act may only be done by an approved request.

    Rolling back to the last good version, and letting a forbid end when its approvers
    said that it should, were approved before.
    """
    asks = Act(act) in {Act.SUSPEND, Act.RESUME, Act.RETIRE}
    return asks and risk_of(act, content).is_risky


def end_of(
    effect: str, until: dt.datetime | None, decisions: Sequence[Decision]
) -> dt.datetime | None:
    """Return when a version ends, given what was decided, the latest last.

    A permit ends when it says. A forbid ends only when somebody decided that it shall:
    until then it stays in force, past the end that it names.
    """
    if until is None or effect != Effect.FORBID:
        return until
    last = decisions[-1] if decisions else None
    return last.until if last and last.lets_end else None


def due_of(
    effect: str, until: dt.datetime | None, decisions: Sequence[Decision]
) -> dt.datetime | None:
    """Return by when somebody has to decide about a forbid; None if nobody has to."""
    if until is None or effect != Effect.FORBID:
        return None
    last = decisions[-1] if decisions else None
    if last is None:
        return until
    return None if last.lets_end else last.until


def reminder_of(when: dt.datetime, now: dt.datetime) -> int | None:
    """Return which reminder is due: days before, 0 when it is past, None for none."""
    left = when - now
    if left <= dt.timedelta(0):
        return 0
    return min((d for d in DAYS_BEFORE if left <= dt.timedelta(days=d)), default=None)


def is_owner(owner: str, names: Sequence[str]) -> bool:
    """Say whether a person with these names is the owner that a policy names."""
    wanted = owner.strip().casefold()
    return bool(wanted) and wanted in {name.strip().casefold() for name in names}
