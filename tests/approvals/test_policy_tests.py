"""Nothing is proposed or carried out whose tests fail or do not cover a forbid."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from apps.accounts.services import actor_for
from apps.approvals.errors import DraftTestsFailedError, DraftUntestedError
from apps.policies.selectors import draft_by_id
from apps.policies.services import save_draft
from tests.factories.approvals import People, make_request


def test_a_forbid_without_tests_is_not_proposed(
    people: People, draft_id: uuid.UUID
) -> None:
    change_draft(draft_id, people, {"effect": "forbid"})
    with pytest.raises(DraftUntestedError, match="No test is denied by the forbid"):
        make_request(people("olga", "security_admin").user, draft_id)


def test_a_draft_whose_tests_fail_is_not_proposed(
    people: People, draft_id: uuid.UUID
) -> None:
    case = failing_test()
    change_draft(draft_id, people, {"tests": [case]})
    with pytest.raises(DraftTestsFailedError, match="expects allow and gets deny"):
        make_request(people("olga", "security_admin").user, draft_id)
    change_draft(draft_id, people, {"tests": [case | {"expect": "deny"}]})
    assert make_request(people("olga").user, draft_id).items.get().content["tests"]


def change_draft(draft_id: uuid.UUID, people: People, change: dict[str, Any]) -> None:
    draft = draft_by_id(draft_id)
    save_draft(
        actor=actor_for(people("ada").user),
        policy_id=draft.policy_id,
        content=draft.content | change,
        expected_lock=draft.lock,
    )


def failing_test() -> dict[str, Any]:
    return {
        "name": "a stranger gets in",
        "given": {"principal": {"type": "User"}, "resource": {"type": "Namespace"}},
        "action": "deploy",
        "at": "2026-11-18T10:00:00Z",
        "expect": "allow",
    }
