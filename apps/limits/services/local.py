"""Token buckets of one process, for what must not ask the database."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from apps.limits import rules
from apps.limits.rules import Bucket, Verdict

_MOST_KEYS = 100_000


def _microseconds() -> int:
    return time.monotonic_ns() // 1000


class LocalBuckets:
    """Levels in memory; the key that rested longest goes when there are too many."""

    def __init__(self, clock: Callable[[], int] = _microseconds) -> None:
        self._clock = clock
        self._full_at: OrderedDict[tuple[str, str], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, bucket: Bucket, key: str, *, cost: int = 1) -> Verdict:
        """Take tokens for a key, or say when there will be enough."""
        place = (bucket.name, key)
        level = rules.judge(
            bucket,
            full_at=self._full_at.get(place, 0),
            now=self._clock(),
            cost=cost,
        )
        self._full_at[place] = level.full_at
        self._full_at.move_to_end(place)
        if len(self._full_at) > _MOST_KEYS:
            self._full_at.popitem(last=False)
        return rules.verdict(bucket, level, cost=cost)
