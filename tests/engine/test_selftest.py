"""Tests beside policies: hermetic, and answered as questions are in life."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import window_condition
from engine.coverage import coverage, percent
from engine.decide import PolicyEngine, Request
from engine.selftest import Bench, run_case, self_test
from protocol.records import (
    AssignmentRecord,
    CaseRecord,
    EntityRef,
    Head,
    PolicyRecord,
    ResourceRecord,
    Statement,
    WindowRecord,
    case_id,
    principal_id,
)
from tests.engine.builders import policy

OPERATOR = Head("in", "Role", "operator")
WEB = EntityRef("Node", "web-1")
MFA = "(context has mfa && context.mfa >= 2)"
TRUSTED = "(context has device && context.device.trusted == true)"
RISKY = "(if context has risk then context.risk > 50 else true)"
ZONES = {"Europe/Berlin": [[0, 3600]]}


def case(name: str = "one", expect: str = "allow", **changes: Any) -> CaseRecord:
    found = CaseRecord(
        case_id("p", name),
        policy="p",
        name=name,
        principal=EntityRef("User", "somebody"),
        resource=WEB,
        action="restart",
        at="2026-11-20T12:00:00+00:00",
        expect=expect,
        roles=("operator",),
        offsets={"Europe/Berlin": 3600},
    )
    return replace(found, **changes)


def bench(found: PolicyRecord) -> Bench:
    return Bench(found.effect, found.statements)


def test_a_permit_whose_head_and_conditions_fit_allows() -> None:
    tested = policy("p", principal=OPERATOR, when=(MFA,))
    result = bench(tested).run(case(context={"mfa": 2}))
    assert (result.passed, result.got, result.reason) == (True, "allow", "permitted")
    assert result.determining == ("p#0",)


def test_what_no_statement_permits_is_denied() -> None:
    result = bench(policy("p", principal=OPERATOR)).run(case(roles=()))
    assert (result.passed, result.got) == (False, "deny")
    assert result.reason == "no_matching_policy"


def test_a_role_counts_only_if_the_test_gives_it() -> None:
    tested = policy("p", principal=Head("in", "Role", "staff"))
    assert not bench(tested).run(case()).passed
    assert bench(tested).run(case(roles=("operator", "staff"))).passed


def test_a_group_counts_only_if_the_test_gives_it() -> None:
    tested = policy("p", resource=Head("in", "ResourceGroup", "berlin"))
    assert not bench(tested).run(case()).passed
    assert bench(tested).run(case(groups=("berlin",))).passed


def test_an_expected_reason_must_be_the_reason() -> None:
    tested = bench(policy("p", effect="forbid", when=(RISKY,)))
    denied = case(expect="deny", reason="forbidden")
    assert tested.run(replace(denied, context={"risk": 90})).passed
    assert not tested.run(replace(denied, context={"risk": 10})).passed


def test_the_time_is_that_of_the_test() -> None:
    hours = WindowRecord("w", "w", "Europe/Berlin", (5,), 9 * 60, 17 * 60)
    tested = bench(policy("p", when=(window_condition(hours),)))
    assert tested.run(case(at="2026-11-20T15:59:59+00:00")).passed
    assert not tested.run(case(at="2026-11-20T16:00:00+00:00")).passed
    assert not tested.run(case(at="2026-11-21T12:00:00+00:00")).passed


def test_a_context_of_a_wrong_type_denies() -> None:
    result = bench(policy("p")).run(case(context={"mfa": "two"}))
    assert (result.got, result.reason) == ("deny", "evaluation_error")
    assert result.errors == ("engine.context_invalid",)


def test_the_groups_of_the_node_are_part_of_the_context() -> None:
    inside = '(context has node_groups && context.node_groups.contains("dmz"))'
    tested = bench(policy("p", when=(inside,)))
    assert tested.run(case(context={"node_groups": ["dmz"]})).passed
    assert not tested.run(case(context={"node_groups": ["lan"]})).passed


def test_attributes_are_those_of_the_test() -> None:
    asked = '(principal has team && principal.team == "ops")'
    tested = bench(policy("p", when=(asked,)))
    assert tested.run(case(principal_attributes={"team": "ops"})).passed
    assert not tested.run(case(principal_attributes={"team": "sales"})).passed
    assert not tested.run(case()).passed


def test_a_test_whose_policy_is_not_there_has_failed() -> None:
    found = self_test([], [case(expect="deny")])
    assert (found.passed, found.names) == (0, ("p#one",))


def test_a_release_passes_only_with_every_test() -> None:
    tested = policy("p", principal=OPERATOR)
    cases = [case(), case("two", "deny", roles=()), case("three", "deny")]
    found = self_test([tested], cases)
    assert (found.passed, found.names) == (2, ("p#three",))


def test_other_policies_have_no_part_in_a_test() -> None:
    forbid = policy("q", effect="forbid")
    assert self_test([policy("p"), forbid], [case()]).passed == 1


BROKEN = [
    "context.mfa > 1",
    "context.nothing.inner",
    "principal.team == 1",
    'ip(context.path) == ip("::1")',
    "9223372036854775807 + context.big > 0",
    'context.t["Mars/Olympus"].min > 1',
]


@given(
    broken=st.sampled_from(BROKEN),
    effect=st.sampled_from(["permit", "forbid"]),
    others=st.lists(st.sampled_from(["true", "context has mfa || true"]), max_size=2),
)
def test_a_condition_that_errs_denies_in_life_and_in_a_test(
    broken: str, effect: str, others: list[str]
) -> None:
    """Also beside a statement that would permit."""
    fine = policy("fine")
    bad = policy("bad", effect=effect, when=(*others, broken))
    request = Request(
        EntityRef("User", "somebody"),
        "restart",
        WEB,
        dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC),
    )
    in_life = PolicyEngine.from_records([fine, bad], {}).decide(request)
    in_test = run_case(effect, bad.statements, case(expect="deny"))
    for found in (in_life, bench(bad).decide(case())):
        assert not found.allowed
        assert found.reason == "evaluation_error"
    assert (in_test.got, in_test.reason) == ("deny", "evaluation_error")
    assert in_test.errors == in_life.errors


@given(
    roles=st.sets(st.sampled_from(["operator", "staff"])),
    groups=st.sets(st.sampled_from(["berlin", "munich"])),
    mfa=st.none() | st.integers(0, 3),
    risk=st.none() | st.integers(0, 100),
    minute=st.integers(0, 7 * 24 * 60),
    effect=st.sampled_from(["permit", "forbid"]),
    principal=st.sampled_from([Head(), OPERATOR, Head("is", "User")]),
    resource=st.sampled_from([Head(), Head("in", "ResourceGroup", "berlin")]),
    when=st.lists(st.sampled_from([MFA, RISKY, TRUSTED]), unique=True),
)
def test_a_test_is_answered_as_a_node_answers(
    *,  # a question has parts
    roles: set[str],
    groups: set[str],
    mfa: int | None,
    risk: int | None,
    minute: int,
    effect: str,
    principal: Head,
    resource: Head,
    when: list[str],
) -> None:
    hours = WindowRecord("w", "w", "Europe/Berlin", (1, 2, 3), 9 * 60, 17 * 60)
    tested = policy(
        "p",
        effect=effect,
        principal=principal,
        resource=resource,
        when=(*when, window_condition(hours)),
    )
    moment = dt.datetime(2026, 11, 16, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    known = {"mfa": mfa, "risk": risk, "device": {"trusted": True}}
    context = {name: value for name, value in known.items() if value is not None}
    asked = case(
        roles=tuple(sorted(roles)),
        groups=tuple(sorted(groups)),
        context=context,
        at=moment.isoformat(),
    )
    places = tuple(EntityRef("ResourceGroup", name) for name in asked.groups)
    release = [
        tested,
        *(AssignmentRecord(r, asked.principal, r) for r in asked.roles),
        ResourceRecord(principal_id(WEB), WEB, {}, places),
    ]
    engine = PolicyEngine.from_records(release, ZONES)
    in_life = engine.decide(Request(asked.principal, "restart", WEB, moment, context))
    in_test = bench(tested).decide(asked)
    assert (in_test.allowed, in_test.reason) == (in_life.allowed, in_life.reason)


def two_statements(effect: str, *when: str) -> Bench:
    one = policy("p", effect=effect, principal=OPERATOR, when=when).statements[0]
    other = policy(
        "x", effect=effect, principal=Head("in", "Role", "staff"), when=when
    ).statements[0]
    second = Statement(
        "p#1",
        other.cedar.replace('"x#0"', '"p#1"'),
        other.principal,
        other.action,
        other.resource,
    )
    return Bench(effect, (one, second))


def test_coverage_counts_the_statements_that_were_reached() -> None:
    tested = two_statements("permit")
    found = coverage(tested, [tested.run(case())])
    assert (found.reached, percent(found.reached)) == ((1, 2), 50)
    found = coverage(tested, [tested.run(case(roles=("operator", "staff")))])
    assert percent(found.reached) == 100


def test_a_condition_has_been_tried_when_it_was_seen_both_ways() -> None:
    tested = bench(policy("p", when=(MFA, TRUSTED)))
    trusted = {"device": {"trusted": True}}
    held = tested.run(case(context={"mfa": 2, **trusted}))
    assert coverage(tested, [held]).outcomes == (2, 4)
    failed = tested.run(case(context={"mfa": 1, **trusted}))
    assert coverage(tested, [held, failed]).outcomes == (3, 4)
    unknown = tested.run(case(context={"mfa": 2}))
    assert coverage(tested, [held, failed, unknown]).outcomes == (4, 4)


def test_a_condition_that_errs_was_seen_neither_way() -> None:
    tested = bench(policy("p", when=("context.mfa > 1", "true")))
    found = coverage(tested, [tested.run(case())])
    assert [one.outcomes for one in found.statements[0].conditions] == [0, 1]


def test_conditions_of_another_hand_are_told_apart() -> None:
    text = (
        '@id("p#0") permit(principal, action, resource) '
        "when { true && context has mfa && context.mfa > 1 } "
        'unless { context has country && context.country == "RU" };'
    )
    tested = bench(policy("p", cedar=text))
    found = coverage(tested, [tested.run(case(context={"mfa": 2}))])
    assert [one.held for one in found.statements[0].conditions] == [1, 1, 1]
    assert found.outcomes == (3, 6)


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({"expect": "deny", "context": {"risk": 90}}, 1),
        # It was reached, but something else is why the answer is no.
        ({"expect": "deny", "context": {"risk": 10}}, 0),
        # It decided, but the test expected otherwise.
        ({"expect": "allow", "context": {"risk": 90}}, 0),
        (
            {"expect": "deny", "reason": "no_matching_policy", "context": {"risk": 90}},
            0,
        ),
    ],
)
def test_a_forbid_is_covered_by_a_denial_that_it_decided(
    changes: dict[str, Any], covered: int
) -> None:
    tested = two_statements("forbid", RISKY)
    found = coverage(tested, [tested.run(case(**changes))])
    assert found.forbids == (covered, 2)
    assert len(found.uncovered) == 2 - covered


def test_a_permit_has_no_forbids_to_cover() -> None:
    found = coverage(bench(policy("p")), [])
    assert (found.forbids, found.uncovered, percent(found.forbids)) == ((0, 0), (), 100)


@given(st.lists(st.tuples(st.none() | st.integers(0, 3), st.booleans()), max_size=6))
def test_more_tests_never_cover_less(asked: list[tuple[int | None, bool]]) -> None:
    tested = two_statements("forbid", MFA, TRUSTED)
    results = [
        tested.run(
            case(
                str(number),
                "deny",
                context={} if mfa is None else {"mfa": mfa},
                roles=("operator",) if is_operator else ("staff",),
            )
        )
        for number, (mfa, is_operator) in enumerate(asked)
    ]
    before = coverage(tested, results[:-1])
    after = coverage(tested, results)
    assert before.outcomes <= after.outcomes
    assert before.reached <= after.reached
    assert before.forbids <= after.forbids
