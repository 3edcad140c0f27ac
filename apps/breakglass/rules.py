"""Decide what a break-glass account may do now, and what is due for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from apps.breakglass.choices import AccountState

DURATIONS_MINUTES = (15, 30, 60)
REVIEW_WITHIN = dt.timedelta(hours=24)
DRILL_EVERY = dt.timedelta(days=90)
WANTED_ACCOUNTS = 2
SHORTEST_REASON = 10
SHORTEST_FINDINGS = 20


@dataclass(frozen=True)
class ActivationFacts:
    """What is known of one activation."""

    ends_at: dt.datetime
    ended_at: dt.datetime | None
    closed_at: dt.datetime | None


def end_of(activation: ActivationFacts) -> dt.datetime:
    """Return when an activation ended or will: by hand, or by time."""
    if activation.ended_at is None:
        return activation.ends_at
    return min(activation.ended_at, activation.ends_at)


def state_of(
    activations: Sequence[ActivationFacts], *, is_retired: bool, now: dt.datetime
) -> AccountState:
    """Return where an account stands.

    1. A retired account is no break-glass account any more.
    2. It is open while an activation runs.
    3. It locks when a review is overdue.
    4. It waits for review, and may be opened again meanwhile: emergencies do not wait.
    5. Else it is sealed.
    """
    if is_retired:
        return AccountState.RETIRED
    if any(end_of(each) > now for each in activations):
        return AccountState.OPEN
    ends = [end_of(each) for each in activations if each.closed_at is None]
    if not ends:
        return AccountState.SEALED
    return (
        AccountState.LOCKED if now - min(ends) >= REVIEW_WITHIN else AccountState.REVIEW
    )


def may_open(state: AccountState) -> bool:
    """Say whether the glass may be broken in a state."""
    match state:
        case AccountState.SEALED | AccountState.REVIEW:
            return True
        case AccountState.OPEN | AccountState.LOCKED | AccountState.RETIRED:
            return False


def is_drill_due(
    *, sealed_at: dt.datetime, drilled_at: dt.datetime | None, now: dt.datetime
) -> bool:
    """Say whether an account was not tried out for too long."""
    return now - (drilled_at or sealed_at) >= DRILL_EVERY
