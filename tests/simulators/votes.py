"""A request that people approved with keys of their own, as a release carries it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.approvals import request_digest, vote_digest
from protocol.canonical import canonical_bytes

SITE = "portal.example"
WHEN = "2026-05-04T08:00:00Z"


def b64(value: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@dataclass
class Ed25519Key:
    """A passkey of the kind that security keys make."""

    private: ed25519.Ed25519PrivateKey = field(
        default_factory=ed25519.Ed25519PrivateKey.generate
    )

    def public(self) -> bytes:
        x = self.private.public_key().public_bytes_raw()
        return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: x})

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)


@dataclass
class P256Key:
    """A passkey of the kind that phones and computers make."""

    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def public(self) -> bytes:
        found = self.private.public_key().public_numbers()
        x, y = found.x.to_bytes(32), found.y.to_bytes(32)
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, ec.ECDSA(SHA256()))


@dataclass
class RsaKey:
    """A passkey of the kind that a TPM makes."""

    private: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048)
    )

    def public(self) -> bytes:
        found = self.private.public_key().public_numbers()
        n, e = found.n.to_bytes(256), found.e.to_bytes(3)
        return cbor2.dumps({1: 3, 3: -257, -1: n, -2: e})

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, padding.PKCS1v15(), SHA256())


Key = Ed25519Key | P256Key | RsaKey


@dataclass
class Voter:
    """A person with a key."""

    name: str
    key: Key = field(default_factory=Ed25519Key)

    @property
    def credential_id(self) -> str:
        return b64(f"key of {self.name}".encode())

    def listed(self, **other: Any) -> dict[str, Any]:
        """Return the key as a list of keys holds it."""
        return {
            "user": self.name,
            "name": self.name,
            "credential_id": self.credential_id,
            "public_key": b64(self.key.public()),
            "since": "2026-01-01T00:00:00Z",
            "until": None,
        } | other


@dataclass
class Approved:
    """A request, whose votes are signed when they are added."""

    change: str = "change-1"
    stages: tuple[int, ...] = (1,)
    opener: str = "olga"
    votes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def request(self) -> dict[str, Any]:
        return {
            "v": 1,
            "tenant": "t1",
            "request": self.change,
            "title": "Deploy by day",
            "opened_by": {"id": self.opener, "name": self.opener.title()},
            "flow": {
                "stages": [
                    {"name": f"Stage {n}", "quorum": quorum, "deny_threshold": 1}
                    for n, quorum in enumerate(self.stages)
                ]
            },
        }

    def vote(
        self,
        voter: Voter,
        *,
        flags: int = 5,
        lent_by: str = "",
        **said: Any,
    ) -> Approved:
        """Add what a person says; `said` changes what they sign."""
        document = {
            "tenant": "t1",
            "request": self.change,
            "digest": request_digest(self.request),
            "stage": 0,
            "verdict": "approve",
            "voter": {"id": voter.name, "name": voter.name.title()},
            "evidence": "sha256:" + "e" * 64,
        } | said
        if lent_by:
            document["for"] = [{"id": lent_by, "name": lent_by.title()}]
        challenge = b64(vote_digest(document))
        client_data = canonical_bytes({"type": "webauthn.get", "challenge": challenge})
        data = hashlib.sha256(SITE.encode()).digest() + bytes([flags, 0, 0, 0, 1])
        signed = data + hashlib.sha256(client_data).digest()
        self.votes.append(
            {
                "document": document,
                "cast_at": WHEN,
                "rp_id": SITE,
                "credential_id": voter.credential_id,
                "client_data": b64(client_data),
                "authenticator_data": b64(data),
                "signature": b64(voter.key.sign(signed)),
                "public_key": b64(voter.key.public()),
            }
        )
        return self

    def certificate(self) -> dict[str, Any]:
        """Return the certificate."""
        return {
            "digest": request_digest(self.request),
            "request": self.request,
            "votes": self.votes,
        }
