"""Sensitive operations over REST need a token that a person confirmed for just them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Freeze, User
from apps.signin.models import PendingOperation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser
from tests.factories.clients import token_of
from tests.signin.conftest import Visitor

pytestmark = pytest.mark.django_db
WANTED = {"username": "carol", "reason": "Odd exports.", "hours": 2}
BODY = json.dumps(WANTED)
FREEZES = "/api/v1/freezes"


class Program:
    """A REST client that works for a person."""

    def __init__(self, token: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def send(self, method: str, path: str, body: str = "", proof: str = "") -> Any:
        return self.client.generic(
            method,
            path,
            body,
            content_type="application/json",
            headers={"Operation-Token": proof} if proof else {},
        )

    def ask(self, **changes: object) -> Any:
        """Register the wish to freeze Carol."""
        wish = {
            "operation": "signin.freeze",
            "method": "POST",
            "path": FREEZES,
            "body_digest": hashlib.sha256(BODY.encode()).hexdigest(),
        }
        return self.send("POST", "/api/v1/operation-tokens", json.dumps(wish | changes))

    def collect(self, asked: Any) -> Any:
        return self.send("GET", f"/api/v1/operation-tokens/{asked['id']}").json()


@pytest.fixture
def carol(make_user: MakeUser, visitor_for: Callable[[User], Visitor]) -> Visitor:
    return visitor_for(make_user("carol", ["approver"]))


@pytest.fixture
def program(tenant: Tenant, alice: Visitor) -> Program:
    return Program(token_of(tenant, alice.user))


def confirmed(program: Program, person: Visitor, **changes: object) -> str:
    """Return the operation token that the person confirmed with their passkey."""
    asked = program.ask(**changes).json()
    answer = program.send(
        "POST",
        f"/api/v1/operation-tokens/{asked['id']}/assertion",
        json.dumps(
            {
                "ceremony": asked["ceremony"],
                "credential": person.authenticator.get(asked["public_key"]),
            }
        ),
    )
    assert answer.status_code == 200, answer.content
    return str(answer.json()["operation_token"])


def freezes(tenant: Tenant) -> int:
    with tenant_scope(tenant.pk):
        return Freeze.objects.count()


def test_without_operation_token_the_challenge_says_what_is_needed(
    program: Program, carol: Visitor, tenant: Tenant
) -> None:
    answer = program.send("POST", FREEZES, BODY)
    assert answer.status_code == 401
    challenge = answer["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'acr_values="phr"' in challenge
    assert "max_age=300" in challenge
    assert freezes(tenant) == 0
    del carol


def test_a_confirmed_operation_happens(
    program: Program, alice: Visitor, carol: Visitor, tenant: Tenant
) -> None:
    answer = program.send("POST", FREEZES, BODY, confirmed(program, alice))
    assert answer.status_code == 201, answer.content
    assert freezes(tenant) == 1
    assert carol.client.get("/admin/").status_code == 403


def test_an_operation_token_serves_once(
    program: Program, alice: Visitor, carol: Visitor, tenant: Tenant
) -> None:
    token = confirmed(program, alice)
    program.send("POST", FREEZES, BODY, token)
    again = program.send("POST", FREEZES, BODY, token)
    assert (again.status_code, again.json()["code"]) == (409, "signin.operation_over")
    assert freezes(tenant) == 1
    del carol


@pytest.mark.parametrize(
    "body",
    [BODY.replace("carol", "alice"), BODY + " ", BODY.replace("2", "720")],
    ids=["other-person", "one-space", "longer"],
)
def test_an_operation_token_serves_no_other_body(
    program: Program, alice: Visitor, carol: Visitor, tenant: Tenant, body: str
) -> None:
    answer = program.send("POST", FREEZES, body, confirmed(program, alice))
    assert answer.json()["code"] == "signin.operation_changed"
    assert freezes(tenant) == 0
    del carol


def test_an_operation_token_serves_no_other_address(
    program: Program, alice: Visitor, carol: Visitor
) -> None:
    token = confirmed(program, alice)
    target = reverse("api:session", args=[carol.sign_in.pk])
    answer = program.send("DELETE", target, "", token)
    assert answer.json()["code"] == "signin.operation_changed"
    assert carol.client.get("/admin/").status_code == 200


def test_an_expired_operation_token_is_refused(
    program: Program, alice: Visitor, carol: Visitor, tenant: Tenant
) -> None:
    token = confirmed(program, alice)
    PendingOperation.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    answer = program.send("POST", FREEZES, BODY, token)
    assert answer.json()["code"] == "signin.operation_over"
    assert freezes(tenant) == 0
    del carol


def test_another_person_cannot_use_the_token(
    program: Program, alice: Visitor, bob: Visitor, carol: Visitor, tenant: Tenant
) -> None:
    token = confirmed(program, alice)
    other = Program(token_of(tenant, bob.user))
    answer = other.send("POST", FREEZES, BODY, token)
    assert answer.json()["code"] == "signin.operation_not_found"
    assert freezes(tenant) == 0
    del carol


def test_a_person_may_confirm_in_the_console_and_only_the_asker_collects(
    program: Program, alice: Visitor, carol: Visitor, tenant: Tenant
) -> None:
    asked = program.ask().json()
    assert "operation_token" not in program.collect(asked)
    page = reverse("signin:confirm", args=[asked["id"]])
    assert asked["confirm_url"].endswith(page)
    assert b"Confirm it only if you started it" in alice.client.get(page).content
    alice.confirm(page)
    other = Program(token_of(tenant, alice.user))
    assert "operation_token" not in other.collect(asked)
    token = program.collect(asked)["operation_token"]
    assert "operation_token" not in program.collect(asked)
    assert program.send("POST", FREEZES, BODY, token).status_code == 201
    del carol


def test_no_right_comes_from_a_confirmed_operation(
    tenant: Tenant, carol: Visitor
) -> None:
    program = Program(token_of(tenant, carol.user))
    answer = program.send("POST", FREEZES, BODY, confirmed(program, carol))
    assert answer.status_code == 403
    assert freezes(tenant) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "signin.unknown"},
        {"method": "GET"},
        {"path": "/admin/"},
        {"body_digest": "zz"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_malformed_wish_is_refused(program: Program, change: dict[str, str]) -> None:
    answer = program.ask(**change)
    assert answer.status_code == 400
    assert not PendingOperation.objects.exists()


def test_ending_a_session_over_rest_takes_effect_at_once(
    program: Program, alice: Visitor, carol: Visitor
) -> None:
    target = reverse("api:session", args=[carol.sign_in.pk])
    token = confirmed(
        program,
        alice,
        operation="signin.end_session",
        method="DELETE",
        path=target,
        body_digest=hashlib.sha256(b"").hexdigest(),
    )
    assert program.send("DELETE", target, "", token).status_code == 204
    assert carol.client.get("/admin/").status_code == 302


def test_sessions_of_other_tenants_are_not_listed(
    program: Program, other_tenant: Tenant, visitor_for: Callable[[User], Visitor]
) -> None:
    from tests.factories.accounts import make_user  # noqa: PLC0415  # one use

    visitor_for(make_user("mallory", ["auditor"], tenant=other_tenant))
    listed = program.send("GET", "/api/v1/sessions").json()["results"]
    assert [row["username"] for row in listed] == ["alice"]


def test_a_gateway_reads_what_policies_ask_of_a_session(
    program: Program, alice: Visitor
) -> None:
    target = reverse("api:session", args=[alice.sign_in.pk])
    before = program.send("GET", target).json()
    assert (before["risk"], before["device_trusted"]) == (alice.sign_in.risk, False)
    alice.client.post(reverse("signin:trust_device", args=[alice.sign_in.device_id]))
    assert program.send("GET", target).json()["device_trusted"] is True
