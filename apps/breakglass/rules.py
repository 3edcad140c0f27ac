"""Decide what a break-glass account may do now, and what is due for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from apps.breakglass.choices import AccountState

DURATIONS_MINUTES = (15, 30, 60)
REVIEW_WITHIN = dt.timedelta(hours=24)
DRILL_EVERY = dt.timedelta(days=90)
# What was announced longer ago is an emergency again.
DRILL_LASTS = dt.timedelta(hours=1)
LONGEST = dt.timedelta(hours=1)
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


def was_late(activation: ActivationFacts) -> bool:
    """Say whether a review was closed after its time."""
    closed = activation.closed_at
    return closed is not None and closed - end_of(activation) >= REVIEW_WITHIN


def state_of(
    activations: Sequence[ActivationFacts],
    *,
    sealed_at: dt.datetime,
    is_retired: bool,
    now: dt.datetime,
) -> AccountState:
    """Return where an account stands.

    1. A retired account is no break-glass account any more.
    2. It is open while an activation runs.
    3. It locks when a review is overdue, and stays so until it is sealed again.
    4. It waits for review, and may be opened again meanwhile: emergencies do not wait.
    5. Else it is sealed.
    """
    if is_retired:
        return AccountState.RETIRED
    if any(end_of(each) > now for each in activations):
        return AccountState.OPEN
    ends = [end_of(each) for each in activations if each.closed_at is None]
    if any(now - end >= REVIEW_WITHIN for end in ends) or any(
        was_late(each) and each.closed_at is not None and each.closed_at > sealed_at
        for each in activations
    ):
        return AccountState.LOCKED
    return AccountState.REVIEW if ends else AccountState.SEALED


def may_seal(state: AccountState, *, is_reviewed: bool) -> bool:
    """Say whether an account that was sealed before may be sealed again."""
    match state:
        case AccountState.RETIRED | AccountState.LOCKED:
            return is_reviewed
        case AccountState.SEALED | AccountState.OPEN | AccountState.REVIEW:
            return False


def may_open(state: AccountState) -> bool:
    """Say whether the glass may be broken in a state."""
    match state:
        case AccountState.SEALED | AccountState.REVIEW:
            return True
        case AccountState.OPEN | AccountState.LOCKED | AccountState.RETIRED:
            return False


def is_drill(announced_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Say whether a use that begins now is the drill that was announced."""
    return announced_at is not None and now - announced_at < DRILL_LASTS


def is_drill_due(
    *, sealed_at: dt.datetime, drilled_at: dt.datetime | None, now: dt.datetime
) -> bool:
    """Say whether an account was not tried out for too long."""
    return now - (drilled_at or sealed_at) >= DRILL_EVERY
