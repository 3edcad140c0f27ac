"""The edge: who may talk to it, what wakes it, and what it records."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import urllib3
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connections
from django.utils import timezone
from typing_extensions import override

from apps.audit.events import Actor
from apps.distribution import services as distribution
from apps.distribution.models import NodeReport
from apps.keys.tasks import ensure_tenant_keys
from apps.nodes import services as nodes
from apps.nodes.models import JoinToken, Node
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portal.edge.application import Edge
from portal.edge.store import Store
from protocol.channel import PROOF_HEADER, REPORT_TYPE, RequestParts, sign_request
from protocol.envelope import dsse_sign, unpack_envelope
from tests.factories.bundles import release_of

ACTOR = Actor.command("tests")
SYNC = "/edge/v1/sync"
pytestmark = pytest.mark.django_db(transaction=True)


class ClosingStore(Store):
    """A store whose thread gives its connections back when it ends."""

    @override
    def close(self) -> None:
        self._thread.submit(connections.close_all).result()
        super().close()


class Served:
    """An edge on a port of its own."""

    def __init__(self) -> None:
        self.edge = Edge()
        config = uvicorn.Config(
            self.edge, host="127.0.0.1", port=0, lifespan="on", log_level="error"
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.http = urllib3.PoolManager(maxsize=32)

    def start(self) -> None:
        self.thread.start()
        eventually(lambda: self.server.started and self.edge.hub.is_listening)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.http.clear()

    def ask(self, method: str, path: str, **kwargs: Any) -> urllib3.BaseHTTPResponse:
        return self.http.request(
            method, self.url + path, retries=False, redirect=False, **kwargs
        )


class NodeClient:
    """A node as the edge sees it."""

    def __init__(self, served: Served, tenant: Tenant, name: str) -> None:
        self.served, self.tenant, self.name = served, tenant, name
        self.key = Ed25519PrivateKey.generate()
        self.node = ""
        self.counter = 0

    def enroll(self, token: str) -> urllib3.BaseHTTPResponse:
        raw = self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        body = {
            "tenant": str(self.tenant.pk),
            "token": token,
            "name": self.name,
            "public_key": base64.urlsafe_b64encode(raw).decode(),
        }
        answer = self.served.ask("POST", "/edge/v1/enroll", json=body)
        if answer.status == 201:
            self.node = answer.json()["node"]
        return answer

    def proof(self, method: str, path: str, body: bytes = b"", **change: Any) -> str:
        values: dict[str, Any] = {
            "tenant": str(self.tenant.pk),
            "node": self.node,
            "timestamp": int(time.time()),
            "nonce": secrets.token_bytes(16),
            "sign": self.key.sign,
        }
        return sign_request(RequestParts(method, path, body), **(values | change))

    def sync(
        self,
        etag: str = "",
        wait: int = 0,
        proof: str = "",
        held: str = "",
        revision: str = "1",
    ) -> urllib3.BaseHTTPResponse:
        sent = {
            "If-None-Match": etag,
            "Prefer": f"wait={wait}",
            PROOF_HEADER: proof or self.proof("GET", SYNC),
        }
        if held:
            sent |= {"Portward-Revision": revision, "Portward-Fingerprint": held}
        return self.served.ask("GET", SYNC, headers=sent)

    def report(self, **change: Any) -> urllib3.BaseHTTPResponse:
        self.counter += 1
        payload = {
            "tenant": str(self.tenant.pk),
            "node": self.node,
            "revision": 1,
            "fingerprint": "sha256:" + "0" * 64,
            "received_at": "2026-11-20T00:00:00+00:00",
            "activated_at": "2026-11-20T00:00:01+00:00",
            "duration_ms": 5,
            "error": "",
            "boot_id": "boot",
            "counter": self.counter,
        } | change
        body = dsse_sign(REPORT_TYPE, payload, key_id=self.node, sign=self.key.sign)
        path = "/edge/v1/reports"
        headers = {PROOF_HEADER: self.proof("POST", path, body)}
        return self.served.ask("POST", path, body=body, headers=headers)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail("the condition did not come true")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr("portal.edge.application.Store", ClosingStore)
    running = Served()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def released(tenant: Tenant) -> Tenant:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    release_of(tenant, "first")
    return tenant


def token_for(tenant: Tenant, name: str) -> str:
    with tenant_scope(tenant.pk):
        return nodes.create_join_token(actor=ACTOR, node_name=name)


@pytest.fixture
def node(served: Served, released: Tenant) -> NodeClient:
    client = NodeClient(served, released, "web-1")
    assert client.enroll(token_for(released, "web-1")).status == 201
    return client


def code(answer: urllib3.BaseHTTPResponse) -> tuple[int, str]:
    return answer.status, json.loads(answer.data)["code"]


def test_an_enrolled_node_gets_the_newest_release(node: NodeClient) -> None:
    answer = node.sync()
    assert answer.status == 200
    assert "bundle.tar.gz" in unpack_envelope(answer.data)
    assert answer.headers["Portward-Revision"] == "1"


def test_a_join_token_works_once(node: NodeClient, released: Tenant) -> None:
    token = token_for(released, "web-2")
    first = NodeClient(node.served, released, "web-2")
    assert first.enroll(token).status == 201
    with tenant_scope(released.pk):
        nodes.revoke_node(actor=ACTOR, node_id=uuid.UUID(first.node))
    assert code(NodeClient(node.served, released, "web-2").enroll(token)) == (
        403,
        "nodes.join_token_refused",
    )


def test_a_join_token_is_bound_to_its_name(node: NodeClient, released: Tenant) -> None:
    other = NodeClient(node.served, released, "web-3")
    assert code(other.enroll(token_for(released, "web-2")))[0] == 403


def test_an_expired_join_token_is_refused(node: NodeClient, released: Tenant) -> None:
    token = token_for(released, "web-2")
    with tenant_scope(released.pk):
        JoinToken.objects.update(expires_at="2026-01-01T00:00:00Z")
    other = NodeClient(node.served, released, "web-2")
    assert code(other.enroll(token)) == (403, "nodes.join_token_refused")


def test_a_join_token_of_another_tenant_is_refused(
    node: NodeClient, released: Tenant, other_tenant: Tenant
) -> None:
    ensure_tenant_keys(actor=ACTOR, tenant_id=other_tenant.pk)
    release_of(other_tenant, "first")
    token = token_for(released, "web-2")
    stranger = NodeClient(node.served, other_tenant, "web-2")
    assert code(stranger.enroll(token)) == (403, "nodes.join_token_refused")


def test_nobody_enrolls_before_the_first_release_and_the_token_stays_good(
    served: Served, tenant: Tenant
) -> None:
    token = token_for(tenant, "web-1")
    client = NodeClient(served, tenant, "web-1")
    assert code(client.enroll(token)) == (409, "bundles.no_release")
    with tenant_scope(tenant.pk):
        assert JoinToken.objects.get().used_at is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"timestamp": 1}, (401, "node.clock_skew")),
        ({"node": str(uuid.uuid4())}, (403, "nodes.unknown_or_revoked")),
        ({"tenant": str(uuid.uuid4())}, (403, "nodes.unknown_or_revoked")),
        ({"sign": Ed25519PrivateKey.generate().sign}, (401, "node.proof_invalid")),
    ],
    ids=["old", "node", "tenant", "key"],
)
def test_a_proof_that_differs_in_one_thing_is_refused(
    node: NodeClient, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert code(node.sync(proof=node.proof("GET", SYNC, **change))) == expected


def test_a_proof_is_bound_to_its_path(node: NodeClient) -> None:
    stolen = node.proof("GET", "/edge/v1/other")
    assert code(node.sync(proof=stolen)) == (401, "node.proof_invalid")


def test_a_proof_is_accepted_once(node: NodeClient) -> None:
    proof = node.proof("GET", SYNC)
    assert node.sync(proof=proof).status == 200
    assert code(node.sync(proof=proof)) == (401, "node.replayed")


def test_without_a_proof_nothing_is_told(node: NodeClient) -> None:
    assert code(node.sync(proof="none")) == (401, "node.proof_malformed")


def test_a_poll_that_waited_in_vain_carries_a_fresh_timestamp(
    node: NodeClient,
) -> None:
    etag = node.sync().headers["ETag"]
    answer = node.sync(etag, wait=1)
    assert answer.status == 304
    stamp = json.loads(base64.b64decode(answer.headers["Portward-Timestamp"]))
    assert stamp["signed"]["_type"] == "timestamp"


def park(node: NodeClient, pool: ThreadPoolExecutor) -> Future[Any]:
    etag = node.sync().headers["ETag"]
    waiting = node.served.edge.hub.waiting
    parked = pool.submit(node.sync, etag, 20)
    eventually(lambda: node.served.edge.hub.waiting == waiting + 1)
    return parked


def test_a_parked_poll_is_answered_when_a_release_is_signed(
    node: NodeClient, released: Tenant
) -> None:
    with ThreadPoolExecutor(1) as pool:
        parked = park(node, pool)
        release_of(released, "second")
        answer = parked.result(timeout=10)
    assert (answer.status, answer.headers["Portward-Revision"]) == (200, "2")


def test_a_lost_notification_is_healed_by_looking(
    node: NodeClient, released: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "announce_release", lambda **_: None)
    with ThreadPoolExecutor(1) as pool:
        parked = park(node, pool)
        release_of(released, "second")
        assert parked.result(timeout=15).headers["Portward-Revision"] == "2"


def test_the_parked_poll_of_a_revoked_node_ends(
    node: NodeClient, released: Tenant
) -> None:
    with ThreadPoolExecutor(1) as pool:
        parked = park(node, pool)
        with tenant_scope(released.pk):
            nodes.revoke_node(actor=ACTOR, node_id=uuid.UUID(node.node))
        answer = parked.result(timeout=10)
    assert code(answer) == (403, "nodes.unknown_or_revoked")


def test_a_revocation_is_noticed_when_its_notification_was_lost(
    node: NodeClient, released: Tenant
) -> None:
    with ThreadPoolExecutor(1) as pool:
        parked = park(node, pool)
        with tenant_scope(released.pk):
            Node.objects.update(state="revoked", revoked_at=timezone.now())
        answer = parked.result(timeout=15)
    assert code(answer) == (403, "nodes.unknown_or_revoked")


def test_waking_everybody_asks_the_database_for_no_node(
    node: NodeClient, released: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as pool:
        parked = park(node, pool)
        monkeypatch.setattr("portal.edge.gate.KEY_LIFETIME", 0.0)
        monkeypatch.setattr(node.served.edge._store, "node_key", None)
        release_of(released, "second")
        assert parked.result(timeout=10).status == 200


def test_strangers_leave_nothing_in_memory(node: NodeClient) -> None:
    held = len(node.served.edge._gate._keys)
    for _ in range(3):
        node.sync(proof=node.proof("GET", SYNC, node=str(uuid.uuid4())))
    assert len(node.served.edge._gate._keys) == held


def test_parked_polls_are_sent_away_with_503_when_the_edge_stops(
    node: NodeClient,
) -> None:
    with ThreadPoolExecutor(1) as pool:
        parked = park(node, pool)
        node.served.edge.hub.is_stopping = True
        for room in node.served.edge.hub._rooms.values():
            node.served.edge.hub._tasks[0].get_loop().call_soon_threadsafe(room.wake)
        assert code(parked.result(timeout=10)) == (503, "edge.stopping")


def reported(tenant: Tenant) -> NodeReport | None:
    with tenant_scope(tenant.pk):
        return NodeReport.objects.first()


def test_a_signed_report_is_recorded_before_it_is_acknowledged(
    node: NodeClient, released: Tenant
) -> None:
    assert node.report(error="bundle.tampered").status == 204
    row = reported(released)
    assert row is not None
    assert (row.revision, row.error, row.counter) == (1, "bundle.tampered", 1)


def test_a_replayed_report_changes_nothing(node: NodeClient, released: Tenant) -> None:
    node.report(counter=5)
    node.report(counter=5, revision=9)
    row = reported(released)
    assert row is not None
    assert (row.revision, row.counter) == (1, 5)


@pytest.mark.parametrize(
    "change",
    [{"node": str(uuid.UUID(int=1))}, {"revision": -1}, {"counter": "1"}],
    ids=str,
)
def test_a_report_that_is_not_valid_is_refused(
    node: NodeClient, change: dict[str, Any]
) -> None:
    assert code(node.report(**change)) == (400, "receipt.invalid")


@pytest.mark.parametrize(
    "change",
    [
        {"duration_ms": 2**31},
        {"fingerprint": "x" * 81},
        {"boot_id": "x" * 65},
        {"error": "no\0"},
    ],
    ids=["duration", "fingerprint", "boot", "nul"],
)
def test_a_report_that_no_column_holds_is_refused_before_it_spoils_a_batch(
    node: NodeClient, change: dict[str, Any]
) -> None:
    assert code(node.report(**change)) == (400, "receipt.invalid")


def test_a_clock_that_is_years_ahead_does_not_stop_a_report(
    node: NodeClient, released: Tenant
) -> None:
    assert node.report(activated_at="9999-01-01T00:00:00+00:00").status == 204
    row = reported(released)
    assert row is not None
    assert row.revision == 1


@pytest.mark.parametrize("said", ["9" * 30, "-1", "one"])
def test_a_poll_that_says_nonsense_is_answered_but_not_recorded(
    node: NodeClient, released: Tenant, said: str
) -> None:
    assert node.sync(held="sha256:x", revision=said).status == 200
    assert node.sync(held="sha256:y").status == 200
    eventually(lambda: reported(released) is not None)
    row = reported(released)
    assert row is not None
    assert (row.revision, row.fingerprint) == (1, "sha256:y")


def test_a_poll_counts_as_a_heartbeat(node: NodeClient, released: Tenant) -> None:
    node.sync(held="sha256:x")
    eventually(lambda: reported(released) is not None)
    row = reported(released)
    assert row is not None
    assert (row.revision, row.fingerprint, row.counter) == (1, "sha256:x", 0)


def test_a_body_beyond_the_limit_is_refused(node: NodeClient) -> None:
    answer = node.served.ask("POST", "/edge/v1/enroll", body=b"x" * 300_000)
    assert code(answer) == (413, "edge.too_large")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"tenant": 1}'])
def test_a_malformed_enrollment_is_refused(served: Served, body: bytes) -> None:
    assert served.ask("POST", "/edge/v1/enroll", body=body).status == 400


def test_an_unknown_route_is_not_found(served: Served) -> None:
    assert code(served.ask("GET", "/edge/v1/sync/")) == (404, "edge.no_such_route")
