"""How much one address and one node may ask of the edge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_django import Settings

from apps.audit.events import Actor
from apps.keys.tasks import ensure_tenant_keys
from apps.limits.models import Refusal
from apps.tenants.models import Tenant
from portal.edge.application import Edge
from tests.factories.bundles import release_of
from tests.portal.served_edge import ClosingStore, NodeClient, Served, token_for

ENROLL = "/edge/v1/enroll"
Answer = tuple[int, dict[str, str], dict[str, Any]]


def ask(
    edge: Edge,
    path: str,
    *,
    client: str = "192.0.2.7",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send one request through the application, without a server."""
    scope = {
        "type": "http",
        "method": "GET" if path == "/healthz" else "POST",
        "path": path,
        "client": (client, 1),
        "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"not json"}

    async def send(message: Any) -> None:
        sent.append(message)

    # A thread of its own: browser tests before this one leave a loop in the main one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, edge(scope, receive, send)).result()
    start, body = sent
    found = {k.decode(): v.decode() for k, v in start["headers"]}
    text = body["body"]
    return start["status"], found, json.loads(text) if text[:1] == b"{" else {}


@pytest.fixture
def edge() -> Edge:
    return Edge()


def test_every_answer_of_the_edge_says_what_is_left(edge: Edge) -> None:
    for path in (ENROLL, "/healthz", "/nothing"):
        _, headers, _ = ask(edge, path)
        assert '"edge-address";q=20000' in headers["ratelimit-policy"]
        assert "r=19999" in headers["ratelimit"] or "r=1999" in headers["ratelimit"]
        assert headers["x-content-type-options"] == "nosniff"


def test_an_address_that_enrolls_too_often_is_told_when_to_come_back(
    edge: Edge, settings: Settings
) -> None:
    settings.PORTWARD_RATE_LIMITS = {"edge-enroll": "0.1/2"}
    statuses = [ask(edge, ENROLL)[0] for _ in range(2)]
    assert statuses == [400, 400]
    status, headers, body = ask(edge, ENROLL)
    assert (status, body["code"]) == (429, "limits.too_many_requests")
    assert 0 < int(headers["retry-after"]) <= 10
    assert ask(edge, ENROLL, client="192.0.2.8")[0] == 400


def test_an_address_has_a_limit_in_all(edge: Edge, settings: Settings) -> None:
    settings.PORTWARD_RATE_LIMITS = {"edge-address": "0.1/2"}
    assert [ask(edge, "/nothing")[0] for _ in range(3)] == [404, 404, 429]


def test_a_forged_address_is_refused_at_the_edge(edge: Edge) -> None:
    forged = {"x-forwarded-for": "198.51.100.1"}
    status, _, body = ask(edge, ENROLL, headers=forged)
    assert (status, body["code"]) == (400, "limits.forwarded_untrusted")


def test_a_trusted_proxy_says_who_enrolls(edge: Edge, settings: Settings) -> None:
    settings.PORTWARD_TRUSTED_PROXIES = 1
    settings.PORTWARD_RATE_LIMITS = {"edge-enroll": "0.1/1"}
    statuses = [
        ask(edge, ENROLL, headers={"x-forwarded-for": f"{forged}, {real}"})[0]
        for forged, real in (
            ("198.51.100.1", "192.0.2.1"),
            ("198.51.100.2", "192.0.2.1"),
            ("198.51.100.1", "192.0.2.2"),
        )
    ]
    assert statuses == [400, 429, 400]


@pytest.fixture
def node(
    tenant: Tenant, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NodeClient]:
    del transactional_db
    monkeypatch.setattr("portal.edge.application.Store", ClosingStore)
    ensure_tenant_keys(actor=Actor.command("tests"), tenant_id=tenant.pk)
    release_of(tenant, "first")
    running = Served()
    running.start()
    client = NodeClient(running, tenant, "web-1")
    assert client.enroll(token_for(tenant, "web-1")).status == 201
    yield client
    running.stop()


@pytest.mark.django_db(transaction=True)
def test_one_node_is_limited_and_the_others_are_not(
    node: NodeClient, tenant: Tenant, settings: Settings
) -> None:
    other = NodeClient(node.served, tenant, "web-2")
    assert other.enroll(token_for(tenant, "web-2")).status == 201
    settings.PORTWARD_RATE_LIMITS = {"edge-sync": "0.1/1", "edge-report": "0.1/1"}
    assert [node.sync().status for _ in range(2)] == [200, 429]
    assert [node.report().status for _ in range(2)] == [204, 429]
    assert other.sync().status == 200
    assert other.report().status == 204


@pytest.mark.django_db(transaction=True)
def test_a_stranger_cannot_use_up_what_a_node_may_ask(
    node: NodeClient, settings: Settings
) -> None:
    settings.PORTWARD_RATE_LIMITS = {"edge-sync": "0.1/1"}
    forged = node.proof("GET", "/edge/v1/sync", sign=lambda _: b"\0" * 64)
    assert [node.sync(proof=forged).status for _ in range(3)] == [401] * 3
    assert node.sync().status == 200


@pytest.mark.django_db(transaction=True)
def test_what_the_edge_refused_is_counted_when_it_stops(
    node: NodeClient, settings: Settings
) -> None:
    settings.PORTWARD_RATE_LIMITS = {"edge-sync": "0.1/1"}
    for _ in range(3):
        node.sync()
    node.served.stop()
    assert Refusal.objects.get().count == 2
