"""What was signed is verified before it is stored, and each defect has its code."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest
from securesystemslib.signer import CryptoSigner

from protocol.errors import (
    BundleRollbackError,
    BundleTamperedError,
    BundleUnsignedError,
    ProtocolError,
    WrongTenantError,
)
from protocol.trust import (
    ROLES,
    ReleaseSigners,
    TargetClaim,
    build_release_metadata,
    build_root,
    verify_release,
)

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
SIGNERS = {role: [CryptoSigner.generate_ed25519()] for role in ROLES}
SIGNERS["targets"].append(CryptoSigner.generate_mldsa())
ROOT = build_root(
    {role: [s.public_key for s in signers] for role, signers in SIGNERS.items()},
    signers=SIGNERS["root"],
    now=NOW,
)
BLOB = b"bundle"
CLAIM = TargetClaim("tenant", 7, "sha256:" + "a" * 64)


def release(
    claim: TargetClaim = CLAIM, targets: list[CryptoSigner] | None = None
) -> dict[str, bytes]:
    chosen = SIGNERS["targets"] if targets is None else targets
    signers = ReleaseSigners(chosen, SIGNERS["snapshot"][0])
    return build_release_metadata(claim=claim, blob=BLOB, now=NOW, signers=signers)


def verify(
    *,
    metadata: dict[str, bytes] | None = None,
    root: bytes = ROOT,
    blob: bytes = BLOB,
    claim: TargetClaim = CLAIM,
) -> None:
    found = release() if metadata is None else metadata
    verify_release(root=root, release=found, blob=blob, claim=claim)


def test_a_release_signed_by_both_keys_verifies() -> None:
    verify()


@pytest.mark.parametrize("number", [0, 1], ids=["ed25519", "ml-dsa-65"])
def test_one_of_the_two_signatures_is_not_enough(number: int) -> None:
    with pytest.raises(BundleUnsignedError):
        verify(metadata=release(targets=[SIGNERS["targets"][number]]))


def test_the_same_key_twice_does_not_count_twice() -> None:
    first = SIGNERS["targets"][0]
    with pytest.raises(BundleUnsignedError):
        verify(metadata=release(targets=[first, first]))


def test_keys_that_the_root_does_not_name_do_not_count() -> None:
    strangers = [CryptoSigner.generate_ed25519(), CryptoSigner.generate_mldsa()]
    with pytest.raises(BundleUnsignedError):
        verify(metadata=release(targets=strangers))


def test_other_bytes_are_noticed() -> None:
    with pytest.raises(BundleTamperedError):
        verify(blob=b"bundlf")


def test_targets_of_another_snapshot_are_noticed() -> None:
    other = release(dataclasses.replace(CLAIM, revision=8))
    with pytest.raises(BundleTamperedError):
        verify(metadata=release() | {"targets.json": other["targets.json"]})


CLAIMS: list[tuple[Callable[[], TargetClaim], type[ProtocolError]]] = [
    (lambda: dataclasses.replace(CLAIM, tenant="other"), WrongTenantError),
    (lambda: dataclasses.replace(CLAIM, revision=6), BundleRollbackError),
    (lambda: dataclasses.replace(CLAIM, revision=8), BundleTamperedError),
    (lambda: dataclasses.replace(CLAIM, state_digest="x"), BundleTamperedError),
]


@pytest.mark.parametrize(("claim", "error"), CLAIMS)
def test_a_target_that_claims_something_else_is_refused(
    claim: Callable[[], TargetClaim], error: type[ProtocolError]
) -> None:
    with pytest.raises(error):
        verify(metadata=release(claim()))
