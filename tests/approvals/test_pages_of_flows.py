"""The editor of flows, its JSON view, and the same over REST."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.approvals import rules, selectors
from apps.approvals.forms import FlowForm
from apps.approvals.models import ApprovalFlow
from apps.tenants.models import Tenant
from tests.approvals.test_admin import client_of
from tests.approvals.test_flows import flow, stage
from tests.factories.approvals import People

pytestmark = pytest.mark.django_db
FULL = stage(
    "Second",
    approvers=[
        {"type": "tenant_role", "id": "approver"},
        {"type": "manager", "id": ""},
    ],
    deadline_minutes=60,
    escalation={"at_percent": 40, "approvers": [{"type": "user", "id": "olga"}]},
    conditions=[
        {"on": "request", "field": "ticket", "op": "matches", "value": r"^OPS-\d+$"},
        {"on": "reviewer", "field": "groups", "op": "not_in", "value": ["a", "b"]},
    ],
)


@pytest.fixture
def admin(in_tenant: Tenant, people: People) -> Client:  # noqa: ARG001
    for name in ("anna", "ben", "cara"):
        people(name)
    return client_of(people("olga", "security_admin"))


def sent(spec: rules.FlowSpec) -> dict[str, Any]:
    """Return what the browser sends for what the editor shows."""
    shown = FlowForm.values_of(spec)
    stages = shown.pop("stages")
    fields = {name: value for name, value in shown.items() if value is not False}
    for number in range(5):
        values = stages[number] if number < len(stages) else {"name": ""}
        fields |= {
            f"stage{number}-{name}": value
            for name, value in values.items()
            if value is not None
        }
    return fields


def test_the_editor_shows_and_saves_a_flow_without_losing_anything(
    admin: Client,
) -> None:
    row = flow(stage("First"), FULL)
    before = selectors.spec_of(row)
    page = reverse("admin:approvals_approvalflow_change", args=[row.pk])
    shown = admin.get(page).text
    assert "Stage 2: Second" in shown
    assert "style=" not in shown
    answer = admin.post(page, sent(before))
    assert answer.status_code == 302, answer.context["form"].errors
    row.refresh_from_db()
    assert selectors.spec_of(row) == before


def test_a_flow_is_made_in_the_editor(admin: Client) -> None:
    fields = {
        "name": "New",
        "kind": "elevation",
        "order": "10",
        "is_active": "on",
        "min_risk": "0",
        "min_blast_radius": "0",
        "stage0-name": "Review",
        "stage0-approvers": "tenant_role approver",
        "stage0-quorum": "2",
        "stage0-deny_threshold": "1",
        "stage0-escalate_at": "50",
    }
    page = reverse("admin:approvals_approvalflow_add")
    assert admin.post(page, fields).status_code == 302
    assert ApprovalFlow.objects.get().stages[0]["quorum"] == 2
    refused = admin.post(page, fields | {"name": "X", "stage0-quorum": "9"})
    assert "nobody could ever decide" in refused.text


def test_the_json_view_round_trips(admin: Client) -> None:
    row = flow(stage("First"), FULL)
    page = reverse("admin:approvals_flow_text", args=[row.pk])
    text = admin.get(page).context["form"].initial["text"]
    changed = json.loads(text) | {"order": 3}
    assert admin.post(page, {"text": json.dumps(changed)}).status_code == 302
    row.refresh_from_db()
    assert row.order == 3
    for broken in ("{", "[]", json.dumps(changed | {"stages": []})):
        answer = admin.post(page, {"text": broken})
        assert answer.context["form"].errors["text"]


@pytest.mark.usefixtures("admin")
def test_only_security_admins_change_a_flow(people: People) -> None:
    row = flow()
    client = client_of(people("anna"))
    page = reverse("admin:approvals_approvalflow_change", args=[row.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {}).status_code == 403
    remove = reverse("admin:approvals_flow_remove", args=[row.pk])
    assert client.post(remove).status_code == 403
    assert ApprovalFlow.objects.exists()


def test_a_removed_flow_is_gone(admin: Client) -> None:
    row = flow()
    remove = reverse("admin:approvals_flow_remove", args=[row.pk])
    assert admin.post(remove).status_code == 302
    assert not ApprovalFlow.objects.exists()
