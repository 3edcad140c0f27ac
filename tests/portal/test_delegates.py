"""What delegates of policies, flows and windows reach: over REST as in the console."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services import grant_membership
from apps.approvals.models import ApprovalFlow, ChangeSet
from apps.approvals.rules import DEFAULT_FLOW
from apps.policies.models import Policy
from apps.policies.services import save_draft
from apps.roles.models import Role
from apps.scopes.models import TimeWindow
from apps.scopes.rules import WindowSpec
from apps.scopes.services import save_window
from apps.signin.rules.operations import Operation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import (
    SignedInClient,
    make_authenticator,
    make_user,
    register_passkey,
)
from tests.factories.approvals import CONTENT, make_draft
from tests.factories.clients import token_of
from tests.factories.grants import delegate
from tests.roles.test_api import change
from tests.signin.conftest import Visitor, alice, visitor_for
from tests.signin.test_api import Program

__all__ = ["alice", "visitor_for"]
pytestmark = pytest.mark.django_db
SCOPES = [
    *("policies.read", "policies.write", "requests.read", "requests.write"),
    *("scopes.read", "scopes.write", "operations.confirm"),
]
STAGES = [stage.to_dict() for stage in DEFAULT_FLOW.stages]
MINE = {"owner": "Shop"}


@pytest.fixture
def shop(tenant: Tenant, alice: Visitor, tmp_path: Path) -> Tenant:
    """A tenant in which Alice looks after one team's policies, a flow and a window."""
    zoe = make_user("zoe", ["security_admin", "approver"], tenant=tenant)
    for person in (zoe, make_user("anna", ["approver"], tenant=tenant)):
        register_passkey(person, make_authenticator(tmp_path))
    with tenant_scope(tenant.pk):
        build_access()
        make_draft(zoe, "Others")
        nights = WindowSpec("nights", "Nights", "UTC", weekdays=(1,))
        save_window(actor=SYSTEM, spec=nights)
        save_draft(
            actor=SYSTEM,
            policy_id=None,
            content=CONTENT | {"name": "Ours", "owner": "Shop"},
            expected_lock=None,
        )
        grant_membership(actor=SYSTEM, user=alice.user, roles=["member"])
        alice.user = User.objects.get(pk=alice.user.pk)
        for action in ("change", "add"):
            delegate(alice.user, action, "policies.Policy", MINE)
            delegate(alice.user, action, "approvals.ApprovalFlow", {"name": "Ours"})
            delegate(alice.user, action, "scopes.TimeWindow", {"slug__startswith": "o"})
            delegate(alice.user, action, "roles.Role", {"tier": "read_only"})
        for name in ("Ours", "Theirs"):
            ApprovalFlow.objects.create(
                tenant_id=tenant.pk, name=name, kind="change", stages=STAGES
            )
    return tenant


@pytest.fixture
def program(shop: Tenant, alice: Visitor) -> Program:
    return Program(token_of(shop, alice.user, scopes=SCOPES))


def test_lists_over_rest_are_narrowed_to_what_is_delegated(program: Program) -> None:
    for path, wanted in (
        ("policies", {"Ours"}),
        ("flows", {"Ours"}),
        ("windows", {"Office hours"}),
    ):
        rows = program.send("GET", f"/api/v1/{path}").json()["results"]
        assert {row["name"] for row in rows} == wanted, path
    for path in ("calendars", "locations", "versions"):
        assert program.send("GET", f"/api/v1/{path}").status_code == 403, path


def test_what_is_not_ones_own_is_not_there_over_rest(
    program: Program, shop: Tenant
) -> None:
    with tenant_scope(shop.pk):
        hidden = [
            f"policies/{Policy.objects.get(slug='others').pk}",
            f"flows/{ApprovalFlow.objects.get(name='Theirs').pk}",
            f"windows/{TimeWindow.objects.get(slug='nights').pk}",
        ]
    for path in hidden:
        assert program.send("GET", f"/api/v1/{path}").status_code == 404, path


