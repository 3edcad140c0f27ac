"""Deltas: what turns the release that a node holds into a newer one.

A delta is one canonical JSON document: the records that were added, replaced and
removed, and what changed in the manifest. It names the release that it starts from. It
is signed as a target of TUF beside the snapshot, and whoever applies it must arrive at
the signed digests of state and manifest exactly. There is one delta for two releases,
byte for byte: everything in it has one order, and nothing may be there in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from protocol.bundle import (
    Certificate,
    Manifest,
    Snapshot,
    certificate_digest,
    check_content,
    content_files,
)
from protocol.canonical import canonical_bytes, parse_json
from protocol.errors import (
    BundleTooLargeError,
    CanonicalError,
    DeltaBaseError,
    DeltaMalformedError,
    RecordError,
)
from protocol.fingerprint import Key, StateTree
from protocol.records import Record, parse_record, record_bytes
from protocol.zones import Transitions

FORMAT = "portward-delta-v1"
DELTA_LIMIT = 16 * 1024 * 1024
_FIELDS = {"format", "from", "manifest", "zones", "certificates", "records"}
# These grow with the tenant, so a delta carries only what changed in them.
_PATCHED = ("zones", "certificates")


class State:
    """The records of a release by key, and their digests; never changed in place.

    Their bytes are made when they are first asked for, and carried on from there.
    """

    def __init__(
        self,
        records: Mapping[Key, Record],
        tree: StateTree,
        lines: Mapping[Key, bytes] | None = None,
    ) -> None:
        self.records = records
        self.tree = tree
        self._lines = lines

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """Return the state of records in any order; RecordError for two of one key."""
        found, tree = list(records), StateTree()
        by_key = {record.key: record for record in found}
        if len(by_key) != len(found):
            raise RecordError("a record occurs twice", code="record.duplicate")
        return cls(by_key, tree, {r.key: tree.put(r) for r in found})

    @property
    def lines(self) -> Iterator[bytes]:
        """Return the bytes of the records, in the order of their keys."""
        if self._lines is None:
            self._lines = {k: record_bytes(r) for k, r in self.records.items()}
        return (self._lines[key] for key in sorted(self._lines))

    def changed(self, changes: Changes) -> State:
        """Return the state after changes, which must fit it exactly.

        Raises DeltaBaseError.
        """
        records, tree = dict(self.records), self.tree.copy()
        lines = None if self._lines is None else dict(self._lines)
        for key in changes.removed:
            if records.pop(key, None) is None:
                raise DeltaBaseError(f"{key} is to be removed and is not there")
            tree.remove(key)
            if lines is not None:
                del lines[key]
        for is_new, found in ((True, changes.added), (False, changes.replaced)):
            for key, record in found.items():
                if (key in self.records) is is_new:
                    said = "there already" if is_new else "not there"
                    raise DeltaBaseError(f"{key} is {said}")
                records[key] = record
                line = tree.put(record)
                if lines is not None:
                    lines[key] = line
        return State(records, tree, lines)


@dataclass(frozen=True)
class Changes:
    """What happened to records between two states. A key occurs once."""

    added: Mapping[Key, Record] = field(default_factory=dict)
    replaced: Mapping[Key, Record] = field(default_factory=dict)
    removed: frozenset[Key] = frozenset()

    def __len__(self) -> int:
        return len(self.added) + len(self.replaced) + len(self.removed)

    @property
    def touched(self) -> frozenset[Key]:
        """Return the key of every record that is changed."""
        return self.removed.union(self.added, self.replaced)

    @classmethod
    def between(cls, before: State, after: State) -> Changes:
        """Compare two states by the digests of their records."""
        old, new = before.tree.leaves, after.tree.leaves
        return cls(
            added={k: after.records[k] for k in new if k not in old},
            replaced={
                k: after.records[k]
                for k, leaf in new.items()
                if k in old and old[k] != leaf
            },
            removed=frozenset(k for k in old if k not in new),
        )

    def then(self, later: Changes) -> Changes:
        """Return the changes that have the effect of these and later ones.

        A record that was replaced and is what it was again stays in: the state before
        is not known here, and replacing a record by itself does no harm.
        """
        added, replaced = dict(self.added), dict(self.replaced)
        removed = set(self.removed)
        for key in later.removed:
            replaced.pop(key, None)
            if added.pop(key, None) is None:
                removed.add(key)
        for key, record in later.added.items():
            if key in removed:
                removed.discard(key)
                replaced[key] = record
            else:
                added[key] = record
        for key, record in later.replaced.items():
            (added if key in added else replaced)[key] = record
        return Changes(added, replaced, frozenset(removed))


@dataclass(frozen=True)
class Base:
    """The release that a delta starts from."""

    revision: int
    state_digest: str


@dataclass(frozen=True)
class Delta:
    """A delta as it was read: well-formed, and not yet believed."""

    base: Base
    changes: Changes
    fields: Mapping[str, Any]
    zones: Transitions
    zones_removed: Sequence[str]
    certificates: Sequence[Certificate]
    certificates_removed: Sequence[str]


@dataclass(frozen=True)
class Content:
    """A release as it is held in memory, ready to be carried on by the next delta."""

    manifest: Manifest
    state: State
    certificates: Mapping[str, Certificate]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Content:
        """Return the content of a snapshot that was read."""
        named = {certificate_digest(c): c for c in snapshot.certificates}
        records = {record.key: record for record in snapshot.records}
        return cls(snapshot.manifest, State(records, snapshot.tree), named)

    def files(self) -> dict[str, bytes]:
        """Return the files of a snapshot that agents read."""
        return content_files(
            self.manifest, self.state.lines, self.certificates.values()
        )

    @property
    def base(self) -> Base:
        """Return how a delta from here names it."""
        return Base(self.manifest.revision, self.manifest.state_digest)


def build_delta(
    before: Manifest,
    after: Manifest,
    changes: Changes,
    certificates: Iterable[Certificate],
) -> bytes:
    """Return the delta from one release to another.

    `certificates` are all of the newer release; those that the older one names are left
    out.
    """
    held = set(before.certificates)
    named = {certificate_digest(c): dict(c) for c in certificates}
    fields = {k: v for k, v in after.to_dict().items() if k not in _PATCHED}
    zones = {
        zone: [list(t) for t in found]
        for zone, found in after.zones.items()
        if _pairs(before.zones.get(zone)) != _pairs(found)
    }
    return canonical_bytes(
        {
            "format": FORMAT,
            "from": {"revision": before.revision, "state_digest": before.state_digest},
            "manifest": fields,
            "zones": {
                "put": zones,
                "remove": sorted(set(before.zones) - set(after.zones)),
            },
            "certificates": {
                "put": [named[d] for d in sorted(set(named) - held)],
                "remove": sorted(held - set(named)),
            },
            "records": {
                "add": _documents(changes.added),
                "replace": _documents(changes.replaced),
                "remove": [list(key) for key in sorted(changes.removed)],
            },
        }
    )


def read_delta(blob: bytes, *, limit: int = DELTA_LIMIT) -> Delta:
    """Parse a delta strictly: known fields, canonical bytes, every list in order.

    Raises DeltaMalformedError, BundleTooLargeError, RecordError.
    """
    if len(blob) > limit:
        raise BundleTooLargeError(f"{len(blob)} bytes exceed the limit of {limit}")
    try:
        value = parse_json(blob)
        if canonical_bytes(value) != blob:
            raise DeltaMalformedError("the delta is not in canonical form")
        return _parse(value)
    except (
        *(CanonicalError, AttributeError, KeyError, TypeError, ValueError),
    ) as error:
        raise DeltaMalformedError(f"the delta is malformed: {error}") from error


def apply_delta(delta: Delta, held: Content) -> Content:
    """Return the content after a delta, or raise why it is not the signed one.

    1. The delta starts from what is held.
    2. Every change fits: what is added was not there, what is replaced or removed was.
    3. Records, counts and certificates are those that the new manifest names.

    Who signed it is not checked here: see protocol.trust.

    Raises DeltaBaseError, BundleDigestError, BundleMalformedError.
    """
    # Step 1.
    if delta.base != held.base:
        raise DeltaBaseError(
            f"the delta starts from revision {delta.base.revision}, "
            f"held is {held.manifest.revision}"
        )
    # Step 2.
    state = held.state.changed(delta.changes)
    certificates = _patched(
        held.certificates,
        {certificate_digest(c): c for c in delta.certificates},
        delta.certificates_removed,
    )
    zones = _patched(held.manifest.zones, delta.zones, delta.zones_removed)
    fields = {**delta.fields, "certificates": sorted(certificates)}
    manifest = Manifest.from_dict({**fields, "zones": _lists(zones)})
    # Step 3.
    check_content(manifest, state.tree, state.records)
    return Content(manifest, state, certificates)


def _parse(value: Mapping[str, Any]) -> Delta:
    _exactly(value, _FIELDS)
    if value["format"] != FORMAT:
        raise DeltaMalformedError(f"format {value['format']!r} is not spoken here")
    base, zones, certificates, records = (
        value[name] for name in ("from", "zones", "certificates", "records")
    )
    _exactly(base, {"revision", "state_digest"})
    if type(base["revision"]) is not int:
        raise DeltaMalformedError("the base's revision is no number")
    for part in (zones, certificates):
        _exactly(part, {"put", "remove"})
        _in_order(part["remove"])
    _exactly(records, {"add", "replace", "remove"})
    _in_order([certificate_digest(c) for c in certificates["put"]])
    return Delta(
        base=Base(base["revision"], base["state_digest"]),
        changes=_changes(records),
        fields=dict(value["manifest"]),
        zones=dict(zones["put"]),
        zones_removed=zones["remove"],
        certificates=certificates["put"],
        certificates_removed=certificates["remove"],
    )


def _changes(value: Mapping[str, Any]) -> Changes:
    added, replaced = (
        [parse_record(item) for item in value[name]] for name in ("add", "replace")
    )
    removed = [(str(kind), str(ident)) for kind, ident in value["remove"]]
    for keys in ([r.key for r in added], [r.key for r in replaced], removed):
        _in_order(keys)
    found = Changes(
        {r.key: r for r in added}, {r.key: r for r in replaced}, frozenset(removed)
    )
    if len({*found.added, *found.replaced, *found.removed}) != len(found):
        raise DeltaMalformedError("a record is changed in two ways")
    return found


def _patched(
    held: Mapping[str, Any], put: Mapping[str, Any], removed: Sequence[str]
) -> dict[str, Any]:
    """Return a mapping after a patch that fits it."""
    if not set(removed) <= set(held) or set(removed) & set(put):
        raise DeltaBaseError("something is to be removed and is not there")
    return {**{k: v for k, v in held.items() if k not in removed}, **put}


def _documents(records: Mapping[Key, Record]) -> list[dict[str, Any]]:
    return [records[key].to_dict() for key in sorted(records)]


def _exactly(value: Mapping[str, Any], names: set[str]) -> None:
    if set(value) != names:
        raise DeltaMalformedError(f"wrong fields: {sorted(names ^ set(value))}")


def _in_order(items: Sequence[Any]) -> None:
    """Refuse lists that are not sorted, or name something twice."""
    if any(first >= second for first, second in pairwise(items)):
        raise DeltaMalformedError("a list is out of order")


def _pairs(found: Sequence[Sequence[int]] | None) -> list[list[int]] | None:
    return None if found is None else [list(pair) for pair in found]


def _lists(zones: Transitions) -> dict[str, Any]:
    return {zone: _pairs(found) for zone, found in zones.items()}
