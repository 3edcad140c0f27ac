"""Rights that came about outside of a workflow are marked, for good, and told of."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.accounts.services import actor_for
from apps.approvals import services
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.notifications.models import Notification
from apps.roles import services as roles
from apps.roles.models import Assignment, Principal, Role
from apps.roles.rules import AssignmentSpec
from apps.tenants.models import Tenant
from protocol.records import EntityRef
from tests.approvals.test_admin import client_of
from tests.factories.access import build_access
from tests.factories.approvals import People

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("tests")
BOB = EntityRef("User", "bob")


@pytest.fixture
def access(in_tenant: Tenant, people: People) -> People:  # noqa: ARG001
    people("anna")
    build_access()
    for key in ("bob", "eve"):
        Principal.objects.get_or_create(
            tenant_id=people.tenant.pk, type="User", key=key
        )
    return people


def given(**changed: object) -> Assignment:
    spec = AssignmentSpec(BOB, "developer", **changed)  # type: ignore[arg-type]
    row = roles.assign_role(actor=SYSTEM, spec=spec)
    row.refresh_from_db()
    return row


def approved(people: People) -> Assignment:
    olga = people("olga", "security_admin").user
    spec = AssignmentSpec(BOB, "developer", reason="She joined.")
    request = services.request_assignment(actor=actor_for(olga), spec=spec)
    people("anna").vote(request)
    return Assignment.objects.get(principal__key="bob")


def test_an_approved_request_vouches_for_its_assignment(access: People) -> None:
    assert not approved(access).is_out_of_band


@pytest.mark.parametrize("workflow", ["delegation", "break_glass", "review", "setup"])
def test_other_ways_vouch_when_they_name_a_row(
    access: People,  # noqa: ARG001
    workflow: str,
) -> None:
    assert not given(workflow=workflow, workflow_id=uuid.uuid4()).is_out_of_band


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"workflow": "setup"},
        {"workflow": "request", "workflow_id": uuid.UUID(int=1)},
    ],
)
def test_what_nothing_vouches_for_is_marked(
    access: People,  # noqa: ARG001
    changed: dict[str, object],
) -> None:
    assert given(**changed).is_out_of_band


def test_an_open_request_vouches_for_nothing(access: People) -> None:
    olga = access("olga", "security_admin").user
    request = services.request_assignment(
        actor=actor_for(olga), spec=AssignmentSpec(BOB, "developer", reason="Why.")
    )
    assert given(workflow="request", workflow_id=request.pk).is_out_of_band


@pytest.mark.parametrize("other", ["role", "principal"])
def test_a_request_vouches_for_nothing_else(access: People, other: str) -> None:
    request_id = approved(access).workflow_id
    spec = AssignmentSpec(
        EntityRef("User", "eve") if other == "principal" else BOB,
        "reader" if other == "role" else "developer",
        workflow="request",
        workflow_id=request_id,
    )
    row = roles.assign_role(actor=SYSTEM, spec=spec)
    row.refresh_from_db()
    assert row.is_out_of_band


def test_widening_an_approved_assignment_marks_it(access: People) -> None:
    row = approved(access)
    reader = Role.objects.get(slug="reader")
    Assignment.objects.filter(pk=row.pk).update(role=reader)
    row.refresh_from_db()
    assert row.is_out_of_band


def test_taking_away_needs_nobodys_word_and_giving_back_does(access: People) -> None:
    row = approved(access)
    roles.revoke_assignment(actor=SYSTEM, assignment_id=row.pk)
    row.refresh_from_db()
    assert not row.is_out_of_band
    Assignment.objects.filter(pk=row.pk).update(revoked_at=None)
    row.refresh_from_db()
    assert row.is_out_of_band


def test_the_mark_stays(access: People) -> None:  # noqa: ARG001
    row = given()
    with pytest.raises(IntegrityError, match="stays marked"), transaction.atomic():
        Assignment.objects.filter(pk=row.pk).update(is_out_of_band=False)


def test_security_admins_are_told_once(access: People) -> None:
    access("olga", "security_admin")
    row = given()
    marked = Assignment.objects.filter(is_out_of_band=True).count()
    assert services.alert_out_of_band(actor=SYSTEM) == marked
    assert services.alert_out_of_band(actor=SYSTEM) == 0
    told = Notification.objects.filter(event="assignment.out_of_band")
    mine = told.get(path=reverse("admin:roles_assignment_change", args=[row.pk]))
    assert (mine.user.username, mine.is_urgent) == ("olga", True)
    trail = AuditEntry.objects.filter(action="approvals.assignment_out_of_band")
    assert trail.filter(target_id=str(row.pk)).count() == 1
    assert dt.datetime.now(dt.UTC) >= mine.created_at


def test_the_list_shows_the_mark(access: People) -> None:
    given()
    client = client_of(access("olga", "security_admin"))
    page = client.get(reverse("admin:roles_assignment_changelist")).text
    assert "Out of band" in page


def test_the_page_asks_instead_of_assigning(access: People) -> None:
    client = client_of(access("olga", "security_admin"))
    page = reverse("admin:approvals_request_assignment")
    assert "Neither you nor the person" in client.get(page).text
    sent = {"principal": "User::bob", "role": "developer", "reason": "She joined."}
    answer = client.post(page, sent)
    assert answer.status_code == 302
    assert not Assignment.objects.filter(principal__key="bob").exists()
    refused = client.post(page, sent | {"start": "2099-02-01", "end": "2099-01-01"})
    assert list(refused.context["form"].errors) == ["end"]
