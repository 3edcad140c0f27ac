"""Tell of assignments that came about outside of every workflow."""

from __future__ import annotations

from django.db import transaction
from django.urls import reverse

from apps.approvals.events import AuditAction
from apps.approvals.models import OutOfBandAlert
from apps.approvals.services.linting import security_admins
from apps.audit.events import Actor
from apps.audit.services import append
from apps.notifications.choices import Event
from apps.notifications.services import notify
from apps.roles.models import Assignment

_HIGH_RISK = 90


@transaction.atomic
def alert_out_of_band(*, actor: Actor) -> int:
    """Write down and tell each assignment that the database marked, once."""
    told = OutOfBandAlert.objects.values("assignment_id")
    marked = (
        Assignment.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("principal", "role", "scope")
        .filter(is_out_of_band=True)
        .exclude(pk__in=told)
        .order_by("pk")
    )
    rows = list(marked)
    for row in rows:
        _alert(actor, row)
    return len(rows)


def _alert(actor: Actor, row: Assignment) -> None:
    OutOfBandAlert.objects.create(tenant_id=row.tenant_id, assignment=row)
    what = f"{row.principal} holds {row.role} {row.scope or 'everywhere'}"
    append(
        actor=actor,
        action=AuditAction.ASSIGNMENT_OUT_OF_BAND,
        target_type="Assignment",
        target_id=str(row.pk),
        before=None,
        after={
            "principal": f"{row.principal.type}::{row.principal.key}",
            "role": row.role.slug,
            "workflow": row.workflow,
            "workflow_id": str(row.workflow_id) if row.workflow_id else None,
        },
    )
    notify(
        event=Event.ASSIGNMENT_OUT_OF_BAND,
        recipients=security_admins(),
        title="A role was assigned outside of a request",
        body=f"{what}, and no approved request vouches for it. Find out who wrote it, "
        "and revoke it or ask for it properly.",
        path=reverse("admin:roles_assignment_change", args=[row.pk]),
        data={"what": what, "risk": _HIGH_RISK},
        urgent=True,
    )
