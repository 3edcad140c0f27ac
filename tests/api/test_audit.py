"""The audit trail over REST: what is in it, and what it can be narrowed by."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser
from tests.factories.clients import token_of

ADA, BOB = Actor("user", "1", "Ada"), Actor("user", "2", "Bob")


@pytest.fixture
def token(tenant: Tenant, make_user: MakeUser) -> str:
    token = token_of(tenant, make_user("reader", ["auditor"]))
    with tenant_scope(tenant.pk):
        for number, actor in enumerate((ADA, BOB, ADA)):
            audit.append(
                actor=actor,
                action="tests.happened",
                target_type="thing",
                target_id=str(number),
                after={"number": number},
            )
    return token


def ask(token: str, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return Client().get(f"/api/v1/audit?{urlencode(query)}", headers=headers)


def targets(token: str, **query: str) -> list[str]:
    rows = ask(token, action="tests.happened", **query).json()["results"]
    return [row["target_id"] for row in rows]


def test_entries_come_newest_first(token: str) -> None:
    assert targets(token) == ["2", "1", "0"]


def test_an_entry_carries_its_place_in_the_chain(tenant: Tenant, token: str) -> None:
    (row,) = ask(token, action="tests.happened", actor="Bob").json()["results"]
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(actor_name="Bob")
    assert (row["previous_hash"], row["hash"]) == (entry.previous_hash, entry.hash)
    assert (row["sequence"], row["after"]) == (entry.sequence, {"number": 1})


@pytest.mark.parametrize("actor", ["2", "Bob"])
def test_an_actor_is_found_by_id_and_by_name(token: str, actor: str) -> None:
    assert targets(token, actor=actor) == ["1"]


def test_a_span_begins_with_since_and_ends_before_until(
    tenant: Tenant, token: str
) -> None:
    with tenant_scope(tenant.pk):
        times = {e.target_id: e.at.isoformat() for e in AuditEntry.objects.all()}
    assert targets(token, since=times["1"]) == ["2", "1"]
    assert targets(token, until=times["1"]) == ["0"]
    assert targets(token, since=times["1"], until=times["2"]) == ["1"]


@pytest.mark.parametrize("name", ["since", "until"])
def test_a_time_that_is_none_is_refused_with_its_name(token: str, name: str) -> None:
    answer = ask(token, **{name: "yesterday"})
    assert answer.status_code == 400
    assert name in answer.json()["errors"]


def test_pages_do_not_move_while_entries_are_added(tenant: Tenant, token: str) -> None:
    page = ask(token, action="tests.happened", page_size="2").json()
    with tenant_scope(tenant.pk):
        audit.append(
            actor=ADA, action="tests.happened", target_type="thing", target_id="3"
        )
    headers = {"Authorization": f"Bearer {token}"}
    rest = Client().get(page["next"], headers=headers).json()
    assert [row["target_id"] for row in rest["results"]] == ["0"]


def test_another_tenants_trail_is_not_shown(other_tenant: Tenant, token: str) -> None:
    with tenant_scope(other_tenant.pk):
        audit.append(
            actor=ADA, action="tests.happened", target_type="thing", target_id="9"
        )
    assert "9" not in targets(token)
