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
from protocol.decisions import DECISIONS_TYPE, Chunk, parse_chunk
from protocol.envelope import dsse_verify
from protocol.errors import ReceiptError

BATCH_EVERY = 0.05
_MOST_PENDING = 100_000
# What a column holds: one value beyond it would lose a batch for everybody in it.
_LARGEST_COUNT = 2**63 - 1
_LARGEST_DURATION = 2**31 - 1
_LONGEST_FINGERPRINT = 80
_LONGEST_ERROR = 120
_LONGEST_BOOT = 64
_LONGEST_TEST = 200
_MOST_NAMES = 20
logger = logging.getLogger(__name__)

Batch = dict[uuid.UUID, list[ReceivedReport]]


class Intake:
    """Collect reports for 50 ms, then record them together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch: Batch = {}
        self._pending = 0
        self._recorded: dict[uuid.UUID, asyncio.Future[None]] = {}
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
        recorded = self._recorded.get(tenant_id)
        if recorded is None:
            recorded = asyncio.get_running_loop().create_future()
            self._recorded[tenant_id] = recorded
        try:
            await asyncio.shield(recorded)
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
        waiting, self._recorded = self._recorded, {}
        # One tenant at a time, so that one's failure is not another's.
        for tenant_id, reports in batch.items():
            await self._record(tenant_id, reports, waiting.get(tenant_id))

    async def _record(
        self,
        tenant_id: uuid.UUID,
        reports: list[ReceivedReport],
        recorded: asyncio.Future[None] | None,
    ) -> None:
        try:
            await self._store.record({tenant_id: reports})
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
            fingerprint=_text(payload["fingerprint"], _LONGEST_FINGERPRINT),
            error=_text(payload["error"], _LONGEST_ERROR),
            received_at=_instant(payload["received_at"]),
            activated_at=_instant(payload["activated_at"]),
            duration_ms=_count(payload["duration_ms"], _LARGEST_DURATION),
            boot_id=_text(payload["boot_id"], _LONGEST_BOOT),
            counter=_count(payload["counter"]) or 0,
            # An agent that runs no tests does not speak of any.
            self_test=_self_test(payload.get("self_test")),
        )
    except (ReceiptError, KeyError, ValueError, TypeError) as error:
        raise EdgeRefusal(
            400, "receipt.invalid", f"The report is not valid: {error}."
        ) from error


def parse_decisions(body: bytes, caller: Caller) -> Chunk:
    """Read a signed chunk of the decision log of the node that sent it, or refuse."""
    try:
        payload = dsse_verify(body, payload_type=DECISIONS_TYPE, public_key=caller.key)
        return parse_chunk(
            payload, tenant=str(caller.tenant_id), node=str(caller.node_id)
        )
    except ReceiptError as error:
        raise EdgeRefusal(
            400, "decisions.invalid", f"The decisions are not valid: {error}."
        ) from error


def heartbeat(
    caller: Caller, revision: str, fingerprint: str, now: dt.datetime
) -> ReceivedReport | None:
    """Read what a poll says of its node; None if no node of ours says such a thing."""
    if len(revision) > len(str(_LARGEST_COUNT)):
        return None
    try:
        return ReceivedReport(
            node_id=caller.node_id,
            seen_at=now,
            revision=_count(int(revision)) if revision else None,
            fingerprint=_text(fingerprint, _LONGEST_FINGERPRINT),
        )
    except ValueError:
        return None


# Anything may have been sent.
def _count(value: Any, most: int = _LARGEST_COUNT) -> int | None:  # noqa: ANN401
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a count is a whole number")
    if not 0 <= value <= most:
        raise ValueError(f"a count lies between 0 and {most}")
    return value


def _self_test(value: Any) -> dict[str, Any] | None:  # noqa: ANN401
    if value is None:
        return None
    names = value["names"]
    if not isinstance(names, list) or len(names) > _MOST_NAMES:
        raise TypeError("the names of tests are a list")
    return {
        "passed": _count(value["passed"], _LARGEST_DURATION) or 0,
        "failed": _count(value["failed"], _LARGEST_DURATION) or 0,
        "names": [_text(name, _LONGEST_TEST) for name in names],
    }


def _text(value: Any, longest: int) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"a text has at most {longest} characters")
    if not value.isprintable():
        raise ValueError("a text holds no control characters")
    return value


def _instant(value: Any) -> dt.datetime | None:  # noqa: ANN401
    if value is None:
        return None
    instant = dt.datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return instant
