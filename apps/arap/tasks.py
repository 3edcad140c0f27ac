"""Periodic work on requests for access."""

from __future__ import annotations

import logging

from celery import shared_task

from apps.arap import selectors, services
from apps.audit.events import Actor
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)
ACTOR = Actor.system("arap")


@shared_task(name="arap.follow")
def follow() -> int:
    """Follow every request that is not over; return how many there are."""
    if not selectors.is_on():
        return 0
    followed = 0
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        with tenant_scope(tenant_id):
            open_ones = list(selectors.pending().values_list("pk", flat=True))
        for request_id in open_ones:
            try:
                with tenant_scope(tenant_id):
                    services.follow(actor=ACTOR, request_id=request_id)
            except Exception:
                logger.exception("request %s was not followed", request_id)
            else:
                followed += 1
    return followed
