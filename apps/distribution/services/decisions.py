"""Record what nodes decided."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from apps.distribution.models import DecisionRecord, NodeReport
from apps.nodes import selectors as nodes
from apps.tenants.services import require_tenant_id, tenant_scope
from protocol.decisions import Chunk, DecisionEntry

KEEP_DECISIONS = dt.timedelta(days=30)
# A node's clock may say anything; what lies ahead counts as now.
_AHEAD = dt.timedelta(minutes=5)

_NOTE_USE = """
    INSERT INTO distribution_grantuse (id, tenant_id, assignment_id, last_at, count)
    VALUES (gen_random_uuid(), %s, %s, %s, %s)
    ON CONFLICT (tenant_id, assignment_id) DO UPDATE
    SET last_at = GREATEST(distribution_grantuse.last_at, EXCLUDED.last_at),
        count = distribution_grantuse.count + EXCLUDED.count
"""


def record_decisions(*, tenant_id: uuid.UUID, node_id: uuid.UUID, chunk: Chunk) -> int:
    """Record a chunk of a node, and return how many entries were new.

    Safe to repeat: an entry that is there already changes nothing.
    """
    with tenant_scope(tenant_id):
        if not nodes.active_nodes().filter(pk=node_id).exists():
            return 0
        if chunk.dropped:
            NodeReport.objects.filter(node_id=node_id).update(
                decisions_dropped=F("decisions_dropped") + chunk.dropped
            )
        return _record(node_id, chunk.entries)


@transaction.atomic
def forget_decisions() -> int:
    """Delete decisions older than the time for which they are kept."""
    old = timezone.now() - KEEP_DECISIONS
    deleted, _rows = DecisionRecord.objects.filter(last_at__lt=old).delete()
    return deleted


def _record(node_id: uuid.UUID, entries: Iterable[DecisionEntry]) -> int:
    found = {entry.id: entry for entry in entries}
    known = DecisionRecord.objects.filter(node_id=node_id, evaluation_id__in=found)
    for evaluation_id in known.values_list("evaluation_id", flat=True):
        del found[evaluation_id]
    latest = timezone.now() + _AHEAD
    rows = [_row(node_id, entry, latest) for entry in found.values()]
    DecisionRecord.objects.bulk_create(rows, ignore_conflicts=True)
    _note_use(rows)
    return len(rows)


def _row(
    node_id: uuid.UUID, entry: DecisionEntry, latest: dt.datetime
) -> DecisionRecord:
    return DecisionRecord(
        tenant_id=require_tenant_id(),
        node_id=node_id,
        evaluation_id=entry.id,
        first_at=min(entry.first_at, latest),
        last_at=min(entry.last_at, latest),
        count=entry.count,
        principal_type=entry.principal.type,
        principal_key=entry.principal.id,
        action=entry.action,
        resource_type=entry.resource.type,
        resource_key=entry.resource.id,
        is_allowed=entry.allowed,
        reason=entry.reason,
        determining=list(entry.determining),
        grants=[grant for name in entry.grants if (grant := _uuid(name))],
        revision=entry.revision,
    )


def _note_use(rows: Iterable[DecisionRecord]) -> None:
    uses: dict[uuid.UUID, tuple[dt.datetime, int]] = {}
    for row in rows:
        for grant in row.grants if row.is_allowed else ():
            last, count = uses.get(grant, (row.last_at, 0))
            uses[grant] = (max(last, row.last_at), count + row.count)
    with connection.cursor() as cursor:
        # In one order, so that two edges cannot block each other.
        for grant in sorted(uses):
            cursor.execute(_NOTE_USE, [require_tenant_id(), grant, *uses[grant]])


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
