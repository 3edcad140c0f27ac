"""Periodic tidying of sessions. No right depends on it: each request asks the time."""

from __future__ import annotations

from celery import shared_task

from apps.audit.events import Actor
from apps.signin import services


@shared_task(name="signin.tidy")
def tidy() -> None:
    """Close the rows of sessions that time ended, and forget operations nobody did."""
    services.end_stale(actor=Actor.system("signin"))
    services.sweep()
