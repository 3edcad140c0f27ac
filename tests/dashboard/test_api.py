"""Why, who and what over REST: JSON or a sheet, pages by token, problems by field."""

from __future__ import annotations

import csv
import io
import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from apps.roles.models import Principal
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import AssignmentRecord, EntityRef, PrincipalRecord, principal_id
from tests.factories.accounts import MakeUser
from tests.factories.clients import token_of
from tests.factories.worlds import acme, permit, sign_release

EXPLAIN, SUBJECTS, RESOURCES, ACTIONS = (
    f"/api/v1/access/{name}" for name in ("explain", "subjects", "resources", "actions")
)
RESTART = {
    "principal": "User::alice",
    "action": "restart",
    "resource": "Node::web-1",
    "mfa": "2",
}
QUESTIONS = {
    EXPLAIN: RESTART,
    SUBJECTS: {name: RESTART[name] for name in ("action", "resource", "mfa")},
    RESOURCES: {name: RESTART[name] for name in ("principal", "mfa")},
    ACTIONS: {name: RESTART[name] for name in ("principal", "resource", "mfa")},
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def token(tenant: Tenant, make_user: MakeUser) -> str:
    sign_release(tenant, acme(tenant))
    return token_of(tenant, make_user("reader", ["auditor"]))


def get(path: str, query: dict[str, str], token: str, **headers: str) -> Any:
    headers["Authorization"] = f"Bearer {token}"
    return Client(headers=headers).get(path, query)


def test_a_decision_is_explained_with_its_grants(token: str) -> None:
    answer = get(EXPLAIN, RESTART, token).json()

    (step,) = answer["permits"]
    (grant,) = step["grants"]
    assert answer["decision"] is True
    assert (step["policy"], grant["role"], grant["chain"]) == (
        "nodes-restarted",
        "developer",
        ["developer"],
    )
    assert {f["kind"]: f["held"] for f in step["findings"]} == {
        "principal": True,
        "resource": True,
        "attribute": True,
    }


def test_a_denial_names_the_nearest_missing_condition(token: str) -> None:
    answer = get(EXPLAIN, {**RESTART, "mfa": "1"}, token).json()

    assert answer["decision"] is False
    assert answer["nearest"] == "needs MFA level at least 2, has 1"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (SUBJECTS, [("alice", "restart", "web-1")]),
        (RESOURCES, [("alice", "read", "shop"), ("alice", "restart", "web-1")]),
        (ACTIONS, [("alice", "restart", "web-1")]),
    ],
    ids=["subjects", "resources", "actions"],
)
def test_a_search_finds_what_would_be_permitted(
    token: str, path: str, found: list[tuple[str, str, str]]
) -> None:
    answer = get(path, QUESTIONS[path], token).json()

    rows = [(r["principal"], r["action"], r["resource"]) for r in answer["results"]]
    assert rows == found
    assert answer["page"] == {"next_token": "", "count": len(found)}
    assert (answer["is_whole"], answer["revision"]) == (True, 1)


@pytest.mark.parametrize("path", list(QUESTIONS))
def test_the_same_answer_is_a_sheet_where_the_client_accepts_one(
    token: str, path: str
) -> None:
    response = get(path, QUESTIONS[path], token, Accept="text/csv")

    assert response["Content-Type"].startswith("text/csv")
    assert list(csv.DictReader(io.StringIO(response.text)))


@pytest.mark.parametrize("path", list(QUESTIONS))
@pytest.mark.parametrize(
    ("accept", "asked"),
    [("application/json", {}), ("text/csv", {})],
    ids=["json", "csv"],
)
def test_a_question_that_cannot_be_read_is_a_problem(
    token: str, path: str, accept: str, asked: dict[str, str]
) -> None:
    response = get(path, asked, token, Accept=accept)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert set(response.json()["errors"]) == set(QUESTIONS[path]) - {"mfa"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"token": "x"}, "token"),
    ],
    ids=str,
)
def test_a_page_of_the_wrong_shape_is_a_problem(
    token: str, changes: dict[str, str], field: str
) -> None:
    response = get(RESOURCES, {**QUESTIONS[RESOURCES], **changes}, token)

    assert (response.status_code, response.json()["field"]) == (400, field)


def test_pages_follow_by_token_and_belong_to_their_question(token: str) -> None:
    query = QUESTIONS[RESOURCES]
    first = get(RESOURCES, {**query, "limit": "1"}, token).json()
    following = first["page"]["next_token"]

    second = get(RESOURCES, {**query, "token": following}, token).json()
    other = get(RESOURCES, {**query, "mfa": "1", "token": following}, token)
    longer = get(RESOURCES, {**query, "limit": "2", "token": following}, token)

    assert [r["action"] for r in first["results"] + second["results"]] == [
        "read",
        "restart",
    ]
    assert second["page"] == {"next_token": "", "count": 1}
    assert (other.status_code, longer.status_code) == (400, 400)


def test_a_sheet_holds_nothing_that_a_spreadsheet_would_calculate(
    tenant: Tenant, make_user: MakeUser
) -> None:
    evil = EntityRef("User", "=HYPERLINK(1)")
    everybody = permit("all", "reader", "read", "Namespace")
    records = acme(tenant)
    grants = [
        replace(record, id=str(uuid.uuid4()), principal=evil)
        for record in records
        if isinstance(record, AssignmentRecord)
    ]
    known = PrincipalRecord(principal_id(evil), evil, {})
    sign_release(tenant, [*records, *grants, known, everybody])
    token = token_of(tenant, make_user("reader", ["auditor"]))
    query = {"action": "read", "resource": "Namespace::shop"}

    text = get(SUBJECTS, query, token, Accept="text/csv").text

    assert '"\'=HYPERLINK(1)"' in text


def test_a_member_may_not_ask_about_everybody(
    tenant: Tenant, make_user: MakeUser
) -> None:
    sign_release(tenant, acme(tenant))
    user = make_user("alice", ["member"])
    with tenant_scope(tenant.pk):
        Principal.objects.filter(key="alice").update(user=user)

    response = get(EXPLAIN, RESTART, token_of(tenant, user))

    assert response.status_code == 403
