"""Questions about what nodes run, for the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from apps.bundles import selectors as bundles
from apps.distribution import rules
from apps.distribution.models import (
    ConsistencySample,
    DecisionRecord,
    GrantUse,
    NodeReport,
)
from apps.nodes import selectors as nodes


def expected_release() -> rules.Expected | None:
    """Return what every node should run, or None before the first release."""
    release = bundles.newest_signed()
    if release is None or release.signed_at is None:
        return None
    return rules.Expected(release.revision, release.state_digest, release.signed_at)


def reports() -> QuerySet[NodeReport]:
    """Return the newest report of each active node."""
    return NodeReport.objects.filter(node__in=nodes.active_nodes())


def reported(row: NodeReport | None) -> rules.Reported | None:
    """Return a report in the form that the rules judge."""
    if row is None:
        return None
    return rules.Reported(row.revision, row.fingerprint, row.error, row.seen_at)


def standings(*, now: dt.datetime) -> dict[uuid.UUID, rules.Standing]:
    """Judge every active node."""
    expected = expected_release()
    rows = {row.node_id: row for row in reports()}
    return {
        node_id: rules.standing(expected, reported(rows.get(node_id)), now=now)
        for node_id in nodes.active_nodes().values_list("pk", flat=True)
    }


def samples(*, since: dt.datetime) -> QuerySet[ConsistencySample]:
    """Return the samples since a moment, oldest first."""
    return ConsistencySample.objects.filter(at__gte=since).order_by("at")


def last_use(assignment_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, dt.datetime]:
    """Return when each assignment last carried a permit; who never did is left out."""
    rows = GrantUse.objects.filter(assignment_id__in=list(assignment_ids))
    return dict(rows.values_list("assignment_id", "last_at"))


def decisions() -> QuerySet[DecisionRecord]:
    """Return what nodes decided lately, newest first."""
    return DecisionRecord.objects.select_related("node").order_by("-last_at", "-pk")


def decisions_under(assignment_id: uuid.UUID) -> QuerySet[DecisionRecord]:
    """Return the decisions that rest on an assignment, newest first."""
    return decisions().filter(grants__contains=[assignment_id])
