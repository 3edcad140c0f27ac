"""Trust in a release: TUF roles, how they are signed, and what their target says.

The Update Framework, specification 1.0. One repository per tenant. Its target
`bundle.tar.gz` is the release; custom fields name tenant, revision and digests. Targets
`delta-N.json` beside it lead to the same release from revision N.

- root (Ed25519) names the keys of all roles.
- targets needs two signatures, Ed25519 and ML-DSA-65, so that neither a broken curve
  nor a broken lattice is enough.
- snapshot (Ed25519) fixes the version of targets.
- timestamp (Ed25519, online) fixes the version of snapshot and expires in minutes; a
  node that hears nothing newer knows it.

This module makes and names metadata. The client's workflow (specification, section 5)
is python-tuf's Updater, which the agent runs on files of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError, SerializationError
from tuf.api.serialization.json import JSONSerializer

from protocol.delta import Base
from protocol.errors import (
    BundleMalformedError,
    BundleRollbackError,
    BundleTamperedError,
    BundleUnsignedError,
    DeltaBaseError,
    WrongTenantError,
)

TARGET_PATH = "bundle.tar.gz"
ROLES = ("root", "targets", "snapshot", "timestamp")
THRESHOLDS = {"root": 1, "targets": 2, "snapshot": 1, "timestamp": 1}
ROOT_LIFETIME = dt.timedelta(days=3650)
RELEASE_LIFETIME = dt.timedelta(days=3650)
TIMESTAMP_LIFETIME = dt.timedelta(minutes=10)
_SERIALIZER = JSONSerializer(compact=True)


@dataclass(frozen=True)
class TargetClaim:
    """What the signed target says about the bundle it names.

    Releases signed before there were deltas name no digest of their manifest.
    """

    tenant: str
    revision: int
    state_digest: str
    manifest_digest: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the custom fields of the target."""
        named = {"manifest_digest": self.manifest_digest}
        return {
            "tenant": self.tenant,
            "revision": self.revision,
            "state_digest": self.state_digest,
            **(named if self.manifest_digest else {}),
        }

    @classmethod
    def from_target(cls, target: TargetFile) -> TargetClaim:
        """Read the custom fields or raise BundleMalformedError."""
        match target.custom:
            case {
                "tenant": str(tenant),
                "revision": int(revision),
                "state_digest": str(state_digest),
            }:
                named = str(target.custom.get("manifest_digest", ""))
                return cls(tenant, revision, state_digest, named)
            case _:
                raise BundleMalformedError("the target names no release")


@dataclass(frozen=True)
class DeltaTarget:
    """A delta to be signed beside the bundle, and the release that it starts from."""

    base: Base
    blob: bytes

    @property
    def path(self) -> str:
        """Return the name of the target."""
        return delta_path(self.base.revision)

    def custom(self, claim: TargetClaim) -> dict[str, Any]:
        """Return what the signed target says of a delta: where from, and where to."""
        return {
            "from_revision": self.base.revision,
            "from_digest": self.base.state_digest,
            "revision": claim.revision,
            "state_digest": claim.state_digest,
        }


def delta_path(revision: int) -> str:
    """Return the name of the target that starts from a revision."""
    return f"delta-{revision}.json"


def check_delta(target: TargetFile, delta: DeltaTarget, claim: TargetClaim) -> None:
    """Check that these bytes are the signed delta from this base to this release.

    Raises BundleTamperedError, DeltaBaseError.
    """
    try:
        target.verify_length_and_hashes(delta.blob)
    except RepositoryError as error:
        raise BundleTamperedError(f"the bytes are not those signed: {error}") from error
    said = target.custom or {}
    for name, wanted in delta.custom(claim).items():
        # The names of the base and of the release are signed, so they must be right.
        if said.get(name) != wanted:
            raise DeltaBaseError(f"the delta's {name} is {said.get(name)}")


@dataclass(frozen=True)
class ReleaseSigners:
    """Who signs a release. `targets` holds one signer per required signature."""

    targets: Sequence[Signer]
    snapshot: Signer


def build_root(
    keys: Mapping[str, Sequence[Key]],
    *,
    signers: Sequence[Signer],
    now: dt.datetime,
    version: int = 1,
) -> bytes:
    """Return root metadata that names the keys of all roles."""
    root = Root(version=version, expires=_second(now + ROOT_LIFETIME))
    root.consistent_snapshot = True
    for role in ROLES:
        for key in keys[role]:
            root.add_key(key, role)
        root.roles[role].threshold = THRESHOLDS[role]
    return _sign(Metadata(root), signers)


def build_release_metadata(
    *,
    claim: TargetClaim,
    blob: bytes,
    now: dt.datetime,
    signers: ReleaseSigners,
    deltas: Sequence[DeltaTarget] = (),
) -> dict[str, bytes]:
    """Return targets and snapshot metadata; both carry the revision as version."""
    version = claim.revision
    expires = _second(now + RELEASE_LIFETIME)
    target = TargetFile.from_data(TARGET_PATH, blob, ["sha256"])
    target.unrecognized_fields["custom"] = claim.to_dict()
    found = {TARGET_PATH: target}
    for delta in deltas:
        found[delta.path] = TargetFile.from_data(delta.path, delta.blob, ["sha256"])
        found[delta.path].unrecognized_fields["custom"] = delta.custom(claim)
    targets = Targets(version=version, expires=expires, targets=found)
    targets_bytes = _sign(Metadata(targets), signers.targets)
    snapshot = Snapshot(
        version=version,
        expires=expires,
        meta={"targets.json": MetaFile.from_data(version, targets_bytes, ["sha256"])},
    )
    return {
        "targets.json": targets_bytes,
        "snapshot.json": _sign(Metadata(snapshot), [signers.snapshot]),
    }


