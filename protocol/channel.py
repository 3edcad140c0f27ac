"""How a request proves which node sent it.

The node signs method, path, time, nonce and the body's digest with its Ed25519 key.
The proof survives proxies that end TLS. A fresh time bounds how long the receiver must
remember nonces; remembering them is the receiver's part.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.errors import (
    NodeProofError,
    NodeProofMalformedError,
    NodeProofSkewedError,
)

PROOF_HEADER = "Portward-Node"
# The payload type of the signed statement in which a node says what it runs.
REPORT_TYPE = "application/vnd.portward.report+json"
MAX_SKEW = 60
_DOMAIN = b"portward-node-request-v1\0"
_NONCE_BYTES = 16
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SHAPE = re.compile(
    rf"tenant=({_UUID});node=({_UUID});ts=([0-9]{{1,12}});"
    r"nonce=([A-Za-z0-9_-]{22});sig=([A-Za-z0-9_-]{86})"
)


@dataclass(frozen=True)
class NodeProof:
    """What a proof header claims; believe it only after `verify_request`."""

    tenant: str
    node: str
    timestamp: int
    nonce: str
    signature: bytes


@dataclass(frozen=True)
class RequestParts:
    """The parts of a request that a proof covers. `target` is path and query."""

    method: str
    target: str
    body: bytes = b""

    def signed_bytes(self, timestamp: int, nonce: str) -> bytes:
        """Return what the node signs."""
        body = hashlib.sha256(self.body).hexdigest()
        lines = (self.method.upper(), self.target, str(timestamp), nonce, body)
        return _DOMAIN + "\n".join(lines).encode("utf-8")


def sign_request(
    parts: RequestParts,
    *,
    tenant: str,
    node: str,
    timestamp: int,
    nonce: bytes,
    sign: Callable[[bytes], bytes],
) -> str:
    """Return the value of the proof header. `nonce` is 16 random bytes."""
    if len(nonce) != _NONCE_BYTES:
        raise ValueError("a nonce has 16 bytes")
    text = _encode(nonce)
    signature = _encode(sign(parts.signed_bytes(timestamp, text)))
    return f"tenant={tenant};node={node};ts={timestamp};nonce={text};sig={signature}"


def parse_proof(header: str) -> NodeProof:
    """Read a proof header without believing it; raises NodeProofMalformedError."""
    found = _SHAPE.fullmatch(header)
    if found is None:
        raise NodeProofMalformedError(f"the {PROOF_HEADER} header is malformed")
    tenant, node, timestamp, nonce, signature = found.groups()
    try:
        raw = base64.urlsafe_b64decode(signature + "==")
    except binascii.Error as error:
        raise NodeProofMalformedError("the signature is not base64url") from error
    return NodeProof(tenant, node, int(timestamp), nonce, raw)


def verify_request(
    proof: NodeProof,
    parts: RequestParts,
    *,
    public_key: Ed25519PublicKey,
    now: int,
    max_skew: int = MAX_SKEW,
) -> NodeProof:
    """Return the proof once time and signature hold.

    Raises NodeProofSkewedError and NodeProofError.
    """
    if abs(now - proof.timestamp) > max_skew:
        raise NodeProofSkewedError(
            f"the request's time differs by {now - proof.timestamp} s; at most "
            f"{max_skew} s are accepted: set the node's clock"
        )
    try:
        public_key.verify(
            proof.signature, parts.signed_bytes(proof.timestamp, proof.nonce)
        )
    except InvalidSignature as error:
        raise NodeProofError("the request is not signed by this node's key") from error
    return proof


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
