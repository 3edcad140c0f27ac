"""Recurring work on consistency."""

from celery import shared_task

from apps.distribution import services
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope


@shared_task(name="distribution.sample_consistency")
def sample_consistency() -> int:
    """Note for each tenant how many nodes run the right release."""
    taken = 0
    for tenant in tenants():
        with tenant_scope(tenant.pk):
            taken += services.sample_consistency() is not None
    return taken


@shared_task(name="distribution.forget_decisions")
def forget_decisions() -> int:
    """Delete the decisions of each tenant that are past their time."""
    deleted = 0
    for tenant in tenants():
        with tenant_scope(tenant.pk):
            deleted += services.forget_decisions()
    return deleted