def build_timestamp(
    *,
    snapshot: bytes,
    revision: int,
    version: int,
    now: dt.datetime,
    signer: Signer,
    lifetime: dt.timedelta = TIMESTAMP_LIFETIME,
) -> bytes:
    """Return timestamp metadata for a snapshot; `version` only ever grows."""
    timestamp = Timestamp(
        version=version,
        expires=_second(now + lifetime),
        snapshot_meta=MetaFile.from_data(revision, snapshot, ["sha256"]),
    )
    return _sign(Metadata(timestamp), [signer])


def envelope_files(
    *, root: bytes, release: Mapping[str, bytes], timestamp: bytes, blob: bytes
) -> dict[str, bytes]:
    """Return the files of one response, under the names a TUF client asks for."""
    return {
        f"{Metadata[Root].from_bytes(root).signed.version}.root.json": root,
        **_metadata_files(release, timestamp),
        TARGET_PATH: blob,
    }


def delta_files(
    *, release: Mapping[str, bytes], timestamp: bytes, delta: DeltaTarget
) -> dict[str, bytes]:
    """Return the files of a response to a node that holds the delta's base.

    The root that such a node started from is left out: it has it.
    """
    return {**_metadata_files(release, timestamp), delta.path: delta.blob}


def _metadata_files(release: Mapping[str, bytes], timestamp: bytes) -> dict[str, bytes]:
    version = Metadata[Snapshot].from_bytes(release["snapshot.json"]).signed.version
    return {
        "timestamp.json": timestamp,
        f"{version}.snapshot.json": release["snapshot.json"],
        f"{version}.targets.json": release["targets.json"],
    }


def verify_release(
    *,
    root: bytes,
    release: Mapping[str, bytes],
    blob: bytes,
    claim: TargetClaim,
    deltas: Sequence[DeltaTarget] = (),
) -> None:
    """Check what was just signed before it is stored.

    1. The root is signed by the keys it names.
    2. Targets and snapshot carry enough signatures of the root's keys.
    3. The snapshot names exactly these targets.
    4. The target's length and hash are the bundle's.
    5. The target claims what is meant.
    6. So does the target of each delta.

    Raises BundleUnsignedError, BundleTamperedError, BundleRollbackError,
    WrongTenantError, BundleMalformedError.
    """
    try:
        trusted = Metadata[Root].from_bytes(root)
        targets = Metadata[Targets].from_bytes(release["targets.json"])
        snapshot = Metadata[Snapshot].from_bytes(release["snapshot.json"])
    except (DeserializationError, KeyError) as error:
        raise BundleMalformedError(f"metadata is malformed: {error}") from error
    try:
        # Step 1.
        trusted.verify_delegate("root", trusted)
        # Step 2.
        trusted.verify_delegate("targets", targets)
        trusted.verify_delegate("snapshot", snapshot)
    except (RepositoryError, ValueError) as error:
        raise BundleUnsignedError(f"signatures are missing: {error}") from error
    try:
        # Step 3.
        snapshot.signed.meta["targets.json"].verify_length_and_hashes(
            release["targets.json"]
        )
        # Step 4.
        target = targets.signed.targets[TARGET_PATH]
        target.verify_length_and_hashes(blob)
    except (RepositoryError, KeyError) as error:
        raise BundleTamperedError(f"the bytes are not those signed: {error}") from error
    # Step 5.
    check_claim(TargetClaim.from_target(target), claim)
    # Step 6.
    for delta in deltas:
        if delta.path not in targets.signed.targets:
            raise BundleUnsignedError(f"nobody signed for {delta.path}")
        check_delta(targets.signed.targets[delta.path], delta, claim)


def check_claim(found: TargetClaim, expected: TargetClaim) -> None:
    """Compare what a target claims with what is expected, tenant first."""
    if found.tenant != expected.tenant:
        raise WrongTenantError(f"the release is of tenant {found.tenant}")
    if found.revision < expected.revision:
        raise BundleRollbackError(
            f"revision {found.revision} is older than {expected.revision}"
        )
    if not found.manifest_digest:
        expected = replace(expected, manifest_digest="")
    if found != expected:
        raise BundleTamperedError("the target describes another release")


def _sign(metadata: Metadata[Any], signers: Sequence[Signer]) -> bytes:
    for signer in signers:
        metadata.sign(signer, append=True)
    try:
        return metadata.to_bytes(_SERIALIZER)
    except SerializationError as error:
        raise ValueError("metadata of our own cannot be written") from error


def _second(moment: dt.datetime) -> dt.datetime:
    """Drop fractions: TUF writes whole seconds."""
    return moment.astimezone(dt.UTC).replace(microsecond=0)
