"""Have evidence computed of what a change would do."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from apps.approvals import selectors
from apps.approvals.services.rehearsing import Rehearsal
from apps.audit.events import Actor
from apps.policies import selectors as policies
from apps.policies.models import PolicyDraft
from apps.policies.services import freeze_version
from apps.simulation.rules import RecordChange
from apps.simulation.selectors import NOT_YET, live_records
from apps.simulation.services import Checks, request_evidence


def prove_rehearsal(
    *, actor: Actor, title: str, found: Rehearsal
) -> selectors.Proof | None:
    """Ask for evidence of a set that was tried out.

    Tests and lint are those of the rehearsal: only in it stood what the set creates.
    """
    return _prove(actor, title, found.state, found.policies, found.checks)


def prove_drafts(
    *, actor: Actor, title: str, draft_ids: Sequence[uuid.UUID]
) -> selectors.Proof | None:
    """Ask for evidence of drafts as they would be frozen now.

    It is the same for every request that proposes them: none has approved them yet.
    """
    found = policies.drafts_by_ids(draft_ids).values()
    drafts = sorted(found, key=lambda draft: draft.policy.slug)
    before = live_records()
    with transaction.atomic():
        _freeze(actor, drafts)
        after = live_records()
        transaction.set_rollback(True)
    contents = [(draft.policy.slug, draft.content) for draft in drafts]
    return _prove(actor, title, selectors.between(before, after), contents, None)


def _prove(
    actor: Actor,
    title: str,
    state: selectors.StateChange,
    contents: Sequence[tuple[str, dict[str, object]]],
    checks: Checks | None,
) -> selectors.Proof | None:
    """Ask for evidence; the same inputs are computed once.

    What changes no policy and nothing that nodes hold has none.
    """
    changes = [RecordChange(one.key, one.after) for one in state.changes]
    if not changes and not contents:
        return None
    row = request_evidence(
        actor=actor, title=title, changes=changes, contents=contents, checks=checks
    )
    return selectors.proof_from(row)


def _freeze(actor: Actor, drafts: Sequence[PolicyDraft]) -> None:
    catalogue = policies.catalogue()
    for draft in sorted(drafts, key=lambda one: one.pk):
        freeze_version(
            actor=actor,
            draft_id=draft.pk,
            expected_digest=draft.digest,
            request_id=NOT_YET,
            catalogue=catalogue,
            is_rehearsal=True,
        )
