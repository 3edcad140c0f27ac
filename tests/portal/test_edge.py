"""The edge: who may talk to it, and what wakes it."""

from __future__ import annotations

import base64
import json
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from apps.distribution import services as distribution
from apps.keys.tasks import ensure_tenant_keys
from apps.nodes import services as nodes
from apps.nodes.models import JoinToken, Node
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.envelope import unpack_envelope
from tests.factories.bundles import release_of
from tests.portal.served_edge import (
    ACTOR,
    SYNC,
    NodeClient,
    Served,
    code,
    eventually,
    token_for,
)

pytestmark = pytest.mark.django_db(transaction=True)


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
