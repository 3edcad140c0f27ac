"""Ask for evidence, compute it, and keep it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.outbox import services as outbox
from apps.outbox.choices import Lane
from apps.simulation import selectors
from apps.simulation.choices import EvidenceState
from apps.simulation.errors import NothingChangesError
from apps.simulation.events import SimulationAction, Topic
from apps.simulation.models import Evidence
from apps.simulation.rules import (
    RecordChange,
    Replay,
    document_digest,
    impact_document,
    input_digest,
    replay_document,
)
from apps.simulation.rules.document import VERSION
from apps.simulation.selectors import Comparison
from apps.simulation.services.checks import Checks, Content, checks_of
from apps.simulation.services.decisions import MOST_QUESTIONS, sources
from apps.tenants.services import require_tenant_id, tenant_scope

ACTOR = Actor.system("simulation")
REPLAYED = dt.timedelta(days=30)
_LONGEST_TITLE = 200
# Where each part of the work ends, in percent.
_IMPACT_UNTIL, _REPLAY_UNTIL, _ALL = 60, 95, 100


@transaction.atomic
def request_evidence(
    *,
    actor: Actor,
    title: str,
    changes: Sequence[RecordChange],
    contents: Sequence[Content] = (),
    checks: Checks | None = None,
) -> Evidence:
    """Return the evidence about a change of what is live now; begin it if need be.

    `contents` are the policies that are tested and linted, by their short names;
    `checks` is what became of that, where only the caller could see what they name.
    Asking again for the same is safe; what had failed begins again.

    Raises NothingChangesError.
    """
    if not changes and not contents:
        raise NothingChangesError
    now = timezone.now()
    base = selectors.base_digest(selectors.live_world(now).records)
    said = [*contents, ("", {"base": base})]
    name = input_digest(changes, said)
    row, is_new = Evidence.objects.get_or_create(
        input_digest=name,
        defaults={
            "tenant_id": require_tenant_id(),
            "title": title[:_LONGEST_TITLE],
            "base_digest": base,
            "input": {
                "changes": [change.to_dict() for change in changes],
                "contents": [[slug, dict(content)] for slug, content in contents],
                "checks": checks.to_dict() if checks else None,
            },
            "requested_by": actor.name,
            "requested_at": now,
        },
    )
    if not is_new and row.state != EvidenceState.FAILED:
        return row
    _begin(row, actor)
    return row


@transaction.atomic
def compute_again(*, actor: Actor, evidence_id: uuid.UUID) -> Evidence:
    """Begin once more what has failed; raises EvidenceNotFoundError."""
    row = selectors.evidence_by_id(evidence_id)
    if row.state == EvidenceState.FAILED:
        _begin(row, actor)
    return row


def compute(*, tenant_id: uuid.UUID, evidence_id: uuid.UUID) -> None:
    """Compute evidence, and write down how far that is; safe to repeat.

    Each step is a transaction of its own, so that progress is seen while it lasts.
    """
    with tenant_scope(tenant_id):
        row = Evidence.objects.filter(pk=evidence_id).first()
        if row is None or row.is_over:
            return
        note_progress(evidence_id=evidence_id, percent=1, stage="Reading what is live")
        changes = selectors.changes_from(row.input["changes"])
        compared = selectors.comparison(changes, timezone.now())
    document = _document(tenant_id, row, compared)
    with tenant_scope(tenant_id):
        _finish(evidence_id=evidence_id, document=document)


@transaction.atomic
def note_progress(*, evidence_id: uuid.UUID, percent: int, stage: str) -> None:
    """Write down how far the computation is."""
    Evidence.objects.filter(
        pk=evidence_id, state__in=[EvidenceState.PENDING, EvidenceState.RUNNING]
    ).update(state=EvidenceState.RUNNING, progress=percent, stage=stage)


@transaction.atomic
def note_failure(*, evidence_id: uuid.UUID, error: str) -> None:
    """Write down that the computation failed, and why."""
    row = Evidence.objects.select_for_update().filter(pk=evidence_id).first()
    if row is None or row.is_over:
        return
    row.state, row.error = EvidenceState.FAILED, error[:_LONGEST_TITLE]
    row.save(update_fields=["state", "error"])
    _audit(ACTOR, SimulationAction.EVIDENCE_FAILED, row, {"error": row.error})


def _begin(row: Evidence, actor: Actor) -> None:
    row.state, row.progress, row.error = EvidenceState.PENDING, 0, ""
    row.save(update_fields=["state", "progress", "error"])
    _audit(actor, SimulationAction.EVIDENCE_REQUESTED, row, {"title": row.title})
    outbox.enqueue(
        topic=str(Topic.EVIDENCE),
        payload={"evidence": str(row.pk)},
        coalesce_key=str(row.pk),
        lane=Lane.BULK,
    )


def _document(
    tenant_id: uuid.UUID, row: Evidence, compared: Comparison
) -> dict[str, Any]:
    def step(start: int, end: int, stage: str) -> Callable[[float], None]:
        def note(share: float) -> None:
            percent = start + int((end - start) * share)
            with tenant_scope(tenant_id):
                note_progress(evidence_id=row.pk, percent=percent, stage=stage)

        return note

    comparing = step(1, _IMPACT_UNTIL, "Comparing who may do what")
    impact = impact_document(compared.difference(comparing), compared.changed)
    asking = step(_IMPACT_UNTIL, _REPLAY_UNTIL, "Replaying logged decisions")
    replayed = _replay(tenant_id, compared, asking)
    step(_REPLAY_UNTIL, _ALL, "Testing and linting")(0)
    checks = row.input.get("checks")
    if checks is None:
        with tenant_scope(tenant_id):
            checks = checks_of(row.input["contents"]).to_dict()
    return {
        "v": VERSION,
        "input": {"digest": row.input_digest, "base": row.base_digest},
        "at": compared.now.isoformat(),
        "tests": checks["tests"],
        "lint": checks["lint"],
        "impact": impact,
        "replay": replayed,
    }


def _replay(
    tenant_id: uuid.UUID, compared: Comparison, note: Callable[[float], None]
) -> dict[str, Any]:
    before, after = compared.before, compared.after
    replay = Replay((before.records, before.zones), (after.records, after.zones))
    since = compared.now - REPLAYED
    found: dict[str, Any] = {}
    for source in sources():
        with tenant_scope(tenant_id):
            log = source(since, MOST_QUESTIONS)
            rows = list(log.rows)
        # Outside of the reading transaction, so that progress is seen.
        replayed = replay.run(rows, total=len(rows), progress=note)
        sampled = log.kept if log.taken < log.kept else None
        found = replay_document(replayed, sampled)
    return found or replay_document(replay.run(()))


@transaction.atomic
def _finish(*, evidence_id: uuid.UUID, document: dict[str, Any]) -> None:
    row = Evidence.objects.select_for_update().get(pk=evidence_id)
    if row.is_over:
        return
    row.document, row.digest = document, document_digest(document)
    row.state, row.progress, row.stage = EvidenceState.DONE, _ALL, ""
    row.computed_at = timezone.now()
    row.save()
    _audit(
        ACTOR,
        SimulationAction.EVIDENCE_COMPUTED,
        row,
        {"digest": row.digest, "risk": document["impact"]["risk"]["level"]},
    )


def _audit(
    actor: Actor, action: SimulationAction, row: Evidence, context: dict[str, Any]
) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="Evidence",
        target_id=str(row.pk),
        context={"input": row.input_digest, **context},
    )
