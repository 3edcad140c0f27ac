"""Entry point of the workers, and the listener that makes the outbox fast.

A message's transaction notifies the channel `portward_outbox`. The worker listens and
asks for a relay at once; the beat's relay every two seconds catches what was missed.
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


class OutboxListenerStep(bootsteps.StartStopStep):
    """Run the listener as long as the worker runs, in the parent of any pool."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:  # noqa: ANN401  # celery's signature
        super().__init__(worker, **kwargs)
        self._listener: Any = None

    @override
    def start(self, _worker: Any) -> None:
        """Start listening."""
        # Models are loaded by now; they are not when this module is.
        listener = importlib.import_module("portal.listener")
        self._listener = listener.OutboxListener(ask_for_relay)
        self._listener.start()

    @override
    def stop(self, _worker: Any) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.stop()


app.steps["worker"].add(OutboxListenerStep)
