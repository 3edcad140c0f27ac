"""The key store's side of a release: sign, and verify before anything is stored.

No transaction is open while these functions run; a key store may be a device that
takes seconds to answer.
"""

from __future__ import annotations

from datetime import datetime

from securesystemslib.signer import Signer

from apps.bundles import rules
from apps.bundles.errors import SignatureRefusedError
from apps.bundles.selectors import Keys, ReleaseWork
from apps.keys.adapters import get_key_store, tuf_signer
from apps.keys.choices import Purpose
from protocol.bundle import (
    OpaSignature,
    check_carries,
    read_snapshot,
    sign_snapshot,
)
from protocol.errors import ProtocolError
from protocol.trust import (
    TIMESTAMP_LIFETIME,
    ReleaseSigners,
    build_release_metadata,
    build_root,
    build_timestamp,
    verify_release,
)

ROOT_VERSION = 1


def sign_root(keys: Keys, *, now: datetime) -> bytes:
    """Return the first trust root of a tenant, signed by its root key."""
    signers = {
        purpose.value: [tuf_signer(k) for k in keys[purpose]] for purpose in _TUF
    }
    return build_root(
        {role: [s.public_key for s in found] for role, found in signers.items()},
        signers=signers[Purpose.ROOT.value],
        now=now,
        version=ROOT_VERSION,
    )


def sign_release(
    work: ReleaseWork, *, root: bytes, now: datetime
) -> rules.SignedRelease:
    """Return final bytes and metadata, checked as a node would check them."""
    blob = _with_opa_signature(work)
    targets = [tuf_signer(key) for key in work.keys[Purpose.TARGETS]]
    snapshot = _only(work.keys, Purpose.SNAPSHOT)
    metadata = build_release_metadata(
        claim=work.claim,
        blob=blob,
        now=now,
        signers=ReleaseSigners(targets=targets, snapshot=snapshot),
        deltas=work.deltas,
    )
    try:
        verify_release(
            root=root,
            release=metadata,
            blob=blob,
            claim=work.claim,
            deltas=work.deltas,
        )
        _check_readable(blob, work)
    except ProtocolError as error:
        raise SignatureRefusedError(f"{error.code}: {error.message}") from error
    return rules.SignedRelease(
        snapshot=blob,
        targets_metadata=metadata["targets.json"],
        snapshot_metadata=metadata["snapshot.json"],
        key_ids=tuple(signer.public_key.keyid for signer in [*targets, snapshot]),
    )


def _with_opa_signature(work: ReleaseWork) -> bytes:
    opa = work.keys[Purpose.OPA][0]
    signature = OpaSignature(
        key_id=str(opa.pk),
        sign=lambda signed: get_key_store().sign(opa.reference, signed),
        issued_at=work.created_epoch,
    )
    return sign_snapshot(work.unsigned, signature, tenant=work.claim.tenant)


def _check_readable(blob: bytes, work: ReleaseWork) -> None:
    """Check that a node can read what it will be sent.

    A release that this process built was compared record by record with the one before
    it, and what differs was read back; then it is enough that the archive carries these
    bytes. Any other is read whole.
    """
    previous = work.content.manifest.previous_revision if work.content else None
    if work.content and previous in {d.base.revision for d in work.deltas}:
        check_carries(blob, work.content.files())
    else:
        read_snapshot(blob)


def sign_timestamp(
    *,
    snapshot_metadata: bytes,
    revision: int,
    version: int,
    keys: Keys,
    now: datetime,
) -> rules.SignedTimestamp:
    """Return a timestamp that says: this is the newest release, as of now."""
    metadata = build_timestamp(
        snapshot=snapshot_metadata,
        revision=revision,
        version=version,
        now=now,
        signer=_only(keys, Purpose.TIMESTAMP),
    )
    return rules.SignedTimestamp(
        metadata=metadata,
        version=version,
        signed_at=now,
        expires_at=now + TIMESTAMP_LIFETIME,
    )


_TUF = (
    Purpose.ROOT,
    Purpose.TARGETS,
    Purpose.SNAPSHOT,
    Purpose.TIMESTAMP,
)


def _only(keys: Keys, purpose: Purpose) -> Signer:
    return tuf_signer(keys[purpose][0])
