"""Look for requests that nobody could decide, and tell those who can mend it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.urls import reverse

from apps.approvals import rules, selectors
from apps.approvals.errors import FlowUncoveredError
from apps.approvals.rules.linter import Severity, lint
from apps.approvals.selectors.coverage import Candidate, WeekAhead, week_ahead
from apps.notifications.choices import Event
from apps.notifications.services import notify

_MOST_LINES = 20


def require_covered(flow_id: uuid.UUID | None, spec: rules.FlowSpec) -> None:
    """Raise FlowUncoveredError when nobody could ever pass what a flow asks."""
    mine = Candidate(flow_id, spec)
    ahead = WeekAhead([mine])
    for finding in lint(ahead.paths_of(mine), ahead.absences()):
        if finding.severity is Severity.ERROR:
            raise FlowUncoveredError(
                finding.message,
                field="stages",
                remedy="Name people who are members and have a passkey.",
            )


@transaction.atomic
def report_findings() -> int:
    """Tell the security admins what the linter found; return how much that is."""
    found = week_ahead().findings()
    if found:
        lines = [f"{one.severity}: {one.message}" for one in found[:_MOST_LINES]]
        notify(
            event=Event.LINTER_FINDING,
            recipients=security_admins(),
            title=f"{len(found)} findings about who decides on requests",
            body="\n".join(lines),
            path=reverse("admin:approvals_coverage"),
            data={"codes": sorted({one.code for one in found})},
        )
    return len(found)


def security_admins() -> list[uuid.UUID]:
    """Return the security admins of the open tenant."""
    return [
        person
        for person, row in selectors.active_members().items()
        if selectors.SECURITY_ADMIN in row.roles
    ]
