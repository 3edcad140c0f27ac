"""Tell what may be asked for after a denial, signed by this node.

The draft of the profile that this follows is named by `DRAFT`; it is off unless the
agent is told where requests go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine import arap
from engine.arap import Reason
from engine.decide import Decision, PolicyEngine, Request
from node_agent.config import Identity, public_bytes
from protocol.canonical import canonical_bytes

DRAFT = "2026-07-03"
JWKS_PATH = "/.well-known/jwks.json"
BINDING_TYPE = "portward-denial+jwt"
APPROVAL_REQUIRED = "approval_required"


@dataclass(frozen=True)
class AccessRequests:
    """Where requests for access go, and the key by which a denial is bound to one."""

    endpoint: str
    issuer: str
    key_id: str
    public_key: bytes
    sign: Callable[[bytes], bytes]

    @classmethod
    def of(
        cls, identity: Identity, key: Ed25519PrivateKey, *, endpoint: str, issuer: str
    ) -> AccessRequests:
        """Return what a node needs to tell of requests."""
        return cls(
            endpoint, issuer.rstrip("/"), identity.node, public_bytes(key), key.sign
        )

    def metadata(self) -> dict[str, Any]:
        """Return the members that the metadata gets."""
        return {
            "access_request_endpoint": self.endpoint,
            "jwks_uri": self.issuer + JWKS_PATH,
            "capabilities": [arap.CAPABILITY],
        }

    def jwks(self) -> dict[str, Any]:
        """Return the key that binding tokens are verified by (RFC 8037)."""
        return {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "x": _b64(self.public_key),
                    "kid": self.key_id,
                    "use": "sig",
                    "alg": "EdDSA",
                }
            ]
        }

    def explain(
        self,
        engine: PolicyEngine,
        request: Request,
        decision: Decision,
        *,
        evaluation_id: str,
        created: str,
    ) -> Mapping[str, Any]:
        """Return what is said besides a denial: nothing about a permit."""
        if decision.allowed:
            return {}
        offered = arap.offer(engine, request, decision)
        found: dict[str, Any] = {}
        reason = arap.judge(engine, request, decision, created=arap.instant(created))
        if reason is not None:
            found = arap.next_step(reason, is_requestable=offered is not None)
            if reason in {Reason.PENDING, Reason.POLICY_DENIED, Reason.UNVERIFIABLE}:
                return found
        if offered is None:
            return found
        claims = arap.binding_claims(
            request,
            offered,
            evaluation_id=evaluation_id,
            issuer=self.issuer,
            endpoint=self.endpoint,
        )
        found.setdefault("reason", APPROVAL_REQUIRED)
        found["access_request"] = arap.access_request(
            offered,
            endpoint=self.endpoint,
            now=request.now,
            token=self._token(claims),
        )
        return found

    def _token(self, claims: Mapping[str, Any]) -> str:
        """Return a JWS in compact form (RFC 7515, section 7.1)."""
        header = {"alg": "EdDSA", "kid": self.key_id, "typ": BINDING_TYPE}
        signed = f"{_b64(canonical_bytes(header))}.{_b64(canonical_bytes(claims))}"
        return f"{signed}.{_b64(self.sign(signed.encode()))}"


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
