"""What nodes report to the edge, and what it refuses to take."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from apps.distribution.models import NodeReport
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.portal.served_edge import (
    NodeClient,
    Served,
    code,
    eventually,
)

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_failed_self_test_is_recorded_with_its_names(
    node: NodeClient, released: Tenant
) -> None:
    found = {"passed": 3, "failed": 1, "names": ["p#one"]}
    assert node.report(error="self_test_failed", self_test=found).status == 204
    row = reported(released)
    assert row is not None
    assert (row.error, row.self_test) == ("self_test_failed", found)


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
        {"self_test": {"passed": 1, "failed": 1, "names": ["x" * 201]}},
        {"self_test": {"passed": 1, "failed": 1, "names": ["x"] * 21}},
        {"self_test": {"passed": -1, "failed": 1, "names": []}},
    ],
    ids=["duration", "fingerprint", "boot", "nul", "name", "names", "tests"],
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
