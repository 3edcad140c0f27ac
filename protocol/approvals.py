"""Whether an approval certificate proves what it claims, from its own bytes.

A certificate holds the request that people decided on, and each vote with what the
voter's passkey signed (WebAuthn Level 3, section 7.2). In this order:

1. the request has the digest that the certificate names;
2. each vote is about that digest, of the same request and tenant;
3. the passkey signed the digest of that very vote, for the site of the portal, while
   its person was present and verified;
4. the signature verifies with the public key beside it;
5. that key is in the list of keys, was this person's then, and not yet taken away;
6. every stage of the flow in the request has as many approvals as it asks for, each of
   another person, none of whoever opened the request.

Without a list of keys the fifth step is left out, and said to be.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.canonical import digest, parse_json
from protocol.cose import require_signature
from protocol.errors import ProtocolError, VoteInvalidError

REQUEST_DOMAIN = "portward-request-v1"
VOTE_DOMAIN = "portward-vote-v1"
APPROVE, DENY = "approve", "deny"
PRESENT_AND_VERIFIED = 0x01 | 0x04
RP_ID_HASH_LENGTH = 32
SHORTEST_AUTHENTICATOR_DATA = 37
NO_STAGE = -1


@dataclass(frozen=True)
class Assertion:
    """What a passkey answered, and the key that it is verified with."""

    rp_id: str
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    public_key: bytes


@dataclass(frozen=True)
class ApproverKey:
    """A passkey, whose it was, and when; `until` is None while it still is."""

    user: str
    credential_id: str
    public_key: str
    since: dt.datetime
    until: dt.datetime | None = None

    @classmethod
    def from_dict(cls, value: object) -> ApproverKey:
        """Parse the JSON form or raise VoteInvalidError."""
        try:
            if not isinstance(value, Mapping):
                raise TypeError
            until = value["until"]
            return cls(
                user=str(value["user"]),
                credential_id=str(value["credential_id"]),
                public_key=str(value["public_key"]),
                since=_instant(value["since"]),
                until=None if until is None else _instant(until),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise VoteInvalidError("the list of keys cannot be read") from error

    def covers(self, moment: dt.datetime) -> bool:
        """Say whether it was this person's then."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True)
class CheckedVote:
    """One vote: whose, with which key, and what is wrong with it, if anything.

    `cast_at` is the portal's word, which the signature of a release covers.
    """

    voter: str
    voter_id: str
    verdict: str
    stage: int
    key_id: str
    cast_at: str
    evidence: str
    stands_for: tuple[str, ...] = ()
    problem: str = ""

    @property
    def persons(self) -> frozenset[str]:
        """Return whose say it uses up."""
        return frozenset({self.voter_id, *self.stands_for})


@dataclass(frozen=True)
class CheckedStage:
    """One stage: how many approvals it asked for, and how many there are."""

    name: str
    needed: int
    approvals: int
    problem: str = ""


