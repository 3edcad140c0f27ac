"""Which statements count at an instant.

A version that is to come is in a release before it counts, beside the one it follows.
Each question is answered by the version that counts at the question's own time, so that
all nodes change over at the same instant, whenever each got the release.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from protocol.errors import RecordError
from protocol.records import Interval, PolicyRecord, Record, overlapping


class Validity:
    """The intervals of numbered statements; those that always count are left out."""

    def __init__(self, owners: Sequence[PolicyRecord]) -> None:
        self._intervals = {
            number: owner.interval
            for number, owner in enumerate(owners)
            if owner.effective_from or owner.effective_until
        }

    def counting(self, numbers: tuple[int, ...], now: dt.datetime) -> tuple[int, ...]:
        """Return those of some statements that count."""
        if not self._intervals:
            return numbers
        return tuple(number for number in numbers if self.counts(number, now))

    def counts(self, number: int, now: dt.datetime) -> bool:
        """Say whether a statement counts."""
        interval = self._intervals.get(number)
        return interval is None or interval.holds(now)


def check_versions(records: Iterable[Record]) -> None:
    """Refuse a release in which two versions of a policy count at the same time.

    Raises RecordError.
    """
    found: dict[str, list[Interval]] = {}
    for record in records:
        if isinstance(record, PolicyRecord):
            found.setdefault(record.slug, []).append(record.interval)
    for slug, intervals in found.items():
        if overlapping(intervals):
            raise RecordError(
                f"two versions of {slug} count at the same time", code="record.overlap"
            )
