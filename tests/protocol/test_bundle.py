"""Snapshots are reproducible, safe to read, and readable by stock OPA."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from protocol import bundle
from protocol.bundle import OpaSignature, build_manifest, build_snapshot, read_snapshot
from protocol.canonical import canonical_bytes, parse_json
from protocol.envelope import pack_archive, unpack_archive
from protocol.errors import (
    BundleDigestError,
    BundleMalformedError,
    BundleTooLargeError,
    ProtocolError,
    RecordError,
)
from tests.vectors.generate import RECORDS

MANIFEST = build_manifest(
    tenant="t",
    revision=7,
    previous=bundle.Predecessor(6, "sha256:" + "0" * 64),
    created="2026-01-01T00:00:00+00:00",
    created_epoch=1_767_225_600,
    records=RECORDS,
    certificates=[{"change": "c0de"}],
)
GOOD = build_snapshot(MANIFEST, RECORDS, [{"change": "c0de"}])
OPA_KEY = ec.derive_private_key(12345, ec.SECP256R1())


def opa_sign(data: bytes) -> bytes:
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(OPA_KEY.sign(data, algorithm))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


OPA = OpaSignature("k1", opa_sign, 1_767_225_600)


def repack(change: dict[str, bytes | None]) -> bytes:
    files = unpack_archive(gzip.decompress(GOOD))
    for name, content in change.items():
        if content is None:
            del files[name]
        else:
            files[name] = content
    return gzip.compress(pack_archive(files))


def test_a_snapshot_is_read_back_as_it_was_built() -> None:
    found = read_snapshot(GOOD)
    assert found.manifest == MANIFEST
    assert {r.key for r in found.records} == {r.key for r in RECORDS}
    assert list(found.certificates) == [{"change": "c0de"}]


def test_the_order_of_records_does_not_change_a_bit() -> None:
    shuffled = RECORDS[::-1]
    assert build_snapshot(MANIFEST, shuffled, [{"change": "c0de"}], opa=OPA) == (
        build_snapshot(MANIFEST, RECORDS, [{"change": "c0de"}], opa=OPA)
    )


def test_a_changed_record_does_not_add_up() -> None:
    lines = unpack_archive(gzip.decompress(GOOD))[bundle.RECORDS_PATH]
    changed = lines.replace(b"Headquarters", b"Headquarterz")
    with pytest.raises(BundleDigestError):
        read_snapshot(repack({bundle.RECORDS_PATH: changed}))


def test_a_removed_certificate_does_not_add_up() -> None:
    with pytest.raises(BundleDigestError):
        read_snapshot(repack({bundle.CERTIFICATES_PATH: b""}))


def test_a_record_with_a_field_of_the_future_is_refused() -> None:
    lines = unpack_archive(gzip.decompress(GOOD))[bundle.RECORDS_PATH]
    first, rest = lines.split(b"\n", 1)
    newer = canonical_bytes(parse_json(first) | {"more": 1})
    with pytest.raises(RecordError):
        read_snapshot(repack({bundle.RECORDS_PATH: newer + b"\n" + rest}))


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": 2},
        {"extra": 1},
        {"revision": "7"},
        {"revision": -1},
        {"revision": True},
        {"previous_revision": "6"},
        {"max_age": []},
        {"max_age": {"admin": -1}},
        {"counts": None},
        {"zones": {"UTC": []}},
        {"zones": {"UTC": [[0]]}},
        {"zones": {"UTC": 5}},
        {"certificates": 5},
        {"audit_checkpoint": 5},
    ],
    ids=str,
)
def test_a_manifest_that_is_not_understood_is_refused(change: dict[str, Any]) -> None:
    changed = canonical_bytes(MANIFEST.to_dict() | change)
    with pytest.raises(BundleMalformedError):
        read_snapshot(repack({bundle.MANIFEST_PATH: changed}))


@pytest.mark.parametrize(
    "name", [bundle.MANIFEST_PATH, bundle.RECORDS_PATH, bundle.CERTIFICATES_PATH]
)
def test_an_archive_that_lacks_a_part_is_refused(name: str) -> None:
    with pytest.raises(BundleMalformedError):
        read_snapshot(repack({name: None}))


@pytest.mark.parametrize("blob", [b"", b"junk", GOOD[:-10], GOOD + b"tail"], ids=len)
def test_bytes_that_are_no_snapshot_are_refused(blob: bytes) -> None:
    with pytest.raises(BundleMalformedError):
        read_snapshot(blob)


def test_an_archive_that_inflates_beyond_the_limit_is_refused() -> None:
    bomb = gzip.compress(bytes(1024 * 1024))
    with pytest.raises(BundleTooLargeError):
        read_snapshot(bomb, limit=64 * 1024)


def archive_with(*members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            archive.addfile(member)
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = "/etc/passwd"
    return info


def test_an_archive_of_regular_files_is_read() -> None:
    assert unpack_archive(archive_with(member("a/b"))) == {"a/b": b""}


@pytest.mark.parametrize(
    "members",
    [
        [member("/a")],
        [member("../a")],
        [member("a/../../b")],
        [member("./a")],
        [member("a//b")],
        [member("a", tarfile.SYMTYPE)],
        [member("a", tarfile.LNKTYPE)],
        [member("a", tarfile.DIRTYPE)],
        [member("a", tarfile.FIFOTYPE)],
        [member("a"), member("a")],
        [],
    ],
    ids=[
        "absolute",
        "up",
        "through",
        "dot",
        "gap",
        "symlink",
        "link",
        "folder",
        "fifo",
        "twice",
        "empty",
    ],
)
def test_an_archive_that_could_do_harm_is_refused(
    members: list[tarfile.TarInfo],
) -> None:
    with pytest.raises(ProtocolError):
        unpack_archive(archive_with(*members))


def pax_member(headers: dict[str, str]) -> bytes:
    info = tarfile.TarInfo("a")
    info.size = 512
    info.pax_headers = headers
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(b"x" * 512))
    return buffer.getvalue()


def test_a_member_without_extended_headers_is_read() -> None:
    assert unpack_archive(pax_member({})) == {"a": b"x" * 512}


def test_a_sparse_file_that_would_inflate_is_refused() -> None:
    bomb = pax_member(
        {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.map": "0,512",
            "GNU.sparse.size": str(2**40),
        }
    )
    with pytest.raises(BundleMalformedError):
        unpack_archive(bomb)


def test_extended_headers_are_refused() -> None:
    with pytest.raises(BundleMalformedError):
        unpack_archive(pax_member({"comment": "x"}))


def test_a_manifest_that_counts_other_records_is_refused() -> None:
    counts = dict(MANIFEST.counts) | {"policy": 99}
    changed = canonical_bytes(MANIFEST.to_dict() | {"counts": counts})
    with pytest.raises(BundleDigestError):
        read_snapshot(repack({bundle.MANIFEST_PATH: changed}))


@pytest.mark.parametrize("line", [b'"ab"', b"5", b"[]", b"null", b"{"])
def test_a_certificate_that_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(BundleMalformedError):
        read_snapshot(repack({bundle.CERTIFICATES_PATH: line + b"\n"}))


def test_the_opa_signature_lists_every_file_and_verifies() -> None:
    files = unpack_archive(gzip.decompress(build_snapshot(MANIFEST, RECORDS, opa=OPA)))
    (token,) = json.loads(files.pop(".signatures.json"))["signatures"]
    head, payload, signature = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        for part in token.split(".")
    )
    OPA_KEY.public_key().verify(
        encode_dss_signature(
            int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        ),
        token.rsplit(".", 1)[0].encode(),
        ec.ECDSA(hashes.SHA256()),
    )
    assert json.loads(head) == {"alg": "ES256", "typ": "JWT", "kid": "k1"}
    listed = {f["name"]: f["hash"] for f in json.loads(payload)["files"]}
    assert listed.keys() == files.keys()
    raw = files["policy.rego"]
    assert listed["policy.rego"] == hashlib.sha256(raw).hexdigest()
    data = json.dumps(
        json.loads(files["data.json"]),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    assert listed["data.json"] == hashlib.sha256(data.encode()).hexdigest()


def test_the_opa_manifest_carries_revision_and_digest() -> None:
    files = unpack_archive(gzip.decompress(GOOD))
    manifest = json.loads(files[".manifest"])
    assert manifest["revision"] == f"7:{MANIFEST.state_digest}"
    assert manifest["roots"] == ["portward"]
    assert list(json.loads(files["data.json"])) == ["portward"]


def test_signing_for_opa_afterwards_gives_the_same_bytes() -> None:
    unsigned = build_snapshot(MANIFEST, RECORDS, [{"change": "c0de"}])
    found = bundle.sign_snapshot(unsigned, OPA, tenant=MANIFEST.tenant)
    assert unpack_archive(gzip.decompress(found)).keys() == (
        unpack_archive(gzip.decompress(unsigned)).keys() | {".signatures.json"}
    )
    assert read_snapshot(found) == read_snapshot(unsigned)


def test_what_opa_hashes_by_content_is_canonical() -> None:
    files = unpack_archive(gzip.decompress(GOOD))
    for name in (".manifest", "data.json"):
        assert canonical_bytes(json.loads(files[name])) == files[name]
