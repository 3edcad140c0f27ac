"""Evidence is asked for, watched and read on pages and over REST."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from apps.outbox import services as outbox
from apps.policies import services as policies
from apps.policies.models import PolicyDraft
from apps.simulation import selectors, services
from apps.simulation.models import Evidence
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.clients import token_of
from tests.simulation.test_evidence import CONTENT

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(tenant: Tenant) -> PolicyDraft:
    with tenant_scope(tenant.pk):
        build_access()
        return policies.save_draft(
            actor=SYSTEM, policy_id=None, content=CONTENT, expected_lock=None
        )


@pytest.fixture
def admin(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


def measured(tenant: Tenant) -> Evidence:
    with tenant_scope(tenant.pk):
        return Evidence.objects.get()


def test_a_draft_is_measured_watched_and_read(
    tenant: Tenant, admin: Client, draft: PolicyDraft
) -> None:
    assert "Developers restart nodes" in admin.get(reverse("simulation:overview")).text
    answer = admin.post(reverse("simulation:measure"), {"draft": draft.policy.slug})
    row = measured(tenant)
    page = reverse("simulation:evidence", args=[row.pk])
    assert answer.headers["Location"] == page
    waiting = admin.get(page).text
    assert "Being computed" in waiting
    assert 'http-equiv="refresh"' in waiting

    outbox.drain(patience=60)

    text = admin.get(page).text
    assert "Who gains or loses" in text
    assert "alice" in text
    assert f"against=evidence%3A{row.pk}" in text
    assert "100 %" in admin.get(reverse("simulation:progress", args=[row.pk])).text


@pytest.mark.usefixtures("draft")
def test_measuring_nothing_is_refused_in_words(admin: Client) -> None:
    answer = admin.post(reverse("simulation:measure"), follow=True)

    assert "Nothing would change." in answer.text


def test_what_failed_is_said_and_begins_again(
    tenant: Tenant, admin: Client, draft: PolicyDraft
) -> None:
    admin.post(reverse("simulation:measure"), {"draft": draft.policy.slug})
    row = measured(tenant)
    with tenant_scope(tenant.pk):
        services.note_failure(evidence_id=row.pk, error="A record is not readable.")

    page = admin.get(reverse("simulation:evidence", args=[row.pk])).text
    assert "A record is not readable." in page
    admin.post(reverse("simulation:again", args=[row.pk]))

    assert measured(tenant).state == "pending"


def test_what_is_not_there_is_not_found(admin: Client) -> None:
    page = reverse("simulation:evidence", args=[uuid.uuid4()])

    assert admin.get(page).status_code == 404


def test_a_program_asks_and_reads_the_document(
    tenant: Tenant, make_user: MakeUser, draft: PolicyDraft
) -> None:
    token = token_of(tenant, make_user("reader", ["auditor"]))
    client = Client(headers={"Authorization": f"Bearer {token}"})
    asked = {"drafts": [draft.policy.slug]}

    answer = client.post("/api/v1/impact", asked, content_type="application/json")
    outbox.drain(patience=60)
    found = client.get(answer.headers["Location"]).json()

    assert answer.status_code == 202
    assert (found["state"], found["progress"]) == ("done", 100)
    assert found["document"]["impact"]["gained"]["principals"] == 1
    unknown = client.post(
        "/api/v1/impact", {"drafts": ["none"]}, content_type="application/json"
    )
    assert unknown.status_code == 400


def test_a_measured_change_is_asked_in_the_simulator(
    tenant: Tenant, admin: Client, draft: PolicyDraft
) -> None:
    admin.post(reverse("simulation:measure"), {"draft": draft.policy.slug})
    row = measured(tenant)
    with tenant_scope(tenant.pk):
        assert selectors.changes_from(row.input["changes"])
    question = {
        "ask": "1",
        "principal": "User::alice",
        "action": "restart",
        "resource": "Node::web-1",
        "against": f"evidence:{row.pk}",
    }

    found = admin.get(reverse("dashboard:simulator"), question)

    asked, live = found.context["sides"]
    assert (asked.picture.allowed, live.picture.allowed) == (True, False)
