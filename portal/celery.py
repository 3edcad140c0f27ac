"""Entry point of the workers, and the listener that makes the outbox fast.

A message's transaction notifies the channel `portward_outbox`. The worker listens and
asks for a relay at once; the beat's relay every two seconds catches what was missed.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import psycopg
from celery import Celery, bootsteps
from typing_extensions import override

from portal.database import connection_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.local")

app = Celery("portward")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

CHANNEL = "portward_outbox"
_LISTEN_FOR = 1.0
_LONGEST_PAUSE = 5.0
logger = logging.getLogger(__name__)


class OutboxListener(threading.Thread):
    """Listen for committed messages and ask for a relay, one request at a time."""

    def __init__(self) -> None:
        super().__init__(name="outbox-listener", daemon=True)
        self._stopping = threading.Event()

    @override
    def run(self) -> None:
        """Listen until stopped, connecting again with a growing pause."""
        pause = 0.1
        while not self._stopping.is_set():
            try:
                self._listen()
                pause = 0.1
            except psycopg.Error as error:
                logger.warning("the outbox listener lost the database: %s", error)
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def stop(self) -> None:
        """Stop listening within a second."""
        self._stopping.set()

    def _listen(self) -> None:
        with psycopg.connect(**connection_parameters(), autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            # What was committed before we listened has nobody to announce it.
            self._ask()
            while not self._stopping.is_set():
                heard = connection.notifies(timeout=_LISTEN_FOR, stop_after=1)
                if any(True for _ in heard):
                    self._ask()

    @staticmethod
    def _ask() -> None:
        app.send_task("outbox.relay", expires=30)


class OutboxListenerStep(bootsteps.StartStopStep):
    """Run the listener as long as the worker runs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:  # noqa: ANN401  # celery's signature
        super().__init__(worker, **kwargs)
        self._listener: OutboxListener | None = None

    @override
    def start(self, _worker: Any) -> None:
        """Start listening."""
        self._listener = OutboxListener()
        self._listener.start()

    @override
    def stop(self, _worker: Any) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.stop()


app.steps["worker"].add(OutboxListenerStep)
