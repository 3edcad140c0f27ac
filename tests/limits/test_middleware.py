"""What every request meets first."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from pytest_django import Settings

from apps.core.errors import PortwardError
from apps.limits import rules, services
from apps.limits.errors import BodyTooLargeError, SignInThrottledError
from apps.limits.middleware import LimitMiddleware, limiting
from apps.limits.models import Refusal
from apps.limits.permissions import address_of
from apps.limits.rules.table import BODY_LIMIT, SMALL_BODY_LIMIT

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
API = "/api/v1/roles"
STYLES = "/static/portal/css/portal.css"


@pytest.fixture(autouse=True)
def fresh_local_buckets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(limiting, "_local", services.LocalBuckets())
    return iter([None])


def refusals() -> dict[str, int]:
    return dict(Refusal.objects.values_list("code", "count"))


def ask(client: Client, path: str, times: int, **extra: Any) -> list[int]:
    return [client.get(path, **extra).status_code for _ in range(times)]


def test_every_answer_says_what_is_left(client: Client) -> None:
    answer = client.get("/nothing-here/")
    assert answer.status_code == 404
    assert answer["RateLimit-Policy"] == '"address";q=200;w=1'
    assert answer["RateLimit"] == '"address";r=199;t=1'
    assert "Retry-After" not in answer


def test_a_route_with_a_bucket_of_its_own_names_both(client: Client) -> None:
    answer = client.get(LOGIN)
    assert answer["RateLimit-Policy"] == '"sign-in";q=60;w=6, "address";q=200;w=1'


def test_who_exceeds_a_bucket_is_refused_with_a_page_and_counted(
    client: Client, settings: Settings
) -> None:
    settings.PORTWARD_RATE_LIMITS = {"sign-in": "0.01/2"}
    assert ask(client, LOGIN, 2) == [200, 200]
    answer = client.get(LOGIN)
    assert answer.status_code == 429
    assert "too many requests" in answer.content.decode()
    assert 0 < int(answer["Retry-After"]) <= 100
    assert answer["RateLimit"].startswith('"sign-in";r=0;t=')
    assert refusals() == {"limits.too_many_requests": 1}


def test_an_api_client_is_refused_with_problem_details(
    client: Client, settings: Settings
) -> None:
    settings.PORTWARD_RATE_LIMITS = {"address": "0.01/1"}
    assert ask(client, API, 1) == [401]
    answer = client.get(API)
    assert answer.status_code == 429
    assert answer["Content-Type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert (body["code"], body["status"]) == ("limits.too_many_requests", 429)
    assert "Try again in" in body["remedy"]


def test_a_refused_request_reaches_no_view(client: Client, settings: Settings) -> None:
    settings.PORTWARD_RATE_LIMITS = {"address": "0.01/1"}
    assert ask(client, "/nothing-here/", 2) == [404, 429]


def test_addresses_do_not_share_a_bucket(client: Client, settings: Settings) -> None:
    settings.PORTWARD_RATE_LIMITS = {"address": "0.01/1"}
    assert ask(client, LOGIN, 2, REMOTE_ADDR="192.0.2.1") == [200, 429]
    assert ask(client, LOGIN, 1, REMOTE_ADDR="192.0.2.2") == [200]


def test_one_ipv6_network_shares_a_bucket(client: Client, settings: Settings) -> None:
    settings.PORTWARD_RATE_LIMITS = {"address": "0.01/1"}
    assert ask(client, LOGIN, 1, REMOTE_ADDR="2001:db8::1") == [200]
    assert ask(client, LOGIN, 1, REMOTE_ADDR="2001:db8::2") == [429]
    assert ask(client, LOGIN, 1, REMOTE_ADDR="2001:db8:0:1::2") == [200]


def test_one_client_behind_an_address_does_not_starve_the_others(
    client: Client, settings: Settings
) -> None:
    settings.PORTWARD_RATE_LIMITS = {"client": "0.01/2", "address": "0.01/4"}
    greedy = {"HTTP_AUTHORIZATION": "Bearer greedy"}
    assert ask(client, API, 20, **greedy)[:3] == [401, 401, 429]
    assert ask(client, API, 2, HTTP_AUTHORIZATION="Bearer modest") == [401, 401]


def test_files_and_health_are_limited_without_the_database(
    client: Client, settings: Settings
) -> None:
    settings.PORTWARD_RATE_LIMITS = {"static": "0.01/1", "health": "0.01/1"}
    with patch.object(connection, "cursor", side_effect=OperationalError):
        assert ask(client, STYLES, 2) == [200, 429]
        assert ask(client, "/healthz", 2) == [200, 429]


@pytest.mark.parametrize("path", [LOGIN, API])
def test_nobody_passes_when_the_buckets_cannot_be_reached(
    client: Client, path: str
) -> None:
    with patch.object(connection, "cursor", side_effect=OperationalError):
        answer = client.get(path)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "limits.unavailable" in answer.content.decode()


@pytest.mark.parametrize("header", ["198.51.100.1", ""])
def test_a_forged_address_is_refused_when_no_proxy_is_trusted(
    client: Client, header: str
) -> None:
    answer = client.get(API, HTTP_X_FORWARDED_FOR=header)
    assert answer.status_code == 400
    body = json.loads(answer.content)
    assert body["code"] == "limits.forwarded_untrusted"
    assert "PORTWARD_TRUSTED_PROXIES" in body["remedy"]
    assert refusals() == {"limits.forwarded_untrusted": 1}


def test_rotating_a_forged_address_wins_no_tokens_behind_a_proxy(
    client: Client, settings: Settings
) -> None:
    settings.PORTWARD_TRUSTED_PROXIES = 1
    settings.PORTWARD_RATE_LIMITS = {"address": "0.01/1"}
    outcomes = [
        client.get(
            LOGIN, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}, 192.0.2.1"
        ).status_code
        for number in range(3)
    ]
    assert outcomes == [200, 429, 429]


def test_a_request_that_came_past_the_proxy_is_refused(
    client: Client, settings: Settings
) -> None:
    settings.PORTWARD_TRUSTED_PROXIES = 1
    answer = client.get(LOGIN)
    assert answer.status_code == 400
    assert "limits.forwarded_invalid" in answer.content.decode()
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "a b"])
def test_a_forged_host_is_refused_with_a_code_of_its_own(
    client: Client, host: str
) -> None:
    page = client.get(LOGIN, HTTP_HOST=host)
    assert page.status_code == 400
    assert "limits.host_refused" in page.content.decode()
    problem = client.get(API, HTTP_HOST=host)
    assert json.loads(problem.content)["code"] == "limits.host_refused"
    assert refusals() == {"limits.host_refused": 2}


@override_settings(SECURE_SSL_REDIRECT=True)
def test_a_forged_host_is_never_redirected_to(client: Client) -> None:
    answer = client.get(LOGIN, HTTP_HOST="evil.example")
    assert (answer.status_code, answer.get("Location")) == (400, None)


def test_the_address_of_a_request_is_kept_for_the_views() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="::ffff:192.0.2.9")
    assert address_of(request) == "192.0.2.9"
    request.client_address = "192.0.2.10"  # type: ignore[attr-defined]
    assert address_of(request) == "192.0.2.10"


@pytest.mark.parametrize(
    ("path", "limit"), [(LOGIN, SMALL_BODY_LIMIT), ("/admin/", BODY_LIMIT)]
)
def test_an_announced_body_over_the_cap_of_its_route_is_refused(
    client: Client, path: str, limit: int
) -> None:
    fits = client.post(path, b"x" * limit, content_type="text/plain")
    assert fits.status_code != 413
    answer = client.post(path, b"x" * (limit + 1), content_type="text/plain")
    assert answer.status_code == 413
    assert "limits.body_too_large" in answer.content.decode()
    assert refusals() == {"limits.body_too_large": 1}


def through(
    view: Any, body: bytes = b"", **extra: Any
) -> tuple[HttpResponse, HttpRequest]:
    request = RequestFactory().post(LOGIN, body, content_type="text/plain", **extra)
    request._stream = io.BytesIO(body)

    def answer(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)  # type: ignore[no-any-return]
        except PortwardError as error:
            answered = middleware.process_exception(request, error)
            return answered or HttpResponse(status=500)

    middleware = LimitMiddleware(answer)
    return middleware(request), request


def test_a_name_with_an_underscore_does_not_hide_the_length(client: Client) -> None:
    answer = client.post(
        LOGIN,
        b"x" * (SMALL_BODY_LIMIT + 1),
        content_type="text/plain",
        HTTP_CONTENT_LENGTH="1",
    )
    assert answer.status_code == 413


def read_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


def read_lines(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"".join(iter(request.readline, b"")))


def read_and_hide(request: HttpRequest) -> HttpResponse:
    try:
        request.read()
    except BodyTooLargeError:
        return HttpResponse("all is well")
    return HttpResponse(status=204)


@pytest.mark.parametrize("view", [read_all, read_lines, read_and_hide])
def test_a_body_that_announced_less_than_it_sends_is_refused_while_it_is_read(
    view: Any,
) -> None:
    fits, _ = through(view, b"x" * SMALL_BODY_LIMIT, CONTENT_LENGTH="10")
    assert fits.status_code in {200, 204}
    refused, _ = through(view, b"x" * (SMALL_BODY_LIMIT + 1), CONTENT_LENGTH="10")
    assert refused.status_code == 413


def test_a_view_may_raise_what_slows_people_down() -> None:
    def view(_request: HttpRequest) -> HttpResponse:
        raise SignInThrottledError(retry_after=7)

    answer, _ = through(view)
    assert (answer.status_code, answer["Retry-After"]) == (429, "7")


def test_other_failures_are_not_ours_to_answer() -> None:
    middleware = LimitMiddleware(lambda _request: HttpResponse())
    request = RequestFactory().get("/")
    assert middleware.process_exception(request, ValueError()) is None


def test_memory_for_local_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.limits.services.local._MOST_KEYS", 3)
    local = services.LocalBuckets(clock=lambda: 1)
    once = rules.Bucket("once", 1, 1)
    for key in "abcd":
        assert local.take(once, key).is_allowed
    assert len(local) == 3
    assert not local.take(once, "d").is_allowed
    assert local.take(once, "a").is_allowed
