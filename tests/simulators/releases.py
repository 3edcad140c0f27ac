"""A portal in memory: real keys, real metadata, real archives; every field breakable.

In the style of python-tuf's RepositorySimulator: change one thing, sign again, serve.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from securesystemslib.signer import CryptoSigner, Signer

from protocol.bundle import (
    Manifest,
    build_manifest,
    build_snapshot,
    manifest_digest,
)
from protocol.delta import Changes, Content, State, build_delta
from protocol.envelope import compress, pack_envelope
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    Permission,
    PolicyRecord,
    Record,
    RoleRecord,
    Statement,
)
from protocol.trust import (
    TIMESTAMP_LIFETIME,
    DeltaTarget,
    ReleaseSigners,
    TargetClaim,
    build_release_metadata,
    build_root,
    build_timestamp,
    delta_files,
    envelope_files,
)

ALICE = EntityRef("User", "alice")
BOB = EntityRef("User", "bob")
NODE = EntityRef("Node", "web-1")
Files = dict[str, bytes]


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Keys:
    """One signer for each signature that a release needs."""

    root: Signer
    targets: tuple[Signer, ...]
    snapshot: Signer
    timestamp: Signer

    @classmethod
    def generate(cls) -> Keys:
        return cls(
            root=CryptoSigner.generate_ed25519(),
            targets=(
                CryptoSigner.generate_ed25519(),
                CryptoSigner.generate_mldsa(),
            ),
            snapshot=CryptoSigner.generate_ed25519(),
            timestamp=CryptoSigner.generate_ed25519(),
        )


class ReleaseSimulator:
    """What the portal has signed so far."""

    def __init__(self, *, tenant: str = "", keys: Keys | None = None) -> None:
        self.tenant = tenant or str(uuid.uuid4())
        self.keys = keys or Keys.generate()
        self.roots = [self._build_root(1, [self.keys.root])]
        self.claim: TargetClaim | None = None
        self.contents: dict[int, Content] = {}
        self.deltas: dict[int, DeltaTarget] = {}
        self.release: Files = {}
        self.blob = b""
        self.timestamp = b""
        self.timestamp_version = 0
        self.lifetime = TIMESTAMP_LIFETIME

    @property
    def revision(self) -> int:
        return self.claim.revision if self.claim else 0

    @property
    def state_digest(self) -> str:
        return self.claim.state_digest if self.claim else ""

    @property
    def etag(self) -> str:
        return f'"{self.state_digest}.{self.revision}"'

    def publish(
        self,
        records: Iterable[Record],
        *,
        change: Callable[[Manifest], Manifest] | None = None,
        claim: Callable[[TargetClaim], TargetClaim] | None = None,
        delta: Callable[[DeltaTarget], DeltaTarget] | None = None,
        revision: int | None = None,
    ) -> int:
        """Sign a release; `change`, `claim`, `delta` break one thing before that."""
        found, now = list(records), utc_now()
        manifest = build_manifest(
            tenant=self.tenant,
            revision=revision or self.revision + 1,
            previous=None,
            created=now.isoformat(),
            created_epoch=int(now.timestamp()),
            records=found,
        )
        manifest = change(manifest) if change else manifest
        self.blob = build_snapshot(manifest, found)
        said = TargetClaim(
            *(self.tenant, manifest.revision, manifest.state_digest),
            manifest_digest(manifest),
        )
        self.deltas = self._build_deltas(Content(manifest, State.of(found), {}))
        if delta:
            self.deltas = {n: delta(built) for n, built in self.deltas.items()}
        self.claim = claim(said) if claim else said
        self.release = build_release_metadata(
            claim=self.claim,
            blob=self.blob,
            now=now,
            signers=ReleaseSigners(self.keys.targets, self.keys.snapshot),
            deltas=list(self.deltas.values()),
        )
        self.sign_timestamp()
        return self.revision

    def sign_timestamp(self) -> bytes:
        """Sign the newest timestamp, as the portal does every half minute."""
        self.timestamp_version += 1
        self.timestamp = build_timestamp(
            snapshot=self.release["snapshot.json"],
            revision=self.revision,
            version=self.timestamp_version,
            now=utc_now(),
            signer=self.keys.timestamp,
            lifetime=self.lifetime,
        )
        return self.timestamp

    def rotate(self, keys: Keys) -> None:
        """Replace keys by a new root, signed by the old root key and the new."""
        before, self.keys = self.keys.root, keys
        signers = [before] if before is self.keys.root else [before, self.keys.root]
        self.roots.append(self._build_root(len(self.roots) + 1, signers))

    def files(self) -> Files:
        files = envelope_files(
            root=self.roots[0],
            release=self.release,
            timestamp=self.timestamp,
            blob=self.blob,
        )
        files |= {f"{n}.root.json": root for n, root in enumerate(self.roots, 1)}
        return files

    def envelope(self) -> bytes:
        return pack_envelope(self.files())

    def delta_files(self, base: int) -> Files:
        """Return the files of an answer to a node that holds an older revision."""
        return delta_files(
            release=self.release, timestamp=self.timestamp, delta=self.deltas[base]
        )

    def delta_envelope(self, base: int) -> bytes:
        return compress(pack_envelope(self.delta_files(base)))

    def delta_from(self, etag: str) -> DeltaTarget | None:
        """Return the delta from what an entity tag names."""
        for delta in self.deltas.values():
            if etag == f'"{delta.base.state_digest}.{delta.base.revision}"':
                return delta
        return None

    def _build_deltas(self, newer: Content) -> dict[int, DeltaTarget]:
        older = list(self.contents.values())
        revision = newer.manifest.revision
        self.contents[revision] = newer
        return {
            held.manifest.revision: DeltaTarget(
                held.base,
                build_delta(
                    held.manifest,
                    newer.manifest,
                    Changes.between(held.state, newer.state),
                    newer.certificates.values(),
                ),
            )
            for held in older
            if held.manifest.revision < revision
        }

    def _build_root(self, version: int, signers: list[Signer]) -> bytes:
        keys = self.keys
        return build_root(
            {
                "root": [keys.root.public_key],
                "targets": [signer.public_key for signer in keys.targets],
                "snapshot": [keys.snapshot.public_key],
                "timestamp": [keys.timestamp.public_key],
            },
            signers=signers,
            now=utc_now(),
            version=version,
        )


def permit(
    name: str, *, role: str = "operators", action: str = "restart", tier: str = "admin"
) -> PolicyRecord:
    """Return a policy that lets a role do one thing to every node."""
    ident = f"{name}#0"
    return PolicyRecord(
        name,
        name=name,
        version=1,
        effect="permit",
        tier=tier,
        statements=(
            Statement(
                ident,
                cedar=(
                    f'@id("{ident}")\npermit (principal in Role::"{role}", '
                    f'action == Action::"{action}", resource is Node);'
                ),
                principal=Head("in", "Role", role),
                action=Head("==", id=action),
                resource=Head("is", "Node"),
            ),
        ),
        change="change-1",
    )


def forbid(name: str, *, action: str = "restart") -> PolicyRecord:
    """Return a policy that forbids an action to everybody."""
    ident = f"{name}#0"
    return PolicyRecord(
        name,
        name=name,
        version=1,
        effect="forbid",
        tier="admin",
        statements=(
            Statement(
                ident,
                cedar=(
                    f'@id("{ident}")\nforbid (principal, '
                    f'action == Action::"{action}", resource);'
                ),
                principal=Head(),
                action=Head("==", id=action),
                resource=Head(),
            ),
        ),
        change="change-1",
    )


def records(*more: Record) -> list[Record]:
    """Return a state in which alice, an operator, may restart nodes."""
    return [
        RoleRecord(
            "operators",
            name="Operators",
            tier="operator",
            permissions=(Permission("restart", "Node"),),
        ),
        AssignmentRecord("assignment-1", principal=ALICE, role="operators"),
        permit("restart-nodes"),
        *more,
    ]
