"""The three clocks of an elevation: until it is decided, activated, and over.

They are independent: time spent waiting is never taken from the access itself. Stored
states lag behind the clocks; `state_at` says what is true at an instant.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from apps.elevations.choices import ElevationState
from apps.elevations.errors import ElevationExpiredError, ElevationStateError

PENDING = dt.timedelta(hours=1)
ACTIVATION = dt.timedelta(minutes=15)
_WARNS_AT_SHARE = 0.8


@dataclass(frozen=True)
class Clocks:
    """What is stored of an elevation's times. All are aware; `minutes` is of access."""

    state: ElevationState
    minutes: int
    requested_at: dt.datetime
    approved_at: dt.datetime | None = None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None


def deadline(clocks: Clocks) -> dt.datetime | None:
    """Return when the state ends by itself; final states do not."""
    match clocks.state:
        case ElevationState.PENDING:
            return clocks.requested_at + PENDING
        case ElevationState.APPROVED if clocks.approved_at:
            return clocks.approved_at + ACTIVATION
        case ElevationState.ACTIVE:
            return clocks.ends_at
        case _:
            return None


def state_at(clocks: Clocks, now: dt.datetime) -> ElevationState:
    """Return the true state at an instant: a deadline itself is too late."""
    end = deadline(clocks)
    if end is None or now < end:
        return clocks.state
    if clocks.state is ElevationState.ACTIVE:
        return ElevationState.ENDED
    return ElevationState.EXPIRED


def check_activation(clocks: Clocks, now: dt.datetime) -> None:
    """Raise ElevationStateError or ElevationExpiredError unless it may begin now."""
    if clocks.state is ElevationState.PENDING:
        raise ElevationStateError("This is not approved yet.")
    if clocks.state is ElevationState.ACTIVE:
        raise ElevationStateError("This is active already.")
    if clocks.state is not ElevationState.APPROVED:
        raise ElevationStateError("This is over.", remedy="Ask again.")
    if state_at(clocks, now) is not ElevationState.APPROVED:
        minutes = int(ACTIVATION.total_seconds() // 60)
        raise ElevationExpiredError(
            f"It was to be activated within {minutes} minutes of the approval."
        )


def access_times(
    minutes: int, *, now: dt.datetime, extended_end: dt.datetime | None
) -> tuple[dt.datetime, dt.datetime]:
    """Return when access begins and ends, activated now.

    An extension begins where what it extends ends, so that neither shortens the other.
    """
    starts = max(now, extended_end) if extended_end else now
    return starts, starts + dt.timedelta(minutes=minutes)


def warns_at(starts_at: dt.datetime, ends_at: dt.datetime) -> dt.datetime:
    """Return when the holder is told that the access is about to end: at 80 %."""
    return starts_at + (ends_at - starts_at) * _WARNS_AT_SHARE
