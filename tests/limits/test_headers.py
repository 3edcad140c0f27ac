"""The headers that every answer carries, whoever makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from apps.accounts.models import User
from apps.limits.middleware import HeadersMiddleware
from apps.limits.middleware.headers import PERMISSIONS_POLICY
from tests.factories.accounts import MakeUser, SignedInClient

pytestmark = pytest.mark.django_db
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=()",
}
STYLES = "/static/portal/css/portal.css"


def plain(client: Client, path: str) -> HttpResponse:
    return client.get(path)  # type: ignore[return-value]  # the test client's own class


def bare(response: HttpResponse) -> list[str]:
    return [name for name, part in HEADERS.items() if part not in response[name]]


ANSWERS: dict[str, tuple[int, Callable[[Client], HttpResponse]]] = {
    "a page": (200, lambda client: plain(client, "/admin/login/")),
    "a file": (200, lambda client: plain(client, STYLES)),
    "a file that is not there": (404, lambda client: plain(client, "/static/none.css")),
    "the health check": (200, lambda client: plain(client, "/healthz")),
    "a redirect": (302, lambda client: plain(client, "/account/")),
    "an absent page": (404, lambda client: plain(client, "/nothing-here/")),
    "the schema": (200, lambda client: plain(client, "/api/schema")),
    "the API's pages": (200, lambda client: plain(client, "/api/docs")),
    "a refusal of the API": (401, lambda client: plain(client, "/api/v1/roles")),
    "a foreign form": (
        403,
        lambda _: Client(enforce_csrf_checks=True).post("/admin/logout/"),  # type: ignore[dict-item,return-value]
    ),
    "a forged host": (
        400,
        lambda client: client.get("/admin/login/", HTTP_HOST="evil.example"),  # type: ignore[dict-item,return-value]
    ),
    "a forged address": (
        400,
        lambda client: client.get("/", HTTP_X_FORWARDED_FOR="192.0.2.1"),  # type: ignore[dict-item,return-value]
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_kind_of_answer_carries_every_header(client: Client, kind: str) -> None:
    status, ask = ANSWERS[kind]
    response = ask(client)
    assert response.status_code == status
    assert bare(response) == []


def test_a_refusal_by_a_bucket_carries_every_header(
    client: Client, settings: Settings
) -> None:
    settings.PORTWARD_RATE_LIMITS = {"address": "0.01/1"}
    plain(client, "/admin/login/")
    response = plain(client, "/admin/login/")
    assert (response.status_code, bare(response)) == (429, [])


def test_an_outage_carries_every_header(client: Client) -> None:
    with patch.object(connection, "cursor", side_effect=OperationalError):
        response = plain(client, "/admin/login/")
    assert (response.status_code, bare(response)) == (503, [])


def test_a_failure_carries_every_header(client: Client) -> None:
    client.raise_request_exception = False
    with patch("portal.admin_site.entry.login", side_effect=ValueError):
        response = plain(client, "/admin/login/")
    assert (response.status_code, bare(response)) == (500, [])


def test_a_redirect_to_https_carries_every_header(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = plain(client, "/admin/login/")
    assert (response.status_code, bare(response)) == (301, [])


def test_over_https_even_a_refusal_tells_browsers_to_stay_there(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    answers = [
        client.get("/admin/login/", secure=True, HTTP_HOST=host)
        for host in ("localhost", "evil.example")
    ]
    assert [answer["Strict-Transport-Security"] for answer in answers] == [
        "max-age=60"
    ] * 2


@pytest.mark.parametrize("path", ["/admin/", "/account/", "/admin/roles/role/"])
def test_pages_of_signed_in_people_are_not_kept_anywhere(
    make_user: MakeUser, signed_in_client: SignedInClient, path: str
) -> None:
    user: User = make_user("alice", ["security_admin"])
    response = signed_in_client(user).get(path)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


def through(answer: HttpResponse, path: str) -> HttpResponse:
    middleware = HeadersMiddleware(lambda _: answer)
    return middleware.process_response(RequestFactory().get(path), answer)


@pytest.mark.parametrize(
    ("path", "own_rule", "rule"),
    [
        ("/admin/", "", "no-store"),
        ("/admin/", "max-age=60", "no-store"),
        ("/admin/", "no-cache, no-store", "no-cache, no-store"),
        ("/oauth/jwks", "public, max-age=60", "public, max-age=60"),
        (STYLES, "max-age=60", "max-age=60"),
    ],
)
def test_what_may_be_kept_says_so_itself(path: str, own_rule: str, rule: str) -> None:
    given = HttpResponse(headers={"Cache-Control": own_rule} if own_rule else {})
    assert through(given, path)["Cache-Control"] == rule


def test_a_view_may_have_a_policy_of_its_own() -> None:
    own = {"Content-Security-Policy": "default-src 'none'"}
    answer = through(HttpResponse(headers=own), "/")
    assert answer["Content-Security-Policy"] == "default-src 'none'"


def test_every_feature_in_the_policy_is_off_or_ours() -> None:
    values = {part.split("=")[1] for part in PERMISSIONS_POLICY.split(", ")}
    assert values == {"()", "(self)"}


def test_what_no_machine_understands_is_no_page(client: Client) -> None:
    answer = client.get("/", HTTP_HOST="evil.example", HTTP_ACCEPT="application/json")
    assert json.loads(answer.content)["code"] == "limits.host_refused"


def test_pages_of_refusals_need_nobody_and_no_tenant() -> None:
    root = Path(__file__).resolve().parents[2] / "templates" / "limits"
    for page in root.glob("*.html"):
        assert '{% extends "portal/bare.html" %}' in page.read_text()
