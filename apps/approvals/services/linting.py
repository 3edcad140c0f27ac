"""Look for requests that nobody could decide, and tell those who can mend it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.approvals import rules, selectors
from apps.approvals.errors import FlowUncoveredError
from apps.approvals.models import LinterReport
from apps.approvals.rules.linter import Finding, Severity, lint
from apps.approvals.selectors.coverage import Candidate, WeekAhead, week_ahead
from apps.notifications.choices import Event
from apps.notifications.services import notify
from apps.tenants.services import require_tenant_id

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
    """Tell the security admins what the linter found; return how much that is.

    What they were told is not told again until it changes.
    """
    found = week_ahead().findings()
    if _is_new(found) and found:
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


def _is_new(found: Sequence[Finding]) -> bool:
    """Say whether this differs from what was found last, and remember it."""
    said = sorted([one.severity, one.code, one.flow, one.message] for one in found)
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    row, _ = LinterReport.objects.select_for_update().get_or_create(
        tenant_id=require_tenant_id()
    )
    if row.digest == digest:
        return False
    row.digest, row.told_at = digest, timezone.now()
    row.save(update_fields=["digest", "told_at"])
    return True


def security_admins() -> list[uuid.UUID]:
    """Return the security admins of the open tenant."""
    return [
        person
        for person, row in selectors.active_members().items()
        if selectors.SECURITY_ADMIN in row.roles
    ]
