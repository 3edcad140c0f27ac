"""Questions about what nodes run, for the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from apps.bundles import selectors as bundles
from apps.distribution import rules
from apps.distribution.models import (
    ConsistencySample,
    DecisionRecord,
    GrantUse,
    NodeReport,
)
from apps.elevations import rules as elevation_rules
from apps.elevations import selectors as elevations
from apps.elevations.choices import ElevationState
from apps.elevations.models import Elevation
from apps.nodes import selectors as nodes
from apps.policies import selectors as policies
from apps.simulation.rules import Logged
from apps.simulation.services import Log
from apps.tenants.services import require_tenant_id
from protocol.records import EntityRef

_CHUNK = 5000
_QUESTIONS = """
    SELECT principal_type, principal_key, action, resource_type, resource_key,
           is_allowed, max(last_at) AS at, sum(count)::bigint AS count
    FROM distribution_decisionrecord
    WHERE tenant_id = %s AND last_at >= %s
    GROUP BY principal_type, principal_key, action, resource_type, resource_key,
             is_allowed, date_bin('15 minutes', last_at, 'epoch'::timestamptz)
"""
_COUNT_LOGGED = f"""
    SELECT coalesce(sum(count), 0)::bigint, count(*),
           count(DISTINCT (principal_type, principal_key, action))
    FROM ({_QUESTIONS}) AS questions
"""  # noqa: S608  # constants only
_SUM_LOGGED = f"""
    SELECT principal_type, principal_key, action, resource_type, resource_key,
           is_allowed, at, count
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY principal_type, principal_key, action ORDER BY at DESC
        ) AS place
        FROM ({_QUESTIONS}) AS questions
    ) AS numbered
    WHERE place <= %s
"""  # noqa: S608  # constants only


@dataclass(frozen=True)
class Witness:
    """What is known of an elevation while it lasts, for whoever keeps an eye on it."""

    state: ElevationState
    seconds_left: int
    decisions: list[DecisionRecord]
    permitted: int
    denied: int
    policies: dict[str, str]
    may_end: bool

    @property
    def is_active(self) -> bool:
        """Say whether there is something to end."""
        return self.state is ElevationState.ACTIVE

    @property
    def clock(self) -> str:
        """Return the time left as minutes and seconds."""
        minutes, seconds = divmod(self.seconds_left, 60)
        return f"{minutes}:{seconds:02}"

    @property
    def rows(self) -> list[tuple[DecisionRecord, list[str]]]:
        """Return each decision with the names of the policies that made it."""
        return [
            (row, [self.policies.get(name, name[:8]) for name in row.determining])
            for row in self.decisions
        ]


@dataclass(frozen=True)
class Witnessed:
    """One elevation in force, and how much was decided under it."""

    elevation: Elevation
    seconds_left: int
    decisions: int


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
    failed = tuple((row.self_test or {}).get("names", ()))
    return rules.Reported(row.revision, row.fingerprint, row.error, row.seen_at, failed)


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


def logged_decisions(since: dt.datetime, most: int) -> Log:
    """Return logged decisions, summed up by question, answer and quarter of an hour.

    The database sums them up and a cursor of its own brings the sums. If there are more
    than `most`, the newest of each subject and action are taken.
    """
    tenant = require_tenant_id()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_LOGGED, [tenant, since])
        kept, questions, pairs = cursor.fetchone()
    each = most if questions <= most else max(most // max(pairs, 1), 1)
    taken: list[Logged] = []
    with connection.chunked_cursor() as cursor:
        cursor.execute(_SUM_LOGGED, [tenant, since, each])
        while rows := cursor.fetchmany(_CHUNK):
            taken.extend(_logged(row) for row in rows)
    return Log(kept, sum(one.count for one in taken), len(taken), iter(taken))


def _logged(row: Sequence[Any]) -> Logged:
    principal, key, action, resource, name, allowed, at, count = row
    return Logged(
        EntityRef(principal, key), action, EntityRef(resource, name), at, allowed, count
    )


def decisions_under(assignment_id: uuid.UUID) -> QuerySet[DecisionRecord]:
    """Return the decisions that rest on an assignment, newest first."""
    return decisions().filter(grants__contains=[assignment_id])


def witnessed(*, now: dt.datetime) -> list[Witnessed]:
    """Return the elevations in force, the soonest to end first, and their use."""
    rows = elevations.active(now=now)
    uses = dict(
        GrantUse.objects.filter(
            assignment_id__in=[row.assignment_id for row in rows if row.assignment_id]
        ).values_list("assignment_id", "count")
    )
    return [
        Witnessed(row, _seconds_left(row, now), uses.get(row.assignment_id, 0))
        for row in rows
        if row.assignment_id is not None
    ]


def witness(
    row: Elevation, *, now: dt.datetime, user_id: uuid.UUID, most: int
) -> Witness:
    """Return what was decided under an elevation, newest first, `most` at a time."""
    found = decisions().none()
    if row.assignment_id is not None:
        found = decisions_under(row.assignment_id)
    counts = found.order_by().aggregate(
        permitted=Sum("count", filter=Q(is_allowed=True)),
        denied=Sum("count", filter=Q(is_allowed=False)),
    )
    newest = list(found[:most])
    names = {name for one in newest for name in one.determining}
    return Witness(
        state=elevation_rules.state_at(row.clocks, now),
        seconds_left=_seconds_left(row, now),
        decisions=newest,
        permitted=counts["permitted"] or 0,
        denied=counts["denied"] or 0,
        policies=dict(
            policies.policies().filter(slug__in=names).values_list("slug", "name")
        ),
        may_end=elevations.may_end(row, user_id),
    )


def _seconds_left(row: Elevation, now: dt.datetime) -> int:
    return max(0, int((row.ends_at - now).total_seconds())) if row.ends_at else 0
