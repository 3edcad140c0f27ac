"""What a release holds, whichever way it came: whole, as a delta, or from disk.

Parts of steps 4, 7 and 8 of steps.py; trust_store.py calls them in their order.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tuf.api.metadata import TargetFile

from engine.decide import PolicyEngine
from engine.selftest import SelfTest
from node_agent.statements import check_ids, check_statements
from protocol.bundle import (
    Manifest,
    manifest_digest,
    read_snapshot,
    read_state,
)
from protocol.delta import Changes, Content, apply_delta, read_delta
from protocol.envelope import pack_archive
from protocol.errors import (
    BundleDigestError,
    BundleMalformedError,
    BundleUnsignedError,
)
from protocol.records import RecordType
from protocol.trust import (
    TARGET_PATH,
    DeltaTarget,
    TargetClaim,
    check_delta,
    delta_path,
)

# What a node keeps of a release that came as a delta; proven by the signed digests.
STATE_PATH = "state.tar"


@dataclass(frozen=True)
class Held:
    """The release that the agent enforces, as far as verification needs it."""

    content: Content
    engine: PolicyEngine

    @property
    def revision(self) -> int:
        """Return the number of the release."""
        return self.content.manifest.revision

    @property
    def fingerprint(self) -> str:
        """Return the digest of the records."""
        return self.content.manifest.state_digest


@dataclass(frozen=True)
class Verified:
    """A release that passed steps 1 to 9; `staging` is what step 11 makes durable.

    `bundle` are the signed bytes, or None for a release that came as a delta.
    """

    content: Content
    engine: PolicyEngine
    staging: Path
    bundle: bytes | None
    is_change: bool
    is_fresher: bool
    self_test: SelfTest

    @property
    def manifest(self) -> Manifest:
        """Return what the release says of itself."""
        return self.content.manifest

    def write(self) -> None:
        """Put the content into the staging folder, for the next start."""
        if self.bundle is not None:
            (self.staging / TARGET_PATH).write_bytes(self.bundle)
        else:
            state = pack_archive(self.content.files())
            (self.staging / STATE_PATH).write_bytes(state)

    def discard(self) -> None:
        """Remove what was staged, when nobody is going to store it."""
        shutil.rmtree(self.staging, ignore_errors=True)


def name_of_delta(files: Mapping[str, bytes], held: Held | None) -> str:
    """Return the name of the delta from what is held; there has to be one."""
    name = delta_path(held.revision) if held else TARGET_PATH
    if name not in files:
        raise BundleMalformedError(f"The envelope lacks {name}.")
    return name


def check_signed(
    target: TargetFile | None, blob: bytes, held: Held | None, claim: TargetClaim
) -> None:
    """Check that a delta is the signed one from what is held to what is claimed."""
    if held is None or target is None:
        raise BundleUnsignedError("Nobody signed for this delta.")
    check_delta(target, DeltaTarget(held.content.base, blob), claim)


def read_content(
    files: Mapping[str, bytes], held: Held | None
) -> tuple[Content, Changes | None]:
    """Return what the release holds, and what a delta changed of it."""
    if TARGET_PATH in files:
        return Content.of(read_snapshot(files[TARGET_PATH])), None
    if STATE_PATH in files:
        return Content.of(read_state(files[STATE_PATH])), None
    if held is None:
        raise BundleMalformedError("A delta needs a release to start from.")
    delta = read_delta(files[delta_path(held.revision)])
    return apply_delta(delta, held.content), delta.changes


def check_proven(manifest: Manifest, signed: TargetClaim) -> None:
    """Compare the manifest as a whole: no signed bytes of it were here to be hashed."""
    found = manifest_digest(manifest)
    if found != signed.manifest_digest:
        raise BundleDigestError(
            f"The manifest's digest is {found}, signed is {signed.manifest_digest}."
        )


def build_engine(
    content: Content, held: Held | None, changes: Changes | None
) -> PolicyEngine:
    """Return the engine of a release; a delta without policies keeps what is built.

    What is held has been checked, so a delta's own statements are all that is new.
    """
    records = content.state.records.values()
    zones = content.manifest.zones
    if changes is None or held is None:
        check_statements(records)
        return PolicyEngine.from_records(records, zones)
    touched = {kind for kind, _ in changes.touched}
    if RecordType.POLICY not in touched:
        return held.engine.carried_on(records, zones)
    check_statements([*changes.added.values(), *changes.replaced.values()])
    check_ids(records)
    return PolicyEngine.from_records(records, zones)
