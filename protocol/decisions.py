"""Chunks of a node's decision log, as they travel to the portal.

A chunk is a DSSE envelope signed with the node's key. An entry stands for one question
and how often it was answered the same way since the last chunk: principal, action,
resource and answer, never attributes or context, which may hold personal data. What a
node could not keep is counted in `dropped`, so that a gap is known to be one.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocol.errors import ReceiptError
from protocol.records import EntityRef

DECISIONS_TYPE = "application/vnd.portward.decisions+json"
MOST_ENTRIES = 500
# What the entries of a chunk take as JSON at most, so that the edge reads it whole.
MOST_BYTES = 120_000
_LONGEST_TEXT = 255
_MOST_NAMES = 50
_LARGEST_COUNT = 2**31 - 1
_ENTRY_FIELDS = frozenset(
    {
        *("id", "first_at", "last_at", "count", "principal", "action", "resource"),
        *("allowed", "reason", "determining", "grants", "revision"),
    }
)


@dataclass(frozen=True)
class DecisionEntry:
    """One question and its answer; times are aware, `count` is at least 1."""

    id: uuid.UUID
    first_at: dt.datetime
    last_at: dt.datetime
    count: int
    principal: EntityRef
    action: str
    resource: EntityRef
    allowed: bool
    reason: str
    determining: tuple[str, ...]
    grants: tuple[str, ...]
    revision: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": str(self.id),
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
            "count": self.count,
            "principal": self.principal.to_dict(),
            "action": self.action,
            "resource": self.resource.to_dict(),
            "allowed": self.allowed,
            "reason": self.reason,
            "determining": list(self.determining),
            "grants": list(self.grants),
            "revision": self.revision,
        }


@dataclass(frozen=True)
class Chunk:
    """What one node decided between two deliveries."""

    boot_id: str
    number: int
    dropped: int
    entries: tuple[DecisionEntry, ...]


def chunk_payload(*, tenant: str, node: str, chunk: Chunk) -> dict[str, Any]:
    """Return what the node signs."""
    return {
        "tenant": tenant,
        "node": node,
        "boot_id": chunk.boot_id,
        "number": chunk.number,
        "dropped": chunk.dropped,
        "entries": [entry.to_dict() for entry in chunk.entries],
    }


def parse_chunk(payload: Mapping[str, Any], *, tenant: str, node: str) -> Chunk:
    """Read a verified payload strictly. Raises ReceiptError."""
    try:
        if (payload["tenant"], payload["node"]) != (tenant, node):
            raise ReceiptError("the decisions are of another node")
        entries = payload["entries"]
        if not isinstance(entries, list) or len(entries) > MOST_ENTRIES:
            raise ReceiptError(f"a chunk has up to {MOST_ENTRIES} entries")
        return Chunk(
            boot_id=_text(payload["boot_id"]),
            number=_count(payload["number"]),
            dropped=_count(payload["dropped"]),
            entries=tuple(_entry(entry) for entry in entries),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReceiptError(f"the chunk is malformed: {error}") from error


def _entry(value: Any) -> DecisionEntry:  # noqa: ANN401  # checked here
    if not isinstance(value, Mapping) or set(value) != _ENTRY_FIELDS:
        raise ReceiptError(f"an entry has exactly the fields {sorted(_ENTRY_FIELDS)}")
    first, last = _instant(value["first_at"]), _instant(value["last_at"])
    count = _count(value["count"])
    if last < first or count < 1:
        raise ReceiptError("an entry ends before it begins")
    if not isinstance(value["allowed"], bool):
        raise ReceiptError("allowed is true or false")
    revision = value["revision"]
    return DecisionEntry(
        id=uuid.UUID(_text(value["id"])),
        first_at=first,
        last_at=last,
        count=count,
        principal=_entity(value["principal"]),
        action=_text(value["action"]),
        resource=_entity(value["resource"]),
        allowed=value["allowed"],
        reason=_text(value["reason"]),
        determining=_texts(value["determining"]),
        grants=_texts(value["grants"]),
        revision=None if revision is None else _count(revision),
    )


def _entity(value: Any) -> EntityRef:  # noqa: ANN401  # checked here
    # Who asked may have named an entity of any type, so only the length is limited.
    return EntityRef(_text(value["type"]), _text(value["id"]))


def _text(value: Any) -> str:  # noqa: ANN401  # checked here
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\x00" in value:
        raise ValueError(f"a text has at most {_LONGEST_TEXT} characters")
    return value


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401  # checked here
    if not isinstance(value, list) or len(value) > _MOST_NAMES:
        raise ValueError(f"a list has at most {_MOST_NAMES} names")
    return tuple(_text(item) for item in value)


def _count(value: Any) -> int:  # noqa: ANN401  # checked here
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a count is a whole number")
    if not 0 <= value <= _LARGEST_COUNT:
        raise ValueError(f"a count lies between 0 and {_LARGEST_COUNT}")
    return value


def _instant(value: Any) -> dt.datetime:  # noqa: ANN401  # checked here
    instant = dt.datetime.fromisoformat(_text(value))
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return instant
