"""Wake the outbox relay at once: LISTEN for committed messages and ask for a relay.

At most one relay is asked for and not yet begun. A relay that begins says so on a
channel of its own. PostgreSQL delivers notifications in the order of commits, so what
was committed before that will be found by the relay, and what comes after asks for the
next one. The beat's relay catches whatever gets lost.

The urgent lane is asked for on its own: a relay of all lanes that has yet to begin may
have to wait for a free worker.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable

import psycopg
from django.db import DatabaseError, close_old_connections
from kombu.exceptions import OperationalError
from typing_extensions import override

from apps.outbox.services import CHANNEL, RELAY_CHANNEL, URGENT, announce_relay, drain
from portal.database import connection_parameters

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
# A request that the broker lost holds the next one back for as long as this.
PATIENCE = 2.0
_LISTEN_FOR = 30.0
_JOIN_FOR = 2.0
# How often the urgent lane is looked at when nobody announces anything.
_LOOK_EVERY = 1.0
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

    def __init__(self, ask: Callable[[], None], ask_urgent: Callable[[], None]) -> None:
        super().__init__(name="outbox-listener", daemon=True)
        self._trigger = RelayTrigger(lambda: self._try(ask))
        self._urgent = RelayTrigger(lambda: self._try(ask_urgent))
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
        for trigger in (self._urgent, self._trigger):
            trigger.relay_began()
            trigger.message_committed(time.monotonic())
        while not self._stopping.is_set():
            for notice in connection.notifies(timeout=0):
                self._hear(notice.channel, notice.payload)
            select.select(
                [connection.fileno(), self._woken.fileno()], [], [], _LISTEN_FOR
            )

    def _hear(self, channel: str, payload: str) -> None:
        trigger = self._urgent if payload == URGENT else self._trigger
        if channel == RELAY_CHANNEL:
            trigger.relay_began()
        else:
            trigger.message_committed(time.monotonic())

    @staticmethod
    def _try(ask: Callable[[], None]) -> None:
        try:
            ask()
        except (OperationalError, OSError) as error:
            # The message is safe in its table; the beat's relay will find it.
            logger.warning("the outbox listener cannot reach the broker: %s", error)


class UrgentRelay(threading.Thread):
    """A thread that delivers urgent messages and nothing else, until stopped.

    It goes on when the broker is away and when the pool is busy. Messages that nobody
    announced, and those to be tried again, are looked for every second.
    """

    def __init__(self) -> None:
        super().__init__(name="outbox-urgent", daemon=True)
        self._wanted = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Look for urgent messages now, or once more after the ones in delivery."""
        self._wanted.set()

    @override
    def run(self) -> None:
        """Deliver until stopped; whatever goes wrong is tried again."""
        while not self._stopping.is_set():
            is_awaited = self._wanted.wait(_LOOK_EVERY)
            # Cleared first: what is committed from here on wakes it again.
            self._wanted.clear()
            try:
                if is_awaited:
                    announce_relay(urgent_only=True)
                drain(urgent_only=True)
            except DatabaseError as error:
                logger.warning("the urgent lane lost the database: %s", error)
                self._stopping.wait(FIRST_PAUSE)
            finally:
                close_old_connections()

    def stop(self) -> None:
        """Stop after the delivery that runs."""
        self._stopping.set()
        self._wanted.set()
        if self.is_alive():
            self.join(_JOIN_FOR)
