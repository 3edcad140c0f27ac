"""Reports are recorded in batches, each tenant's for itself."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.utils import timezone
from typing_extensions import override

from apps.distribution.services import ReceivedReport
from portal.edge.intake import Intake
from portal.edge.store import Store
from portal.edge.wire import EdgeRefusal


class HalfBrokenStore(Store):
    """A store that cannot record the reports of one tenant."""

    def __init__(self, broken: uuid.UUID) -> None:
        self.broken = broken
        self.recorded: list[uuid.UUID] = []

    @override
    async def record(self, batch: Mapping[uuid.UUID, Sequence[ReceivedReport]]) -> None:
        if self.broken in batch:
            raise ValueError("of no column's shape")
        self.recorded += batch


def test_the_failure_of_one_tenant_does_not_cost_another_its_report() -> None:
    broken, sound = uuid.uuid4(), uuid.uuid4()
    store = HalfBrokenStore(broken)
    intake = Intake(store)
    report = ReceivedReport(uuid.uuid4(), timezone.now(), 1, "")

    async def take_in() -> list[BaseException | None]:
        receipts = [intake.receipt(tenant, report) for tenant in (broken, sound)]
        flushed = intake.stop()
        return await asyncio.gather(*receipts, flushed, return_exceptions=True)

    # A thread of its own: browser tests before this one leave a loop in the main one.
    with ThreadPoolExecutor(1) as thread:
        failed, kept, _ = thread.submit(asyncio.run, take_in()).result()
    assert isinstance(failed, EdgeRefusal)
    assert (failed.status, failed.code) == (503, "edge.not_recorded")
    assert kept is None
    assert store.recorded == [sound]
