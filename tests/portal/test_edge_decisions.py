"""The edge takes in decision logs that their node signed, and nothing else."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import urllib3

from apps.distribution.models import DecisionRecord
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.channel import PROOF_HEADER, REPORT_TYPE
from protocol.decisions import DECISIONS_TYPE, MOST_ENTRIES
from protocol.envelope import dsse_sign
from tests.portal.served_edge import NodeClient, code

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/edge/v1/decisions"


def entry(**change: Any) -> dict[str, Any]:
    now = dt.datetime.now(dt.UTC).isoformat()
    return {
        "id": str(uuid.uuid4()),
        "first_at": now,
        "last_at": now,
        "count": 1,
        "principal": {"type": "User", "id": "alice"},
        "action": "restart",
        "resource": {"type": "Node", "id": "web-1"},
        "allowed": True,
        "reason": "permitted",
        "determining": ["p"],
        "grants": [str(uuid.UUID(int=7))],
        "revision": 1,
    } | change


def send(
    client: NodeClient, /, *entries: Any, kind: str = DECISIONS_TYPE, **change: Any
) -> urllib3.BaseHTTPResponse:
    payload = {
        "tenant": str(client.tenant.pk),
        "node": client.node,
        "boot_id": "boot",
        "number": 1,
        "dropped": 0,
        "entries": list(entries),
    } | change
    body = dsse_sign(kind, payload, key_id=client.node, sign=client.key.sign)
    headers = {PROOF_HEADER: client.proof("POST", PATH, body)}
    return client.served.ask("POST", PATH, body=body, headers=headers)


def recorded(tenant: Tenant) -> int:
    with tenant_scope(tenant.pk):
        return DecisionRecord.objects.count()


def test_decisions_are_recorded_before_they_are_acknowledged(
    node: NodeClient, released: Tenant
) -> None:
    assert send(node, entry(), entry(allowed=False)).status == 204
    assert recorded(released) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"node": str(uuid.UUID(int=1))},
        {"tenant": str(uuid.UUID(int=1))},
        {"kind": REPORT_TYPE},
        {"number": -1},
        {"entries": [entry()] * (MOST_ENTRIES + 1)},
    ],
    ids=["other-node", "other-tenant", "other-type", "negative", "too-many"],
)
def test_a_chunk_that_is_not_the_nodes_own_is_refused(
    node: NodeClient, released: Tenant, change: dict[str, Any]
) -> None:
    assert code(send(node, entry(), **change)) == (400, "decisions.invalid")
    assert recorded(released) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": True},
        {"count": 2**31},
        {"allowed": "yes"},
        {"action": "x" * 256},
        {"principal": {"type": "User", "id": "no\0"}},
        {"first_at": "2999-01-01T00:00:00+00:00"},
        {"last_at": "2026-01-01T00:00:00"},
        {"grants": ["x"] * 51},
        {"context": {"ip": "203.0.113.9"}},
    ],
    ids=[
        *("no-count", "flag", "huge", "word", "long", "nul", "backwards", "naive"),
        *("many", "extra"),
    ],
)
def test_a_malformed_entry_is_refused_with_its_chunk(
    node: NodeClient, released: Tenant, change: dict[str, Any]
) -> None:
    answer = send(node, entry(), entry(**change))
    assert code(answer) == (400, "decisions.invalid")
    assert recorded(released) == 0
