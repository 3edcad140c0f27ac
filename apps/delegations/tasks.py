"""Recurring work: say what the clock ended. No right depends on it."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from apps.delegations import services
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)


@shared_task(name="delegations.expire")
def expire() -> int:
    """Tell people in each tenant what has ended; one failure stops no other."""
    told = 0
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        try:
            with tenant_scope(tenant_id):
                told += services.tell_expired(now=timezone.now())
        except Exception:
            logger.exception("delegations of tenant %s were not told of", tenant_id)
    return told
