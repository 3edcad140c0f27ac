"""The records of everything that is live, to say what a change would change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from protocol.fingerprint import state_digest
from protocol.records import Record


@dataclass(frozen=True)
class Difference:
    """A record that comes or changes, or the key of one that goes."""

    key: tuple[str, str]
    before: Record | None
    after: Record | None


@dataclass(frozen=True)
class StateChange:
    """What nodes hold before and after, by digest and record by record."""

    before: str
    after: str
    changes: tuple[Difference, ...]


def between(before: Sequence[Record], after: Sequence[Record]) -> StateChange:
    """Return what differs between two states."""
    old, new = _by_key(before), _by_key(after)
    return StateChange(
        before=state_digest(before),
        after=state_digest(after),
        changes=tuple(
            Difference(key, old.get(key), new.get(key))
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        ),
    )


def _by_key(records: Iterable[Record]) -> dict[tuple[str, str], Record]:
    return {record.key: record for record in records}
