"""Releases as bytes: the manifest, and the snapshot archive.

A snapshot is a gzip-compressed ustar archive that is the same to the bit for the same
records, whatever their order. Stock OPA can read it too: `.manifest`, `data.json` and
`policy.rego` are OPA's, and `.signatures.json` lists every other file (OPA bundle
format). Agents read `portward/`.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.canonical import canonical_bytes, digest, parse_json
from protocol.envelope import compress, inflate, pack_archive, unpack_archive
from protocol.errors import (
    BundleDigestError,
    BundleMalformedError,
    CanonicalError,
)
from protocol.fingerprint import Key, StateTree
from protocol.records import (
    PolicyRecord,
    Record,
    WindowRecord,
    parse_record,
    record_bytes,
)
from protocol.zones import Transitions, zone_transitions

PROTOCOL_VERSION = 1
SNAPSHOT_LIMIT = 64 * 1024 * 1024
CERTIFICATE_DOMAIN = "portward-certificate-v1"
MANIFEST_DOMAIN = "portward-manifest-v1"
DEFAULT_MAX_AGE = {"admin": 300, "operator": 900, "read_only": 86_400}
OPA_ROOT = "portward"
MANIFEST_PATH = "portward/manifest.json"
RECORDS_PATH = "portward/records.ndjson"
CERTIFICATES_PATH = "portward/certificates.ndjson"
_REGO = b"""package portward.bundle

import rego.v1

# What this release is. Decisions are made by the agent, from the Cedar policies beside.
revision := data.portward.release.revision

state_digest := data.portward.release.state_digest
"""

Certificate = Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """What a release says of itself. Times are RFC 3339; ages are seconds."""

    tenant: str
    revision: int
    previous_revision: int | None
    previous_digest: str | None
    state_digest: str
    created: str
    not_before: str | None
    max_age: Mapping[str, int]
    counts: Mapping[str, int]
    zones: Transitions
    certificates: Sequence[str] = ()
    audit_checkpoint: str | None = None
    protocol: int = PROTOCOL_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "tenant": self.tenant,
            "revision": self.revision,
            "previous_revision": self.previous_revision,
            "previous_digest": self.previous_digest,
            "state_digest": self.state_digest,
            "created": self.created,
            "not_before": self.not_before,
            "max_age": dict(self.max_age),
            "counts": dict(self.counts),
            "zones": {zone: [list(t) for t in ts] for zone, ts in self.zones.items()},
            "certificates": list(self.certificates),
            "audit_checkpoint": self.audit_checkpoint,
            "protocol": self.protocol,
        }

    @classmethod
    def from_dict(cls, value: object) -> Manifest:
        """Parse the JSON form strictly or raise BundleMalformedError."""
        names = set(cls.__dataclass_fields__)
        if not isinstance(value, dict) or set(value) != names:
            wrong = names ^ set(value) if isinstance(value, dict) else names
            raise BundleMalformedError(f"manifest: wrong fields {sorted(wrong)}")
        manifest = cls(**value)
        if manifest.protocol != PROTOCOL_VERSION:
            raise BundleMalformedError(
                f"manifest: protocol {manifest.protocol} is not spoken here; "
                "upgrade the agent"
            )
        _check_types(manifest)
        return manifest


@dataclass(frozen=True)
class Predecessor:
    """The release before: its revision and state digest."""

    revision: int
    state_digest: str


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot archive holds; `tree` are the digests made while reading it."""

    manifest: Manifest
    records: tuple[Record, ...]
    certificates: tuple[Certificate, ...]
    tree: StateTree = field(compare=False, repr=False)


@dataclass(frozen=True)
class OpaSignature:
    """How the archive is signed for stock OPA: ES256 over a JWT's signing input."""

    key_id: str
    sign: Callable[[bytes], bytes]
    issued_at: int


def certificate_digest(certificate: Certificate) -> str:
    """Return the digest by which a manifest names an approval certificate."""
    return "sha256:" + digest(CERTIFICATE_DOMAIN, dict(certificate)).hex()


def manifest_digest(manifest: Manifest) -> str:
    """Return the digest by which the signed target names a manifest.

    With it a release is proven whichever way its content came: as one archive, or as
    deltas upon an older one.
    """
    return "sha256:" + digest(MANIFEST_DOMAIN, manifest.to_dict()).hex()


def build_manifest(  # noqa: PLR0913  # a manifest has this many parts
    *,
    tenant: str,
    revision: int,
    previous: Predecessor | None,
    created: str,
    created_epoch: int,
    records: Iterable[Record],
    certificates: Iterable[Certificate] = (),
    max_age: Mapping[str, int] | None = None,
    not_before: str | None = None,
    tree: StateTree | None = None,
) -> Manifest:
    """Describe a release; zone transitions are computed for the zones it uses.

    `tree` saves the work when the digests of these records were made before.
    """
    found = list(records)
    zones = {record.zone for record in found if isinstance(record, WindowRecord)}
    return Manifest(
        tenant=tenant,
        revision=revision,
        previous_revision=previous.revision if previous else None,
        previous_digest=previous.state_digest if previous else None,
        state_digest=(tree or StateTree(found)).digest(),
        created=created,
        not_before=not_before,
        max_age=dict(max_age or DEFAULT_MAX_AGE),
        counts=_counts(record.key for record in found),
        zones={z: zone_transitions(z, created_epoch) for z in sorted(zones)},
        certificates=sorted(certificate_digest(c) for c in certificates),
    )


