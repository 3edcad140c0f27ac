"""In which order messages go, and when a failed one is tried again. Pure."""

from __future__ import annotations

import datetime as dt

from apps.outbox.choices import Lane

FIRST_PAUSE = dt.timedelta(seconds=1)
LONGEST_PAUSE = dt.timedelta(hours=1)
MOST_ATTEMPTS = 24
LEASE = dt.timedelta(seconds=60)
# What is urgent is tried often, and given up no earlier than anything else.
LONGEST_URGENT_PAUSE = dt.timedelta(seconds=15)
MOST_URGENT_ATTEMPTS = 4000
# A worker that died holds an urgent message back for no longer than this.
URGENT_LEASE = dt.timedelta(seconds=15)
# Every fourth turn belongs to whatever waited longest and is not urgent.
_SHARE = 4


def lanes_of_turn(turn: int) -> tuple[Lane, ...]:
    """Return the lanes that one turn of a relay of all lanes looks at.

    Three turns of four take the most urgent message; the fourth takes the oldest of
    the others, so that a stream of urgent messages does not hold them back for good.
    """
    if turn % _SHARE == _SHARE - 1:
        return (Lane.DEFAULT, Lane.BULK)
    return tuple(Lane)


def lease_of(lane: Lane) -> dt.timedelta:
    """Return for how long a delivery keeps others away."""
    return URGENT_LEASE if lane is Lane.URGENT else LEASE


def pause_after(
    attempts: int, jitter: float, lane: Lane = Lane.DEFAULT
) -> dt.timedelta:
    """Return how long to wait after so many failures.

    Doubles from one second and never exceeds an hour, or 15 seconds for what is
    urgent. `jitter` in [0, 1) shortens the pause by up to a quarter, so that messages
    that failed together do not return together.
    """
    factor: int = 2 ** min(max(attempts, 1) - 1, 12)
    longest = LONGEST_URGENT_PAUSE if lane is Lane.URGENT else LONGEST_PAUSE
    return min(FIRST_PAUSE * factor, longest) * (1 - jitter / 4)


def is_dead(attempts: int, lane: Lane = Lane.DEFAULT) -> bool:
    """Say whether to give up: proof of failure stays visible and can be retried."""
    most = MOST_URGENT_ATTEMPTS if lane is Lane.URGENT else MOST_ATTEMPTS
    return attempts >= most
