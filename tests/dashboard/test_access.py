"""Why, who and what: the pages answer as nodes do, at any moment, and lead on."""

from __future__ import annotations

import csv
import datetime as dt
import io
import uuid
from collections.abc import Iterable

import pytest
from django.test import Client
from django.urls import reverse

from apps.dashboard import selectors
from apps.roles import services as roles
from apps.roles.models import Assignment, Principal
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Record,
    RoleRecord,
    SeparationRecord,
)
from tests.factories.access import SYSTEM
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.worlds import SIGNED, acme, permit, sign_release

EXPLAIN, WHO, WHAT = (reverse(f"dashboard:{n}") for n in ("explain", "who", "what"))
WHY = reverse("dashboard:why")
RESTART = {
    "ask": "1",
    "principal": "User::alice",
    "action": "restart",
    "resource": "Node::web-1",
}
DEPLOY = {**RESTART, "action": "deploy", "resource": "Namespace::shop"}
ALICE = EntityRef("User", "alice")
# A Tuesday within office hours, and the night before.
DAY, NIGHT = "2026-03-03T10:00", "2026-03-03T02:10"
pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


@pytest.fixture
def released(tenant: Tenant) -> list[Record]:
    """Return what the tenant released on 2 March 2026."""
    records = acme(tenant)
    sign_release(tenant, records)
    return records


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def without(records: Iterable[Record], kind: type[Record]) -> list[Record]:
    return [record for record in records if not isinstance(record, kind)]


@pytest.mark.usefixtures("released")
def test_a_permit_shows_its_way_with_links(admin: Client, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        assignment = Assignment.objects.get()
        alice = Principal.objects.get(key="alice")

    text = admin.get(EXPLAIN, {**RESTART, "mfa": "2"}).text

    assert '<h2 id="verdict">Permitted</h2>' in text
    assert "Nodes restarted" in text
    assert reverse("admin:roles_assignment_change", args=[assignment.pk]) in text
    assert reverse("admin:roles_principal_change", args=[alice.pk]) in text


@pytest.mark.usefixtures("released")
def test_a_denial_names_the_nearest_missing_condition(admin: Client) -> None:
    text = admin.get(EXPLAIN, {**RESTART, "mfa": "1"}).text

    assert '<h2 id="verdict">Denied</h2>' in text
    assert "needs MFA level at least 2, has 1" in text


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"at": DAY, "ip": "10.1.2.3"}, "Permitted", "open until Tuesday 18:00"),
        ({"at": NIGHT, "ip": "10.1.2.3"}, "Denied", "opens Tuesday 08:00"),
        ({"at": DAY, "ip": "192.0.2.1"}, "Denied", "192.0.2.1 is outside"),
        ({"at": DAY}, "Denied", "where from is unknown"),
    ],
    ids=["by day", "by night", "elsewhere", "unknown"],
)
def test_a_past_moment_is_answered_as_of_then(
    admin: Client, changes: dict[str, str], verdict: str, words: str
) -> None:
    text = admin.get(EXPLAIN, {**DEPLOY, **changes}).text

    assert f'<h2 id="verdict">{verdict}</h2>' in text
    assert words in text
    assert "release 1, signed" in text


def test_what_was_released_later_does_not_count_before(
    admin: Client, tenant: Tenant, released: list[Record]
) -> None:
    later = SIGNED + dt.timedelta(days=2)
    sign_release(tenant, without(released, AssignmentRecord), at=later)

    before = admin.get(EXPLAIN, {**RESTART, "mfa": "2", "at": DAY}).text
    after = admin.get(EXPLAIN, {**RESTART, "mfa": "2"}).text

    assert '<h2 id="verdict">Permitted</h2>' in before
    assert '<h2 id="verdict">Denied</h2>' in after
    assert "A role that would do" in after


