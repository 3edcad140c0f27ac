"""Collect what this node decides, and hand it to the portal in signed chunks.

Nothing here may slow an answer down: noting is a few dictionary operations under a
lock. The same question answered the same way is counted, not repeated. When the portal
cannot be reached, the newest questions that find no room are dropped and counted.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import uuid
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.decide import Decision, Request
from node_agent.backoff import Backoff
from node_agent.config import Identity
from node_agent.errors import AgentError, EdgeRefusedError
from protocol.canonical import canonical_bytes
from protocol.decisions import (
    DECISIONS_TYPE,
    MOST_BYTES,
    MOST_ENTRIES,
    Chunk,
    DecisionEntry,
    chunk_payload,
)
from protocol.envelope import dsse_sign
from protocol.errors import ProtocolError
from protocol.records import EntityRef

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
MOST_WAITING = 5_000
_LONGEST_TEXT = 255

_Key = tuple[EntityRef, str, EntityRef, bool, str, tuple[str, ...], int | None]


@dataclass
class _Tally:
    id: uuid.UUID
    first_at: dt.datetime
    last_at: dt.datetime
    determining: tuple[str, ...]
    count: int = 1


class DecisionSink(Protocol):
    """Where signed chunks go."""

    def send_decisions(self, body: bytes) -> None:
        """Deliver, or raise ProtocolError."""


class Collector:
    """Tally decisions, and deliver them from a thread of its own."""

    def __init__(
        self,
        identity: Identity,
        key: Ed25519PrivateKey,
        sink: DecisionSink,
        *,
        boot_id: str,
        backoff: Backoff | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._identity = identity
        self._key = key
        self._sink = sink
        self._boot_id = boot_id
        self._backoff = backoff or Backoff()
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        self._tallies: dict[_Key, _Tally] = {}
        self._dropped = 0
        self._number = 0
        self._stopped = False

    def note(
        self,
        request: Request,
        decision: Decision,
        *,
        evaluation_id: uuid.UUID,
        revision: int | None,
    ) -> None:
        """Count a decision; never blocks and never fails."""
        key = (
            _short(request.principal),
            request.action[:_LONGEST_TEXT],
            _short(request.resource),
            decision.allowed,
            decision.reason,
            decision.grants,
            revision,
        )
        with self._changed:
            tally = self._tallies.get(key)
            if tally is not None:
                tally.count += 1
                tally.last_at = max(tally.last_at, request.now)
            elif len(self._tallies) >= self._most_waiting:
                self._dropped += 1
            else:
                self._tallies[key] = _Tally(
                    evaluation_id, request.now, request.now, decision.determining
                )
                self._changed.notify()

    @property
    def dropped(self) -> int:
        """Return how many decisions found no room since the last delivery."""
        return self._dropped

    def stop(self) -> None:
        """End the thread after one more attempt to deliver what is left."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:
        """Deliver until stopped."""
        while self._wait_for_work():
            self._deliver()
        self._deliver()

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._tallies)
            if not self._stopped:
                # A burst becomes one chunk instead of many.
                self._changed.wait_for(lambda: self._stopped, timeout=FLUSH_SECONDS)
            return not self._stopped

    def _deliver(self) -> None:
        chunk = self._take()
        if chunk is None:
            return
        try:
            self._sink.send_decisions(self._sign(chunk))
        except EdgeRefusedError as error:
            # It would be refused again; a number that is missing tells of the gap.
            log.warning("Decisions refused: %s", error)
        except ProtocolError as error:
            log.warning("Decisions not delivered: %s", error)
            self._put_back(chunk)
            asked = error.retry_after if isinstance(error, AgentError) else 0.0
            with self._changed:
                pause = self._backoff.next(asked=asked)
                self._changed.wait_for(lambda: self._stopped, timeout=pause)
        else:
            self._backoff.reset()

    def _take(self) -> Chunk | None:
        with self._changed:
            if not self._tallies and not self._dropped:
                return None
            entries, size = [], 0
            for key in list(self._tallies)[:MOST_ENTRIES]:
                entry = _entry(key, self._tallies[key])
                size += len(canonical_bytes(entry.to_dict()))
                if size > MOST_BYTES:
                    break
                entries.append(entry)
                del self._tallies[key]
            self._number += 1
            dropped, self._dropped = self._dropped, 0
            return Chunk(self._boot_id, self._number, dropped, tuple(entries))

    def _put_back(self, chunk: Chunk) -> None:
        with self._changed:
            self._dropped += chunk.dropped
            for entry in chunk.entries:
                if len(self._tallies) >= self._most_waiting:
                    self._dropped += entry.count
                    continue
                key = _key(entry)
                newer = self._tallies.get(key)
                count = entry.count + (newer.count if newer else 0)
                last = newer.last_at if newer else entry.last_at
                self._tallies[key] = _Tally(
                    entry.id, entry.first_at, last, entry.determining, count
                )

    def _sign(self, chunk: Chunk) -> bytes:
        payload = chunk_payload(
            tenant=self._identity.tenant, node=self._identity.node, chunk=chunk
        )
        return dsse_sign(
            DECISIONS_TYPE, payload, key_id=self._identity.node, sign=self._key.sign
        )


def _short(entity: EntityRef) -> EntityRef:
    return EntityRef(entity.type[:_LONGEST_TEXT], entity.id[:_LONGEST_TEXT])


def _entry(key: _Key, tally: _Tally) -> DecisionEntry:
    principal, action, resource, allowed, reason, grants, revision = key
    return DecisionEntry(
        id=tally.id,
        first_at=tally.first_at,
        last_at=tally.last_at,
        count=tally.count,
        principal=principal,
        action=action,
        resource=resource,
        allowed=allowed,
        reason=reason,
        determining=tally.determining[:50],
        grants=grants[:50],
        revision=revision,
    )


def _key(entry: DecisionEntry) -> _Key:
    return (
        entry.principal,
        entry.action,
        entry.resource,
        entry.allowed,
        entry.reason,
        entry.grants,
        entry.revision,
    )
