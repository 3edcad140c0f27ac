"""Periodic work on reviews."""

from __future__ import annotations

import logging

from celery import shared_task

from apps.reviews import services
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)


@shared_task(name="reviews.tick")
def tick() -> int:
    """Open, remind and close what is due in each tenant; one failing stops no other."""
    done = 0
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        for work in (services.close_due, services.open_due, services.remind):
            try:
                with tenant_scope(tenant_id):
                    done += work()
            except Exception:
                logger.exception("%s failed in tenant %s", work.__name__, tenant_id)
    return done
