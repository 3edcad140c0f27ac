"""Whether a stored vote still proves what it claims, from its own bytes alone.

Steps, in this order, after WebAuthn Level 3 section 7.2:

1. the request document has the digest that the request carries;
2. the vote document names that digest, the verdict and the voter of the row;
3. the client data is of type `webauthn.get`, and its challenge is the digest of the
   vote document;
4. the authenticator data is of the relying party, and its flags say that a person was
   present and verified;
5. the signature over authenticator data and the digest of the client data verifies with
   the public key that stands beside it.

Whether that key belonged to that person is a question for the audit trail and, on a
node, for the list of approver keys; nothing here says so.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from webauthn.helpers import (
    base64url_to_bytes,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    verify_signature,
)
from webauthn.helpers.exceptions import WebAuthnException

from apps.approvals.errors import VoteEvidenceError
from apps.approvals.rules.documents import request_digest, vote_digest
from protocol.canonical import parse_json
from protocol.errors import ProtocolError

PRESENT_AND_VERIFIED = 0x01 | 0x04
RP_ID_HASH_LENGTH = 32
SHORTEST_AUTHENTICATOR_DATA = 37


@dataclass(frozen=True)
class VoteEvidence:
    """A vote and the request it speaks about, as stored or as shipped to a node."""

    request_document: Mapping[str, Any]
    request_digest: str
    document: Mapping[str, Any]
    verdict: str
    user_id: str
    rp_id: str
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    public_key: bytes


def verify_vote(evidence: VoteEvidence) -> None:
    """Raise VoteEvidenceError unless all five steps hold."""
    _require_request(evidence)
    _require_document(evidence)
    _require_challenge(evidence)
    _require_verified_person(evidence)
    _require_signature(evidence)


def _require_request(evidence: VoteEvidence) -> None:
    if request_digest(evidence.request_document) != evidence.request_digest:
        raise VoteEvidenceError("The request is not the one its digest names.")


def _require_document(evidence: VoteEvidence) -> None:
    document = evidence.document
    claims = {
        "digest": (document.get("digest"), evidence.request_digest),
        "request": (document.get("request"), evidence.request_document.get("request")),
        "tenant": (document.get("tenant"), evidence.request_document.get("tenant")),
        "verdict": (document.get("verdict"), evidence.verdict),
        "voter": ((document.get("voter") or {}).get("id"), evidence.user_id),
    }
    for name, (signed, claimed) in claims.items():
        if signed is None or signed != claimed:
            raise VoteEvidenceError(f"The signed vote is about another {name}.")


def _require_challenge(evidence: VoteEvidence) -> None:
    try:
        client_data = parse_json(evidence.client_data)
        challenge = base64url_to_bytes(client_data["challenge"])
        kind = client_data["type"]
    except (ProtocolError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VoteEvidenceError("The client data cannot be read.") from error
    if kind != "webauthn.get":
        raise VoteEvidenceError("The client data is not of an assertion.")
    if not hmac.compare_digest(challenge, vote_digest(evidence.document)):
        raise VoteEvidenceError("The assertion is for another operation.")


def _require_verified_person(evidence: VoteEvidence) -> None:
    authenticator_data = evidence.authenticator_data
    if len(authenticator_data) < SHORTEST_AUTHENTICATOR_DATA:
        raise VoteEvidenceError("The authenticator data is too short.")
    expected = hashlib.sha256(evidence.rp_id.encode()).digest()
    if authenticator_data[:RP_ID_HASH_LENGTH] != expected:
        raise VoteEvidenceError("The assertion was made for another site.")
    flags = authenticator_data[RP_ID_HASH_LENGTH]
    if flags & PRESENT_AND_VERIFIED != PRESENT_AND_VERIFIED:
        raise VoteEvidenceError("The authenticator did not verify the person.")


def _require_signature(evidence: VoteEvidence) -> None:
    client_hash = hashlib.sha256(evidence.client_data).digest()
    try:
        key = decode_credential_public_key(evidence.public_key)
        verify_signature(
            public_key=decoded_public_key_to_cryptography(key),
            signature_alg=key.alg,
            signature=evidence.signature,
            data=evidence.authenticator_data + client_hash,
        )
    except (
        # The library indexes into what it has not measured.
        *(WebAuthnException, InvalidSignature, ValueError, LookupError, TypeError),
    ) as error:
        raise VoteEvidenceError("The signature does not verify.") from error
