"""Whether a stored vote still proves what it claims, from its own bytes alone.

Steps, in this order, after WebAuthn Level 3 section 7.2; `protocol.approvals` does
all but the second, for nodes and the command line too:

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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.approvals.errors import VoteEvidenceError
from protocol.approvals import (
    Assertion,
    request_digest,
    require_assertion,
    vote_digest,
)
from protocol.errors import VoteInvalidError


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
    _require_assertion(evidence)


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


def _require_assertion(evidence: VoteEvidence) -> None:
    """Check it with the code that a node and the command line check it with."""
    assertion = Assertion(
        rp_id=evidence.rp_id,
        client_data=evidence.client_data,
        authenticator_data=evidence.authenticator_data,
        signature=evidence.signature,
        public_key=evidence.public_key,
    )
    try:
        require_assertion(assertion, vote_digest(evidence.document))
    except VoteInvalidError as error:
        words = error.message
        raise VoteEvidenceError(f"{words[:1].upper()}{words[1:]}.") from error
