"""Periodic work on notifications."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from apps.notifications import services
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)
KEEP_LOG = dt.timedelta(days=90)


@shared_task(name="notifications.daily")
def daily() -> int:
    """Write the digests at their hour, and tidy the log; return how many digests."""
    if timezone.now().hour != settings.PORTWARD_DIGEST_HOUR:
        return 0
    return write_all_digests()


def write_all_digests() -> int:
    """Write every tenant's digests; one that fails does not stop the others."""
    written = 0
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        try:
            with tenant_scope(tenant_id):
                written += services.write_digests()
                services.forget_deliveries(older_than=KEEP_LOG)
        except Exception:
            logger.exception("digests of tenant %s were not written", tenant_id)
    return written
