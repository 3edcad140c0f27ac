"""Recurring work: write down what the clocks ended, and warn of what ends soon."""

from __future__ import annotations

import logging
import uuid

from celery import shared_task
from django.utils import timezone

from apps.audit.events import Actor
from apps.elevations import services
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)
ACTOR = Actor.system("elevations")


@shared_task(name="elevations.settle")
def settle() -> int:
    """Settle each tenant's elevations; one failure stops no other."""
    changed = 0
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        try:
            changed += _settle(tenant_id)
        except Exception:
            logger.exception("elevations of tenant %s were not settled", tenant_id)
    return changed


def _settle(tenant_id: uuid.UUID) -> int:
    now = timezone.now()
    with tenant_scope(tenant_id):
        services.take_warnings(now=now)
        return len(services.settle(actor=ACTOR, now=now))
