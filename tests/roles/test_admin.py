"""The pages of roles, registries and assignments."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.roles import selectors, services
from apps.roles.models import Assignment, Principal, Role, SeparationException
from apps.roles.rules import AssignmentSpec, EntrySpec, RoleSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.factories.access import ALICE, SYSTEM, build_access
from tests.factories.accounts import MakeUser, SignedInClient

OLGA = EntityRef("User", "olga")
MODELS = (
    *("resourcetype", "permission", "attributedefinition", "role"),
    *("principal", "resource"),
    *("principalgroup", "separationset"),
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
    "resource": {
        "type": "Node",
        "key": "web-2",
        "groups": ["web"],
        "owners": ["User::alice"],
    },
    "principalgroup": {"slug": "ops", "name": "Ops", "members": ["User::alice"]},
    "separationset": {
        "slug": "two",
        "name": "Two pairs of eyes",
        "kind": "static",
        "roles": ["writer", "reader"],
        "limit": 1,
        "owner": "User::alice",
        "is_active": "on",
    },
}


@pytest.fixture
def access(tenant: Tenant) -> Tenant:
    with tenant_scope(tenant.pk):
        build_access()
        services.save_role(actor=SYSTEM, spec=RoleSpec("writer", "Writer", "operator"))
        services.save_principal(actor=SYSTEM, spec=EntrySpec(OLGA))
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
        ("principalgroup", {"slug": "No"}, "slug"),
        ("separationset", {"limit": 2}, "limit"),
        ("separationset", {"roles": ["developer", "reader"]}, "roles"),
        ("separationset", {"roles": ["reader"]}, "roles"),
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
    held = {p.action: origin.slug for p, origin in shown.context["held"]}
    assert held == {"deploy": "developer", "restart": "developer", "read": "reader"}
    text = " ".join(shown.content.decode().split())
    with tenant_scope(access.pk):
        reader = Role.objects.get(slug="reader")
    link = address("role", "change", reader.pk)
    assert f'inherited from <a href="{link}">Reader</a>' in text


def test_an_assignment_is_revoked_by_its_own_act(
    client: Client, access: Tenant
) -> None:
    with tenant_scope(access.pk):
        row = Assignment.objects.get()
    assert client.get(address("assignment", "revoke", row.pk)).status_code == 405
    client.post(address("assignment", "revoke", row.pk), {"reason": "moved on"})
    with tenant_scope(access.pk):
        row.refresh_from_db()
    assert row.revoked_at is not None
    assert row.revoked_reason == "moved on"
    page = client.get(address("assignment", "change", row.pk)).content.decode()
    assert "moved on" in page
    assert "Revoke</button>" not in page


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


def test_the_tree_shows_each_role_below_its_parents(
    client: Client, access: Tenant
) -> None:
    with tenant_scope(access.pk):
        services.save_role(
            actor=SYSTEM,
            spec=RoleSpec("lead", "Lead", "operator", parents=("reader", "writer")),
        )
    page = client.get(reverse("admin:roles_role_tree"))
    shown = {branch.slug: branch for branch in page.context["branches"]}
    assert sorted(shown) == ["reader", "writer"]
    assert [b.slug for b in shown["reader"].children] == ["developer", "lead"]
    assert [b.slug for b in shown["writer"].children] == ["lead"]
    text = page.content.decode()
    assert text.count('id="lead"') == 1
    assert "inherited from" in text


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        ("", {"now", "later"}),
        ("now", {"now"}),
        ("later", {"later"}),
        ("expired", {"expired"}),
        ("revoked", {"revoked"}),
        ("all", {"now", "later", "expired", "revoked"}),
    ],
)
def test_assignments_are_listed_by_their_state(
    client: Client, access: Tenant, state: str, keys: set[str]
) -> None:
    now, hour = timezone.now(), dt.timedelta(hours=1)
    times = {
        "later": (now + hour, None),
        "expired": (None, now - hour),
        "revoked": (None, None),
        "now": (now - hour, now + hour),
    }
    with tenant_scope(access.pk):
        first = Assignment.objects.get()
        services.revoke_assignment(actor=SYSTEM, assignment_id=first.pk)
        Assignment.objects.filter(pk=first.pk).update(reason="revoked")
        for n, (name, (start, end)) in enumerate(times.items()):
            if name != "revoked":
                role = ("reader", "writer", "reader", "developer")[n]
                services.assign_role(
                    actor=SYSTEM,
                    spec=AssignmentSpec(ALICE, role, start=start, end=end, reason=name),
                )
    query = {"state": state} if state else {}
    page = client.get(address("assignment", "changelist"), query)
    assert {row.reason for row in page.context["cl"].result_list} == keys


def test_what_came_past_every_workflow_is_marked(
    client: Client, access: Tenant
) -> None:
    with tenant_scope(access.pk):
        Assignment.objects.update(is_out_of_band=True)
    page = client.get(address("assignment", "changelist"))
    assert "Out of band" in page.content.decode()


def test_a_principal_gets_a_manager_and_a_person(
    client: Client, access: Tenant, make_user: MakeUser
) -> None:
    ben = make_user("ben", ["member"])
    with tenant_scope(access.pk):
        alice = Principal.objects.get(key="alice")
        olga = Principal.objects.get(key="olga")
    posted = {"type": "User", "key": "alice", "name": "Alice"}
    people = {"user": str(ben.pk), "manager": "User::olga"}
    page = address("principal", "change", alice.pk)
    assert client.post(page, posted | people).status_code == 302
    with tenant_scope(access.pk):
        alice.refresh_from_db()
        assert (alice.user_id, alice.manager_id) == (ben.pk, olga.pk)
    refused = client.post(
        address("principal", "change", olga.pk),
        {"type": "User", "key": "olga", "name": "Ola", "manager": "User::alice"},
    )
    assert list(refused.context["form"].errors) == ["manager"]
    with tenant_scope(access.pk):
        olga.refresh_from_db()
    assert olga.name == "", "what was refused changes nothing"


def test_violations_lead_to_an_exception_that_ends(
    client: Client, access: Tenant
) -> None:
    client.post(address("separationset", "add"), ADD["separationset"])
    with tenant_scope(access.pk):
        row = selectors.separations().get()
    violations = reverse("admin:roles_separationset_violations")
    assert client.get(violations).context["open"] == []
    with tenant_scope(access.pk):
        row.is_active = False
        row.save()
        for role in ("writer",):
            services.assign_role(actor=SYSTEM, spec=AssignmentSpec(ALICE, role))
        row.is_active = True
        row.save()
    [found] = client.get(violations).context["open"]
    assert found.principal.key == "alice"
    posted = {
        "separation": str(row.pk),
        "principal": "User::alice",
        "owner": "User::olga",
        "reason": "handover",
        "until": "2099-01-01 00:00",
    }
    refused = client.post(
        address("separationexception", "add"), posted | {"owner": "User::alice"}
    )
    assert list(refused.context["form"].errors) == ["owner"]
    client.post(address("separationexception", "add"), posted)
    shown = client.get(violations)
    assert (shown.context["open"], len(shown.context["excused"])) == ([], 1)
    with tenant_scope(access.pk):
        waiver = SeparationException.objects.get()
    page = client.get(address("separationexception", "change", waiver.pk))
    assert "End the exception" in page.content.decode()
    assert client.get(address("separationset", "change", row.pk)).status_code == 200
    client.post(address("separationexception", "end", waiver.pk))
    assert len(client.get(violations).context["open"]) == 1
