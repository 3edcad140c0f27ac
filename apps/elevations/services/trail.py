"""What every act of this app leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.audit.events import Actor
from apps.audit.services import append
from apps.elevations.events import ElevationAction
from apps.elevations.models import Elevation


def audit(
    actor: Actor,
    action: ElevationAction,
    row: Elevation,
    *,
    before: Mapping[str, Any] | None = None,
    **more: str,
) -> None:
    """Append to the audit log what an elevation is now."""
    append(
        actor=actor,
        action=action,
        target_type="elevation",
        target_id=str(row.pk),
        before=dict(before) if before is not None else None,
        after=state(row) | more,
    )


def state(row: Elevation) -> dict[str, Any]:
    """Return an elevation as the audit log keeps it."""
    scope = row.scope
    return {
        "state": str(row.state),
        "purpose": row.eligibility.purpose,
        "principal": f"{row.principal.type}::{row.principal.key}",
        "requester": str(row.requester_id),
        "role": row.role.slug,
        "scope": f"{scope.type}::{scope.key}" if scope else None,
        "tier": row.tier,
        "minutes": row.minutes,
        "reason": row.reason,
        "ticket": row.ticket,
        "request": str(row.request_id) if row.request_id else None,
        "extends": str(row.extends_id) if row.extends_id else None,
        "starts_at": row.starts_at.isoformat() if row.starts_at else None,
        "ends_at": row.ends_at.isoformat() if row.ends_at else None,
        "assignment": str(row.assignment_id) if row.assignment_id else None,
    }