def test_a_policy_is_drafted_within_the_scope_only(
    program: Program, shop: Tenant, alice: Visitor
) -> None:
    with tenant_scope(shop.pk):
        path = f"/api/v1/policies/{Policy.objects.get(slug='ours').pk}"
    tag = program.send("GET", path)["ETag"]
    ours = CONTENT | {"name": "Ours", "owner": "Shop"}
    draft = Operation.DRAFT_POLICY
    put = ("PUT", path)
    elsewhere = {"content": ours | {"owner": "Else"}}
    beyond = change(program, alice, put, elsewhere, tag, draft)
    assert beyond.status_code == 403, beyond.content
    assert beyond.json()["code"] == "core.out_of_scope"
    post = ("POST", "/api/v1/policies")
    other = CONTENT | {"name": "More"}
    refused = change(program, alice, post, {"content": other}, operation=draft)
    assert refused.status_code == 403, refused.content
    with tenant_scope(shop.pk):
        assert not Policy.objects.filter(slug="more").exists()
    fits = {"content": other | MINE}
    made = change(program, alice, post, fits, operation=draft)
    assert made.status_code == 201, made.content


def test_a_flow_is_changed_within_the_scope_only(
    program: Program, shop: Tenant, alice: Visitor
) -> None:
    with tenant_scope(shop.pk):
        path = f"/api/v1/flows/{ApprovalFlow.objects.get(name='Ours').pk}"
    answer = program.send("GET", path)
    tag, flow = answer["ETag"], answer.json()
    put = ("PUT", path)
    renamed = change(program, alice, put, flow | {"name": "Else"}, tag)
    assert renamed.status_code == 403, renamed.content
    assert change(program, alice, put, flow | {"order": 7}, tag).status_code == 200
    post = ("POST", "/api/v1/flows")
    new = {name: value for name, value in flow.items() if name != "id"}
    assert change(program, alice, post, new | {"name": "New"}).status_code == 403


def test_a_window_is_added_within_the_scope_only(
    program: Program, alice: Visitor
) -> None:
    post = ("POST", "/api/v1/windows")
    body = {"slug": "days", "name": "Days", "zone": "UTC", "weekdays": [1]}
    assert change(program, alice, post, body).status_code == 403
    made = change(program, alice, post, body | {"slug": "our-days"})
    assert made.status_code == 201, made.content


def test_no_right_on_some_objects_deletes_them(
    program: Program, shop: Tenant, alice: Visitor
) -> None:
    with tenant_scope(shop.pk):
        path = f"/api/v1/windows/{TimeWindow.objects.get(slug='office-hours').pk}"
    tag = program.send("GET", path)["ETag"]
    assert change(program, alice, ("DELETE", path), {}, tag).status_code == 403


def test_adding_to_a_change_is_not_a_way_around(
    shop: Tenant, alice: Visitor, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(alice.user)
    with tenant_scope(shop.pk):
        role = Role.objects.get(slug="reader")
    page = f"/admin/roles/role/{role.pk}/change/"
    assert "Add to a change" not in client.get(page).content.decode()
    asked = {
        "slug": "reader",
        "name": "Readers",
        "tier": "read_only",
        "permissions": ["Namespace::read"],
        "_to_change": "1",
    }
    for tier in ("read_only", "admin"):
        answer = client.post(page, asked | {"tier": tier})
        assert answer.status_code in {200, 403}
    with tenant_scope(shop.pk):
        assert not ChangeSet.objects.exists()
        assert Role.objects.get(slug="reader").name == "Reader"


START = (
    *("/access/administering/", "/admin/policies/policy/", "/admin/roles/role/"),
    *("/admin/approvals/approvalflow/", "/admin/scopes/timewindow/"),
)
LINK = re.compile(r'<a\b[^>]*\bhref="(/[^"#]*)', re.IGNORECASE)


def links_of(client: Client, path: str) -> set[str]:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return {unescape(found) for found in LINK.findall(answer.content.decode())}


@pytest.mark.usefixtures("shop")
def test_no_link_of_their_pages_is_closed_to_delegates(
    alice: Visitor, signed_in_client: SignedInClient
) -> None:
    """Follow every link of the lists, and of the pages that they lead to."""
    client = signed_in_client(alice.user)
    found = {link: path for path in START for link in links_of(client, path)}
    pages = [link for link in found if re.search(r"/(change|add)/$", link)]
    assert len(pages) >= len(START) - 1
    for page in pages:
        found |= dict.fromkeys(links_of(client, page) - found.keys(), page)
    closed = {
        f"{link} on {page}"
        for link, page in found.items()
        if client.get(link, follow=True).status_code == 403
    }
    assert closed == set()
