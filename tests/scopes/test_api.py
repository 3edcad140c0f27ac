"""Windows, calendars and locations over REST."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import (
    MakeUser,
    make_authenticator,
    register_passkey,
)
from tests.factories.clients import token_of

pytestmark = pytest.mark.django_db
WINDOW = {
    "slug": "office-hours",
    "name": "Office hours",
    "zone": "Europe/Berlin",
    "weekdays": [1, 2, 3, 4, 5],
    "start": "08:00",
    "end": "18:00",
    "closed_dates": ["2026-12-24"],
}
CALENDAR = {
    "slug": "germany",
    "name": "Germany",
    "days": [{"date": "2026-12-25", "name": "Christmas Day"}],
}
PLACE = {
    "slug": "berlin",
    "name": "Berlin",
    "cidrs": ["10.1.2.3/16"],
    "cities": [{"country": "DE", "name": "Berlin"}],
    "fence": {"latitude": 52.52, "longitude": 13.405, "radius_km": 60.5},
    "unknown_matches": True,
}


class Program:
    """A REST client whose person confirms every change with a passkey."""

    def __init__(self, tenant: Tenant, user: User, authenticator: Any) -> None:
        self.authenticator = authenticator
        token = token_of(tenant, user)
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}")

    def change(self, method: str, path: str, body: Any = None, tag: str = "") -> Any:
        text = "" if body is None else json.dumps(body)
        path = f"/api/v1/{path}"
        headers = {"Operation-Token": self._proof(method, path, text)}
        if tag:
            headers["If-Match"] = tag
        return self._send(method, path, text, headers)

    def _proof(self, method: str, path: str, text: str) -> str:
        wish = {
            "operation": "roles.change",
            "method": method,
            "path": path,
            "body_digest": hashlib.sha256(text.encode()).hexdigest(),
        }
        tokens = "/api/v1/operation-tokens"
        asked = self._send("POST", tokens, json.dumps(wish), {}).json()
        answer = {
            "ceremony": asked["ceremony"],
            "credential": self.authenticator.get(asked["public_key"]),
        }
        address = f"{tokens}/{asked['id']}/assertion"
        given = self._send("POST", address, json.dumps(answer), {})
        return str(given.json()["operation_token"])

    def _send(self, method: str, path: str, text: str, headers: dict[str, str]) -> Any:
        return self.client.generic(
            method, path, text, content_type="application/json", headers=headers
        )


@pytest.fixture
def make_program(
    tenant: Tenant, make_user: MakeUser, tmp_path: Any
) -> Callable[..., Program]:
    def make(name: str, role: str) -> Program:
        user = make_user(name, [role])
        authenticator = make_authenticator(tmp_path)
        register_passkey(user, authenticator)
        return Program(tenant, user, authenticator)

    return make


@pytest.fixture
def program(make_program: Callable[..., Program]) -> Program:
    return make_program("anna", "security_admin")


@pytest.mark.parametrize(
    ("path", "body", "shown"),
    [
        (
            "windows",
            WINDOW,
            {
                "start": "08:00",
                "closed_dates": ["2026-12-24"],
                "kind": "weekly",
                "sentence": (
                    "Open Monday to Friday from 08:00 to 18:00, Europe/Berlin time, "
                    "except on 2026-12-24."
                ),
            },
        ),
        ("calendars", CALENDAR, {"days": CALENDAR["days"]}),
        (
            "locations",
            PLACE,
            {
                "cidrs": ["10.1.0.0/16"],
                "fence": PLACE["fence"],
                "unknown_matches": True,
            },
        ),
    ],
)
def test_a_thing_is_made_read_replaced_and_deleted(
    program: Program, path: str, body: dict[str, Any], shown: dict[str, Any]
) -> None:
    made = program.change("POST", path, body)
    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in shown} == shown
    one = f"{path}/{made.json()['id']}"
    read = program.get(one)
    assert read.json() == made.json()
    assert read.headers["ETag"] == made.headers["ETag"]
    assert [row["id"] for row in program.get(path).json()["results"]] == [
        made.json()["id"]
    ]
    tag = read.headers["ETag"]
    put = program.change("PUT", one, body | {"name": "Other"}, tag)
    assert put.status_code == 200, put.content
    assert put.json()["name"] == "Other"
    late = program.change("DELETE", one, tag=tag)
    assert late.status_code == 412
    gone = program.change("DELETE", one, tag=put.headers["ETag"])
    assert gone.status_code == 204
    assert program.get(one).status_code == 404


def test_a_change_names_the_state_it_is_about(program: Program) -> None:
    made = program.change("POST", "windows", WINDOW).json()
    answer = program.change("PUT", f"windows/{made['id']}", WINDOW)
    assert answer.status_code == 428
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_window_that_is_open_once_takes_local_times_or_instants(
    program: Program,
) -> None:
    body = {
        **{name: WINDOW[name] for name in ("slug", "name", "zone")},
        "kind": "absolute",
        "opens_at": "2026-12-18T18:00",
        "closes_at": "2027-01-04T07:00:00Z",
    }
    made = program.change("POST", "windows", body)
    assert made.status_code == 201, made.content
    assert made.json()["opens_at"] == "2026-12-18T17:00:00Z"
    assert made.json()["closes_at"] == "2027-01-04T07:00:00Z"


@pytest.mark.parametrize(
    ("path", "body", "code", "field"),
    [
        ("windows", WINDOW | {"zone": "Mars/Base"}, "scopes.unknown_zone", "zone"),
        ("windows", WINDOW | {"end": "soon"}, "scopes.hours_invalid", "end"),
        ("windows", WINDOW | {"weekdays": [8]}, "scopes.weekdays_invalid", "weekdays"),
        (
            "windows",
            WINDOW | {"kind": "absolute", "opens_at": "soon"},
            "scopes.instants_invalid",
            "opens_at",
        ),
        (
            "windows",
            WINDOW | {"closed_calendars": ["none"]},
            "scopes.unknown_calendar",
            "closed_calendars",
        ),
        ("calendars", CALENDAR | {"days": []}, "scopes.calendar_invalid", "days"),
        ("locations", PLACE | {"cidrs": ["x"]}, "scopes.invalid_cidr", "cidrs"),
        (
            "locations",
            PLACE | {"cities": [{"country": "XX", "name": "Y"}]},
            "scopes.unknown_country",
            "cities",
        ),
    ],
)
def test_a_refusal_names_the_field(
    program: Program, path: str, body: dict[str, Any], code: str, field: str
) -> None:
    answer = program.change("POST", path, body)
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["code"], problem["field"]) == (code, field)


def test_what_is_in_use_is_not_deleted(program: Program, tenant: Tenant) -> None:
    made = program.change("POST", "calendars", CALENDAR)
    body = WINDOW | {"closed_calendars": ["germany"]}
    assert program.change("POST", "windows", body).status_code == 201
    one = f"calendars/{made.json()['id']}"
    answer = program.change("DELETE", one, tag=made.headers["ETag"])
    assert (answer.status_code, answer.json()["code"]) == (409, "scopes.in_use")
    with tenant_scope(tenant.pk):
        assert HolidayCalendar.objects.exists()


def test_without_an_operation_token_nothing_changes(
    program: Program, tenant: Tenant
) -> None:
    for path, body in (("windows", WINDOW), ("locations", PLACE)):
        answer = program._send("POST", f"/api/v1/{path}", json.dumps(body), {})
        assert answer.status_code == 401
    with tenant_scope(tenant.pk):
        assert not TimeWindow.objects.exists()
        assert not Location.objects.exists()


def test_an_auditor_reads_and_changes_nothing(
    program: Program, make_program: Callable[..., Program]
) -> None:
    made = program.change("POST", "windows", WINDOW).json()
    auditor = make_program("audrey", "auditor")
    assert auditor.get(f"windows/{made['id']}").status_code == 200
    answer = auditor._send("POST", "/api/v1/windows", json.dumps(WINDOW), {})
    assert answer.status_code == 403


def test_the_next_transitions_are_given_in_utc_and_local_time(
    program: Program,
) -> None:
    made = program.change("POST", "windows", WINDOW).json()
    path = f"windows/{made['id']}/transitions?after=2026-12-23T12:00:00Z&count=2"
    answer = program.get(path).json()
    assert answer["is_open"]
    assert answer["transitions"] == [
        {
            "at": "2026-12-23T17:00:00Z",
            "local": "2026-12-23T18:00:00+01:00",
            "opens": False,
        },
        {
            "at": "2026-12-25T07:00:00Z",
            "local": "2026-12-25T08:00:00+01:00",
            "opens": True,
        },
    ]


@pytest.mark.parametrize(
    "query", ["count=0", "count=101", "after=soon", "after=1900-01-01T00:00:00Z"]
)
def test_a_question_about_transitions_has_limits(program: Program, query: str) -> None:
    made = program.change("POST", "windows", WINDOW).json()
    answer = program.get(f"windows/{made['id']}/transitions?{query}")
    assert answer.status_code == 400
