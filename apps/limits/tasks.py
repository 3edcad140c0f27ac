"""Keep the tables small."""

from __future__ import annotations

from celery import shared_task

from apps.limits import services


@shared_task(name="limits.sweep", time_limit=60)
def sweep() -> int:
    """Remove full buckets, old counts and addresses not seen for long."""
    return services.sweep_buckets() + services.forget_old()
