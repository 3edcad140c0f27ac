"""The life of one policy, as a page tells it: versions and acts, the newest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.policies.choices import Act
from apps.policies.models import Policy, PolicyAct, PolicyVersion
from apps.policies.rules.timeline import Span
from apps.policies.selectors.timelines import (
    acts_of,
    shipped_versions_of,
    spans_of_versions,
)

MOST_ACTS = 200


@dataclass(frozen=True)
class Entry:
    """A version or an act, and when it counts or was done."""

    at: dt.datetime
    version: PolicyVersion | None = None
    act: PolicyAct | None = None
    span: Span | None = None
    standing: str = ""

    @property
    def people(self) -> Sequence[Mapping[str, Any]]:
        """Return who approved it."""
        row = self.version or self.act
        return row.approvers if row else ()


def history_of(policy: Policy, now: dt.datetime) -> list[Entry]:
    """Return everything that happened to a policy, the newest first."""
    rows = list(
        PolicyVersion.objects.select_related("restores", "previous").filter(
            policy=policy
        )
    )
    for row in rows:
        # Saves asking for what is known.
        row.policy = policy
    spans = spans_of_versions(rows)
    counts = {
        one.version.number
        for one in shipped_versions_of(policy, now)
        if one.span.interval.holds(now)
    }
    found = [
        Entry(
            row.frozen_at,
            version=row,
            span=spans.get(row.number),
            standing=_standing(row, spans.get(row.number), counts, now),
        )
        for row in rows
    ]
    # A rollback is told by the version that it made.
    acts = acts_of(policy.pk).exclude(act=Act.ROLL_BACK)[:MOST_ACTS]
    found += [Entry(act.done_at, act=act) for act in acts]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _standing(
    row: PolicyVersion, span: Span | None, counts: set[int], now: dt.datetime
) -> str:
    if row.number in counts:
        return "in force"
    if span is None:
        return "never in force"
    return "to come" if span.interval.is_ahead(now) else "over"
