"""Questions about releases, inside the scope that is open."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from apps.policies import selectors as policies
from apps.roles import selectors as roles
from apps.scopes import selectors as scopes
from apps.tenants.services import tenant_scope
from protocol.bundle import read_snapshot
from protocol.envelope import pack_envelope
from protocol.errors import BundleDigestError
from protocol.records import PolicyRecord, Record
from protocol.trust import TargetClaim, envelope_files, verify_release

Keys = Mapping[Purpose, Sequence[SigningKey]]


class Envelope(NamedTuple):
    """One response of the edge: everything an agent needs to verify and to decide."""

    revision: int
    etag: str
    body: bytes


@dataclass(frozen=True)
class LiveState:
    """What is live in a tenant at one instant, beside the newest release then."""

    records: list[Record]
    certificates: list[dict[str, Any]]
    newest_id: uuid.UUID | None


@dataclass(frozen=True)
class ReleaseWork:
    """What the key store needs to sign a release."""

    claim: TargetClaim
    unsigned: bytes
    created_epoch: int
    root: bytes | None
    timestamp_version: int
    keys: Keys


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
    return Release.objects.order_by("-revision").first()


def newest_signed() -> Release | None:
    """Return the newest release that may leave the portal."""
    return (
        Release.objects.filter(state=ReleaseState.SIGNED)
        .select_related("signature__root")
        .order_by("-revision")
        .first()
    )


def live_records() -> list[Record]:
    """Return everything that is live in this tenant, in the order of its keys."""
    records = [
        *policies.live_records(),
        *roles.live_records(),
        *scopes.live_records(),
    ]
    return sorted(records, key=lambda record: record.key)


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
            records = live_records()
            newest = newest_release()
            return LiveState(
                records=records,
                certificates=_certificates_for(records),
                newest_id=newest.pk if newest else None,
            )


def current_root() -> RootMetadata | None:
    """Return the newest trust root, which agents start from when they enroll."""
    return RootMetadata.objects.order_by("-version").first()


def timestamp() -> TimestampMetadata | None:
    """Return the newest timestamp."""
    return TimestampMetadata.objects.select_related("release").first()


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
    )


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
    for root in RootMetadata.objects.order_by("version"):
        files[f"{root.version}.root.json"] = bytes(root.metadata)
    return Envelope(
        revision=release.revision,
        etag=rules.etag(release.state_digest, release.revision),
        body=pack_envelope(files),
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
