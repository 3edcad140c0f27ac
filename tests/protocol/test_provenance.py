"""From a policy back to its approvers, from what a release carries alone."""

from __future__ import annotations

import json
from dataclasses import replace

from protocol.approvals import parse_keys
from protocol.provenance import provenance
from tests.simulators.releases import permit
from tests.simulators.votes import WHEN, Approved, Voter

POLICY = permit("deploys")
ANNA = Voter("anna")
CERTIFICATE = Approved(POLICY.change).vote(ANNA).certificate()


def test_the_chain_names_change_digest_approver_key_evidence_and_quorum() -> None:
    (found,) = provenance(
        [POLICY], [CERTIFICATE], parse_keys({"keys": [ANNA.listed()]})
    )
    assert found.holds
    assert list(found.lines()) == [
        "deploys v1",
        "  change    change-1 “Deploy by day”",
        f"  digest    {CERTIFICATE['digest']}",
        f"  approve   Anna, key {ANNA.credential_id} at {WHEN}",
        f"  evidence  sha256:{'e' * 64}",
        "  stage     Stage 0: 1 of 1 approvals",
    ]
    assert json.loads(json.dumps(found.to_dict()))["holds"] is True


def test_a_vote_and_a_quorum_that_do_not_hold_are_named() -> None:
    (found,) = provenance([POLICY], [CERTIFICATE], [])
    assert not found.holds
    told = "\n".join(found.lines())
    assert "NOT PROVEN: the key is in no list of keys Anna" in told
    assert "Stage 0: NOT PROVEN: 0 of 1 approvals" in told


def test_a_changed_request_is_named() -> None:
    request = CERTIFICATE["request"] | {"title": "Deploy always"}
    (found,) = provenance([POLICY], [CERTIFICATE | {"request": request}])
    assert not found.holds
    assert "the request has another digest" in "\n".join(found.lines())


def test_a_policy_without_a_certificate_is_named() -> None:
    (found,) = provenance([replace(POLICY, change="another")], [CERTIFICATE])
    assert not found.holds
    assert "no certificate" in "\n".join(found.lines())
