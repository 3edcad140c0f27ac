"""From each policy in force back to those who approved it, without asking anybody.

A release carries the certificate of every request that approved one of its policies.
What is checked here needs nothing else: the request has the digest that was voted on,
each vote names that digest, and what the passkey signed is that very vote. Whose the
passkeys are is for the portal's audit trail to say, or for a list of approver keys.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.bundle import Certificate
from protocol.canonical import digest, parse_json
from protocol.errors import ProtocolError
from protocol.records import PolicyRecord, Record

REQUEST_DOMAIN = "portward-request-v1"
VOTE_DOMAIN = "portward-vote-v1"
MISSING = "no certificate"


@dataclass(frozen=True)
class Approval:
    """One vote: whose, with which key, and what is wrong with it, if anything."""

    voter: str
    verdict: str
    key_id: str
    evidence: str
    problem: str = ""


@dataclass(frozen=True)
class Provenance:
    """Where a policy in force comes from. `problem` is empty if the chain holds."""

    policy: str
    version: int
    change: str
    digest: str
    title: str
    approvals: tuple[Approval, ...]
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Say whether the request and every vote about it hold together."""
        return not self.problem and not any(one.problem for one in self.approvals)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "policy": self.policy,
            "version": self.version,
            "change": self.change,
            "digest": self.digest,
            "title": self.title,
            "holds": self.holds,
            "problem": self.problem,
            "approvals": [vars(one) for one in self.approvals],
        }

    def lines(self) -> Iterator[str]:
        """Yield the chain as people read it."""
        yield f"{self.policy} v{self.version}"
        if self.problem:
            yield f"  NOT PROVEN: {self.problem} (change {self.change})"
            return
        yield f"  change    {self.change} “{self.title}”"
        yield f"  digest    {self.digest}"
        for one in self.approvals:
            mark = f"NOT PROVEN: {one.problem}" if one.problem else one.verdict
            yield f"  {mark:9} {one.voter}, key {one.key_id}"
            if one.evidence:
                yield f"  evidence  {one.evidence}"


def provenance(
    records: Iterable[Record], certificates: Iterable[Certificate]
) -> list[Provenance]:
    """Return where each policy of a release comes from, by its name."""
    known: dict[str, Certificate] = {}
    for certificate in certificates:
        request = certificate.get("request")
        if isinstance(request, Mapping):
            known[str(request.get("request"))] = certificate
    policies = [record for record in records if isinstance(record, PolicyRecord)]
    return [
        _trace(policy, known.get(policy.change))
        for policy in sorted(policies, key=lambda policy: policy.id)
    ]


def _trace(policy: PolicyRecord, certificate: Certificate | None) -> Provenance:
    if certificate is None:
        return Provenance(policy.id, policy.version, policy.change, "", "", (), MISSING)
    request, named = certificate["request"], str(certificate.get("digest"))
    votes = certificate.get("votes")
    return Provenance(
        policy.id,
        policy.version,
        policy.change,
        named,
        str(request.get("title")),
        tuple(
            _approval(vote, named)
            for vote in (votes if isinstance(votes, list) else [])
            if isinstance(vote, Mapping)
        ),
        _problem_of(request, named),
    )


def _problem_of(request: Mapping[str, Any], named: str) -> str:
    found = "sha256:" + digest(REQUEST_DOMAIN, dict(request)).hex()
    return "" if found == named else "the request has another digest"


def _approval(vote: Mapping[str, Any], named: str) -> Approval:
    document = vote.get("document")
    said = document if isinstance(document, Mapping) else {}
    voter = said.get("voter")
    who = voter if isinstance(voter, Mapping) else {}
    return Approval(
        voter=str(who.get("name") or who.get("id") or "somebody"),
        verdict=str(said.get("verdict")),
        key_id=str(vote.get("credential_id")),
        evidence=str(said.get("evidence") or ""),
        problem=_problem_of_vote(vote, said, named),
    )


def _problem_of_vote(
    vote: Mapping[str, Any], said: Mapping[str, Any], named: str
) -> str:
    if said.get("digest") != named:
        return "the vote is about another request"
    try:
        signed = parse_json(_bytes(str(vote.get("client_data"))))
        challenge = _bytes(signed["challenge"])
    except (ProtocolError, binascii.Error, KeyError, TypeError, ValueError):
        return "what was signed cannot be read"
    if challenge != digest(VOTE_DOMAIN, dict(said)):
        return "the passkey signed something else"
    return ""


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