@dataclass(frozen=True)
class CheckedRequest:
    """A request with its votes and stages; it holds if nothing of it is wrong."""

    digest: str
    title: str
    votes: tuple[CheckedVote, ...]
    stages: tuple[CheckedStage, ...]
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Say whether request, votes and quorum hold together."""
        found = [one.problem for one in self.votes]
        found += [one.problem for one in self.stages]
        return not any([self.problem, *found])


def parse_keys(value: object) -> list[ApproverKey]:
    """Parse a list of keys, as `portward keys` writes it.

    Raises VoteInvalidError.
    """
    rows = value.get("keys") if isinstance(value, Mapping) else None
    if not isinstance(rows, list):
        raise VoteInvalidError("the list of keys cannot be read")
    return [ApproverKey.from_dict(row) for row in rows]


def request_digest(document: Mapping[str, Any]) -> str:
    """Return the digest of a request document as text."""
    return "sha256:" + digest(REQUEST_DOMAIN, dict(document)).hex()


def vote_digest(document: Mapping[str, Any]) -> bytes:
    """Return the digest that is the challenge of the ceremony."""
    return digest(VOTE_DOMAIN, dict(document))


def require_assertion(assertion: Assertion, challenge: bytes) -> None:
    """Raise VoteInvalidError unless a verified person signed exactly this challenge."""
    _require_challenge(assertion, challenge)
    _require_verified_person(assertion)
    hashed = hashlib.sha256(assertion.client_data).digest()
    try:
        require_signature(
            public_key=assertion.public_key,
            signature=assertion.signature,
            data=assertion.authenticator_data + hashed,
        )
    except ProtocolError as error:
        raise VoteInvalidError("the signature does not verify") from error


def check_certificate(
    certificate: Mapping[str, Any], keys: Iterable[ApproverKey] | None = None
) -> CheckedRequest:
    """Return what a certificate proves, and what it does not."""
    request = _mapping(certificate.get("request"))
    named = str(certificate.get("digest"))
    known = None if keys is None else list(keys)
    found = certificate.get("votes")
    votes = tuple(
        _check_vote(_mapping(vote), request, named, known)
        for vote in (found if isinstance(found, list) else [])
    )
    stages = _stages(request)
    return CheckedRequest(
        digest=named,
        title=str(request.get("title")),
        votes=votes,
        stages=tuple(_count(stages, votes, _opener(request))),
        problem=_problem_of(request, named) or ("" if stages else "it has no flow"),
    )


def _problem_of(request: Mapping[str, Any], named: str) -> str:
    try:
        is_same = request_digest(request) == named
    except ProtocolError:
        is_same = False
    return "" if is_same else "the request has another digest"


def _check_vote(
    vote: Mapping[str, Any],
    request: Mapping[str, Any],
    named: str,
    keys: Sequence[ApproverKey] | None,
) -> CheckedVote:
    said = _mapping(vote.get("document"))
    voter = _mapping(said.get("voter"))
    stage, lenders = _stage(said), said.get("for")
    try:
        _require_about(said, request, named)
        _require_signed(vote, said)
        _require_owner(vote, str(voter.get("id")), keys)
        problem = ""
    except VoteInvalidError as error:
        problem = error.message
    return CheckedVote(
        voter=str(voter.get("name") or voter.get("id") or "somebody"),
        voter_id=str(voter.get("id")),
        verdict=str(said.get("verdict")),
        stage=stage,
        key_id=str(vote.get("credential_id")),
        cast_at=str(vote.get("cast_at") or ""),
        evidence=str(said.get("evidence") or ""),
        stands_for=tuple(
            str(_mapping(one).get("id"))
            for one in (lenders if isinstance(lenders, list) else [])
        ),
        problem=problem,
    )


def _require_about(
    said: Mapping[str, Any], request: Mapping[str, Any], named: str
) -> None:
    if said.get("digest") != named:
        raise VoteInvalidError("the vote is about another request")
    if _stage(said) == NO_STAGE:
        raise VoteInvalidError("the vote is about no stage")
    for name in ("request", "tenant"):
        if said.get(name) is None or said.get(name) != request.get(name):
            raise VoteInvalidError(f"the vote is about another {name}")


def _stage(said: Mapping[str, Any]) -> int:
    """Return the number of the stage that a vote is about; missing, it is of none."""
    found = said.get("stage")
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        return NO_STAGE
    return found


def _require_signed(vote: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    names = ("client_data", "authenticator_data", "signature", "public_key")
    try:
        parts = {name: _unpacked(vote[name]) for name in names}
        challenge = vote_digest(said)
    except (KeyError, ValueError, ProtocolError) as error:
        raise VoteInvalidError("what was signed cannot be read") from error
    require_assertion(Assertion(rp_id=str(vote.get("rp_id")), **parts), challenge)


def _require_challenge(assertion: Assertion, challenge: bytes) -> None:
    try:
        client_data = parse_json(assertion.client_data)
        kind, signed = client_data["type"], _unpacked(client_data["challenge"])
    except (ProtocolError, KeyError, TypeError, ValueError) as error:
        raise VoteInvalidError("what was signed cannot be read") from error
    if kind != "webauthn.get":
        raise VoteInvalidError("what was signed is no assertion")
    if not hmac.compare_digest(signed, challenge):
        raise VoteInvalidError("the passkey signed something else")


def _require_verified_person(assertion: Assertion) -> None:
    data = assertion.authenticator_data
    if len(data) < SHORTEST_AUTHENTICATOR_DATA:
        raise VoteInvalidError("the authenticator data is too short")
    if data[:RP_ID_HASH_LENGTH] != hashlib.sha256(assertion.rp_id.encode()).digest():
        raise VoteInvalidError("the passkey signed for another site")
    flags = data[RP_ID_HASH_LENGTH]
    if flags & PRESENT_AND_VERIFIED != PRESENT_AND_VERIFIED:
        raise VoteInvalidError("the authenticator did not verify the person")


def _require_owner(
    vote: Mapping[str, Any], user: str, keys: Sequence[ApproverKey] | None
) -> None:
    if keys is None:
        return
    named, public = vote.get("credential_id"), vote.get("public_key")
    same = [one for one in keys if one.credential_id == named]
    if not same:
        raise VoteInvalidError("the key is in no list of keys")
    theirs = [one for one in same if one.user == user]
    if not theirs:
        raise VoteInvalidError("the key is another person's")
    fitting = [one for one in theirs if one.public_key == public]
    if not fitting:
        raise VoteInvalidError("the key is not the one that this person registered")
    try:
        moment = _instant(vote.get("cast_at"))
    except (TypeError, ValueError) as error:
        raise VoteInvalidError("it is not said when the vote was cast") from error
    if not any(one.covers(moment) for one in fitting):
        raise VoteInvalidError("the key was not this person's at that time")


def _stages(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = _mapping(request.get("flow")).get("stages")
    return [_mapping(one) for one in found] if isinstance(found, list) else []


def _opener(request: Mapping[str, Any]) -> str:
    return str(_mapping(request.get("opened_by")).get("id"))


def _count(
    stages: Sequence[Mapping[str, Any]], votes: Sequence[CheckedVote], opener: str
) -> Iterable[CheckedStage]:
    """Count one say for each person in all stages together."""
    used = {opener}
    for number, stage in enumerate(stages):
        tally = {APPROVE: 0, DENY: 0}
        for vote in votes:
            if vote.stage != number or vote.problem or used & vote.persons:
                continue
            used |= vote.persons
            tally[vote.verdict] = tally.get(vote.verdict, 0) + 1
        needed, limit = _number(stage, "quorum"), _number(stage, "deny_threshold")
        problem = ""
        if tally[APPROVE] < needed:
            problem = f"{tally[APPROVE]} of {needed} approvals"
        elif tally[DENY] >= limit:
            problem = "it was denied"
        yield CheckedStage(str(stage.get("name")), needed, tally[APPROVE], problem)


def _number(stage: Mapping[str, Any], name: str) -> int:
    """Return a count of a stage; what is not said to be more is one."""
    value = stage.get(name)
    return value if isinstance(value, int) and value > 0 else 1


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _instant(value: object) -> dt.datetime:
    """Read an instant (RFC 3339); raises ValueError or TypeError."""
    if not isinstance(value, str):
        raise TypeError
    found = dt.datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError(value)
    return found


def _unpacked(text: object) -> bytes:
    """Decode base64url without padding; raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("no text")  # noqa: TRY004  # one kind of refusal
    try:
        raw = text.encode("ascii")
        padded = raw + b"=" * (-len(raw) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("no base64url") from error
