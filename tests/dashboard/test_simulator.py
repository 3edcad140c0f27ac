"""The simulator decides as nodes would, beside what is live, and says when."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.policies import services as policies
from apps.policies.models import PolicyDraft
from apps.policies.selectors import draft_by_id, run_tests
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.clients import token_of

PAGE = "dashboard:simulator"
pytestmark = pytest.mark.django_db
DRAFT = {
    "name": "Developers restart nodes",
    "effect": "permit",
    "tier": "operator",
    "owner": "Platform",
    "principals": [{"type": "Role", "id": "developer"}],
    "actions": ["restart"],
    "resources": [{"type": "Node"}],
    "conditions": [{"attribute": "mfa", "op": ">=", "value": 2}],
}


@pytest.fixture
def draft(tenant: Tenant) -> PolicyDraft:
    with tenant_scope(tenant.pk):
        build_access()
        return policies.save_draft(
            actor=SYSTEM, policy_id=None, content=DRAFT, expected_lock=None
        )


@pytest.fixture
def admin(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


def question(**more: str) -> dict[str, str]:
    return {
        "ask": "1",
        "principal": "User::alice",
        "action": "restart",
        "resource": "Node::web-1",
        **more,
    }


def sides(client: Client, **more: str) -> dict[str, Any]:
    found = client.get(reverse(PAGE), question(**more))
    return {side.title: side for side in found.context["sides"]}


def test_a_draft_is_asked_beside_what_is_live(
    admin: Client, draft: PolicyDraft
) -> None:
    found = sides(admin, against=f"draft:{draft.policy.slug}", mfa="2")

    assert found["Developers restart nodes"].picture.allowed
    assert not found["What is live"].picture.allowed


def test_what_is_missing_is_said(admin: Client, draft: PolicyDraft) -> None:
    found = sides(admin, against=f"draft:{draft.policy.slug}", mfa="1")

    side = found["Developers restart nodes"]
    assert not side.picture.allowed
    assert "MFA level" in side.picture.nearest


@pytest.mark.usefixtures("draft")
def test_a_strip_covers_a_day_or_a_week(admin: Client) -> None:
    (side,) = sides(admin, span="168").values()

    first, last = side.timeline.stretches[0], side.timeline.stretches[-1]
    assert (last.end - first.start).days == 7


@pytest.mark.usefixtures("draft")
@pytest.mark.parametrize(
    "against", ["draft:none", "version:none@1", "change:x", "else", "version:a@b"]
)
def test_what_is_not_there_is_said_beside_the_field(
    admin: Client, against: str
) -> None:
    found = admin.get(reverse(PAGE), question(against=against))

    assert found.status_code == 200
    assert "There is no such draft, version or change." in found.text


@pytest.mark.usefixtures("draft")
@pytest.mark.parametrize("position", ["91, 0", "here", "0, 181"])
def test_a_position_off_the_globe_is_refused(admin: Client, position: str) -> None:
    found = admin.get(reverse(PAGE), question(position=position))

    assert found.context["form"].errors["position"]


@pytest.mark.usefixtures("draft")
def test_who_may_not_see_assignments_may_not_simulate(
    make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(make_user("carl", []))

    assert client.get(reverse(PAGE)).status_code in {302, 403}


def test_a_program_gets_the_verdict_the_way_and_the_strip(
    tenant: Tenant, make_user: MakeUser, draft: PolicyDraft
) -> None:
    token = token_of(tenant, make_user("reader", ["auditor"]))
    asked = {
        "principal": "User::alice",
        "action": "restart",
        "resource": "Node::web-1",
        "mfa": 2,
        "against": f"draft:{draft.policy.slug}",
    }

    answer = Client(headers={"Authorization": f"Bearer {token}"}).post(
        "/api/v1/simulate", asked, content_type="application/json"
    )

    found = answer.json()
    assert answer.status_code == 200
    assert (found["asked"]["decision"], found["live"]["decision"]) == (True, False)
    assert found["asked"]["permits"][0]["policy"] == draft.policy.slug
    assert [one["decision"] for one in found["asked"]["strip"]] == [True]


def test_a_field_that_is_not_known_is_refused(
    tenant: Tenant, make_user: MakeUser
) -> None:
    token = token_of(tenant, make_user("reader", ["auditor"]))

    answer = Client(headers={"Authorization": f"Bearer {token}"}).post(
        "/api/v1/simulate", {"principle": "x"}, content_type="application/json"
    )

    assert answer.status_code == 400


def test_a_question_is_kept_as_a_test_that_passes(
    tenant: Tenant, admin: Client, draft: PolicyDraft
) -> None:
    asked = question(
        against=f"draft:{draft.policy.slug}",
        mfa="1",
        policy=draft.policy.slug,
        name="MFA is needed",
    )

    answer = admin.post(reverse("dashboard:save-test"), asked)

    assert answer.status_code == 302
    with tenant_scope(tenant.pk):
        row = draft_by_id(draft.pk)
        report = run_tests(row)
    (case,) = row.content["tests"]
    assert (case["name"], case["expect"]) == ("MFA is needed", "deny")
    assert case["given"]["roles"]
    assert (report.passed, report.failed) == (1, 0)
