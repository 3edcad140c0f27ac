"""Golden vectors: fixed inputs and the bytes they must always give.

Usage: python -m tests.vectors.generate rewrites tests/vectors/protocol.json. A diff
means that the wire format changed, which needs a new protocol version.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.bundle import build_manifest, build_snapshot
from protocol.channel import RequestParts, sign_request
from protocol.envelope import dsse_sign
from protocol.fingerprint import state_digest
from protocol.records import (
    AssignmentRecord,
    City,
    EligibilityRecord,
    EntityRef,
    Fence,
    Head,
    LocationRecord,
    Permission,
    PolicyRecord,
    PrincipalRecord,
    Record,
    ResourceRecord,
    RoleRecord,
    SchemaRecord,
    SeparationRecord,
    Statement,
    Waiver,
    WindowRecord,
    record_bytes,
    record_digest,
)

PATH = Path(__file__).with_name("protocol.json")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ALICE = EntityRef("User", "alice")
WEB = EntityRef("Node", "web-1")
RECORDS: tuple[Record, ...] = (
    PolicyRecord(
        "b7e1",
        name="Restart web nodes",
        version=3,
        effect="permit",
        tier="operator",
        statements=(
            Statement(
                "b7e1#0",
                '@id("b7e1#0")\npermit (principal, action, resource);\n',
                Head("in", "Role", "operator"),
                Head("in", ids=("restart", "reload")),
                Head("is_in", "Node", in_type="ResourceGroup", in_id="web"),
            ),
        ),
        change="c0de",
        windows=("office",),
        locations=("hq",),
    ),
    RoleRecord(
        "operator",
        "Operator",
        "operator",
        (Permission("restart", "Node"),),
        ("viewer",),
    ),
    AssignmentRecord("a1", ALICE, "operator", WEB, "2026-01-01T00:00:00+00:00", None),
    WindowRecord("office", "Office hours", "Europe/Berlin", (1, 2, 3), 480, 1080),
    LocationRecord("hq", "Headquarters", ("10.0.0.0/8", "2001:db8::/32"), ("DE",)),
    PrincipalRecord("User::alice", ALICE, {"team": "Überwachung", "level": 3}),
    ResourceRecord(
        "Node::web-1", WEB, {"tags": ["a", "b"]}, (EntityRef("ResourceGroup", "web"),)
    ),
    SchemaRecord("schema", {"": {"entityTypes": {}, "actions": {}}}),
)
# What came later; the vectors above keep their bytes.
BOB = EntityRef("User", "bob")
LENT: tuple[Record, ...] = (
    AssignmentRecord(
        "a2",
        BOB,
        "operator",
        WEB,
        "2026-01-01T00:00:00Z",
        "2026-01-08T00:00:00Z",
        "delegation",
        delegator=ALICE,
    ),
)
SCOPES: tuple[Record, ...] = (
    WindowRecord(
        "freeze",
        "Year-end freeze",
        "Europe/Berlin",
        (1, 2, 3, 4, 5),
        1320,
        360,
        closed_on=("2026-12-24", "2026-12-25"),
        open_on=("2026-12-26",),
        opens_at="2026-12-18T17:00:00Z",
        closes_at="2027-01-04T07:00:00Z",
    ),
    LocationRecord(
        "around",
        "Around Berlin",
        cities=(City("DE", "Potsdam"),),
        fence=Fence(52_520_000, 13_405_000, 25_000),
        node_groups=("edge",),
        unknown_matches=True,
    ),
)
SEPARATED: tuple[Record, ...] = (
    SeparationRecord(
        "pay",
        "Who orders does not pay",
        "static",
        ("buyer", "payer"),
        1,
        (Waiver(BOB, "2026-01-08T00:00:00Z"),),
    ),
)
OFFERED: tuple[Record, ...] = (
    EligibilityRecord(
        "e1",
        "Restart web nodes",
        "operator",
        "operator",
        30,
        scope=WEB,
        principals=(ALICE, BOB),
    ),
    EligibilityRecord("e2", "Look around", "viewer", "read_only", 120, holders="guest"),
)


def vectors() -> dict[str, Any]:
    """Return every vector."""
    manifest = build_manifest(
        tenant="11111111-1111-4111-8111-111111111111",
        revision=1,
        previous=None,
        created="2026-01-01T00:00:00+00:00",
        created_epoch=1_767_225_600,
        records=RECORDS,
    )
    snapshot = build_snapshot(manifest, RECORDS)
    return {
        "records": [
            {
                "canonical": record_bytes(record).decode(),
                "digest": record_digest(record).hex(),
            }
            for record in (*RECORDS, *LENT, *SCOPES, *SEPARATED, *OFFERED)
        ],
        "state_digest": state_digest(RECORDS),
        "state_digest_of_nothing": state_digest([]),
        "manifest": manifest.to_dict(),
        "snapshot_tar_sha256": hashlib.sha256(_tar(snapshot)).hexdigest(),
        "node_proof": sign_request(
            RequestParts("GET", "/edge/v1/sync?x=1", b""),
            tenant="11111111-1111-4111-8111-111111111111",
            node="22222222-2222-4222-8222-222222222222",
            timestamp=1_767_225_600,
            nonce=bytes(16),
            sign=KEY.sign,
        ),
        "dsse": dsse_sign(
            "text/x", {"b": 1, "a": "é"}, key_id="k", sign=KEY.sign
        ).decode(),
    }


def _tar(snapshot: bytes) -> bytes:
    # Compressed bytes depend on the zlib build, so the archive is the vector.
    import gzip  # noqa: PLC0415

    return gzip.decompress(snapshot)


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    PATH.write_text(text, encoding="utf-8")
