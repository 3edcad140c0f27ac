"""Tests of drafts: kept, run, frozen with the version, shipped."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from apps.policies import selectors, services
from apps.policies.errors import (
    DraftChangedError,
    PolicyInvalidError,
    PolicyNotFoundError,
    TestNotFoundError,
    TestsFailedError,
)
from apps.policies.models import PolicyDraft, PolicyVersion
from apps.policies.rules import parse_content
from apps.roles import selectors as role_selectors
from apps.roles import services as roles
from apps.roles.rules import RoleSpec
from apps.tenants.models import Tenant
from engine.selftest import self_test
from protocol.records import CaseRecord, PolicyRecord
from tests.factories.access import SYSTEM, build_access
from tests.policies.test_rules import GOOD

NOW = dt.datetime(2026, 11, 18, tzinfo=dt.UTC)
CASE: dict[str, Any] = {
    "name": "by day",
    "given": {
        "principal": {"type": "User"},
        "roles": ["developer"],
        "resource": {"type": "Namespace", "id": "shop"},
        "context": {"mfa": 2, "ip": "10.1.0.1"},
    },
    "action": "deploy",
    "at": "2026-11-18T10:00:00Z",
    "expect": "allow",
}


@pytest.fixture(autouse=True)
def access(in_tenant: Tenant) -> Tenant:
    build_access()
    return in_tenant


def save(*cases: dict[str, Any], **change: object) -> PolicyDraft:
    content = GOOD | change | ({"tests": list(cases)} if cases else {})
    return services.save_draft(
        actor=SYSTEM, policy_id=None, content=content, expected_lock=None
    )


def freeze(draft: PolicyDraft) -> PolicyVersion:
    return services.freeze_version(
        actor=SYSTEM,
        draft_id=draft.pk,
        expected_digest=draft.digest,
        request_id=uuid.uuid4(),
    )


def test_a_draft_is_saved_although_its_test_fails() -> None:
    draft = save(CASE | {"expect": "deny"})
    (problem,) = selectors.run_tests(draft).problems
    assert (problem.code, problem.field) == ("policies.test_failed", "tests[0]")
    assert "permits it" in problem.message


def test_tests_are_part_of_what_is_approved() -> None:
    draft = save()
    digest = draft.digest
    changed = services.add_test(
        actor=SYSTEM, policy_id=draft.policy_id, case=CASE, expected_lock=draft.lock
    )
    assert changed.digest != digest


def test_a_test_is_added_changed_and_removed() -> None:
    draft = save()
    policy_id = draft.policy_id
    draft = services.add_test(
        actor=SYSTEM, policy_id=policy_id, case=CASE, expected_lock=draft.lock
    )
    assert selectors.run_tests(draft).passed == 1
    draft = services.change_test(
        actor=SYSTEM,
        policy_id=policy_id,
        name="by day",
        case=CASE | {"name": "at noon"},
        expected_lock=draft.lock,
    )
    assert [case["name"] for case in draft.content["tests"]] == ["at noon"]
    with pytest.raises(TestNotFoundError):
        services.remove_test(
            actor=SYSTEM, policy_id=policy_id, name="by day", expected_lock=draft.lock
        )
    draft = services.remove_test(
        actor=SYSTEM, policy_id=policy_id, name="at noon", expected_lock=draft.lock
    )
    assert "tests" not in draft.content


def test_a_test_is_not_added_to_what_somebody_else_saved() -> None:
    draft = save()
    with pytest.raises(DraftChangedError):
        services.add_test(
            actor=SYSTEM,
            policy_id=draft.policy_id,
            case=CASE,
            expected_lock=draft.lock + 1,
        )


def test_a_test_needs_a_policy() -> None:
    with pytest.raises(PolicyNotFoundError):
        services.add_test(
            actor=SYSTEM, policy_id=uuid.uuid4(), case=CASE, expected_lock=None
        )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expect": "perhaps"}, "tests[0].expect"),
        ({"at": "noon"}, "tests[0].at"),
        ({"at": "2026-11-18T10:00:00"}, "tests[0].at"),
        ({"name": ""}, "tests[0].name"),
        ({"more": 1}, "tests[0].more"),
        ({"given": {"principal": {"type": "User"}}}, "tests[0].given.resource"),
        (
            {"given": CASE["given"] | {"context": {"risk": 1.5}}},
            "tests[0].given.context",
        ),
        ({"given": CASE["given"] | {"roles": "developer"}}, "tests[0].given.roles"),
        (
            {"given": CASE["given"] | {"principal": {"type": "U ser"}}},
            "tests[0].given.principal.type",
        ),
    ],
    ids=str,
)
def test_a_malformed_test_is_refused_with_its_place(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(PolicyInvalidError) as caught:
        save(CASE | change)
    assert [problem[1] for problem in caught.value.problems] == [field]


def test_two_tests_of_one_name_are_refused() -> None:
    with pytest.raises(PolicyInvalidError) as caught:
        save(CASE, CASE)
    assert caught.value.code == "policies.test_name_taken"


def test_all_proposals_are_kept_at_once_and_each_by_its_name() -> None:
    draft = save()
    names = [edge.case.name for edge in selectors.proposed_tests(draft, now=NOW)]
    draft = services.keep_proposals(
        actor=SYSTEM,
        policy_id=draft.policy_id,
        expected_lock=draft.lock,
        now=NOW,
        names=names[:1],
    )
    assert [case["name"] for case in draft.content["tests"]] == names[:1]
    draft = services.keep_proposals(
        actor=SYSTEM, policy_id=draft.policy_id, expected_lock=draft.lock, now=NOW
    )
    assert sorted(case["name"] for case in draft.content["tests"]) == sorted(names)
    report = selectors.run_tests(draft)
    assert (report.failed, report.coverage.uncovered) == (0, ())


def test_a_role_counts_with_those_it_inherits_from() -> None:
    roles.save_role(
        actor=SYSTEM,
        spec=RoleSpec("lead", "Lead", "operator", "", (), ("developer",)),
    )
    draft = save(CASE | {"given": CASE["given"] | {"roles": ["lead"]}})
    assert selectors.run_tests(draft).passed == 1
    (case,) = selectors.frozen_cases(draft)
    assert case["roles"] == ["developer", "lead", "reader"]


def test_nothing_is_frozen_whose_tests_fail() -> None:
    draft = save(CASE | {"expect": "deny"})
    with pytest.raises(TestsFailedError, match="expects deny and gets allow"):
        freeze(draft)


def test_no_forbid_is_frozen_that_no_test_would_miss() -> None:
    draft = save(effect="forbid")
    with pytest.raises(TestsFailedError, match="No test is denied by the forbid"):
        freeze(draft)


def test_a_version_ships_its_tests_and_they_pass_there() -> None:
    version = freeze(save(CASE))
    records = selectors.live_records()
    cases = [record for record in records if isinstance(record, CaseRecord)]
    policies = [record for record in records if isinstance(record, PolicyRecord)]
    assert [case.id for case in cases] == [f"{version.policy.slug}#by day"]
    assert cases[0].offsets == {"Europe/Berlin": 3600}
    assert self_test(policies, cases).passed == 1


def test_what_roles_inherit_later_does_not_change_a_shipped_test() -> None:
    freeze(save(CASE))
    before = selectors.live_records()
    roles.save_role(actor=SYSTEM, spec=RoleSpec("outer", "Outer", "operator", "", ()))
    roles.save_role(
        actor=SYSTEM,
        role_id=role_selectors.roles().get(slug="developer").pk,
        spec=RoleSpec(
            "developer",
            "Developer",
            "operator",
            "",
            roles_permissions(),
            ("reader", "outer"),
        ),
    )
    after = selectors.live_records()
    assert [r for r in after if isinstance(r, CaseRecord)] == [
        r for r in before if isinstance(r, CaseRecord)
    ]


def roles_permissions() -> tuple[Any, ...]:
    known = selectors.catalogue().roles
    return tuple(sorted(known["developer"] - known["reader"], key=str))


def test_content_without_tests_has_no_member_for_them() -> None:
    content = parse_content(GOOD)
    assert not isinstance(content, list)
    assert "tests" not in content.to_dict()
