"""The edge as an ASGI application: enroll, sync, report.

Raw ASGI, never a Django view: a parked view costs a thread. Run it as a process of its
own, with `granian --interface asgi portal.edge:app`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable

from apps.limits.rules.table import EDGE_DECISIONS, EDGE_REPORT, EDGE_SYNC
from portal.edge import wire
from portal.edge.gate import Caller, Gate
from portal.edge.hub import Hub, Room
from portal.edge.intake import Intake, heartbeat, parse_decisions, parse_receipt
from portal.edge.limits import Counted, Limits
from portal.edge.store import Store
from portal.edge.wire import EdgeRefusal, Receive, Request, Scope, Send
from protocol.envelope import DELTA_MANIPULATION, ENVELOPE_TYPE

# Proxies end idle requests after 30 or 60 s; the edge answers before they do.
LONGEST_WAIT = 25
MOST_WAITING = 18_000
logger = logging.getLogger(__name__)

Handler = Callable[[Request, Send, Counted], Awaitable[None]]


class Edge:
    """The routes of the edge and the state they share."""

    def __init__(self) -> None:
        self._store = Store()
        self._gate = Gate(self._store)
        self.hub = Hub(self._store, self._gate)
        self._intake = Intake(self._store)
        self._limits = Limits(self._store)
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/healthz"): self._health,
            ("POST", "/edge/v1/enroll"): self._enroll,
            ("GET", "/edge/v1/sync"): self._sync,
            ("POST", "/edge/v1/reports"): self._report,
            ("POST", "/edge/v1/decisions"): self._decisions,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the life of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def start(self) -> None:
        """Start the tasks; the server does this through the lifespan protocol."""
        self.hub.start()
        self._intake.start()
        self._limits.start()

    async def stop(self) -> None:
        """Send everybody away and record what was reported."""
        await self.hub.stop()
        await self._intake.stop()
        await self._limits.stop()
        self._store.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = Counted()
        send = wire.with_headers(send, counted.headers)
        try:
            self._limits.enter(scope, counted)
            request = await wire.read_request(scope, receive)
            handler = self._routes.get((request.method, request.path))
            if handler is None:
                raise EdgeRefusal(404, "edge.no_such_route", "There is no such route.")
            await handler(request, send, counted)
        except EdgeRefusal as refusal:
            await wire.refuse(send, refusal)
        except Exception:  # the sender gets an answer whatever happened
            logger.exception("the edge failed on %s", scope.get("path"))
            await wire.refuse(
                send,
                EdgeRefusal(503, "edge.unavailable", "The edge cannot answer now."),
            )

    async def _health(self, _request: Request, send: Send, _counted: Counted) -> None:
        await wire.answer(send, 200, b"ok", [(b"content-type", b"text/plain")])

    async def _enroll(self, request: Request, send: Send, _counted: Counted) -> None:
        await wire.answer_json(send, 201, await self._store.enroll(request.json()))

    async def _report(self, request: Request, send: Send, counted: Counted) -> None:
        caller = await self._gate.admit(request)
        self._limits.take(EDGE_REPORT, caller.name, counted)
        report = parse_receipt(request.body, caller, dt.datetime.now(dt.UTC))
        await self._intake.receipt(caller.tenant_id, report)
        await wire.answer(send, 204)

    async def _decisions(self, request: Request, send: Send, counted: Counted) -> None:
        caller = await self._gate.admit(request)
        self._limits.take(EDGE_DECISIONS, caller.name, counted)
        chunk = parse_decisions(request.body, caller)
        await self._store.record_decisions(caller.tenant_id, caller.node_id, chunk)
        await wire.answer(send, 204)

    async def _sync(self, request: Request, send: Send, counted: Counted) -> None:
        caller = await self._gate.admit(request)
        self._limits.take(EDGE_SYNC, caller.name, counted)
        held = request.headers.get("if-none-match", "")
        self._note_heartbeat(request, caller)
        room = await self.hub.room(caller.tenant_id)
        if room.offer is None or room.offer.etag == held:
            await self._wait(room, held, caller, request.wait_seconds(LONGEST_WAIT))
        offer = room.offer
        if offer is None:
            raise EdgeRefusal(
                404,
                "bundles.no_release",
                "This tenant has no release yet.",
                "Approve the first policy.",
            )
        if offer.etag == held:
            await wire.answer(
                send,
                304,
                headers=[
                    (b"etag", offer.etag.encode()),
                    (b"portward-timestamp", offer.stamp),
                ],
            )
            return
        headers = [
            (b"content-type", ENVELOPE_TYPE.encode()),
            (b"etag", offer.etag.encode()),
            (b"portward-revision", str(offer.revision).encode()),
        ]
        delta = offer.deltas.get(held) if request.takes(DELTA_MANIPULATION) else None
        if delta is None:
            await wire.answer(send, 200, offer.body, headers)
            return
        headers += [
            (b"im", DELTA_MANIPULATION.encode()),
            (b"delta-base", held.encode("latin-1")),
        ]
        await wire.answer(send, 226, delta, headers)

    async def _wait(self, room: Room, held: str, caller: Caller, seconds: int) -> None:
        """Park until there is news, the time is up, or the node is put out."""
        if self.hub.waiting >= MOST_WAITING:
            # An immediate 304 would make the whole fleet ask again at once.
            raise EdgeRefusal(503, "edge.overloaded", "The edge cannot hold polls now.")
        deadline = asyncio.get_running_loop().time() + seconds
        room.waiting += 1
        try:
            while True:
                self._refuse_if_out(caller)
                if room.offer is not None and room.offer.etag != held:
                    return
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    return
                try:
                    await asyncio.wait_for(room.changed.wait(), left)
                except TimeoutError:
                    return
        finally:
            room.waiting -= 1

    def _refuse_if_out(self, caller: Caller) -> None:
        # No question to the database here: a release wakes thousands at once.
        if self.hub.is_stopping:
            raise EdgeRefusal(503, "edge.stopping", "The edge is being restarted.")
        if self._gate.is_out(caller.tenant_id, caller.node_id):
            raise EdgeRefusal(
                403, "nodes.unknown_or_revoked", "This node has been revoked."
            )

    def _note_heartbeat(self, request: Request, caller: Caller) -> None:
        report = heartbeat(
            caller,
            request.headers.get("portward-revision", ""),
            request.headers.get("portward-fingerprint", ""),
            dt.datetime.now(dt.UTC),
        )
        if report is not None:
            self._intake.heard(caller.tenant_id, report)
