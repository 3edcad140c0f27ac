"""What every act of this app leaves behind, and the lock that they share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.delegations.choices import LoanState
from apps.delegations.events import DelegationsAction, Notice
from apps.delegations.models import ApproverAbsence, Delegation, Loan
from apps.notifications import services as notifications
from apps.tenants.services import require_tenant_id

_PAGE = "/access/delegations/"


def lock_loans() -> None:
    """Let one transaction at a time change what is lent in the tenant.

    What is passed on depends on what it was borrowed by, and all on the settings.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"delegations:{require_tenant_id()}"],
        )


def write_end(row: Loan, state: LoanState, actor: Actor, reason: str) -> None:
    """Write down that a loan ended, by whom and why."""
    row.state = state
    row.ended_at, row.ended_by, row.ended_reason = timezone.now(), actor.name, reason
    row.save(
        update_fields=["state", "ended_at", "ended_by", "ended_reason", "updated_at"]
    )


def write_answer(row: Loan, state: LoanState, *fields: str) -> None:
    """Write down how an offer was answered."""
    row.state, row.answered_at = state, timezone.now()
    row.save(update_fields=["state", "answered_at", "updated_at", *fields])


def note(
    actor: Actor,
    action: DelegationsAction,
    row: Delegation | ApproverAbsence,
    after: Mapping[str, Any],
) -> None:
    """Append to the audit log."""
    audit.append(
        actor=actor,
        action=action,
        target_type=type(row).__name__,
        target_id=str(row.pk),
        after=dict(after),
    )


def tell(
    notice: Notice,
    recipients: Iterable[uuid.UUID | None],
    title: str,
    row: Loan,
    *,
    urgent: bool = False,
) -> None:
    """Tell people what concerns them."""
    notifications.notify(
        event=notice.value,
        recipients=[who for who in recipients if who is not None],
        title=title,
        body=f"From {row.start:%Y-%m-%d %H:%M} to {row.end:%Y-%m-%d %H:%M} UTC. "
        f"{row.ended_reason or row.reason}",
        path=_PAGE,
        data={"what": str(row), "deadline": row.end.isoformat()},
        urgent=urgent,
    )
