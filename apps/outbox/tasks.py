"""Delivery by the workers."""

from celery import shared_task

from apps.outbox import services


@shared_task(name="outbox.relay", time_limit=120)
def relay() -> int:
    """Deliver everything that is due."""
    return services.drain()
