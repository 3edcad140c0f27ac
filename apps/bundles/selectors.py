"""Questions about releases, inside the scope that is open."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from apps.approvals import selectors as approvals
from apps.bundles import rules
from apps.bundles.choices import ReleaseState
from apps.bundles.errors import KeysMissingError, ReleaseNotFoundError
from apps.bundles.models import Release, RootMetadata, TimestampMetadata
from apps.keys import selectors as keys
from apps.keys.choices import RELEASE_PURPOSES, Purpose
from apps.keys.models import SigningKey
from apps.simulation import selectors as simulation
from apps.tenants.services import require_tenant_id, tenant_scope
from protocol.bundle import Manifest, Snapshot, manifest_digest, read_snapshot
from protocol.delta import Base, Content, State
from protocol.envelope import compress, pack_envelope
from protocol.errors import BundleDigestError
from protocol.records import PolicyRecord, Record
from protocol.trust import (
    DeltaTarget,
    TargetClaim,
    delta_files,
    envelope_files,
    verify_release,
)

Keys = Mapping[Purpose, Sequence[SigningKey]]
_MOST_CONTENTS = 16
_contents: OrderedDict[uuid.UUID, Content] = OrderedDict()
_contents_lock = threading.Lock()


class Envelope(NamedTuple):
    """One response of the edge: everything an agent needs to verify and to decide.

    `deltas` are the responses to agents that hold an older release, by its entity tag.
    """

    revision: int
    etag: str
    body: bytes
    deltas: DeltaEnvelopes


class DeltaEnvelopes:
    """The responses with a delta, by the entity tag that they start from.

    Most agents hold the release before, so most of these are never asked for: each is
    made when it is.
    """

    def __init__(self, files: Mapping[str, Mapping[str, bytes]]) -> None:
        self._files = files
        self._bodies: dict[str, bytes] = {}

    def get(self, etag: str) -> bytes | None:
        """Return the response for agents that hold what a tag names, if any."""
        if etag not in self._files:
            return None
        if etag not in self._bodies:
            self._bodies[etag] = compress(pack_envelope(self._files[etag]))
        return self._bodies[etag]


class Standing(NamedTuple):
    """The newest release, and the newest one that is signed; equal if both are."""

    newest: Release | None
    base: Release | None

    @property
    def summary(self) -> rules.Newest | None:
        """Return the newest release as far as a decision needs it."""
        if self.newest is None:
            return None
        return rules.Newest(
            revision=self.newest.revision,
            state_digest=self.newest.state_digest,
            is_signed=self.newest.state == ReleaseState.SIGNED,
        )


@dataclass(frozen=True)
class LiveState:
    """What is live in a tenant at one instant, beside the releases that stood then."""

    records: list[Record]
    certificates: list[dict[str, Any]]
    standing: Standing

    @cached_property
    def state(self) -> State:
        """Return the records with their digests."""
        return State.of(self.records)

    @property
    def due(self) -> rules.Due:
        """Say what was due then."""
        return rules.due(self.standing.summary, self.state.tree.digest())


@dataclass(frozen=True)
class ReleaseWork:
    """What the key store needs to sign a release."""

    claim: TargetClaim
    unsigned: bytes
    created_epoch: int
    root: bytes | None
    timestamp_version: int
    keys: Keys
    deltas: tuple[DeltaTarget, ...]
    content: Content | None


@dataclass(frozen=True)
class TimestampWork:
    """What the key store needs to sign the next timestamp."""

    release_id: uuid.UUID
    revision: int
    snapshot_metadata: bytes
    version: int
    keys: Keys


def releases() -> QuerySet[Release]:
    """Return all releases, newest first, without their bytes."""
    return Release.objects.order_by("-revision").defer("snapshot", "certificates")


def release_by_id(release_id: uuid.UUID) -> Release:
    """Return a release or raise ReleaseNotFoundError."""
    try:
        return Release.objects.select_related("previous").get(pk=release_id)
    except Release.DoesNotExist as error:
        raise ReleaseNotFoundError from error


def newest_release() -> Release | None:
    """Return the release with the highest revision, signed or not."""
    return releases().first()


def standing() -> Standing:
    """Return where the releases of the tenant stand."""
    return Standing(newest_release(), newest_base())


def newest_base() -> Release | None:
    """Return the newest signed release, without the bytes that are read when needed."""
    return releases().filter(state=ReleaseState.SIGNED).first()


def newest_signed() -> Release | None:
    """Return the newest release that may leave the portal."""
    return (
        Release.objects.filter(state=ReleaseState.SIGNED)
        .select_related("signature__root")
        .order_by("-revision")
        .first()
    )


def release_at(moment: dt.datetime) -> Release | None:
    """Return the newest release that was signed at or before a moment.

    Releases and their bytes never change, so this says for good what the portal had
    signed then; nodes followed within seconds.
    """
    return (
        Release.objects.filter(state=ReleaseState.SIGNED, signed_at__lte=moment)
        .order_by("-revision")
        .defer("snapshot", "certificates")
        .first()
    )


def snapshot_of(release: Release) -> Snapshot:
    """Return what a release holds; its records add up to its digest."""
    return read_snapshot(bytes(release.snapshot))


def live_state(tenant_id: uuid.UUID) -> LiveState:
    """Gather what is live in a tenant, as of one instant.

    It takes several queries; at the usual isolation level a commit between two of them
    could mix two states that were never live together.
    """
    with transaction.atomic():
        # Inside another transaction (in tests) the instant is chosen already.
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                )
        with tenant_scope(tenant_id):
            records = simulation.live_records()
            return LiveState(
                records=records,
                certificates=_certificates_for(records),
                standing=standing(),
            )


def draft_of(
    tenant_id: uuid.UUID, live: LiveState, *, now: dt.datetime
) -> rules.Draft | None:
    """Compile the release that is due for a live state, while nothing is locked.

    It is worth storing only as long as the releases stand as they did.
    """
    if live.due is not rules.Due.BUILD:
        return None
    with tenant_scope(tenant_id):
        ground = _ground(live.standing)
    return rules.compile_draft(ground, live.state, live.certificates, now=now)


def _ground(found: Standing) -> rules.Ground:
    tenant, base = str(require_tenant_id()), found.base
    revision = found.newest.revision + 1 if found.newest else 1
    if base is None:
        return rules.Ground(tenant, revision, None)
    rows = base.deltas.select_related("base").order_by("-base__revision")
    older = [
        (Manifest.from_dict(row.base.manifest), bytes(row.content))
        for row in rows.defer("base__snapshot", "base__certificates")
    ]
    return rules.Ground(tenant, revision, content_of(base), older)


def current_root() -> RootMetadata | None:
    """Return the newest trust root, which agents start from when they enroll."""
    return RootMetadata.objects.order_by("-version").first()


def timestamp() -> TimestampMetadata | None:
    """Return the newest timestamp, without the bytes of its release."""
    heavy = ("snapshot", "certificates", "manifest")
    return (
        TimestampMetadata.objects.select_related("release")
        .defer(*(f"release__{name}" for name in heavy))
        .first()
    )


def signature_files(release: Release) -> dict[str, bytes]:
    """Return the metadata that vouches for a signed release, by file name."""
    return {
        "targets.json": bytes(release.signature.targets),
        "snapshot.json": bytes(release.signature.snapshot),
    }


def claim_of(release: Release) -> TargetClaim:
    """Return what the signed target has to say about a release."""
    return TargetClaim(
        tenant=str(release.tenant_id),
        revision=release.revision,
        state_digest=release.state_digest,
        manifest_digest=manifest_digest(Manifest.from_dict(release.manifest)),
    )


def deltas_of(release: Release) -> tuple[DeltaTarget, ...]:
    """Return the deltas that lead to a release, the one from the newest base first."""
    rows = release.deltas.select_related("base").order_by("-base__revision")
    return tuple(
        DeltaTarget(Base(row.base.revision, row.base.state_digest), bytes(row.content))
        for row in rows.defer(
            *("base__snapshot", "base__certificates", "base__manifest")
        )
    )


def content_of(release: Release) -> Content:
    """Return what a signed release holds; the last ones are remembered.

    A signed release never changes, so what was read of it stays true.
    """
    found = _contents.get(release.pk)
    if found is None:
        found = Content.of(read_snapshot(bytes(release.snapshot)))
        remember_content(release.pk, found)
    return found


def remember_content(release_id: uuid.UUID, content: Content) -> None:
    """Keep what was just released, to compare the next release with."""
    with _contents_lock:
        _contents[release_id] = content
        while len(_contents) > _MOST_CONTENTS:
            _contents.popitem(last=False)


def signing_work(release_id: uuid.UUID) -> ReleaseWork:
    """Read what has to be signed for a release."""
    release = release_by_id(release_id)
    root, stamp = current_root(), timestamp()
    return ReleaseWork(
        claim=claim_of(release),
        unsigned=bytes(release.snapshot),
        created_epoch=int(release.created_at.timestamp()),
        root=bytes(root.metadata) if root else None,
        timestamp_version=stamp.version if stamp else 0,
        keys=_keys(),
        deltas=deltas_of(release),
        content=_contents.get(release_id),
    )


def timestamp_work() -> TimestampWork | None:
    """Read what has to be signed for the next timestamp, if there is a release."""
    release, stamp = newest_signed(), timestamp()
    if release is None or stamp is None:
        return None
    return TimestampWork(
        release_id=release.pk,
        revision=release.revision,
        snapshot_metadata=bytes(release.signature.snapshot),
        version=stamp.version,
        keys=_keys(),
    )


def verify_newest() -> Release | None:
    """Verify the newest signed release as a node would; raise ProtocolError."""
    release = newest_signed()
    if release is not None:
        verify(release)
    return release


def verify(release: Release) -> None:
    """Verify a signed release: signatures, claim, bytes and state digest."""
    blob = bytes(release.snapshot)
    verify_release(
        root=bytes(release.signature.root.metadata),
        release=signature_files(release),
        blob=blob,
        claim=claim_of(release),
        deltas=deltas_of(release),
    )
    if read_snapshot(blob).manifest.state_digest != release.state_digest:
        raise BundleDigestError("the row names another state than its bytes")


def envelope() -> Envelope | None:
    """Return the response for agents that do not hold the newest signed release."""
    stamp = TimestampMetadata.objects.select_related("release__signature__root").first()
    if stamp is None:
        return None
    release = stamp.release
    signature = release.signature
    files = envelope_files(
        root=bytes(signature.root.metadata),
        release=signature_files(release),
        timestamp=bytes(stamp.metadata),
        blob=bytes(release.snapshot),
    )
    # An agent that slept through a rotation climbs from root to root.
    roots = {
        f"{root.version}.root.json": bytes(root.metadata)
        for root in RootMetadata.objects.order_by("version")
    }
    return Envelope(
        revision=release.revision,
        etag=rules.etag(release.state_digest, release.revision),
        body=pack_envelope(files | roots),
        deltas=_delta_envelopes(release, bytes(stamp.metadata), roots),
    )


def _delta_envelopes(
    release: Release, stamp: bytes, roots: dict[str, bytes]
) -> DeltaEnvelopes:
    """Return the response for each older release that a delta starts from.

    Every agent was given a root when it enrolled, so nobody needs the first one.
    """
    later = dict(list(roots.items())[1:])
    metadata = signature_files(release)
    return DeltaEnvelopes(
        {
            rules.etag(delta.base.state_digest, delta.base.revision): later
            | delta_files(release=metadata, timestamp=stamp, delta=delta)
            for delta in deltas_of(release)
        }
    )


def _certificates_for(records: list[Record]) -> list[dict[str, Any]]:
    changes = {
        uuid.UUID(record.change)
        for record in records
        if isinstance(record, PolicyRecord) and record.change
    }
    return approvals.certificates(changes)


def _keys() -> Keys:
    found = {purpose: keys.active_keys(purpose) for purpose in RELEASE_PURPOSES}
    for purpose, active in found.items():
        if not active:
            raise KeysMissingError(f"There is no active key for: {purpose.label}.")
    return found