def build_snapshot(
    manifest: Manifest,
    records: Iterable[Record],
    certificates: Iterable[Certificate] = (),
    *,
    opa: OpaSignature | None = None,
    lines: Iterable[bytes] | None = None,
) -> bytes:
    """Return the archive of a release, reproducible to the bit.

    `lines` saves the work when the records' bytes, in order, were made before.
    """
    ordered = sorted(records, key=lambda record: record.key)
    files = {
        ".manifest": canonical_bytes(_opa_manifest(manifest)),
        "cedar/policies.cedar": _cedar_text(ordered),
        "data.json": canonical_bytes(_opa_data(manifest, ordered)),
        "policy.rego": _REGO,
        **content_files(
            manifest, lines or (record_bytes(r) for r in ordered), certificates
        ),
    }
    if opa is not None:
        files[".signatures.json"] = _opa_signatures(files, opa, manifest.tenant)
    return compress(pack_archive(files))


def sign_snapshot(unsigned: bytes, opa: OpaSignature, *, tenant: str) -> bytes:
    """Return an archive that build_snapshot made with its signature for OPA.

    Raises BundleMalformedError, BundleTooLargeError.
    """
    files = unpack_archive(inflate(unsigned, SNAPSHOT_LIMIT), limit=SNAPSHOT_LIMIT)
    files[".signatures.json"] = _opa_signatures(files, opa, tenant)
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
    if _counts(records) != manifest.counts:
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


def _counts(keys: Iterable[Key]) -> dict[str, int]:
    return dict(sorted(Counter(kind for kind, _ in keys).items()))


def _certificate(line: bytes) -> Certificate:
    certificate = parse_json(line)
    if not isinstance(certificate, dict):
        raise BundleMalformedError("a certificate is a JSON object")
    return certificate


def _opa_manifest(manifest: Manifest) -> dict[str, Any]:
    return {
        "revision": f"{manifest.revision}:{manifest.state_digest}",
        "roots": [OPA_ROOT],
        "rego_version": 1,
        "metadata": {"tenant": manifest.tenant, "created": manifest.created},
    }


def _opa_data(manifest: Manifest, records: Iterable[Record]) -> dict[str, Any]:
    by_type: dict[str, dict[str, Any]] = {}
    for record in records:
        by_type.setdefault(record.type.value, {})[record.id] = record.to_dict()
    release = {
        "tenant": manifest.tenant,
        "revision": manifest.revision,
        "state_digest": manifest.state_digest,
    }
    return {OPA_ROOT: {"release": release, "records": by_type}}


def _opa_signatures(files: Mapping[str, bytes], opa: OpaSignature, scope: str) -> bytes:
    listed = [
        {
            "name": name,
            # OPA hashes .manifest and data.json by their canonical content. Ours are
            # canonical.
            "hash": hashlib.sha256(content).hexdigest(),
            "algorithm": "SHA-256",
        }
        for name, content in sorted(files.items())
    ]
    header = {"alg": "ES256", "typ": "JWT", "kid": opa.key_id}
    payload = {
        "files": listed,
        "iat": opa.issued_at,
        "iss": "portward",
        "scope": scope,
        "keyid": opa.key_id,
    }
    signed = f"{_b64(canonical_bytes(header))}.{_b64(canonical_bytes(payload))}"
    token = f"{signed}.{_b64(opa.sign(signed.encode('ascii')))}"
    return canonical_bytes({"signatures": [token]})


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


def _check_types(manifest: Manifest) -> None:
    for name, is_well_typed in (
        ("tenant", isinstance(manifest.tenant, str)),
        ("revision", _is_count(manifest.revision)),
        ("previous_revision", _is_optional(manifest.previous_revision, _is_count)),
        ("previous_digest", _is_optional(manifest.previous_digest, _is_text)),
        ("state_digest", isinstance(manifest.state_digest, str)),
        ("created", isinstance(manifest.created, str)),
        ("not_before", _is_optional(manifest.not_before, _is_text)),
        ("max_age", _is_object_of(manifest.max_age, _is_count)),
        ("counts", _is_object_of(manifest.counts, _is_count)),
        ("zones", _is_object_of(manifest.zones, _is_transitions)),
        ("certificates", _is_list_of(manifest.certificates, _is_text)),
        ("audit_checkpoint", _is_optional(manifest.audit_checkpoint, _is_text)),
    ):
        if not is_well_typed:
            raise BundleMalformedError(f"manifest: {name} is malformed")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_optional(value: object, test: Callable[[object], bool]) -> bool:
    return value is None or test(value)


def _is_list_of(value: object, test: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and all(test(item) for item in value)


def _is_object_of(value: object, test: Callable[[object], bool]) -> bool:
    return isinstance(value, dict) and all(test(item) for item in value.values())


def _is_transitions(value: object) -> bool:
    """Say whether this is one or more pairs of whole numbers."""
    return bool(value) and _is_list_of(value, _is_transition)


def _is_transition(value: object) -> bool:
    return isinstance(value, list) and [type(n) for n in value] == [int, int]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
