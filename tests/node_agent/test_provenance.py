"""From a policy back to its approvers, from what a release carries alone."""

from __future__ import annotations

import base64
import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from node_agent.provenance import REQUEST_DOMAIN, VOTE_DOMAIN, provenance
from protocol.canonical import canonical_bytes, digest
from tests.simulators.releases import permit

POLICY = permit("deploys")


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def certificate() -> dict[str, Any]:
    request = {"request": POLICY.change, "title": "Deploy by day", "v": 1}
    named = "sha256:" + digest(REQUEST_DOMAIN, request).hex()
    document = {
        "digest": named,
        "verdict": "approve",
        "voter": {"id": "1", "name": "Anna"},
        "evidence": "sha256:" + "e" * 64,
    }
    challenge = b64(digest(VOTE_DOMAIN, document))
    client_data = canonical_bytes({"challenge": challenge, "type": "webauthn.get"})
    vote = {
        "document": document,
        "credential_id": "key-1",
        "client_data": b64(client_data),
    }
    return {"digest": named, "request": request, "votes": [vote]}


def test_the_chain_names_change_digest_approver_key_and_evidence() -> None:
    (found,) = provenance([POLICY], [certificate()])
    assert found.holds
    assert list(found.lines()) == [
        "deploys v1",
        "  change    change-1 “Deploy by day”",
        f"  digest    {certificate()['digest']}",
        "  approve   Anna, key key-1",
        f"  evidence  sha256:{'e' * 64}",
    ]
    assert json.loads(json.dumps(found.to_dict()))["holds"] is True


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("request", "title"), "Deploy always", "the request has another digest"),
        (
            ("votes", 0, "document", "digest"),
            "sha256:0",
            "the vote is about another request",
        ),
        (
            ("votes", 0, "document", "verdict"),
            "deny",
            "the passkey signed something else",
        ),
        (("votes", 0, "client_data"), "!", "what was signed cannot be read"),
        (("votes", 0, "client_data"), b64(b"[]"), "what was signed cannot be read"),
    ],
    ids=str,
)
def test_a_chain_that_was_tampered_with_does_not_hold(
    path: tuple[Any, ...], value: str, problem: str
) -> None:
    tampered = copy.deepcopy(certificate())
    place: Any = tampered
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    (found,) = provenance([POLICY], [tampered])
    assert not found.holds
    assert problem in "\n".join(found.lines())


def test_a_policy_without_a_certificate_is_named() -> None:
    (found,) = provenance([replace(POLICY, change="another")], [certificate()])
    assert not found.holds
    assert "no certificate" in "\n".join(found.lines())
