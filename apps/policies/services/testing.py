"""Change the tests of a draft; what a draft says besides stays as it is."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.audit.events import Actor
from apps.policies import selectors
from apps.policies.errors import PolicyNotFoundError, TestNotFoundError
from apps.policies.models import PolicyDraft
from apps.policies.rules import TestCase
from apps.policies.services.drafts import save_draft

Case = TestCase | Mapping[str, Any]


@transaction.atomic
def add_test(
    *, actor: Actor, policy_id: uuid.UUID, case: Case, expected_lock: int | None
) -> PolicyDraft:
    """Add a test to the draft of a policy.

    Raises PolicyInvalidError, DraftChangedError and PolicyNotFoundError.
    """
    draft = _draft(policy_id)
    cases = [*_cases(draft), _json(case)]
    return _save(actor, draft, cases, expected_lock)


@transaction.atomic
def change_test(
    *,
    actor: Actor,
    policy_id: uuid.UUID,
    name: str,
    case: Case,
    expected_lock: int | None,
) -> PolicyDraft:
    """Replace the test of this name. Raises also TestNotFoundError."""
    draft = _draft(policy_id)
    cases = _cases(draft)
    cases[_place(cases, name)] = _json(case)
    return _save(actor, draft, cases, expected_lock)


@transaction.atomic
def remove_test(
    *, actor: Actor, policy_id: uuid.UUID, name: str, expected_lock: int | None
) -> PolicyDraft:
    """Remove the test of this name. Raises also TestNotFoundError."""
    draft = _draft(policy_id)
    cases = _cases(draft)
    del cases[_place(cases, name)]
    return _save(actor, draft, cases, expected_lock)


@transaction.atomic
def keep_proposals(
    *,
    actor: Actor,
    policy_id: uuid.UUID,
    expected_lock: int | None,
    now: dt.datetime,
    names: Collection[str] | None = None,
) -> PolicyDraft:
    """Add proposed tests to the draft of a policy: those named, or all of them.

    A name that is not proposed, because it was kept already, changes nothing.
    """
    draft = _draft(policy_id)
    proposed = [edge.case for edge in selectors.proposed_tests(draft, now=now)]
    kept = [case.to_dict() for case in proposed if names is None or case.name in names]
    return _save(actor, draft, [*_cases(draft), *kept], expected_lock)


def _save(
    actor: Actor,
    draft: PolicyDraft,
    cases: Sequence[Mapping[str, Any]],
    expected_lock: int | None,
) -> PolicyDraft:
    return save_draft(
        actor=actor,
        policy_id=draft.policy_id,
        content={**draft.content, "tests": list(cases)},
        expected_lock=expected_lock,
    )


def _draft(policy_id: uuid.UUID) -> PolicyDraft:
    draft = (
        PolicyDraft.objects.select_for_update(of=("self",))
        .select_related("policy")
        .filter(policy_id=policy_id)
        .first()
    )
    if draft is None:
        raise PolicyNotFoundError
    return draft


def _cases(draft: PolicyDraft) -> list[dict[str, Any]]:
    return list(draft.content.get("tests", ()))


def _place(cases: Sequence[Mapping[str, Any]], name: str) -> int:
    for place, case in enumerate(cases):
        if case["name"] == name:
            return place
    raise TestNotFoundError


def _json(case: Case) -> dict[str, Any]:
    return case.to_dict() if isinstance(case, TestCase) else dict(case)
