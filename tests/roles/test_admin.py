"""The pages of roles, registries and assignments."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.roles.models import Assignment, Role
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import build_access
from tests.factories.accounts import MakeUser, SignedInClient

MODELS = (
    *("resourcetype", "permission", "attributedefinition", "role"),
    *("principal", "resource"),
)
ADD: dict[str, dict[str, object]] = {
    "resourcetype": {"name": "Database"},
    "permission": {"action": "drain", "resource_type": "Node", "tier": "operator"},
    "attributedefinition": {"entity_type": "User", "name": "team", "type": "string"},
    "role": {
        "slug": "lead",
        "name": "Lead",
        "tier": "operator",
        "permissions": ["Node::restart"],
        "parents": ["developer"],
    },
    "principal": {"type": "User", "key": "bob", "attributes": '{"clearance": 2}'},
    "resource": {"type": "Node", "key": "web-2", "groups": ["web"]},
}


@pytest.fixture
def access(tenant: Tenant) -> Tenant:
    with tenant_scope(tenant.pk):
        build_access()
    return tenant


@pytest.fixture
def client(
    access: Tenant,  # noqa: ARG001  # the tenant comes first
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


def address(model: str, page: str, *args: object) -> str:
    return reverse(f"admin:roles_{model}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS)
def test_a_row_is_made_listed_shown_and_saved_again(client: Client, model: str) -> None:
    answer = client.post(address(model, "add"), ADD[model])
    assert answer.status_code == 302, answer.context["form"].errors
    page = answer.headers["Location"]
    shown = client.get(page)
    assert shown.status_code == 200
    assert "style=" not in shown.content.decode()
    assert client.post(page, ADD[model]).status_code == 302
    assert client.get(address(model, "changelist")).status_code == 200
    assert client.get(address(model, "changelist"), {"q": "e"}).status_code == 200


@pytest.mark.parametrize(
    ("model", "change", "field"),
    [
        ("resourcetype", {"name": "User"}, "name"),
        ("permission", {"action": "no good"}, "action"),
        ("attributedefinition", {"name": "No"}, "name"),
        ("role", {"slug": "reader"}, "slug"),
        ("role", {"tier": "read_only"}, "permissions"),
        ("principal", {"key": "a b"}, "key"),
        ("principal", {"attributes": '{"mood": 1}'}, "attributes"),
        ("principal", {"attributes": '{"clearance": 1, "clearance": 2}'}, "attributes"),
        ("resource", {"type": "ResourceGroup"}, "groups"),
    ],
)
def test_a_refusal_stands_beside_its_field(
    client: Client, model: str, change: dict[str, object], field: str
) -> None:
    answer = client.post(address(model, "add"), ADD[model] | change)
    assert list(answer.context["form"].errors) == [field]


def test_adding_an_assignment_leads_to_the_request_for_one(client: Client) -> None:
    for answer in (
        client.get(address("assignment", "add")),
        client.post(address("assignment", "add")),
    ):
        assert answer.status_code == 302
        assert answer["Location"] == reverse("admin:approvals_request_assignment")


def test_a_cycle_is_refused_beside_the_parents(client: Client, access: Tenant) -> None:
    with tenant_scope(access.pk):
        reader = Role.objects.get(slug="reader")
    posted = {
        "slug": "reader",
        "name": "Reader",
        "tier": "operator",
        "parents": ["developer"],
    }
    answer = client.post(address("role", "change", reader.pk), posted)
    assert "circle" in answer.context["form"].errors["parents"][0]


def test_the_page_of_a_role_says_where_a_permission_comes_from(
    client: Client, access: Tenant
) -> None:
    with tenant_scope(access.pk):
        role = Role.objects.get(slug="developer")
    shown = client.get(address("role", "change", role.pk))
    assert shown.context["table"][1] == ("read", "Namespace", "reader")


def test_an_assignment_is_revoked_by_its_own_act(
    client: Client, access: Tenant
) -> None:
    with tenant_scope(access.pk):
        row = Assignment.objects.get()
    assert client.get(address("assignment", "revoke", row.pk)).status_code == 405
    client.post(address("assignment", "revoke", row.pk))
    with tenant_scope(access.pk):
        row.refresh_from_db()
    assert row.revoked_at is not None


@pytest.mark.parametrize("role", ["approver", "auditor"])
def test_others_read_and_do_not_write(
    access: Tenant, make_user: MakeUser, signed_in_client: SignedInClient, role: str
) -> None:
    with tenant_scope(access.pk):
        row = Assignment.objects.get()
    reader = signed_in_client(make_user("rita", [role]))
    for model in MODELS:
        assert reader.get(address(model, "changelist")).status_code == 200
        assert reader.post(address(model, "add"), ADD[model]).status_code == 403
    assert reader.post(address("assignment", "revoke", row.pk)).status_code == 403
