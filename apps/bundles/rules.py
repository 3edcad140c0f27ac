"""What a release promises, and when one is due. Values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from engine.exports.opa import opa_content
from protocol.bundle import (
    Manifest,
    Predecessor,
    build_manifest,
    build_snapshot,
    certificate_digest,
)
from protocol.delta import (
    Base,
    Changes,
    Content,
    State,
    apply_delta,
    build_delta,
    read_delta,
)
from protocol.errors import BundleDigestError

# How many releases back a node may be and still be brought along by a delta.
DELTAS_KEPT = 8
# A delta that touches more than half of the records saves next to nothing.
_SHARE = 2


class Due(StrEnum):
    """What has to be done about the newest release, given the live state."""

    NOTHING = "nothing"
    SIGN = "sign"
    BUILD = "build"


@dataclass(frozen=True)
class Newest:
    """The newest release of a tenant, as far as the decision needs it."""

    revision: int
    state_digest: str
    is_signed: bool


def due(newest: Newest | None, state_digest: str) -> Due:
    """Say whether a release is due.

    A release that was built and not signed is signed as it is, because a crash must not
    cost a number; one whose state is no longer live is not worth a signature.
    """
    if newest is None or newest.state_digest != state_digest:
        return Due.BUILD
    return Due.NOTHING if newest.is_signed else Due.SIGN


@dataclass(frozen=True)
class Ground:
    """What the next release is built upon.

    `held` is the newest signed release; `older` are those before it, newest first, each
    with its delta to `held`.
    """

    tenant: str
    revision: int
    held: Content | None
    older: Sequence[tuple[Manifest, bytes]] = ()


@dataclass(frozen=True)
class Draft:
    """A release as it is to be stored: all that takes long, and needs no lock."""

    content: Content
    snapshot: bytes
    deltas: tuple[tuple[Base, bytes], ...]

    @property
    def manifest(self) -> Manifest:
        """Return what the release says of itself."""
        return self.content.manifest

    def is_next(self, newest: Newest | None, base: Base | None, digest: str) -> bool:
        """Say whether this is the release of a state after just these two releases."""
        found = self.manifest
        return (
            found.revision == (newest.revision if newest else 0) + 1
            and found.previous_revision == (base.revision if base else None)
            and found.previous_digest == (base.state_digest if base else None)
            and found.state_digest == digest
        )


def compile_draft(
    ground: Ground,
    state: State,
    certificates: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
) -> Draft:
    """Compile a state: manifest, archive with the Rego and its data, deltas.

    Raises ProtocolError.
    """
    records = list(state.records.values())
    held = ground.held
    manifest = build_manifest(
        tenant=ground.tenant,
        revision=ground.revision,
        previous=Predecessor(**vars(held.base)) if held else None,
        created=rfc3339(now),
        created_epoch=int(now.timestamp()),
        records=records,
        certificates=certificates,
        tree=state.tree,
    )
    snapshot = build_snapshot(
        manifest,
        records,
        certificates,
        lines=state.lines,
        content=opa_content(records, manifest.zones),
    )
    named = {certificate_digest(one): one for one in certificates}
    content = Content(Manifest.from_dict(manifest.to_dict()), state, named)
    deltas = next_deltas(held, content, ground.older) if held else []
    return Draft(content, snapshot, tuple(deltas))


def next_deltas(
    held: Content, newer: Content, older: Sequence[tuple[Manifest, bytes]]
) -> list[tuple[Base, bytes]]:
    """Return the deltas that lead to a newer release, the shortest way first.

    `held` is the release before it; `older` are the releases before that, newest first,
    each with its delta to `held`. A delta that is no shorter way is left out. The
    shortest one is tried: it has to be readable and to arrive.

    Raises ProtocolError.
    """
    step = Changes.between(held.state, newer.state)
    ways = [(held.manifest, step)]
    for manifest, blob in older[: DELTAS_KEPT - 1]:
        ways.append((manifest, read_delta(blob).changes.then(step)))
    found = [
        (
            Base(manifest.revision, manifest.state_digest),
            build_delta(manifest, newer.manifest, changes, newer.certificates.values()),
        )
        for manifest, changes in ways
        if len(changes) * _SHARE <= len(newer.state.records)
    ]
    for base, blob in found[:1]:
        if base == held.base:
            there = apply_delta(read_delta(blob), held)
            if there.manifest != newer.manifest:
                raise BundleDigestError("the delta leads to another manifest")
    return found


def etag(state_digest: str, revision: int) -> str:
    """Return the strong entity tag of a release, quotes included (RFC 9110, 8.8.3)."""
    return f'"{state_digest}.{revision}"'


@dataclass(frozen=True)
class SignedRelease:
    """What the key store made for one release: final bytes and TUF metadata."""

    snapshot: bytes
    targets_metadata: bytes
    snapshot_metadata: bytes
    key_ids: tuple[str, ...]


@dataclass(frozen=True)
class SignedTimestamp:
    """A timestamp and the number that it must be the first to carry."""

    metadata: bytes
    version: int
    signed_at: datetime
    expires_at: datetime


def rfc3339(moment: datetime) -> str:
    """Return a moment in UTC to the second (RFC 3339)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
