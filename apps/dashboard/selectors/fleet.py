"""What the fleet runs, put together for one page."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from apps.dashboard.rules import Chart, Point, consistency_chart, percentile
from apps.distribution import rules as consistency
from apps.distribution import selectors as distribution
from apps.distribution.choices import SyncState
from apps.distribution.models import NodeReport
from apps.nodes import selectors as nodes
from apps.nodes.models import Node, NodeGroup

TARGET = 0.999
CHART_SPAN = dt.timedelta(minutes=30)
_MOST_POINTS = 400


@dataclass(frozen=True)
class NodeRow:
    """One node as the page shows it."""

    node: Node
    groups: tuple[str, ...]
    report: NodeReport | None
    standing: consistency.Standing
    age: dt.timedelta | None

    @property
    def age_seconds(self) -> int | None:
        """Return how long ago the node was heard, in whole seconds."""
        return None if self.age is None else int(self.age.total_seconds())

    @property
    def lag_seconds(self) -> float | None:
        """Return how long the newest release took to get here, in seconds."""
        report = self.report
        if report is None or report.lag_ms is None:
            return None
        return report.lag_ms / 1000


@dataclass(frozen=True)
class FleetState:
    """The whole fleet at a moment."""

    expected: consistency.Expected | None
    rows: tuple[NodeRow, ...]
    counts: dict[SyncState, int]
    share: float | None
    lag_p50_ms: int | None
    lag_p99_ms: int | None
    lag_last_ms: int | None

    @property
    def total(self) -> int:
        """Return how many nodes there are."""
        return len(self.rows)

    @property
    def in_sync(self) -> int:
        """Return how many nodes run what they should."""
        return self.counts.get(SyncState.IN_SYNC, 0)

    @property
    def is_on_target(self) -> bool:
        """Say whether enough nodes run what they should."""
        return self.share is not None and self.share >= TARGET


@dataclass(frozen=True)
class FleetFilter:
    """What a person looks for."""

    text: str = ""
    group: str = ""
    state: str = ""

    def matches(self, row: NodeRow) -> bool:
        """Say whether a row is looked for."""
        if self.text and self.text.lower() not in row.node.name:
            return False
        if self.group and self.group not in row.groups:
            return False
        return not self.state or row.standing.state == self.state


def fleet_state(*, now: dt.datetime) -> FleetState:
    """Return what every active node of the tenant runs, against what it should."""
    expected = distribution.expected_release()
    reports = {report.node_id: report for report in distribution.reports()}
    rows = tuple(
        _row(node, reports.get(node.pk), expected, now) for node in nodes.active_nodes()
    )
    states = [row.standing.state for row in rows]
    lags = [
        row.report.lag_ms
        for row in rows
        if expected is not None
        and row.report is not None
        and row.report.lag_ms is not None
        and row.report.revision == expected.revision
    ]
    return FleetState(
        expected=expected,
        rows=rows,
        counts=dict(Counter(states)),
        share=consistency.share_in_sync(states),
        lag_p50_ms=percentile(lags, 0.5),
        lag_p99_ms=percentile(lags, 0.99),
        lag_last_ms=max(lags, default=None),
    )


def group_choices() -> list[NodeGroup]:
    """Return the groups that rows can be filtered by."""
    return list(nodes.groups())


def consistency_over_time(*, now: dt.datetime) -> tuple[Chart, Sequence[Point]]:
    """Return the chart of the last half hour, and its points for a table."""
    since = now - CHART_SPAN
    points = [
        Point(sample.at, sample.in_sync / sample.nodes)
        for sample in distribution.samples(since=since)
        if sample.nodes
    ][-_MOST_POINTS:]
    return consistency_chart(points, since=since, until=now), points


def _row(
    node: Node,
    report: NodeReport | None,
    expected: consistency.Expected | None,
    now: dt.datetime,
) -> NodeRow:
    return NodeRow(
        node=node,
        groups=tuple(group.slug for group in node.groups.all()),
        report=report,
        standing=consistency.standing(expected, distribution.reported(report), now=now),
        age=None if report is None else max(now - report.seen_at, dt.timedelta(0)),
    )
