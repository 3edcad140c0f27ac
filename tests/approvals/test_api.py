"""Requests, votes and flows over REST."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.test import Client

from apps.accounts.choices import Scope
from apps.accounts.services import (
    TokenSpec,
    actor_for,
    grant_membership,
    issue_api_token,
)
from apps.approvals import selectors, services
from apps.approvals.choices import RequestState
from apps.approvals.models import ApprovalFlow, ApprovalRequest
from apps.tenants.models import Tenant
from tests.approvals.test_flows import flow
from tests.factories.access import SYSTEM
from tests.factories.approvals import People, Person
from tests.factories.clients import token_of
from tests.roles.test_api import change
from tests.signin.conftest import Visitor, alice, visitor_for
from tests.signin.test_api import Program as TokenProgram

__all__ = ["alice", "visitor_for"]

pytestmark = pytest.mark.django_db
BASE = "/api/v1"
SCOPES = (Scope.REQUESTS_READ, Scope.REQUESTS_WRITE, Scope.OPERATIONS_CONFIRM)


class Program:
    """A program that works for a person, whose authenticator it can reach."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.client = Client()
        token = issue_api_token(
            actor=actor_for(person.user),
            user=person.user,
            spec=TokenSpec("tests", dt.timedelta(days=1), SCOPES),
        )
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        return self.client.get(f"{BASE}{path}", headers=self.headers)

    def send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        return self.client.generic(
            method,
            f"{BASE}{path}",
            json.dumps(body),
            content_type="application/json",
            headers=self.headers | headers,
        )

    def vote(self, request: ApprovalRequest, verdict: str, reason: str = "") -> Any:
        path = f"/requests/{request.pk}/votes"
        words = {"verdict": verdict, "reason": reason}
        options = self.send("POST", f"{path}/options", words)
        if options.status_code != 200:
            return options
        found = options.json()
        credential = self.person.authenticator.get(found["publicKey"])
        signed = words | {"ceremony": found["ceremony"], "credential": credential}
        return self.send("POST", path, signed)


@pytest.fixture
def anna(open_request: ApprovalRequest, people: People) -> Program:
    assert open_request.is_open
    return Program(people("anna"))


def test_requests_are_listed_by_kind_and_state(
    anna: Program, open_request: ApprovalRequest
) -> None:
    found = anna.get("/requests?kind=change&state=open").json()["results"]
    assert [one["id"] for one in found] == [str(open_request.pk)]
    assert anna.get("/requests?state=denied").json()["results"] == []
    assert anna.get("/requests?state=nothing").status_code == 400


def test_a_request_shows_what_is_signed(
    anna: Program, open_request: ApprovalRequest
) -> None:
    found = anna.get(f"/requests/{open_request.pk}").json()
    assert (found["digest"], found["document"]) == (
        open_request.digest,
        open_request.document,
    )
    missing = anna.get(f"/requests/{uuid.uuid4()}")
    assert (missing.status_code, missing.json()["code"]) == (
        404,
        "approvals.request_not_found",
    )


def test_a_vote_is_signed_and_recorded(
    anna: Program, open_request: ApprovalRequest
) -> None:
    answer = anna.vote(open_request, "approve")
    assert answer.status_code == 201
    assert answer.json()["verdict"] == "approve"
    again = anna.vote(open_request, "approve")
    assert (again.status_code, again.json()["code"]) == (409, "approvals.already_voted")


def test_each_refusal_of_a_vote_has_its_own_code(
    anna: Program, open_request: ApprovalRequest, people: People
) -> None:
    silent = anna.vote(open_request, "deny")
    assert (silent.status_code, silent.json()["code"]) == (
        400,
        "approvals.request_invalid",
    )
    ada = Program(people("ada")).vote(open_request, "approve")
    assert (ada.status_code, ada.json()["code"]) == (403, "approvals.vote_forbidden")
    olga = actor_for(people("olga").user)
    services.cancel_request(actor=olga, request_id=open_request.pk)
    late = anna.vote(open_request, "approve")
    assert (late.status_code, late.json()["code"]) == (
        409,
        "approvals.request_cancelled",
    )


def test_what_changes_something_asks_for_an_operation_token(
    anna: Program, open_request: ApprovalRequest
) -> None:
    for method, path in (
        ("POST", "/requests"),
        ("POST", f"/requests/{open_request.pk}/cancel"),
        ("POST", "/flows"),
        ("PUT", f"/flows/{ApprovalFlow.objects.get().pk}"),
    ):
        assert anna.send(method, path, {}).status_code == 401
    assert selectors.request_by_id(open_request.pk).state == RequestState.OPEN


def test_a_flow_carries_the_tag_of_its_state(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    program = Program(people("olga", "security_admin"))
    row = flow(name="One")
    found = program.get(f"/flows/{row.pk}")
    assert found.json() == {"id": str(row.pk), **selectors.spec_of(row).to_dict()}
    assert found["ETag"].startswith('"')
    assert [one["name"] for one in program.get("/flows").json()["results"]] == ["One"]


@pytest.fixture
def keeper(in_tenant: Tenant, alice: Visitor, people: People) -> TokenProgram:
    people("anna")
    people("ben")
    grant_membership(actor=SYSTEM, user=alice.user, roles=["security_admin"])
    scopes = ["requests.read", "requests.write", "operations.confirm"]
    return TokenProgram(token_of(in_tenant, alice.user, scopes=scopes))


@pytest.mark.parametrize(
    ("match", "status"), [("", 428), ('"stale"', 412), ("seen", 200)]
)
def test_a_flow_is_replaced_only_in_the_state_that_was_seen(
    keeper: TokenProgram, alice: Visitor, match: str, status: int
) -> None:
    row = flow(name="One")
    path = f"/api/v1/flows/{row.pk}"
    seen = keeper.send("GET", path)
    tag = seen["ETag"] if match == "seen" else match
    answer = change(keeper, alice, ("PUT", path), seen.json() | {"order": 7}, tag)
    assert answer.status_code == status, answer.content
    row.refresh_from_db()
    assert (row.order == 7) is (status == 200)


def test_a_flow_that_was_changed_meanwhile_is_not_overwritten(
    keeper: TokenProgram, alice: Visitor
) -> None:
    row = flow(name="One")
    path = f"/api/v1/flows/{row.pk}"
    seen = keeper.send("GET", path)
    row.order = 3
    row.save()
    answer = change(keeper, alice, ("PUT", path), seen.json(), seen["ETag"])
    assert answer.status_code == 412
    row.refresh_from_db()
    assert row.order == 3
