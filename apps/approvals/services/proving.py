"""Have evidence computed of what a set of changes would do."""

from __future__ import annotations

import uuid

from django.db import transaction

from apps.approvals import selectors
from apps.approvals.choices import ItemKind
from apps.approvals.errors import OpenForbiddenError
from apps.approvals.models import ChangeSet
from apps.approvals.services.carrying import Applied
from apps.approvals.services.rehearsing import (
    Rehearsal,
    next_request_id,
    rehearse,
    wanted_of,
)
from apps.audit.events import Actor
from apps.policies import selectors as policies
from apps.policies.errors import PolicyInvalidError
from apps.policies.services.drafts import compile_content
from apps.simulation.rules import RecordChange
from apps.simulation.services import request_evidence


def request_proof(
    *, actor: Actor, title: str, found: Rehearsal
) -> selectors.Proof | None:
    """Ask for evidence; the same inputs are computed once.

    What changes nothing that nodes hold has none: there is nothing to compare. Tests
    of a policy that names what the set creates ran when the set was tried out; against
    what is live now it would only be found broken.
    """
    changes = [RecordChange(one.key, one.after) for one in found.state.changes]
    if not changes:
        return None
    row = request_evidence(
        actor=actor,
        title=title,
        changes=changes,
        contents=[
            (one.slug, one.content)
            for one in found.applied
            if one.kind is ItemKind.POLICY and _stands_alone(one)
        ],
    )
    return selectors.proof_from(row)


def _stands_alone(one: Applied) -> bool:
    try:
        compile_content(one.content, policies.catalogue(), one.slug)
    except PolicyInvalidError:
        return False
    return True


@transaction.atomic
def prove_change_set(*, actor: Actor, set_id: uuid.UUID) -> ChangeSet:
    """Try a set out as things are now, and have evidence computed for that.

    Raises OpenForbiddenError, and what trying it out raises.
    """
    if actor.kind == "user" and not selectors.roles_of_actor(actor):
        raise OpenForbiddenError
    row = selectors.lock_change_set(set_id)
    request_id = next_request_id(row)
    if not row.is_draft and row.request_id is not None:
        request_id = row.request_id
    found = rehearse(
        actor=actor,
        wanted=wanted_of(selectors.items_of(row)),
        request_id=request_id,
        activate_at=row.activate_at,
    )
    proof = request_proof(actor=actor, title=row.title, found=found)
    row.outcome = found.to_dict() | ({"evidence": proof.input} if proof else {})
    row.save(update_fields=["outcome"])
    return row
