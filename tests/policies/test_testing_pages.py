"""The page of tests, and running tests over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.choices import Scope
from apps.policies.models import PolicyDraft
from apps.policies.services import save_draft
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.clients import token_of
from tests.policies.test_rules import GOOD
from tests.policies.test_testing import CASE

pytestmark = pytest.mark.django_db
FORM = {
    "do": "save",
    "name": "by day",
    "principal_type": "User",
    "roles": "developer",
    "action": "deploy",
    "resource_type": "Namespace",
    "resource_id": "shop",
    "at": "2026-11-18T10:00:00Z",
    "context": '{"mfa": 2, "ip": "10.1.0.1"}',
    "expect": "allow",
}


@pytest.fixture
def draft(tenant: Tenant) -> PolicyDraft:
    with tenant_scope(tenant.pk):
        build_access()
        return save_draft(
            actor=SYSTEM, policy_id=None, content=GOOD, expected_lock=None
        )


@pytest.fixture
def admin(
    draft: PolicyDraft,  # noqa: ARG001  # the tenant comes first
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


def page_of(draft: PolicyDraft) -> str:
    return reverse("admin:policies_policy_tests", args=[draft.policy_id])


def cases(draft: PolicyDraft, tenant: Tenant) -> list[dict[str, Any]]:
    with tenant_scope(tenant.pk):
        draft.refresh_from_db()
        return list(draft.content.get("tests", []))


def test_a_test_is_written_in_the_form(
    admin: Client, draft: PolicyDraft, tenant: Tenant
) -> None:
    answer = admin.post(page_of(draft), FORM | {"lock": draft.lock})
    assert answer.status_code == 302
    assert cases(draft, tenant) == [CASE]
    shown = admin.get(page_of(draft), {"edit": "by day"}).content.decode()
    assert "1 passed, 0 failed" in shown
    assert "Change “by day”" in shown


def test_a_test_is_changed_and_removed(
    admin: Client, draft: PolicyDraft, tenant: Tenant
) -> None:
    admin.post(page_of(draft), FORM | {"lock": draft.lock})
    cases(draft, tenant)
    changed = {"lock": draft.lock, "replaces": "by day", "expect": "deny"}
    admin.post(page_of(draft), FORM | changed)
    assert cases(draft, tenant) == [CASE | {"expect": "deny"}]
    page = admin.get(page_of(draft)).content.decode()
    assert "The draft cannot be proposed yet." in page
    policy = reverse("admin:policies_policy_change", args=[draft.policy_id])
    assert "0 of 1 pass" in admin.get(policy).content.decode()
    gone = {"do": "remove", "name": "by day", "lock": draft.lock}
    admin.post(page_of(draft), gone)
    assert cases(draft, tenant) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"at": "noon"}, "at"),
        ({"context": "{"}, "context"),
        ({"context": '{"risk": 1.5}'}, "context"),
        ({"resource_type": "no type"}, "resource_type"),
        ({"lock": "99"}, "__all__"),
    ],
    ids=str,
)
def test_what_was_typed_is_not_lost_and_the_refusal_stands_beside_it(
    admin: Client,
    draft: PolicyDraft,
    tenant: Tenant,
    change: dict[str, str],
    field: str,
) -> None:
    answer = admin.post(page_of(draft), FORM | {"lock": draft.lock} | change)
    assert answer.status_code == 200
    form = answer.context["form"]
    assert list(form.errors) == [field]
    assert form["roles"].value() == "developer"
    assert cases(draft, tenant) == []


def test_proposals_are_kept_one_by_one_and_all_at_once(
    admin: Client, draft: PolicyDraft, tenant: Tenant
) -> None:
    name = "mfa is exactly 2"
    one = {"do": "keep", "name": name, "lock": draft.lock}
    admin.post(page_of(draft), one)
    assert [case["name"] for case in cases(draft, tenant)] == [name]
    admin.post(page_of(draft), {"do": "keep_all", "lock": draft.lock})
    assert len(cases(draft, tenant)) > 10
    assert admin.get(page_of(draft)).context["proposals"] == []


def test_a_change_on_an_older_state_is_refused(
    admin: Client, draft: PolicyDraft, tenant: Tenant
) -> None:
    admin.post(page_of(draft), {"do": "keep_all", "lock": draft.lock + 1})
    assert cases(draft, tenant) == []


def test_others_see_the_tests_and_change_none(
    draft: PolicyDraft,
    tenant: Tenant,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    client = signed_in_client(make_user("olaf", ["auditor"]))
    assert client.get(page_of(draft)).status_code == 200
    answer = client.post(page_of(draft), FORM | {"lock": draft.lock})
    assert answer.status_code == 403
    assert cases(draft, tenant) == []


def run(tenant: Tenant, make_user: MakeUser, body: dict[str, Any]) -> Any:
    token = token_of(
        tenant, make_user("olaf", ["auditor"]), scopes=[Scope.POLICIES_READ]
    )
    return Client().post(
        "/api/v1/policy-tests",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def test_tests_run_over_rest_and_tell_a_build_how_to_end(
    draft: PolicyDraft, tenant: Tenant, make_user: MakeUser
) -> None:
    body = {"content": GOOD | {"tests": [CASE, CASE | {"name": "x", "expect": "deny"}]}}
    found = run(tenant, make_user, body).json()
    assert (found["ok"], found["exit_code"]) == (False, 1)
    assert (found["passed"], found["failed"]) == (1, 1)
    (policy,) = found["policies"]
    assert policy["problems"][0]["code"] == "policies.test_failed"
    assert policy["coverage"]["statements"]["percent"] == 100
    assert draft.content.get("tests") is None


def test_all_drafts_are_run_over_rest(
    draft: PolicyDraft, tenant: Tenant, make_user: MakeUser
) -> None:
    found = run(tenant, make_user, {}).json()
    assert found["exit_code"] == 0
    assert [one["policy"] for one in found["policies"]] == [draft.policy.slug]


def test_one_draft_is_run_over_rest(
    draft: PolicyDraft, tenant: Tenant, make_user: MakeUser
) -> None:
    found = run(tenant, make_user, {"policy": draft.policy.slug}).json()
    assert [one["policy"] for one in found["policies"]] == [draft.policy.slug]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"policy": "nothing"}, 404),
        ({"content": {"name": "x"}}, 400),
        ({"policy": "x", "content": {}}, 400),
    ],
    ids=str,
)
def test_what_cannot_be_run_is_refused(
    draft: PolicyDraft,  # noqa: ARG001
    tenant: Tenant,
    make_user: MakeUser,
    body: dict[str, Any],
    status: int,
) -> None:
    assert run(tenant, make_user, body).status_code == status
