"""Recurring work: remind of what ends, and leave behind what is over."""

from __future__ import annotations

import logging
import uuid

from celery import shared_task
from django.utils import timezone

from apps.policies import services
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)


@shared_task(name="policies.tend")
def tend() -> int:
    """Tend each tenant's policies; one failure stops no other."""
    done = 0
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        try:
            done += _tend(tenant_id)
        except Exception:
            logger.exception("policies of tenant %s were not tended", tenant_id)
    return done


def _tend(tenant_id: uuid.UUID) -> int:
    with tenant_scope(tenant_id):
        return services.tend_policies(now=timezone.now())
