"""Questions about evidence, and the computation of what it says."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from apps.policies import selectors as policies
from apps.policies.models import PolicyDraft, PolicyVersion
from apps.simulation.errors import EvidenceNotFoundError
from apps.simulation.models import Evidence
from apps.simulation.rules import (
    Difference,
    Levels,
    Matrix,
    RecordChange,
    impact_document,
    pairs,
)
from apps.simulation.rules.changes import Pair
from apps.simulation.selectors.worlds import World, live_world
from protocol.canonical import digest_bytes
from protocol.records import PolicyRecord, Record, parse_record, record_digest

FRESH_FOR = dt.timedelta(hours=1)
# No change request has approved what is only proposed.
NOT_YET = uuid.UUID(int=0)
_BASE_DOMAIN = "portward-base-v1"


@dataclass(frozen=True)
class Comparison:
    """What is live, and what would be."""

    before: World
    after: World
    now: dt.datetime

    @cached_property
    def changed(self) -> list[Pair]:
        """Return what differs."""
        return pairs(self.before.records, self.after.records)

    def difference(
        self, progress: Callable[[float], None] = lambda _share: None
    ) -> Difference:
        """Return who gains or loses what."""
        before = Levels(self.before.engine, self.now)
        after = Levels(self.after.engine, self.now)
        return Matrix(before, after, self.changed).difference(progress)


def evidence() -> QuerySet[Evidence]:
    """Return all evidence, newest first, without documents."""
    return Evidence.objects.defer("document", "input")


def evidence_by_id(evidence_id: uuid.UUID) -> Evidence:
    """Return evidence or raise EvidenceNotFoundError."""
    try:
        return Evidence.objects.get(pk=evidence_id)
    except Evidence.DoesNotExist as error:
        raise EvidenceNotFoundError from error


def evidence_for(input_digest: str) -> Evidence | None:
    """Return the evidence about an input, if it was asked for."""
    return Evidence.objects.filter(input_digest=input_digest).first()


def is_fresh(row: Evidence, now: dt.datetime) -> bool:
    """Say whether evidence is done, and young or about what is live still."""
    if not row.is_done or row.computed_at is None:
        return False
    return now - row.computed_at < FRESH_FOR or row.base_digest == base_digest(
        live_world(now).records
    )


def base_digest(records: Iterable[Record]) -> str:
    """Return the digest of everything that is live."""
    digests = sorted(record_digest(record) for record in records)
    return "sha256:" + digest_bytes(_BASE_DOMAIN, b"".join(digests)).hex()


def change_world(changes: Sequence[RecordChange], now: dt.datetime) -> World:
    """Return the world as it would be after changes."""
    return live_world(now).after(changes, now)


def comparison(changes: Sequence[RecordChange], now: dt.datetime) -> Comparison:
    """Return what is live beside what would be, when all of the change counts.

    What is scheduled is compared at the moment at which it begins.
    """
    begins = [
        record.interval.start
        for change in changes
        if isinstance(record := change.record, PolicyRecord)
        and record.interval.start is not None
    ]
    moment = max([now, *begins])
    before = live_world(now)
    after = before.after(changes, now)
    return Comparison(before, after, moment)


def impact(changes: Sequence[RecordChange], now: dt.datetime) -> dict[str, Any]:
    """Return at once who would gain or lose what, and how risky that is."""
    compared = comparison(changes, now)
    return impact_document(compared.difference(), compared.changed)


def change_of_draft(draft: PolicyDraft) -> RecordChange:
    """Return what would stand in the next release if a draft were frozen now."""
    newest = policies.newest_version(draft.policy_id)
    version = PolicyVersion(
        policy=draft.policy,
        number=newest.number + 1 if newest else 1,
        content=draft.content,
        statements=draft.statements,
        request_id=NOT_YET,
    )
    return RecordChange.put(policies.policy_record(version))


def changes_from(stored: Iterable[Mapping[str, Any]]) -> list[RecordChange]:
    """Read changes from their JSON form."""
    found = []
    for item in stored:
        kind, ident = item["key"]
        record = item["record"]
        found.append(
            RecordChange((kind, ident), parse_record(record) if record else None)
        )
    return found
