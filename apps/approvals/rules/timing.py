"""What time does to a request that waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from enum import StrEnum

from apps.approvals.rules.flows import Stage

REMIND_AT_PERCENT = (25, 50)


class Step(StrEnum):
    """What is due. Silence never approves anything."""

    REMIND = "remind"
    ESCALATE = "escalate"
    EXPIRE = "expire"


def deadline_of(
    stage: Stage, started_at: dt.datetime, expires_at: dt.datetime | None
) -> dt.datetime | None:
    """Return when nobody decides on a stage any more, if ever."""
    ends = [] if expires_at is None else [expires_at]
    if stage.deadline_minutes is not None:
        ends.append(started_at + dt.timedelta(minutes=stage.deadline_minutes))
    return min(ends, default=None)


def passed_percent(
    started_at: dt.datetime, deadline: dt.datetime, now: dt.datetime
) -> int:
    """Return how much of the time is over, in percent."""
    whole = (deadline - started_at).total_seconds()
    if whole <= 0 or now >= deadline:
        return 100
    return max(0, int(100 * (now - started_at).total_seconds() / whole))


def reminders_due(percent: int) -> int:
    """Return how many reminders should have gone out by now."""
    return sum(percent >= mark for mark in REMIND_AT_PERCENT)


def due(
    *,
    stage: Stage,
    percent: int,
    reminders_sent: int,
    is_escalated: bool,
) -> Collection[Step]:
    """Return what is due, given how much of the stage's time is over."""
    if percent >= 100:  # noqa: PLR2004  # percent
        return (Step.EXPIRE,)
    steps = []
    if stage.escalation and not is_escalated and percent >= stage.escalation.at_percent:
        steps.append(Step.ESCALATE)
    if reminders_due(percent) > reminders_sent:
        steps.append(Step.REMIND)
    return tuple(steps)
