"""Roles and registries over REST: changed by who confirmed, upon the state they saw."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from apps.roles import services
from apps.roles.models import Role, SeparationSet
from apps.roles.rules import RoleSpec
from apps.signin.rules.operations import Operation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access
from tests.factories.clients import token_of
from tests.signin.conftest import Visitor, alice, visitor_for
from tests.signin.test_api import Program, confirmed

__all__ = ["alice", "visitor_for"]
pytestmark = pytest.mark.django_db
ROLE = {
    "slug": "lead",
    "name": "Lead",
    "tier": "operator",
    "permissions": [{"action": "restart", "resource_type": "Node"}],
    "parents": ["reader"],
}
NEW: dict[str, dict[str, Any]] = {
    "roles": ROLE,
    "permissions": {"action": "drain", "resource_type": "Node", "tier": "operator"},
    "principals": {"type": "User", "key": "olga", "attributes": {"clearance": 2}},
    "groups": {
        "slug": "ops",
        "name": "Ops",
        "members": [{"type": "User", "key": "alice"}],
    },
    "separations": {
        "slug": "apart",
        "name": "Apart",
        "kind": "static",
        "roles": ["payer", "reader"],
        "limit": 1,
        "owner": {"type": "User", "key": "alice"},
        "is_active": True,
    },
    "resources": {
        "type": "Node",
        "key": "web-2",
        "groups": ["web"],
        "owners": [{"type": "User", "key": "alice"}],
    },
}


@pytest.fixture
def program(tenant: Tenant, alice: Visitor) -> Program:  # a fixture
    with tenant_scope(tenant.pk):
        build_access()
        services.save_role(actor=SYSTEM, spec=RoleSpec("payer", "Payer", "operator"))
    return Program(token_of(tenant, alice.user))


def change(
    program: Program,
    person: Visitor,
    call: tuple[str, str],
    body: dict[str, Any],
    match: str | None = None,
    operation: Operation = Operation.CHANGE_ACCESS,
) -> Any:
    method, path = call
    text = json.dumps(body)
    proof = confirmed(
        program,
        person,
        operation=operation.value,
        method=method,
        path=path,
        body_digest=hashlib.sha256(text.encode()).hexdigest(),
    )
    headers = {"Operation-Token": proof} | ({"If-Match": match} if match else {})
    return program.client.generic(
        method, path, text, content_type="application/json", headers=headers
    )


@pytest.mark.parametrize("kind", NEW)
def test_a_row_is_added_read_and_replaced_upon_its_etag(
    program: Program,
    alice: Visitor,  # a fixture
    kind: str,
) -> None:
    body = NEW[kind]
    made = change(program, alice, ("POST", f"/api/v1/{kind}"), body)
    assert made.status_code == 201, made.content
    path = f"/api/v1/{kind}/{made.json()['id']}"
    read = program.send("GET", path)
    assert read["ETag"] == made["ETag"]
    name = "description" if kind == "permissions" else "name"
    other = body | {name: "Something else"}
    saved = change(program, alice, ("PUT", path), other, read["ETag"])
    assert saved.status_code == 200, saved.content
    assert saved.json()[name] == "Something else"
    assert saved["ETag"] != read["ETag"]


def test_a_change_of_a_state_that_was_not_seen_is_refused(
    program: Program,
    alice: Visitor,  # a fixture
    tenant: Tenant,
) -> None:
    with tenant_scope(tenant.pk):
        role = Role.objects.get(slug="reader")
    call = ("PUT", f"/api/v1/roles/{role.pk}")
    body = {"slug": "reader", "name": "Other", "tier": "read_only"}
    assert change(program, alice, call, body).status_code == 428
    assert change(program, alice, call, body, '"stale"').status_code == 412
    with tenant_scope(tenant.pk):
        role.refresh_from_db()
    assert role.name == "Reader"


def test_a_cycle_is_refused_over_rest(
    program: Program,
    alice: Visitor,  # a fixture
    tenant: Tenant,
) -> None:
    with tenant_scope(tenant.pk):
        role = Role.objects.get(slug="reader")
    path = f"/api/v1/roles/{role.pk}"
    body = {
        "slug": "reader",
        "name": "Reader",
        "tier": "operator",
        "parents": ["developer"],
    }
    tag = program.send("GET", path)["ETag"]
    refused = change(program, alice, ("PUT", path), body, tag)
    assert (refused.status_code, refused.json()["code"]) == (400, "roles.cycle")


def test_a_set_is_removed_upon_its_etag_unless_somebody_was_excused(
    program: Program, alice: Visitor, tenant: Tenant
) -> None:
    made = change(program, alice, ("POST", "/api/v1/separations"), NEW["separations"])
    path = f"/api/v1/separations/{made.json()['id']}"

    assert change(program, alice, ("DELETE", path), {}).status_code == 428
    assert change(program, alice, ("DELETE", path), {}, '"x"').status_code == 412
    gone = change(program, alice, ("DELETE", path), {}, made["ETag"])

    assert gone.status_code == 204
    with tenant_scope(tenant.pk):
        assert not SeparationSet.objects.exists()


def test_without_a_confirmation_nothing_is_changed(program: Program) -> None:
    assert program.send("POST", "/api/v1/roles", json.dumps(ROLE)).status_code == 401


def test_assignments_are_read_with_their_state(program: Program) -> None:
    [row] = program.send("GET", "/api/v1/assignments").json()["results"]
    assert (row["role"], row["state"]) == ("developer", "now")
    assert row["principal"] == {"type": "User", "key": "alice"}
