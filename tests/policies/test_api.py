"""Drafts over REST: confirmed, and based on the state that was seen."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from apps.policies.models import PolicyDraft
from apps.signin.rules.operations import Operation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import build_access
from tests.factories.clients import token_of
from tests.policies.test_rules import GOOD
from tests.signin.conftest import Visitor, alice, visitor_for
from tests.signin.test_api import Program, confirmed

__all__ = ["alice", "visitor_for"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def program(tenant: Tenant, alice: Visitor) -> Program:  # a fixture
    with tenant_scope(tenant.pk):
        build_access()
    return Program(token_of(tenant, alice.user))


def change(
    program: Program,
    person: Visitor,
    call: tuple[str, str],
    body: dict[str, Any],
    match: str | None = None,
) -> Any:
    method, path = call
    text = json.dumps(body)
    proof = confirmed(
        program,
        person,
        operation=Operation.DRAFT_POLICY.value,
        method=method,
        path=path,
        body_digest=hashlib.sha256(text.encode()).hexdigest(),
    )
    headers = {"Operation-Token": proof} | ({"If-Match": match} if match else {})
    return program.client.generic(
        method, path, text, content_type="application/json", headers=headers
    )


def test_a_draft_is_written_and_replaced_upon_its_etag(
    program: Program,
    alice: Visitor,  # a fixture
    tenant: Tenant,
) -> None:
    made = change(program, alice, ("POST", "/api/v1/policies"), {"content": GOOD})
    assert made.status_code == 201, made.content
    assert made.json()["sentence"].startswith("Developers may deploy")
    path = f"/api/v1/policies/{made.json()['id']}"
    body = {"content": GOOD | {"owner": "Others"}}
    old = made.headers["ETag"]

    unseen = change(program, alice, ("PUT", path), body)
    first = change(program, alice, ("PUT", path), body, old)
    late = change(program, alice, ("PUT", path), {"content": GOOD}, old)

    assert [unseen.status_code, first.status_code, late.status_code] == [428, 200, 412]
    with tenant_scope(tenant.pk):
        assert PolicyDraft.objects.get().content["owner"] == "Others"


def test_a_refusal_names_the_field(
    program: Program,
    alice: Visitor,  # a fixture
) -> None:
    body = {"content": GOOD | {"actions": ["fly"]}}
    answer = change(program, alice, ("POST", "/api/v1/policies"), body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "policies.unknown_action"
    assert answer.json()["field"] == "actions[0]"


def test_a_refusal_names_all_that_is_wrong(
    program: Program,
    alice: Visitor,  # a fixture
) -> None:
    wrong = {"actions": ["fly"], "windows": ["never"], "owner": ""}
    body = {"content": GOOD | wrong}
    answer = change(program, alice, ("POST", "/api/v1/policies"), body)
    assert answer["Content-Type"] == "application/problem+json"
    found = answer.json()
    said = {one["field"]: one["code"] for one in found["errors"]}
    assert said == {
        "actions[0]": "policies.unknown_action",
        "windows[0]": "policies.unknown_window",
        "owner": "policies.owner_missing",
    }
    assert all(one["message"] and one["remedy"] for one in found["errors"])
    assert found["code"] in said.values()
