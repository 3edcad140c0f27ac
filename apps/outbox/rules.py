"""When a failed message is tried again. Pure."""

from __future__ import annotations

import datetime as dt

FIRST_PAUSE = dt.timedelta(seconds=1)
LONGEST_PAUSE = dt.timedelta(hours=1)
MOST_ATTEMPTS = 24
LEASE = dt.timedelta(seconds=60)


def pause_after(attempts: int, jitter: float) -> dt.timedelta:
    """Return how long to wait after so many failures.

    Doubles from one second and never exceeds an hour. `jitter` in [0, 1) shortens the
    pause by up to a quarter, so that messages that failed together do not return
    together.
    """
    factor: int = 2 ** min(max(attempts, 1) - 1, 12)
    doubled = FIRST_PAUSE * factor
    return min(doubled, LONGEST_PAUSE) * (1 - jitter / 4)


def is_dead(attempts: int) -> bool:
    """Say whether to give up: proof of failure stays visible and can be retried."""
    return attempts >= MOST_ATTEMPTS
