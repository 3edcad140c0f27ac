"""Releases as bytes: the manifest, and the snapshot archive.

A snapshot is a gzip-compressed ustar archive that is the same to the bit for the same
records, whatever their order. Stock OPA can read it too: `.manifest`, `data.json` and
`policy.rego` are OPA's, and `.signatures.json` lists every other file (OPA bundle
format). Agents read `portward/`.
"""

from __future__ import annotations

from protocol.bundle.manifest import (
    CERTIFICATE_DOMAIN,
    DEFAULT_MAX_AGE,
    MANIFEST_DOMAIN,
    PROTOCOL_VERSION,
    Certificate,
    Manifest,
    Predecessor,
    build_manifest,
    certificate_digest,
    manifest_digest,
)
from protocol.bundle.opa import (
    OPA_ROOT,
    OpaContent,
    OpaSignature,
)
from protocol.bundle.snapshot import (
    CERTIFICATES_PATH,
    MANIFEST_PATH,
    RECORDS_PATH,
    SNAPSHOT_LIMIT,
    Snapshot,
    build_snapshot,
    check_carries,
    check_content,
    content_files,
    read_snapshot,
    read_state,
    sign_snapshot,
)

__all__ = [
    "CERTIFICATES_PATH",
    "CERTIFICATE_DOMAIN",
    "DEFAULT_MAX_AGE",
    "MANIFEST_DOMAIN",
    "MANIFEST_PATH",
    "OPA_ROOT",
    "PROTOCOL_VERSION",
    "RECORDS_PATH",
    "SNAPSHOT_LIMIT",
    "Certificate",
    "Manifest",
    "OpaContent",
    "OpaSignature",
    "Predecessor",
    "Snapshot",
    "build_manifest",
    "build_snapshot",
    "certificate_digest",
    "check_carries",
    "check_content",
    "content_files",
    "manifest_digest",
    "read_snapshot",
    "read_state",
    "sign_snapshot",
]
