"""Wake the outbox relay at once: LISTEN for committed messages and ask for a relay.

At most one relay is asked for and not yet begun. A relay that begins says so on a
channel of its own. PostgreSQL delivers notifications in the order of commits, so what
was committed before that will be found by the relay, and what comes after asks for the
next one. The beat's relay catches whatever gets lost.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable

import psycopg
from kombu.exceptions import OperationalError
from typing_extensions import override

from apps.outbox.services import CHANNEL, RELAY_CHANNEL
from portal.database import connection_parameters

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
# A request that the broker lost holds the next one back for as long as this.
PATIENCE = 2.0
_LISTEN_FOR = 30.0
_JOIN_FOR = 2.0
logger = logging.getLogger(__name__)


class RelayTrigger:
    """Decide when to ask for a relay. Knows neither database nor broker."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._asked_at: float | None = None

    def message_committed(self, now: float) -> None:
        """Ask for a relay, unless one that was asked for has yet to begin."""
        if self._asked_at is not None and now - self._asked_at < PATIENCE:
            return
        self._asked_at = now
        self._ask()

    def relay_began(self) -> None:
        """Note that what comes from now on may come too late for this relay."""
        self._asked_at = None


class OutboxListener(threading.Thread):
    """Listen on a connection of its own until stopped."""

    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__(name="outbox-listener", daemon=True)
        self._trigger = RelayTrigger(lambda: self._try(ask))
        self._stopping = threading.Event()
        self._waker, self._woken = socket.socketpair()

    @override
    def run(self) -> None:
        """Listen until stopped, connecting again with a growing pause."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                with psycopg.connect(
                    **connection_parameters(), autocommit=True
                ) as connection:
                    pause = FIRST_PAUSE
                    self._listen(connection)
            except psycopg.Error as error:
                logger.warning("the outbox listener lost the database: %s", error)
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def stop(self) -> None:
        """Stop at once, and wait for a broker that is being asked."""
        self._stopping.set()
        self._waker.send(b"\0")
        if self.is_alive():
            self.join(_JOIN_FOR)

    def _listen(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        connection.execute(f"LISTEN {RELAY_CHANNEL}")
        # What was committed before we listened has nobody to announce it.
        self._trigger.relay_began()
        self._trigger.message_committed(time.monotonic())
        while not self._stopping.is_set():
            for notice in connection.notifies(timeout=0):
                self._hear(notice.channel)
            select.select(
                [connection.fileno(), self._woken.fileno()], [], [], _LISTEN_FOR
            )

    def _hear(self, channel: str) -> None:
        if channel == RELAY_CHANNEL:
            self._trigger.relay_began()
        else:
            self._trigger.message_committed(time.monotonic())

    @staticmethod
    def _try(ask: Callable[[], None]) -> None:
        try:
            ask()
        except (OperationalError, OSError) as error:
            # The message is safe in its table; the beat's relay will find it.
            logger.warning("the outbox listener cannot reach the broker: %s", error)
