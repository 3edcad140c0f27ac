"""The token bucket as a generic cell rate algorithm: one number per key.

ITU-T I.371, annex A. The number is the theoretical arrival time: the moment at which
the bucket will be full again. Times are whole microseconds, so that PostgreSQL and
Python decide alike.
"""

from __future__ import annotations

from dataclasses import dataclass

MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Bucket:
    """So many tokens at once, and so many more per second."""

    name: str
    rate_per_second: float
    burst: int

    @property
    def interval(self) -> int:
        """Return the microseconds in which one token grows back."""
        return max(1, round(MICROSECONDS / self.rate_per_second))

    @property
    def tolerance(self) -> int:
        """Return the microseconds in which an empty bucket becomes full."""
        return self.burst * self.interval

    @property
    def window(self) -> int:
        """Return the same in whole seconds."""
        return max(1, _seconds(self.tolerance))


@dataclass(frozen=True)
class Verdict:
    """Whether a request may pass, and what to tell its sender."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after: int


@dataclass(frozen=True)
class Level:
    """What is remembered of a bucket after a request was judged."""

    full_at: int
    at: int
    is_allowed: bool


def judge(bucket: Bucket, *, full_at: int, now: int, cost: int = 1) -> Level:
    """Take tokens if there are enough; a refusal takes nothing."""
    after = max(full_at, now) + cost * bucket.interval
    if after - now > bucket.tolerance:
        return Level(full_at=full_at, at=now, is_allowed=False)
    return Level(full_at=after, at=now, is_allowed=True)


def verdict(bucket: Bucket, level: Level, *, cost: int = 1) -> Verdict:
    """Say what a level means for the sender."""
    owed = max(0, level.full_at - level.at)
    wait = 0
    if not level.is_allowed:
        wait = owed + cost * bucket.interval - bucket.tolerance
    return Verdict(
        is_allowed=level.is_allowed,
        limit=bucket.burst,
        remaining=max(0, bucket.tolerance - owed) // bucket.interval,
        reset_seconds=_seconds(owed),
        retry_after=_seconds(wait),
    )


def _seconds(microseconds: int) -> int:
    return -(-microseconds // MICROSECONDS)
