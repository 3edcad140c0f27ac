"""Reports are recorded once, newest first; samples are taken and thrown away."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.distribution import selectors, services
from apps.distribution.models import ConsistencySample, NodeReport
from apps.distribution.services import ReceivedReport
from apps.distribution.tasks import sample_consistency
from apps.keys.tasks import ensure_tenant_keys
from apps.nodes.models import Node
from apps.nodes.services import revoke_node
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.bundles import SYSTEM, release_of
from tests.factories.nodes import enroll, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def node(tenant: Tenant) -> Node:
    return enroll(tenant, "web-1")


def row(node: Node) -> NodeReport:
    with tenant_scope(node.tenant_id):
        return NodeReport.objects.get(node=node)


def actions(node: Node) -> list[str]:
    with tenant_scope(node.tenant_id):
        found = AuditEntry.objects.filter(action__startswith="distribution.")
        return list(found.order_by("sequence").values_list("action", flat=True))


def test_a_node_has_one_row_that_its_newest_word_fills(node: Node) -> None:
    report(node, revision=1, fingerprint="a")
    report(node, revision=2, fingerprint="b")
    assert (row(node).revision, row(node).fingerprint) == (2, "b")


def test_a_heartbeat_keeps_what_the_last_receipt_said(node: Node) -> None:
    report(node, counter=1, boot_id="a", error="bundle.tampered")
    report(node, revision=1)
    assert (row(node).error, row(node).counter) == ("bundle.tampered", 1)


@pytest.mark.parametrize("counter", [4, 5])
def test_a_receipt_that_is_not_newer_changes_nothing_but_is_noted(
    node: Node, counter: int
) -> None:
    report(node, counter=5, boot_id="a", revision=2)
    report(node, counter=counter, boot_id="a", revision=1)
    assert (row(node).revision, row(node).counter) == (2, 5)
    assert actions(node) == ["distribution.receipt_replayed"]


def test_failing_and_recovering_are_noted_once_each(node: Node) -> None:
    for counter, error in enumerate(["x", "x", "", ""], start=1):
        report(node, counter=counter, boot_id="a", error=error)
    assert actions(node) == ["distribution.node_failed", "distribution.node_recovered"]


def test_a_report_of_an_unknown_or_revoked_node_is_dropped(node: Node) -> None:
    with tenant_scope(node.tenant_id):
        revoke_node(actor=SYSTEM, node_id=node.pk)
    report(node)
    unknown = ReceivedReport(uuid.uuid4(), timezone.now(), 1, "")
    services.record_reports({node.tenant_id: [unknown]})
    with tenant_scope(node.tenant_id):
        assert not NodeReport.objects.exists()


def test_a_report_under_another_tenant_is_dropped(
    node: Node, other_tenant: Tenant
) -> None:
    stolen = ReceivedReport(node.pk, timezone.now(), 1, "")
    services.record_reports({other_tenant.pk: [stolen]})
    for tenant_id in (node.tenant_id, other_tenant.pk):
        with tenant_scope(tenant_id):
            assert not NodeReport.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_lag_counts_from_the_signature_to_the_activation(tenant: Tenant) -> None:
    node = enroll(tenant, "web-1")
    ensure_tenant_keys(actor=SYSTEM, tenant_id=tenant.pk)
    release = release_of(tenant, "first")
    assert release.signed_at is not None
    activated = release.signed_at + dt.timedelta(milliseconds=250)
    report(node, counter=1, boot_id="a", activated_at=activated)
    assert row(node).lag_ms == 250
    late = enroll(tenant, "web-2")
    report(late, counter=1, boot_id="a", activated_at=activated)
    assert row(late).lag_ms is None


def test_reading_for_a_batch_does_not_grow_with_its_size(tenant: Tenant) -> None:
    fleet = [enroll(tenant, f"web-{number}") for number in range(4)]
    for node in fleet:
        report(node)

    def selects(nodes: list[Node]) -> int:
        batch = [ReceivedReport(n.pk, timezone.now(), 1, "") for n in nodes]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            services.record_reports({tenant.pk: batch})
        return sum('FROM "' in q["sql"] for q in queries)

    assert selects(fleet) == selects(fleet[:1])


def test_samples_are_taken_for_each_tenant_that_has_nodes(
    node: Node, other_tenant: Tenant
) -> None:
    report(node)
    assert sample_consistency() == 1
    with tenant_scope(node.tenant_id):
        sample = ConsistencySample.objects.get()
        assert (sample.nodes, sample.in_sync) == (1, 1)
    with tenant_scope(other_tenant.pk):
        assert not ConsistencySample.objects.exists()


def test_old_samples_are_thrown_away(node: Node) -> None:
    old = timezone.now() - services.KEEP_SAMPLES - dt.timedelta(seconds=1)
    with tenant_scope(node.tenant_id):
        ConsistencySample.objects.create(
            tenant_id=node.tenant_id, at=old, nodes=1, in_sync=1
        )
        services.sample_consistency()
        assert ConsistencySample.objects.count() == 1
        assert selectors.samples(since=old).get().at > old
