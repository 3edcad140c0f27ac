"""Entry point of the workers, and the listener that makes the outbox fast.

A message's transaction notifies the channel `portward_outbox`. The worker listens and
asks for a relay at once; the beat's relay every two seconds catches what was missed.

Urgent messages have a queue of their own, `revoke`. A worker with a pool of threads
also keeps a thread for them, which needs neither a free place in the pool nor the
broker.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from celery import Celery, bootsteps
from typing_extensions import override

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.local")

app = Celery("portward")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def ask_for_relay() -> None:
    """Queue one relay; it is worth nothing once the beat has queued a later one."""
    app.send_task("outbox.relay", expires=30, retry=False)


def ask_for_urgent_relay() -> None:
    """Queue one relay of the urgent lane."""
    app.send_task("outbox.relay_urgent", expires=30, retry=False)


def has_threads(worker: Any) -> bool:  # noqa: ANN401  # celery's signature
    """Say whether tasks of a worker run in its own process, so that a thread may too.

    The parent of a prefork pool must not hold connections of the database.
    """
    return str(worker.pool_cls.__module__).endswith((".thread", ".solo"))


class OutboxListenerStep(bootsteps.StartStopStep):
    """Run the listener as long as the worker runs, in the parent of any pool."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:  # noqa: ANN401  # celery's signature
        super().__init__(worker, **kwargs)
        self._threads: list[Any] = []

    @override
    def start(self, worker: Any) -> None:
        """Start listening."""
        # Models are loaded by now; they are not when this module is.
        listener = importlib.import_module("portal.listener")
        ask_urgent = ask_for_urgent_relay
        if has_threads(worker):
            urgent = listener.UrgentRelay()
            ask_urgent = urgent.wake
            self._threads.append(urgent)
        self._threads.append(listener.OutboxListener(ask_for_relay, ask_urgent))
        for thread in self._threads:
            thread.start()

    @override
    def stop(self, _worker: Any) -> None:
        """Stop listening, then what it wakes."""
        while self._threads:
            self._threads.pop().stop()


app.steps["worker"].add(OutboxListenerStep)