@pytest.mark.usefixtures("released")
def test_a_draft_counts_what_is_not_released_yet(admin: Client, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        (assignment,) = Assignment.objects.all()
        roles.revoke_assignment(
            actor=SYSTEM, assignment_id=assignment.pk, reason="left"
        )

    released = admin.get(WHO, {**RESTART, "mfa": "2"}).text
    draft = admin.get(WHO, {**RESTART, "mfa": "2", "state": "draft"}).text

    assert "1 found" in released
    assert "0 found" in draft


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"principal": "alice"}, "as in User::alice"),
        ({"principal": "User::zoe"}, "User zoe was not registered then."),
        ({"principal": ""}, "This field is required."),
        ({"action": "fly"}, "There was no such action then."),
        ({"resource": "Node::moon"}, "Node moon was not registered then."),
        ({"ip": "nowhere"}, "Write an IPv4 or IPv6 address."),
        ({"country": "Germany"}, "Write two letters"),
        ({"risk": "101"}, "less than or equal to 100"),
        ({"at": "2026-01-01T00:00"}, "Nothing had been released by then."),
        ({"at": "yesterday"}, "Enter a valid date/time."),
        ({"at": DAY, "state": "draft"}, "What is not yet released has no past"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_said_beside_its_field(
    admin: Client, changes: dict[str, str], reason: str
) -> None:
    response = admin.get(EXPLAIN, {**RESTART, **changes})

    assert response.status_code == 200
    assert reason in response.text
    assert "verdict" not in response.text


@pytest.mark.usefixtures("released")
def test_who_names_everybody_who_may(admin: Client) -> None:
    text = admin.get(WHO, {**RESTART, "mfa": "2"}).text

    assert "1 found" in text
    assert ">Alice</a>" in text
    assert "User alice" in text
    assert ">developer</a>" in text


@pytest.mark.usefixtures("released")
def test_what_counts_by_type_and_role_with_the_largest_first(admin: Client) -> None:
    query = {"ask": "1", "principal": "User::alice", "mfa": "2", "ip": "10.1.0.1"}

    response = admin.get(WHAT, {**query, "at": DAY})

    matrix = response.context["matrix"]
    assert matrix.roles == ("developer",)
    assert matrix.rows == (("Namespace", (2,), 2), ("Node", (1,), 1))


@pytest.mark.usefixtures("released")
def test_what_can_be_narrowed_to_a_type(admin: Client) -> None:
    query = {"ask": "1", "principal": "User::alice", "kind": "Node", "mfa": "2"}

    assert "1 found" in admin.get(WHAT, query).text


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    ("page", "query"),
    [
        (EXPLAIN, RESTART),
        (WHO, RESTART),
        (WHAT, {"ask": "1", "principal": "User::alice"}),
    ],
    ids=["explain", "who", "what"],
)
def test_every_answer_is_also_a_sheet(
    admin: Client, page: str, query: dict[str, str]
) -> None:
    response = admin.get(page, {**query, "mfa": "2", "format": "csv"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith("attachment; filename=")
    rows = cells(response.text)
    assert rows
    assert {"nodes-restarted"} <= {
        row.get("policies", row.get("policy")) for row in rows
    }


@pytest.mark.parametrize("page", [EXPLAIN, WHO, WHAT], ids=["explain", "who", "what"])
@pytest.mark.usefixtures("tenant")
def test_an_empty_page_asks_for_a_question(admin: Client, page: str) -> None:
    text = admin.get(page).text

    assert "<h2>Ask " in text


@pytest.mark.usefixtures("released")
def test_a_link_fills_the_form_without_asking(admin: Client) -> None:
    text = admin.get(EXPLAIN, {"principal": "User::alice"}).text

    assert 'value="User::alice"' in text
    assert "This field is required." not in text


def test_a_role_that_is_missing_is_offered_with_who_would_decide(
    admin: Client, tenant: Tenant, released: list[Record]
) -> None:
    later = SIGNED + dt.timedelta(days=2)
    sign_release(tenant, without(released, AssignmentRecord), at=later)

    found = admin.get(EXPLAIN, {**RESTART, "mfa": "2"})

    (remedy,) = found.context["remedies"]
    assert remedy.role == "developer"


def test_a_person_asks_about_themselves_and_nobody_else(
    make_user: MakeUser,
    signed_in_client: SignedInClient,
    tenant: Tenant,
    released: list[Record],
) -> None:
    user = make_user("alice", ["member"])
    with tenant_scope(tenant.pk):
        Principal.objects.filter(key="alice").update(user=user)
    mine = signed_in_client(user)

    text = mine.get(WHY, {**RESTART, "principal": "User::zoe", "mfa": "2"}).text

    assert released
    assert '<h2 id="verdict">Permitted</h2>' in text
    assert "zoe" not in text
    assert mine.get(EXPLAIN).status_code == 403


def test_a_persons_own_answer_can_be_kept_as_a_sheet(
    make_user: MakeUser,
    signed_in_client: SignedInClient,
    tenant: Tenant,
    released: list[Record],
) -> None:
    user = make_user("alice", ["member"])
    with tenant_scope(tenant.pk):
        Principal.objects.filter(key="alice").update(user=user)

    answer = signed_in_client(user).get(WHY, {**RESTART, "mfa": "2", "format": "csv"})

    assert released
    assert "text/csv" in answer["Content-Type"]
    rows = cells(answer.text)
    assert {row["verdict"] for row in rows} == {"permitted"}
    assert "MFA level at least 2" in {row["wanted"] for row in rows}


def test_roles_kept_apart_are_named_with_what_gave_them(
    admin: Client, tenant: Tenant, released: list[Record]
) -> None:
    second = AssignmentRecord(str(uuid.uuid4()), ALICE, "auditor")
    apart = SeparationRecord(
        "dev-audit", "Develop and audit", "static", ("auditor", "developer")
    )
    sign_release(
        tenant,
        [*released, RoleRecord("auditor", "Auditor", "read_only"), second, apart],
    )

    answer = admin.get(EXPLAIN, {**RESTART, "mfa": "2"})
    sheet = admin.get(EXPLAIN, {**RESTART, "mfa": "2", "format": "csv"}).text

    assert "Separation of duties" in answer.text
    assert "keeps auditor and developer apart" in answer.text
    assert "there is no exception" in answer.text
    apart_rows = [row for row in cells(sheet) if row["way"] == "keeps apart"]
    assert [row["policy"] for row in apart_rows] == ["dev-audit"]
    assert second.id in apart_rows[0]["assignments"]


@pytest.mark.usefixtures("released")
def test_whom_no_policy_knows_is_told_so(admin: Client) -> None:
    assert "No policy knows you here" in admin.get(WHY).text


def test_an_engine_is_kept_for_each_release_and_only_a_few(
    tenant: Tenant, released: list[Record]
) -> None:
    with tenant_scope(tenant.pk):
        first = selectors.world_at(SIGNED)
        assert first is not None
        assert selectors.world_at(SIGNED + dt.timedelta(hours=1)) is first
    more = [permit("extra", "reader", "read", "Namespace")]
    sign_release(tenant, [*released, *more], at=SIGNED + dt.timedelta(days=1))
    with tenant_scope(tenant.pk):
        second = selectors.world_at(SIGNED + dt.timedelta(days=1))
        assert second is not None
        assert second is not first
        assert second.revision == 2
        assert selectors.world_at(SIGNED - dt.timedelta(seconds=1)) is None
