"""Record what nodes report, in batches, and how the fleet stands."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.bundles import selectors as bundles
from apps.bundles.events import RELEASE_CHANNEL
from apps.distribution import rules
from apps.distribution.choices import SyncState
from apps.distribution.events import DistributionAction
from apps.distribution.models import ConsistencySample, NodeReport
from apps.distribution.selectors import expected_release, standings
from apps.nodes import selectors as nodes
from apps.nodes.models import Node
from apps.tenants.services import require_tenant_id, tenant_scope

KEEP_SAMPLES = dt.timedelta(days=30)


@dataclass(frozen=True)
class ReceivedReport:
    """One report as the edge took it in.

    A heartbeat says what the node holds; a receipt also carries the signed details and
    a counter. `verified` is what the edge checked: the node's signature.
    """

    node_id: uuid.UUID
    seen_at: dt.datetime
    revision: int | None
    fingerprint: str
    error: str = ""
    received_at: dt.datetime | None = None
    activated_at: dt.datetime | None = None
    duration_ms: int | None = None
    boot_id: str = ""
    counter: int = 0
    self_test: Mapping[str, Any] | None = None

    @property
    def is_receipt(self) -> bool:
        """Say whether this is a signed receipt and not just a heartbeat."""
        return self.counter > 0


def record_reports(
    batch: Mapping[uuid.UUID, Sequence[ReceivedReport]],
) -> None:
    """Record reports by tenant; the newest word of each node wins.

    Safe to repeat: an older or replayed receipt changes nothing.
    """
    for tenant_id, reports in batch.items():
        with tenant_scope(tenant_id):
            _record(reports)


@transaction.atomic
def sample_consistency() -> ConsistencySample | None:
    """Note how many nodes of the current tenant run the right release."""
    now = timezone.now()
    expected = expected_release()
    found = standings(now=now)
    if not found:
        return None
    sample = ConsistencySample.objects.create(
        tenant_id=require_tenant_id(),
        at=now,
        revision=expected.revision if expected else None,
        nodes=len(found),
        in_sync=sum(s.state is SyncState.IN_SYNC for s in found.values()),
    )
    ConsistencySample.objects.filter(at__lt=now - KEEP_SAMPLES).delete()
    return sample


def announce_release(*, tenant_id: uuid.UUID, revision: int) -> None:
    """Wake every edge that holds polls of this tenant; it reads the truth itself."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, %s)", [RELEASE_CHANNEL, f"{tenant_id}:{revision}"]
        )


@transaction.atomic
def _record(reports: Iterable[ReceivedReport]) -> None:
    # Rows are locked in one order, so that two edges cannot block each other.
    ordered = sorted(reports, key=lambda report: (report.node_id, report.counter))
    ids = {report.node_id for report in ordered}
    known = {node.pk: node for node in nodes.active_nodes().filter(pk__in=ids)}
    rows = {
        row.node_id: row
        for row in NodeReport.objects.select_for_update()
        .filter(node_id__in=known)
        .order_by("node_id")
    }
    published = _published(report.revision for report in ordered)
    for report in ordered:
        node = known.get(report.node_id)
        if node is not None:
            row = rows.get(node.pk) or NodeReport(
                tenant_id=node.tenant_id, node=node, seen_at=report.seen_at
            )
            rows[node.pk] = row
            _merge(row, report, node, published)
    for row in rows.values():
        row.save()


def _merge(
    row: NodeReport,
    report: ReceivedReport,
    node: Node,
    published: Mapping[int, dt.datetime],
) -> None:
    row.seen_at = max(row.seen_at, report.seen_at)
    if report.is_receipt:
        newer = rules.is_newer_receipt(
            last_boot=row.boot_id,
            last_counter=row.counter,
            boot=report.boot_id,
            counter=report.counter,
        )
        if not newer:
            _audit(node, DistributionAction.RECEIPT_REPLAYED, report)
            return
        row.boot_id, row.counter = report.boot_id, report.counter
        _note_change_of_health(row, report, node)
        row.error = report.error
        if report.self_test is not None:
            row.self_test = dict(report.self_test)
        row.received_at = report.received_at
        row.activated_at = report.activated_at
        row.duration_ms = report.duration_ms
        since = published.get(report.revision or 0)
        if since is not None and since < node.enrolled_at:
            # The node was not there yet: how long it took says nothing about delivery.
            since = None
        delay = rules.lag(since, report.activated_at)
        row.lag_ms = None if delay is None else int(delay.total_seconds() * 1000)
    if report.revision is not None:
        row.revision, row.fingerprint = report.revision, report.fingerprint


def _note_change_of_health(row: NodeReport, report: ReceivedReport, node: Node) -> None:
    if report.error and report.error != row.error:
        _audit(node, DistributionAction.NODE_FAILED, report)
    elif row.error and not report.error:
        _audit(node, DistributionAction.NODE_RECOVERED, report)


def _audit(node: Node, action: DistributionAction, report: ReceivedReport) -> None:
    audit.append(
        actor=Actor("node", str(node.pk), node.name),
        action=action,
        target_type="node",
        target_id=str(node.pk),
        after={
            "revision": report.revision,
            "fingerprint": report.fingerprint,
            "error": report.error,
            **({"self_test": dict(report.self_test)} if report.self_test else {}),
        },
    )


def _published(revisions: Iterable[int | None]) -> dict[int, dt.datetime]:
    wanted = {revision for revision in revisions if revision is not None}
    releases = bundles.releases().filter(revision__in=wanted, signed_at__isnull=False)
    return {
        revision: signed_at
        for revision, signed_at in releases.values_list("revision", "signed_at")
        if signed_at is not None
    }
