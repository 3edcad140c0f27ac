"""The state digest of a release, which is also the fingerprint of a node.

A Merkle root over the records sorted by (type, id). Leaves and inner nodes have domains
of their own, so that neither can pass for the other (RFC 6962, section 2.1). It does
not depend on archive formats or compression, only on what is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from protocol.canonical import canonical_bytes, digest_bytes
from protocol.errors import RecordError
from protocol.records import RECORD_DOMAIN, Record, record_bytes

_LEAF = b"portward-leaf-v1\0"
_NODE = b"portward-node-v1\0"
_EMPTY = hashlib.sha256(b"portward-empty-v1\0").digest()

Key = tuple[str, str]


class StateTree:
    """The digests of a state, kept up to date as records come and go."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._leaves: dict[Key, bytes] = {}
        for record in records:
            if record.key in self._leaves:
                raise RecordError(f"{record.key} occurs twice", code="record.duplicate")
            self.put(record)

    def __len__(self) -> int:
        return len(self._leaves)

    @property
    def leaves(self) -> Mapping[Key, bytes]:
        """Return the digest of each record, to compare two states by."""
        return self._leaves

    def copy(self) -> StateTree:
        """Return a tree that changes on its own."""
        found = StateTree()
        found._leaves = dict(self._leaves)
        return found

    def put(self, record: Record) -> bytes:
        """Add a record, or replace the one of the same type and id.

        Returns the record's bytes, for whoever needs them too.
        """
        name = canonical_bytes([record.type.value, record.id])
        line = record_bytes(record)
        content = _LEAF + name + b"\0" + digest_bytes(RECORD_DOMAIN, line)
        self._leaves[record.key] = hashlib.sha256(content).digest()
        return line

    def remove(self, key: Key) -> None:
        """Remove a record; a KeyError says that it is not there."""
        del self._leaves[key]

    def digest(self) -> str:
        """Return the state digest as "sha256:<hex>"."""
        level = [self._leaves[key] for key in sorted(self._leaves)]
        return "sha256:" + (_root(level) if level else _EMPTY).hex()


def state_digest(records: Iterable[Record]) -> str:
    """Return the state digest of records in any order.

    Raises RecordError when two of them share type and id.
    """
    return StateTree(records).digest()


def _root(level: list[bytes]) -> bytes:
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [hashlib.sha256(_NODE + left + right).digest() for left, right in pairs]
        # A node without a partner moves up unchanged.
        level = above + level[len(above) * 2 :]
    return level[0]
