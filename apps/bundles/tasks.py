"""Periodic work on releases."""

from __future__ import annotations

import logging
import uuid

from celery import shared_task
from django.utils import timezone

from apps.bundles import adapters, selectors, services
from apps.bundles.errors import TimestampOutdatedError
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)


@shared_task(name="bundles.refresh_timestamps")
def refresh_timestamps() -> None:
    """Sign a fresh timestamp for every tenant; one that fails does not stop others."""
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        try:
            refresh_timestamp(tenant_id)
        except TimestampOutdatedError:
            # Another worker was faster, which is what was wanted.
            continue
        except Exception:
            logger.exception("timestamp of tenant %s was not refreshed", tenant_id)


def refresh_timestamp(tenant_id: uuid.UUID) -> None:
    """Sign a fresh timestamp for the newest release of one tenant."""
    with tenant_scope(tenant_id):
        work = selectors.timestamp_work()
    if work is None:
        return
    timestamp = adapters.sign_timestamp(
        snapshot_metadata=work.snapshot_metadata,
        revision=work.revision,
        version=work.version + 1,
        keys=work.keys,
        now=timezone.now(),
    )
    with tenant_scope(tenant_id):
        services.store_timestamp(release_id=work.release_id, timestamp=timestamp)
