"""Delivery by the workers."""

from celery import shared_task

from apps.outbox import services

# Stop well before the time limit would kill a delivery; the next relay goes on.
PATIENCE_SECONDS = 60


@shared_task(name="outbox.relay", time_limit=120)
def relay() -> int:
    """Deliver everything that is due."""
    services.announce_relay()
    return services.drain(patience=PATIENCE_SECONDS)


@shared_task(name="outbox.relay_urgent", time_limit=120)
def relay_urgent() -> int:
    """Deliver what is urgent and due; runs on a queue of its own."""
    services.announce_relay(urgent_only=True)
    return services.drain(patience=PATIENCE_SECONDS, urgent_only=True)
