"""What a certificate proves: the votes, whose keys signed them, and the quorum.

Every refusal here is one thing away from a certificate that holds.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from protocol.approvals import ApproverKey, check_certificate, parse_keys
from protocol.cose import require_signature
from protocol.errors import SignatureInvalidError, VoteInvalidError
from tests.simulators.votes import (
    Approved,
    Ed25519Key,
    Key,
    P256Key,
    RsaKey,
    Voter,
    b64,
)

ANNA, BEN = Voter("anna"), Voter("ben", P256Key())


def keys(*rows: dict[str, Any]) -> list[ApproverKey]:
    return parse_keys({"keys": list(rows or (ANNA.listed(), BEN.listed()))})


def approved() -> dict[str, Any]:
    return Approved().vote(ANNA).certificate()


def flipped(text: str) -> str:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return b64(raw[:-1] + bytes([raw[-1] ^ 1]))


def test_a_vote_with_the_voters_key_and_a_met_quorum_holds() -> None:
    found = check_certificate(approved(), keys())
    assert found.holds
    (vote,), (stage,) = found.votes, found.stages
    assert (vote.voter, vote.key_id) == ("Anna", ANNA.credential_id)
    assert (stage.needed, stage.approvals) == (1, 1)


Change = Callable[[dict[str, Any]], object]
FALSE: dict[str, tuple[Change, str]] = {
    "one bit of the signature": (
        lambda vote: vote.update(signature=flipped(vote["signature"])),
        "the signature does not verify",
    ),
    "one bit of the counter": (
        lambda vote: vote.update(
            authenticator_data=flipped(vote["authenticator_data"])
        ),
        "the signature does not verify",
    ),
    "another person's key": (
        lambda vote: vote.update(public_key=b64(BEN.key.public())),
        "the signature does not verify",
    ),
    "turned verdict": (
        lambda vote: vote["document"].update(verdict="deny"),
        "the passkey signed something else",
    ),
    "another voter": (
        lambda vote: vote["document"].update(voter={"id": "ben"}),
        "the passkey signed something else",
    ),
    "another site": (
        lambda vote: vote.update(rp_id="evil.example"),
        "the passkey signed for another site",
    ),
    "another request": (
        lambda vote: vote["document"].update(request="change-2"),
        "the vote is about another request",
    ),
    "another tenant": (
        lambda vote: vote["document"].update(tenant="t2"),
        "the vote is about another tenant",
    ),
    "no signature": (
        lambda vote: vote.pop("signature"),
        "what was signed cannot be read",
    ),
    "client data that is none": (
        lambda vote: vote.update(client_data=b64(b"[]")),
        "what was signed cannot be read",
    ),
    "client data that is not encoded": (
        lambda vote: vote.update(client_data="!"),
        "what was signed cannot be read",
    ),
    "short authenticator data": (
        lambda vote: vote.update(authenticator_data=b64(bytes(36))),
        "the authenticator data is too short",
    ),
    "no time": (
        lambda vote: vote.update(cast_at=""),
        "it is not said when the vote was cast",
    ),
}


@pytest.mark.parametrize("name", FALSE)
def test_one_false_part_of_a_vote_is_named_and_does_not_count(name: str) -> None:
    change, problem = FALSE[name]
    certificate = copy.deepcopy(approved())
    change(certificate["votes"][0])
    found = check_certificate(certificate, keys())
    assert not found.holds
    assert found.votes[0].problem == problem
    assert found.stages[0].problem == "0 of 1 approvals"


@pytest.mark.parametrize("flags", [1, 4])
def test_a_person_who_was_not_present_and_verified_did_not_vote(flags: int) -> None:
    found = check_certificate(Approved().vote(ANNA, flags=flags).certificate(), keys())
    assert found.votes[0].problem == "the authenticator did not verify the person"


@pytest.mark.parametrize("stage", [None, "0", -1, False])
def test_a_vote_that_names_no_stage_counts_in_none(stage: object) -> None:
    found = check_certificate(Approved().vote(ANNA, stage=stage).certificate(), keys())
    assert found.votes[0].problem == "the vote is about no stage"
    assert found.stages[0].problem == "0 of 1 approvals"


def test_a_request_that_was_changed_afterwards_does_not_hold() -> None:
    certificate = approved()
    certificate["request"]["title"] = "Deploy always"
    found = check_certificate(certificate, keys())
    assert not found.holds
    assert found.problem == "the request has another digest"


def test_a_vote_for_the_changed_request_is_not_the_one_that_was_signed() -> None:
    certificate = approved()
    certificate["digest"] = "sha256:" + "0" * 64
    found = check_certificate(certificate, keys())
    assert found.votes[0].problem == "the vote is about another request"


LISTS: dict[str, tuple[dict[str, Any], str]] = {
    "not in it": (BEN.listed(), "the key is in no list of keys"),
    "another person's": (ANNA.listed(user="ben"), "the key is another person's"),
    "another key by that name": (
        ANNA.listed(public_key=b64(Ed25519Key().public())),
        "the key is not the one that this person registered",
    ),
    "registered later": (
        ANNA.listed(since="2026-05-04T08:00:01Z"),
        "the key was not this person's at that time",
    ),
    "removed before": (
        ANNA.listed(until="2026-05-04T08:00:00Z"),
        "the key was not this person's at that time",
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_key_must_have_been_the_voters_when_they_voted(name: str) -> None:
    row, problem = LISTS[name]
    found = check_certificate(approved(), keys(row))
    assert found.votes[0].problem == problem
    assert not found.holds


def test_a_key_counts_although_it_was_removed_later() -> None:
    row = ANNA.listed(until="2026-05-04T08:00:01Z")
    assert check_certificate(approved(), keys(row)).holds


def test_without_a_list_nobody_says_whose_a_key_is() -> None:
    assert check_certificate(approved()).holds
    assert not check_certificate(approved(), []).holds


def quorum(certificate: dict[str, Any]) -> list[str]:
    found = check_certificate(certificate, keys())
    assert not any(vote.problem for vote in found.votes)
    return [stage.problem for stage in found.stages]


def test_each_stage_needs_as_many_persons_as_its_flow_says() -> None:
    both = Approved(stages=(2,)).vote(ANNA)
    assert quorum(both.certificate()) == ["1 of 2 approvals"]
    assert quorum(both.vote(BEN).certificate()) == [""]


def test_a_second_vote_of_one_person_does_not_count() -> None:
    twice = Approved(stages=(2,)).vote(ANNA).vote(ANNA)
    assert quorum(twice.certificate()) == ["1 of 2 approvals"]


def test_a_person_has_one_say_in_all_stages_together() -> None:
    twice = Approved(stages=(1, 1)).vote(ANNA).vote(ANNA, stage=1)
    assert quorum(twice.certificate()) == ["", "0 of 1 approvals"]


def test_who_lent_a_right_has_no_second_say() -> None:
    lent = Approved(stages=(2,)).vote(ANNA)
    lent.vote(BEN, lent_by="anna")
    assert quorum(lent.certificate()) == ["1 of 2 approvals"]


def test_who_opened_a_request_does_not_decide_on_it() -> None:
    own = Approved(opener="anna").vote(ANNA)
    assert quorum(own.certificate()) == ["0 of 1 approvals"]


def test_a_denial_outweighs_approvals() -> None:
    denied = Approved().vote(ANNA).vote(BEN, verdict="deny")
    assert quorum(denied.certificate()) == ["it was denied"]


def test_a_request_without_stages_was_approved_by_nobody() -> None:
    found = check_certificate(Approved(stages=()).vote(ANNA).certificate(), keys())
    assert found.problem == "it has no flow"


@pytest.mark.parametrize(
    "value",
    [None, {}, {"keys": [1]}, {"keys": [{}]}, {"keys": [ANNA.listed(since="x")]}],
    ids=["nothing", "no-list", "no-key", "empty-key", "no-time"],
)
def test_a_list_of_keys_is_read_strictly(value: object) -> None:
    with pytest.raises(VoteInvalidError):
        parse_keys(value)


@pytest.mark.parametrize(
    "key", [Ed25519Key(), P256Key(), RsaKey()], ids=["ed25519", "p256", "rsa"]
)
def test_every_kind_of_key_that_is_registered_verifies(key: Key) -> None:
    signature = key.sign(b"data")
    require_signature(public_key=key.public(), signature=signature, data=b"data")
    with pytest.raises(SignatureInvalidError):
        require_signature(public_key=key.public(), signature=signature, data=b"dat")


GOOD = {1: 1, 3: -8, -1: 6, -2: bytes(32)}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x04" + bytes(64),
        cbor2.dumps([1]),
        cbor2.dumps(GOOD)[:-1],
        cbor2.dumps(GOOD) + b"\0",
        cbor2.dumps(GOOD | {3: -7}),
        cbor2.dumps(GOOD | {-1: 1}),
        cbor2.dumps(GOOD | {-2: 7}),
        cbor2.dumps(GOOD | {-2: bytes(31)}),
        cbor2.dumps(GOOD | {9: "text"}),
        cbor2.dumps(GOOD | {9: bytes(4096)}),
        b"\xa2\x01\x01\x01\x01",
        b"\xbf\xff",
    ],
    ids=lambda raw: raw[:6].hex(),
)
def test_a_key_that_is_malformed_is_refused(raw: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        require_signature(public_key=raw, signature=bytes(64), data=b"data")
