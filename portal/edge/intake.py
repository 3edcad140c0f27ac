"""Take in what nodes report, and record it in batches."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import uuid
from typing import Any

from apps.distribution.services import ReceivedReport
from portal.edge.gate import Caller
from portal.edge.store import Store
from portal.edge.wire import EdgeRefusal
from protocol.channel import REPORT_TYPE
from protocol.envelope import dsse_verify
from protocol.errors import ReceiptError

BATCH_EVERY = 0.05
_MOST_PENDING = 100_000
_LONGEST_TEXT = 120
logger = logging.getLogger(__name__)

Batch = dict[uuid.UUID, list[ReceivedReport]]


class Intake:
    """Collect reports for 50 ms, then record them together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch: Batch = {}
        self._pending = 0
        self._recorded: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start recording."""
        self._task = asyncio.create_task(self._record_forever(), name="edge-intake")

    async def stop(self) -> None:
        """Record what is left, then end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._flush()

    def heard(self, tenant_id: uuid.UUID, report: ReceivedReport) -> None:
        """Take in a heartbeat; when too many wait, the newest is dropped."""
        if self._pending < _MOST_PENDING:
            self._add(tenant_id, report)

    async def receipt(self, tenant_id: uuid.UUID, report: ReceivedReport) -> None:
        """Take in a receipt and return once it is recorded, or refuse for now."""
        if self._pending >= _MOST_PENDING:
            raise EdgeRefusal(503, "edge.overloaded", "Too many reports wait.")
        self._add(tenant_id, report)
        if self._recorded is None:
            self._recorded = asyncio.get_running_loop().create_future()
        try:
            await asyncio.shield(self._recorded)
        except OSError as error:
            raise EdgeRefusal(
                503, "edge.not_recorded", "The report could not be recorded."
            ) from error

    def _add(self, tenant_id: uuid.UUID, report: ReceivedReport) -> None:
        self._batch.setdefault(tenant_id, []).append(report)
        self._pending += 1

    async def _record_forever(self) -> None:
        while True:
            await asyncio.sleep(BATCH_EVERY)
            await self._flush()

    async def _flush(self) -> None:
        if not self._batch:
            return
        batch, self._batch, self._pending = self._batch, {}, 0
        recorded, self._recorded = self._recorded, None
        try:
            await self._store.record(batch)
        except Exception as error:  # whatever it was, the senders must hear of it
            logger.exception("reports could not be recorded")
            if recorded is not None:
                recorded.set_exception(OSError(str(error)))
        else:
            if recorded is not None:
                recorded.set_result(None)


def parse_receipt(body: bytes, caller: Caller, now: dt.datetime) -> ReceivedReport:
    """Read a signed report of the node that sent it, or refuse it."""
    try:
        payload = dsse_verify(body, payload_type=REPORT_TYPE, public_key=caller.key)
        owner = (payload["tenant"], payload["node"])
        if owner != (str(caller.tenant_id), str(caller.node_id)):
            raise ReceiptError("the report is of another node")
        return ReceivedReport(
            node_id=caller.node_id,
            seen_at=now,
            revision=_count(payload["revision"]),
            fingerprint=_text(payload["fingerprint"]),
            error=_text(payload["error"]),
            received_at=_instant(payload["received_at"]),
            activated_at=_instant(payload["activated_at"]),
            duration_ms=_count(payload["duration_ms"]),
            boot_id=_text(payload["boot_id"]),
            counter=_count(payload["counter"]) or 0,
        )
    except (ReceiptError, KeyError, ValueError, TypeError) as error:
        raise EdgeRefusal(
            400, "receipt.invalid", f"The report is not valid: {error}."
        ) from error


def _count(value: Any) -> int | None:  # noqa: ANN401  # anything may have been sent
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a count is a whole number")
    return value


def _text(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError(f"a text has at most {_LONGEST_TEXT} characters")
    return value


def _instant(value: Any) -> dt.datetime | None:  # noqa: ANN401
    if value is None:
        return None
    instant = dt.datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return instant
