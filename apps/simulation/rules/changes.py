"""Changes of records before they are made: what would stand there instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from protocol.canonical import digest
from protocol.records import Record

Key = tuple[str, str]
Pair = tuple[Record | None, Record | None]
_DOMAIN = "portward-evidence-input-v1"


@dataclass(frozen=True)
class RecordChange:
    """A record is put in the place of its key, or what has the key is removed."""

    key: Key
    record: Record | None = None

    @classmethod
    def put(cls, record: Record) -> RecordChange:
        """Return the change that adds or replaces a record."""
        return cls(record.key, record)

    @classmethod
    def remove(cls, key: Key) -> RecordChange:
        """Return the change that takes a record away."""
        return cls(key)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "key": list(self.key),
            "record": self.record.to_dict() if self.record else None,
        }


def changed(records: Iterable[Record], changes: Iterable[RecordChange]) -> list[Record]:
    """Return records after changes, in the order of their keys; the last one counts."""
    found = {record.key: record for record in records}
    for change in changes:
        found.pop(change.key, None)
        if change.record is not None:
            found[change.key] = change.record
    return [found[key] for key in sorted(found)]


def pairs(before: Iterable[Record], after: Iterable[Record]) -> list[Pair]:
    """Return what differs between two lists of records: each before, and after."""
    old = {record.key: record for record in before}
    new = {record.key: record for record in after}
    return [
        (old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def input_digest(
    changes: Iterable[RecordChange], contents: Iterable[tuple[str, Any]]
) -> str:
    """Return the digest of what evidence is asked about."""
    said = {
        "changes": [change.to_dict() for change in changes],
        "contents": [[slug, content] for slug, content in contents],
    }
    return "sha256:" + digest(_DOMAIN, said).hex()
