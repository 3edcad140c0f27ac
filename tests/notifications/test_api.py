"""Channels over REST: changed by who confirmed, with the guard of the console."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.notifications.models import Channel
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.roles.test_api import change, program
from tests.signin.conftest import Visitor, alice, visitor_for
from tests.signin.test_api import Program

__all__ = ["alice", "program", "visitor_for"]
pytestmark = pytest.mark.django_db
PATH = "/api/v1/channels"
HOOK = {
    "name": "Tickets",
    "kind": "webhook",
    "url": "https://hooks.example/portward",
    "events": ["approval.requested"],
}


def made(program: Program, alice: Visitor, **changes: Any) -> Any:
    return change(program, alice, ("POST", PATH), HOOK | changes)


def test_the_secret_of_a_channel_is_shown_once(
    program: Program, alice: Visitor
) -> None:
    answer = made(program, alice)

    assert answer.status_code == 201, answer.content
    secret = answer.json()["secret"]
    one = program.send("GET", f"{PATH}/{answer.json()['id']}")
    assert secret
    assert secret not in one.content.decode()
    assert secret not in program.send("GET", PATH).content.decode()
    again = change(program, alice, ("POST", f"{PATH}/{answer.json()['id']}/secret"), {})
    assert again.status_code == 201
    assert again.json()["secret"] != secret


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://169.254.169.254/latest", "http://1.1.1.1/"]
)
def test_an_address_that_the_console_refuses_is_refused(
    program: Program, alice: Visitor, url: str, tenant: Tenant
) -> None:
    answer = made(program, alice, url=url)

    assert answer.status_code == 400
    with tenant_scope(tenant.pk):
        assert not Channel.objects.exists()


def test_a_channel_is_changed_and_removed_upon_its_etag_only(
    program: Program, alice: Visitor, tenant: Tenant
) -> None:
    first = made(program, alice)
    path = f"{PATH}/{first.json()['id']}"
    body = {"name": "Desk", "events": []}

    missing = change(program, alice, ("PUT", path), body)
    done = change(program, alice, ("PUT", path), body, first["ETag"])
    stale = change(program, alice, ("DELETE", path), {}, first["ETag"])
    gone = change(program, alice, ("DELETE", path), {}, done["ETag"])

    assert (missing.status_code, done.status_code) == (428, 200)
    assert done.json()["name"] == "Desk"
    assert done.json()["address"] == HOOK["url"]
    assert (stale.status_code, gone.status_code) == (412, 204)
    with tenant_scope(tenant.pk):
        assert not Channel.objects.exists()


def test_without_a_confirmation_no_channel_is_made(program: Program) -> None:
    assert program.send("POST", PATH, json.dumps(HOOK)).status_code in {401, 403}
