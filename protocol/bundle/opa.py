"""The part of an archive that stock OPA reads: manifest, data, module, signature."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from protocol.bundle.manifest import Manifest
from protocol.canonical import canonical_bytes
from protocol.records import Record

OPA_ROOT = "portward"
_REGO = b"""package portward.bundle

import rego.v1

# What this release is. Decisions are made by the agent, from the Cedar policies beside.
revision := data.portward.release.revision

state_digest := data.portward.release.state_digest
"""


@dataclass(frozen=True)
class OpaSignature:
    """How the archive is signed for stock OPA: ES256 over a JWT's signing input."""

    key_id: str
    sign: Callable[[bytes], bytes]
    issued_at: int


@dataclass(frozen=True)
class OpaContent:
    """What OPA decides from: a module, and data beside the release and its records."""

    rego: bytes = _REGO
    data: Mapping[str, Any] = field(default_factory=dict)


NO_DECISIONS = OpaContent()


def opa_manifest(manifest: Manifest) -> dict[str, Any]:
    """Return OPA's manifest; its revision comes back in every status and decision."""
    return {
        "revision": f"{manifest.revision}:{manifest.state_digest}",
        "roots": [OPA_ROOT],
        "rego_version": 1,
        "metadata": {"tenant": manifest.tenant, "created": manifest.created},
    }


def opa_data(
    manifest: Manifest, records: Iterable[Record], more: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the data: the release, its records, and what the module decides from."""
    by_type: dict[str, dict[str, Any]] = {}
    for record in records:
        by_type.setdefault(record.type.value, {})[record.id] = record.to_dict()
    release = {
        "tenant": manifest.tenant,
        "revision": manifest.revision,
        "state_digest": manifest.state_digest,
    }
    return {OPA_ROOT: {**more, "release": release, "records": by_type}}


def opa_signatures(files: Mapping[str, bytes], opa: OpaSignature, scope: str) -> bytes:
    """Return the file that lists and signs all others."""
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


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
