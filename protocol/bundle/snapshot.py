"""A release as one archive, reproducible to the bit, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from protocol.bundle.manifest import (
    Certificate,
    Manifest,
    certificate_digest,
    counts_of,
)
from protocol.bundle.opa import (
    NO_DECISIONS,
    OpaContent,
    OpaSignature,
    opa_data,
    opa_manifest,
    opa_signatures,
)
from protocol.canonical import canonical_bytes, parse_json
from protocol.envelope import compress, inflate, pack_archive, unpack_archive
from protocol.errors import (
    BundleDigestError,
    BundleMalformedError,
    CanonicalError,
)
from protocol.fingerprint import Key, StateTree
from protocol.records import PolicyRecord, Record, parse_record, record_bytes

SNAPSHOT_LIMIT = 64 * 1024 * 1024
MANIFEST_PATH = "portward/manifest.json"
RECORDS_PATH = "portward/records.ndjson"
CERTIFICATES_PATH = "portward/certificates.ndjson"


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot archive holds; `tree` are the digests made while reading it."""

    manifest: Manifest
    records: tuple[Record, ...]
    certificates: tuple[Certificate, ...]
    tree: StateTree = field(compare=False, repr=False)


def build_snapshot(
    manifest: Manifest,
    records: Iterable[Record],
    certificates: Iterable[Certificate] = (),
    *,
    opa: OpaSignature | None = None,
    lines: Iterable[bytes] | None = None,
    content: OpaContent = NO_DECISIONS,
) -> bytes:
    """Return the archive of a release, reproducible to the bit.

    `content` is what OPA decides from. `lines` saves the work when the records' bytes,
    in order, were made before.
    """
    ordered = sorted(records, key=lambda record: record.key)
    files = {
        ".manifest": canonical_bytes(opa_manifest(manifest)),
        "cedar/policies.cedar": _cedar_text(ordered),
        "data.json": canonical_bytes(opa_data(manifest, ordered, content.data)),
        "policy.rego": content.rego,
        **content_files(
            manifest, lines or (record_bytes(r) for r in ordered), certificates
        ),
    }
    if opa is not None:
        files[".signatures.json"] = opa_signatures(files, opa, manifest.tenant)
    return compress(pack_archive(files))


def sign_snapshot(unsigned: bytes, opa: OpaSignature, *, tenant: str) -> bytes:
    """Return an archive that build_snapshot made with its signature for OPA.

    Raises BundleMalformedError, BundleTooLargeError.
    """
    files = unpack_archive(inflate(unsigned, SNAPSHOT_LIMIT), limit=SNAPSHOT_LIMIT)
    files[".signatures.json"] = opa_signatures(files, opa, tenant)
    return compress(pack_archive(files))


def check_carries(blob: bytes, expected: Mapping[str, bytes]) -> None:
    """Check that an archive carries these files, byte for byte.

    Raises BundleDigestError, BundleMalformedError, BundleTooLargeError.
    """
    files = unpack_archive(inflate(blob, SNAPSHOT_LIMIT), limit=SNAPSHOT_LIMIT)
    for name, content in expected.items():
        if files.get(name) != content:
            raise BundleDigestError(f"the archive holds another {name}")


def content_files(
    manifest: Manifest, lines: Iterable[bytes], certificates: Iterable[Certificate]
) -> dict[str, bytes]:
    """Return the files that agents read: `lines` are the records' bytes, in order."""
    return {
        CERTIFICATES_PATH: _lines(
            sorted(canonical_bytes(dict(c)) for c in certificates)
        ),
        MANIFEST_PATH: canonical_bytes(manifest.to_dict()),
        RECORDS_PATH: _lines(lines),
    }


def read_snapshot(blob: bytes, *, limit: int = SNAPSHOT_LIMIT) -> Snapshot:
    """Parse an archive strictly; the records must add up to the manifest's digest.

    Who signed it is not checked here: see protocol.trust.

    Raises BundleMalformedError, BundleTooLargeError, BundleDigestError, RecordError.
    """
    return _read(unpack_archive(inflate(blob, limit), limit=limit))


def read_state(blob: bytes, *, limit: int = SNAPSHOT_LIMIT) -> Snapshot:
    """Parse an archive of the files of a release's content, as strictly as a snapshot.

    It is what a node keeps of a release that came as deltas, and is not signed: the
    signed target names the digests of what is in it.
    """
    return _read(unpack_archive(blob, limit=limit))


def check_content(manifest: Manifest, tree: StateTree, records: Iterable[Key]) -> None:
    """Compare the records of a release with what its manifest says of them.

    Raises BundleDigestError.
    """
    found = tree.digest()
    if found != manifest.state_digest:
        raise BundleDigestError(
            f"the records add up to {found}, the manifest says {manifest.state_digest}"
        )
    if counts_of(records) != manifest.counts:
        raise BundleDigestError("the manifest counts other records")


def _read(files: Mapping[str, bytes]) -> Snapshot:
    try:
        manifest = Manifest.from_dict(parse_json(files[MANIFEST_PATH]))
        records = tuple(
            parse_record(parse_json(line)) for line in files[RECORDS_PATH].splitlines()
        )
        certificates = tuple(
            _certificate(line) for line in files[CERTIFICATES_PATH].splitlines()
        )
        tree = StateTree(records)
        named = sorted(certificate_digest(c) for c in certificates)
    except KeyError as error:
        raise BundleMalformedError(f"the archive lacks {error}") from error
    except (CanonicalError, TypeError) as error:
        raise BundleMalformedError(f"the archive holds bad JSON: {error}") from error
    check_content(manifest, tree, (record.key for record in records))
    if named != list(manifest.certificates):
        raise BundleDigestError("the certificates are not those of the manifest")
    return Snapshot(manifest, records, certificates, tree)


def _certificate(line: bytes) -> Certificate:
    certificate = parse_json(line)
    if not isinstance(certificate, dict):
        raise BundleMalformedError("a certificate is a JSON object")
    return certificate


def _cedar_text(records: Iterable[Record]) -> bytes:
    texts = [
        statement.cedar
        for record in records
        if isinstance(record, PolicyRecord)
        for statement in record.statements
    ]
    return "".join(f"{text.rstrip()}\n" for text in texts).encode("utf-8")


def _lines(items: Iterable[bytes]) -> bytes:
    return b"".join(item + b"\n" for item in items)
