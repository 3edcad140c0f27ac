"""Elevations over REST: the rules of the pages, with an operation token each."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.services import actor_for
from apps.elevations import services
from apps.elevations.choices import ElevationState
from apps.elevations.models import Elevation, Eligibility
from apps.tenants.models import Tenant
from tests.factories.approvals import People, Person
from tests.factories.clients import token_of
from tests.factories.elevations import REASON, ask, make_principal, offer, request_of

ELEVATIONS = "/api/v1/elevations"


class Program:
    """A REST client that works for a person, whose authenticator is at hand."""

    def __init__(self, tenant: Tenant, person: Person) -> None:
        self.person = person
        token = token_of(tenant, person.user)
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def send(self, path: str, body: Any = None, proof: str = "") -> Any:
        """Post, with an operation token if there is one."""
        return self.client.generic(
            "POST",
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Operation-Token": proof} if proof else {},
        )

    def confirm(self, operation: str, path: str, body: Any = None) -> str:
        """Return the operation token that the person confirmed."""
        text = json.dumps(body) if body is not None else ""
        asked = self.send(
            "/api/v1/operation-tokens",
            {
                "operation": operation,
                "method": "POST",
                "path": path,
                "body_digest": hashlib.sha256(text.encode()).hexdigest(),
            },
        ).json()
        answer = self.send(
            f"/api/v1/operation-tokens/{asked['id']}/assertion",
            {
                "ceremony": asked["ceremony"],
                "credential": self.person.authenticator.get(asked["public_key"]),
            },
        )
        return str(answer.json()["operation_token"])

    def act(self, operation: str, path: str, body: Any = None) -> Any:
        """Confirm an act, and do it."""
        return self.send(path, body, self.confirm(operation, path, body))


@pytest.fixture
def program(tenant: Tenant, mia: Person) -> Program:
    return Program(tenant, mia)


def wish(eligibility: Eligibility, **changed: Any) -> dict[str, Any]:
    values = {"eligibility": str(eligibility.pk), "minutes": 5, "reason": REASON}
    return values | changed


def active(people: People, mia: Person, eligibility: Eligibility) -> Elevation:
    row = ask(mia, eligibility)
    people("anna").vote(request_of(row))
    return services.activate(
        actor=actor_for(mia.user), elevation_id=row.pk, now=timezone.now()
    )


def test_a_person_finds_what_is_offered_to_them(
    program: Program, people: People, eligibility: Eligibility
) -> None:
    other = offer(make_principal(people("nina", "member")), purpose="Somebody else's")
    found = program.client.get("/api/v1/eligibilities").json()["results"]
    assert [row["id"] for row in found] == [str(eligibility.pk)]
    assert (found[0]["max_minutes"], found[0]["default_minutes"]) == (30, 15)
    assert str(other.pk) not in json.dumps(found)


def test_asked_approved_activated_extended_and_ended(
    program: Program, people: People, eligibility: Eligibility
) -> None:
    asked = program.act("elevations.request", ELEVATIONS, wish(eligibility))
    assert asked.status_code == 201, asked.content
    one = f"{ELEVATIONS}/{asked.json()['id']}"
    row = Elevation.objects.get()
    people("anna").vote(request_of(row))
    began = program.act("elevations.activate", f"{one}/activate")
    assert began.json()["state"] == "active"
    more = program.act("elevations.extend", f"{one}/extend")
    assert (more.status_code, more.json()["extends"]) == (201, str(row.pk))
    over = program.send(f"{one}/end", {"reason": "Done."})
    assert over.json()["state"] == "ended"
    assert program.client.get(one).json()["end_reason"] == "Done."


@pytest.mark.parametrize("what", ["", "/activate", "/extend"])
def test_without_operation_token_nothing_happens(
    program: Program, mia: Person, eligibility: Eligibility, what: str
) -> None:
    row = ask(mia, eligibility)
    path = f"{ELEVATIONS}/{row.pk}{what}" if what else ELEVATIONS
    answer = program.send(path, wish(eligibility) if not what else None)
    assert answer.status_code == 401
    assert "insufficient_user_authentication" in answer["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"minutes": 0}, "elevations.minutes_invalid", "minutes"),
        ({"minutes": -1}, "elevations.minutes_invalid", "minutes"),
        ({"minutes": 31}, "elevations.minutes_invalid", "minutes"),
        ({"reason": "Because"}, "elevations.reason_missing", "reason"),
    ],
)
def test_a_refusal_names_code_and_field(
    program: Program,
    eligibility: Eligibility,
    changed: dict[str, Any],
    code: str,
    field: str,
) -> None:
    body = wish(eligibility, **changed)
    answer = program.act("elevations.request", ELEVATIONS, body)
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)


def test_a_token_for_one_act_serves_no_other(
    program: Program, people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = ask(mia, eligibility)
    people("anna").vote(request_of(row))
    path = f"{ELEVATIONS}/{row.pk}/activate"
    answer = program.send(path, None, program.confirm("elevations.extend", path))
    assert answer.status_code in {401, 403, 409}
    row.refresh_from_db()
    assert row.state == ElevationState.APPROVED


def test_activating_twice_is_a_conflict(
    program: Program, people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = active(people, mia, eligibility)
    answer = program.act("elevations.activate", f"{ELEVATIONS}/{row.pk}/activate")
    assert (answer.status_code, answer.json()["code"]) == (409, "elevations.state")


def test_a_member_finds_no_elevation_of_others(
    tenant: Tenant, people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = ask(mia, eligibility)
    other = Program(tenant, people("nina", "member"))
    assert other.client.get(ELEVATIONS).json()["results"] == []
    assert other.client.get(f"{ELEVATIONS}/{row.pk}").status_code == 404
    assert other.send(f"{ELEVATIONS}/{row.pk}/end", {}).status_code == 404


def test_an_auditor_sees_it_and_does_not_end_it(
    tenant: Tenant, people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = active(people, mia, eligibility)
    auditor = Program(tenant, people("olaf", "auditor"))
    assert auditor.client.get(f"{ELEVATIONS}/{row.pk}").status_code == 200
    answer = auditor.send(f"{ELEVATIONS}/{row.pk}/end", {})
    assert (answer.status_code, answer.json()["code"]) == (
        403,
        "elevations.may_not_end",
    )
