"""Recurring work on requests. No decision depends on it: each vote asks the time."""

from __future__ import annotations

from celery import shared_task

from apps.approvals import selectors, services
from apps.approvals.choices import RequestState
from apps.audit.events import Actor
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

ACTOR = Actor.system("approvals")


@shared_task(name="approvals.tend")
def tend() -> None:
    """Remind, escalate and expire what waits in each tenant."""
    for tenant in list(tenants()):
        with tenant_scope(tenant.pk):
            waiting = selectors.requests().filter(state=RequestState.OPEN)
            ids = list(waiting.values_list("pk", flat=True))
        for request_id in ids:
            with tenant_scope(tenant.pk):
                services.tend_request(actor=ACTOR, request_id=request_id)


@shared_task(name="approvals.lint")
def lint() -> None:
    """Tell each tenant's security admins which requests nobody could decide."""
    for tenant in list(tenants()):
        with tenant_scope(tenant.pk):
            services.report_findings()


@shared_task(name="approvals.watch_assignments")
def watch_assignments() -> int:
    """Tell of assignments that came about outside of every workflow."""
    told = 0
    for tenant in list(tenants()):
        with tenant_scope(tenant.pk):
            told += services.alert_out_of_band(actor=ACTOR)
    return told
