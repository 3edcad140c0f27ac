"""Who waits for what: parked polls, and what wakes them.

PostgreSQL notifies that something changed; the hub then reads what is true. A lost
notification is healed by a slow look every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass, field

import psycopg

from apps.bundles.events import RELEASE_CHANNEL
from portal.database import connection_parameters
from portal.edge.gate import Gate
from portal.edge.store import Offer, Store

NODES_CHANNEL = "portward_nodes"
LOOK_EVERY = 5.0
_LONGEST_PAUSE = 5.0
logger = logging.getLogger(__name__)


@dataclass
class Room:
    """The parked polls of one tenant."""

    offer: Offer | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    is_loaded: bool = False
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wake(self) -> None:
        """Let everybody who waits look again."""
        waiters, self.changed = self.changed, asyncio.Event()
        waiters.set()


class Hub:
    """The rooms of all tenants, and the tasks that keep them fresh."""

    def __init__(self, store: Store, gate: Gate) -> None:
        self._store = store
        self._gate = gate
        self._rooms: dict[uuid.UUID, Room] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.is_stopping = False
        self.is_listening = False

    @property
    def waiting(self) -> int:
        """Return how many polls are parked."""
        return sum(room.waiting for room in self._rooms.values())

    async def room(self, tenant_id: uuid.UUID) -> Room:
        """Return the room of a tenant, loaded."""
        room = self._rooms.setdefault(tenant_id, Room())
        if not room.is_loaded:
            # A fleet that arrives at once makes one question, not thousands.
            async with room.loading:
                if not room.is_loaded:
                    await self.refresh(tenant_id)
        return room

    async def refresh(self, tenant_id: uuid.UUID) -> None:
        """Read what is true for a tenant, and wake its polls if that is news."""
        room = self._rooms.get(tenant_id)
        if room is None:
            return
        before = room.offer.etag if room.offer else None
        offer = await self._store.offer(tenant_id)
        # A slower read must not undo a faster one: revisions only grow.
        if room.offer is None or (
            offer is not None and offer.revision >= room.offer.revision
        ):
            room.offer = offer
        room.is_loaded = True
        if room.offer is not None and room.offer.etag != before:
            room.wake()

    def start(self) -> None:
        """Start listening and looking."""
        self._tasks = [
            asyncio.create_task(self._listen_forever(), name="edge-listen"),
            asyncio.create_task(self._look_forever(), name="edge-look"),
        ]

    async def stop(self) -> None:
        """Wake everybody so that they are sent away, then end the tasks."""
        self.is_stopping = True
        for room in self._rooms.values():
            room.wake()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen_forever(self) -> None:
        pause = 0.1
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    **connection_parameters(), autocommit=True
                ) as connection:
                    await self._listen(connection)
                pause = 0.1
            except (psycopg.Error, OSError) as error:
                logger.warning("the edge lost its listener: %s", error)
            self.is_listening = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute(f"LISTEN {RELEASE_CHANNEL}")
        await connection.execute(f"LISTEN {NODES_CHANNEL}")
        # What happened while nobody listened has to be read.
        self._gate.forget_all()
        await self._refresh_all()
        self.is_listening = True
        async for heard in connection.notifies():
            tenant, _, detail = heard.payload.partition(":")
            try:
                if heard.channel == RELEASE_CHANNEL:
                    await self._release_signed(uuid.UUID(tenant), int(detail))
                else:
                    await self._node_changed(uuid.UUID(tenant), uuid.UUID(detail))
            except ValueError:
                logger.warning("notification of unknown shape: %s", heard.payload)
            except Exception:
                # The slow look reads again; the listener must live on.
                logger.exception("could not follow %s", heard.payload)

    async def _release_signed(self, tenant_id: uuid.UUID, revision: int) -> None:
        # Told twice: at the commit, and by a message that repeats it.
        offer = self._rooms[tenant_id].offer if tenant_id in self._rooms else None
        if offer is None or offer.revision < revision:
            await self.refresh(tenant_id)

    async def _node_changed(self, tenant_id: uuid.UUID, node_id: uuid.UUID) -> None:
        self._gate.forget(tenant_id, node_id)
        if tenant_id in self._rooms:
            await self._put_out_revoked(tenant_id)

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._refresh_stale()
            except Exception:
                # The database may be away; the next look tries again.
                logger.exception("could not look for news")

    async def _refresh_stale(self) -> None:
        for tenant_id, room in list(self._rooms.items()):
            await self._put_out_revoked(tenant_id)
            position = await self._store.position(tenant_id)
            held = room.offer and (room.offer.revision, room.offer.stamp_version)
            if position != held:
                await self.refresh(tenant_id)

    async def _put_out_revoked(self, tenant_id: uuid.UUID) -> None:
        revoked = await self._store.revoked_nodes(tenant_id)
        news = [node for node in revoked if self._gate.put_out(tenant_id, node)]
        if news:
            self._rooms[tenant_id].wake()

    async def _refresh_all(self) -> None:
        for tenant_id in list(self._rooms):
            await self._put_out_revoked(tenant_id)
            await self.refresh(tenant_id)
