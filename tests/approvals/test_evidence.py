"""A stored vote proves itself, step by step, and fails at the first false one."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.approvals import rules, selectors
from apps.approvals.errors import VoteEvidenceError
from apps.approvals.models import ApprovalRequest, Vote
from tests.factories.approvals import People

pytestmark = pytest.mark.django_db
Evidence = rules.VoteEvidence


@pytest.fixture
def evidence(open_request: ApprovalRequest, people: People) -> Evidence:
    return selectors.evidence_of(people("anna").vote(open_request))


def with_client_data(evidence: Evidence, **changed: str) -> Evidence:
    parsed = json.loads(evidence.client_data) | changed
    return replace(evidence, client_data=json.dumps(parsed).encode())


def with_flags(evidence: Evidence, flags: int) -> Evidence:
    raw = bytearray(evidence.authenticator_data)
    raw[32] = flags
    return replace(evidence, authenticator_data=bytes(raw))


def flipped(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def with_vote(evidence: Evidence, **changed: Any) -> Evidence:
    return replace(evidence, document={**evidence.document, **changed})


def test_a_stored_vote_verifies(evidence: Evidence) -> None:
    rules.verify_vote(evidence)


FALSE: dict[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "request edited": (
        lambda e: replace(e, request_document={**e.request_document, "title": "x"}),
        "not the one its digest names",
    ),
    "digest of another request": (
        lambda e: with_vote(e, digest="sha256:" + "0" * 64),
        "another digest",
    ),
    "verdict turned": (lambda e: replace(e, verdict="deny"), "another verdict"),
    "voter swapped": (lambda e: replace(e, user_id="x"), "another voter"),
    "voter missing": (lambda e: with_vote(e, voter=None), "another voter"),
    "tenant swapped": (lambda e: with_vote(e, tenant="x"), "another tenant"),
    "request swapped": (lambda e: with_vote(e, request="x"), "another request"),
    "reason added": (lambda e: with_vote(e, reason="x"), "signed something else"),
    "registration": (
        lambda e: with_client_data(e, type="webauthn.create"),
        "is no assertion",
    ),
    "other challenge": (
        lambda e: with_client_data(
            e, challenge=base64.urlsafe_b64encode(bytes(32)).decode()
        ),
        "signed something else",
    ),
    "no client data": (lambda e: replace(e, client_data=b"{}"), "cannot be read"),
    "broken client data": (lambda e: replace(e, client_data=b"\xff"), "cannot be read"),
    "other site": (lambda e: replace(e, rp_id="evil.example"), "another site"),
    "short data": (
        lambda e: replace(e, authenticator_data=e.authenticator_data[:36]),
        "too short",
    ),
    "person not verified": (lambda e: with_flags(e, 0x01), "did not verify"),
    "person not present": (lambda e: with_flags(e, 0x04), "did not verify"),
    "signature": (
        lambda e: replace(e, signature=flipped(e.signature)),
        "signature does not verify",
    ),
    "no signature": (lambda e: replace(e, signature=b""), "does not verify"),
    "counter": (
        lambda e: replace(e, authenticator_data=flipped(e.authenticator_data)),
        "signature does not verify",
    ),
    "public key": (
        lambda e: replace(e, public_key=flipped(e.public_key)),
        "signature does not verify",
    ),
    "no public key": (lambda e: replace(e, public_key=b""), "does not verify"),
}


@pytest.mark.parametrize("name", FALSE)
def test_one_false_part_refuses_the_vote(evidence: Evidence, name: str) -> None:
    falsify, message = FALSE[name]
    with pytest.raises(VoteEvidenceError, match=message):
        rules.verify_vote(falsify(evidence))


def test_another_persons_key_does_not_verify(
    evidence: Evidence, people: People
) -> None:
    other = bytes(people("ben").passkey.public_key)
    with pytest.raises(VoteEvidenceError, match="signature"):
        rules.verify_vote(replace(evidence, public_key=other))


def test_the_command_verifies_every_vote(
    open_request: ApprovalRequest, people: People, capsys: pytest.CaptureFixture[str]
) -> None:
    people("anna").vote(open_request)
    people("ben").vote(open_request)
    call_command("verify_votes")
    assert "2 votes verified" in capsys.readouterr().out


def test_the_command_names_a_vote_that_was_changed_in_the_database(
    open_request: ApprovalRequest, people: People
) -> None:
    vote = people("anna").vote(open_request)
    forged = Vote.objects.get(pk=vote.pk)
    forged.pk, forged.user_id = uuid.uuid4(), uuid.uuid4()
    forged.save(force_insert=True)
    with pytest.raises(CommandError, match="1 of 2 votes"):
        call_command("verify_votes")


def test_the_run_time_role_cannot_change_a_vote(
    open_request: ApprovalRequest, people: People
) -> None:
    vote = people("anna").vote(open_request)
    with pytest.raises(Exception, match="permission denied"):
        Vote.objects.filter(pk=vote.pk).update(user_name="somebody else")
