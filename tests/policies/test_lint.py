"""Lint: what compiles and is wrong all the same, and what is left alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.events import Actor
from apps.policies import selectors, services
from apps.policies.errors import PolicyInvalidError
from apps.policies.rules import (
    Catalogue,
    Condition,
    PolicyContent,
    PrincipalItem,
    ResourceItem,
    TestCase,
    compile_policy,
)
from apps.policies.rules.lint import (
    Finding,
    LintCode,
    Neighbor,
    Neighborhood,
    Severity,
    lint_content,
    lint_together,
)
from apps.policies.rules.testcases import Given
from apps.tenants.models import Tenant
from engine.schema import base_schema
from protocol.records import EntityRef, LocationRecord, Permission, WindowRecord
from protocol.zones import zone_transitions
from tests.factories.access import build_access

NOW = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)
ACTOR = Actor.command("tests")
ZONES = {"UTC": zone_transitions("UTC", int(NOW.timestamp()))}
CASE = TestCase(
    "one",
    Given({"type": "User"}, {"type": "Node"}),
    "restart",
    "2026-11-21T09:00:00Z",
    "deny",
)
OFFICE = WindowRecord("office", "Office", "UTC", (1, 2, 3, 4, 5), 480, 1080)
OVER = replace(OFFICE, id="over", date_until="2026-01-31")
LATER = replace(OFFICE, id="later", date_from="2027-03-01")
GERMANY = LocationRecord("germany", "Germany", countries=("DE",))
LAN = LocationRecord("lan", "LAN", cidrs=("10.0.0.0/8",))
HELD = frozenset({Permission("restart", "Node"), Permission("drain", "Node")})
CATALOGUE = Catalogue(
    tiers=dict.fromkeys(sorted(HELD, key=str), "operator"),
    roles={"crew": HELD, "lead": HELD},
    ancestors={"crew": ("crew",), "lead": ("lead", "crew")},
    resource_types=("Node",),
    resources=frozenset({EntityRef("Node", "n1"), EntityRef("ResourceGroup", "web")}),
    windows={window.id: window for window in (OFFICE, OVER, LATER)},
    locations={place.id: place for place in (GERMANY, LAN)},
    schema=base_schema(
        actions={"restart": ["Node"], "drain": ["Node"]},
        resource_types=("Node",),
        zones={"UTC"},
        attributes=(),
    ),
)
CREW, LEAD = PrincipalItem("Role", "crew"), PrincipalItem("Role", "lead")
PERMIT = PolicyContent(
    "Crew restarts",
    "permit",
    "operator",
    principals=(CREW,),
    actions=("restart",),
    resources=(ResourceItem("Node"),),
    tests=(CASE,),
)


def alone(**changes: Any) -> set[str]:
    content = replace(PERMIT, **changes)
    found = lint_content("it", content, CATALOGUE, now=NOW, zones=ZONES)
    return {one.code.value for one in found}


def neighbor(slug: str, content: PolicyContent) -> Neighbor:
    compiled = compile_policy(content, CATALOGUE, policy_id=slug)
    assert not isinstance(compiled, list), compiled
    return Neighbor(slug, content, compiled.statements)


def among(
    content: PolicyContent,
    *others: PolicyContent,
    held: frozenset[str] = frozenset({"crew", "lead"}),
    groups: frozenset[str] = frozenset({"web"}),
) -> list[Finding]:
    own = neighbor("own", content)
    rest = [neighbor(f"other-{n}", other) for n, other in enumerate(others)]
    around = Neighborhood((own, *rest), CATALOGUE.ancestors, held, groups)
    return lint_together(own, around)


def codes(found: list[Finding]) -> set[LintCode]:
    return {one.code for one in found}


def test_a_sound_policy_has_no_findings() -> None:
    assert alone() == set()
    assert among(PERMIT) == []


@pytest.mark.parametrize(
    ("conditions", "is_possible"),
    [
        ([("mfa", ">=", 2), ("mfa", "<=", 2)], True),
        ([("mfa", ">=", 3), ("mfa", "<=", 2)], False),
        ([("mfa", ">", 1), ("mfa", "<", 2)], False),
        ([("mfa", "==", 1), ("mfa", "!=", 1)], False),
        ([("mfa", "==", 1), ("mfa", "!=", 2)], True),
        ([("method", "==", "GET"), ("method", "in", ["POST"])], False),
        ([("method", "==", "GET"), ("method", "in", ["GET", "POST"])], True),
        ([("path", "==", "/a"), ("path", "starts_with", "/b")], False),
        ([("path", "==", "/b/c"), ("path", "starts_with", "/b")], True),
        ([("device.trusted", "==", True), ("device.trusted", "==", False)], False),
        ([("mfa", ">=", 3), ("risk", "<=", 2)], True),
    ],
)
def test_conditions_that_leave_no_value_are_an_error(
    conditions: list[tuple[str, str, Any]],
    is_possible: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    found = alone(conditions=tuple(Condition(*one) for one in conditions))
    assert (LintCode.NEVER_TRUE in found) is not is_possible


BOUND = st.tuples(
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(-3, 3)
)
MEANS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@given(st.lists(BOUND, min_size=1, max_size=5))
def test_bounds_are_judged_as_numbers_are(bounds: list[tuple[str, int]]) -> None:
    possible = any(
        all(MEANS[op](number, value) for op, value in bounds)
        for number in range(-12, 13)
    )
    found = alone(conditions=tuple(Condition("mfa", *one) for one in bounds))
    assert (LintCode.NEVER_TRUE not in found) is possible


@pytest.mark.parametrize(
    ("windows", "until", "code"),
    [
        (("office",), "", None),
        (("over",), "", LintCode.EXPIRED),
        (("over", "office"), "", None),
        (("later",), "", None),
        (("later",), "2027-01-01T00:00:00Z", LintCode.NEVER_OPEN),
    ],
)
def test_a_window_that_does_not_open_in_time_is_found(
    windows: tuple[str, ...], until: str, code: LintCode | None
) -> None:
    found = alone(windows=windows, effective_until=until)
    assert found == ({code} if code else set())


def test_a_country_outside_of_every_location_is_an_error() -> None:
    french = (Condition("country", "==", "FR"),)
    assert alone(locations=("germany",), conditions=french) == {LintCode.NEVER_TRUE}
    assert alone(locations=("germany", "lan"), conditions=french) == set()
    forbid = alone(locations=("germany",), conditions=french, effect="forbid")
    assert forbid == set()


@pytest.mark.parametrize(
    ("changes", "is_broad"),
    [
        ({}, True),
        ({"windows": ("office",)}, False),
        ({"conditions": (Condition("mfa", ">=", 1),)}, False),
        ({"principals": (CREW,)}, False),
        ({"effect": "forbid"}, False),
    ],
)
def test_a_permit_for_anybody_without_circumstances_is_an_error(
    changes: dict[str, Any],
    is_broad: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    found = lint_content(
        "it",
        replace(PERMIT, **({"principals": ()} | changes)),
        CATALOGUE,
        now=NOW,
        zones=ZONES,
    )
    errors = [one for one in found if one.severity is Severity.ERROR]
    assert bool(errors) is is_broad


def test_a_review_that_is_overdue_is_named() -> None:
    assert alone(review_on="2026-11-20") == {LintCode.REVIEW_OVERDUE}
    assert alone(review_on="2026-11-21") == set()


def test_a_policy_without_tests_is_noted() -> None:
    assert alone(tests=()) == {LintCode.UNTESTED}


@pytest.mark.parametrize(
    ("narrow", "wide", "is_shadowed"),
    [
        ({"resources": (ResourceItem("Node", "n1"),)}, {}, True),
        ({}, {"resources": (ResourceItem("Node", "n1"),)}, False),
        ({"principals": (LEAD,)}, {}, True),
        ({}, {"principals": (LEAD,)}, False),
        ({"windows": ("office",)}, {}, True),
        ({}, {"windows": ("office",)}, False),
        ({"windows": ("office",)}, {"windows": ("office", "later")}, True),
        ({"windows": ("office", "later")}, {"windows": ("office",)}, False),
        ({"conditions": (Condition("mfa", ">=", 2),)}, {}, True),
        ({}, {"conditions": (Condition("mfa", ">=", 2),)}, False),
        ({}, {"actions": ("drain", "restart")}, True),
        ({"actions": ("drain", "restart")}, {}, False),
        ({}, {"effective_until": "2027-01-01T00:00:00Z"}, False),
    ],
)
def test_a_policy_is_shadowed_by_a_wider_one_only(
    narrow: dict[str, Any],
    wide: dict[str, Any],
    is_shadowed: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    found = among(replace(PERMIT, **narrow), replace(PERMIT, **wide))
    assert (LintCode.SHADOWED in codes(found)) is is_shadowed


def test_of_two_that_say_the_same_one_is_too_many() -> None:
    first, second = neighbor("a", PERMIT), neighbor("b", PERMIT)
    around = Neighborhood(
        (first, second), CATALOGUE.ancestors, frozenset({"crew"}), frozenset()
    )
    found = [lint_together(one, around) for one in (first, second)]
    assert [codes(one) for one in found] == [set(), {LintCode.SHADOWED}]


def test_a_permit_that_a_forbid_takes_away_is_overruled() -> None:
    forbid = replace(PERMIT, effect="forbid", name="Freeze")
    assert codes(among(PERMIT, forbid)) == {LintCode.OVERRULED}
    part = replace(forbid, windows=("office",))
    assert codes(among(PERMIT, part)) == {LintCode.CONFLICT}
    other = replace(forbid, actions=("drain",))
    assert codes(among(PERMIT, other)) == set()


def test_a_role_that_nobody_holds_is_an_orphan() -> None:
    assert codes(among(PERMIT, held=frozenset({"lead"}))) == {LintCode.ORPHAN_ROLE}


def test_a_group_without_anything_in_it_is_named() -> None:
    content = replace(PERMIT, resources=(ResourceItem("ResourceGroup", "web"),))
    assert codes(among(content, groups=frozenset())) == {LintCode.EMPTY_GROUP}
    assert codes(among(content)) == set()


@pytest.mark.django_db
def test_an_error_keeps_a_draft_from_being_saved(in_tenant: Tenant) -> None:
    build_access()
    content = {
        "name": "Impossible",
        "effect": "permit",
        "tier": "operator",
        "owner": "Ops",
        "principals": [{"type": "Role", "id": "developer"}],
        "actions": ["restart"],
        "conditions": [
            {"attribute": "mfa", "op": ">=", "value": 3},
            {"attribute": "mfa", "op": "<=", "value": 1},
        ],
    }
    with pytest.raises(PolicyInvalidError) as refused:
        services.save_draft(
            actor=ACTOR, policy_id=None, content=content, expected_lock=None
        )
    (problem,) = refused.value.problems
    assert problem[:2] == ("lint.never_true", "conditions[1]")
    content["conditions"] = []
    draft = services.save_draft(
        actor=ACTOR, policy_id=None, content=content, expected_lock=None
    )
    found = {one.code for one in selectors.lint_draft(draft)}
    assert LintCode.UNTESTED in found
    assert found <= {one.code for one in selectors.lint_tenant()}
    assert in_tenant.slug


OPEN_FORBIDS = [
    'when { context has country && context.country == "XX" }',
    'when { principal is User && principal has team && principal.team == "x" }',
    "when { context has device && context.device.trusted == false }",
    "when { if context has risk then context.risk > 1 else false }",
    "when { !(!(context has risk) || context.risk < 1) }",
    "when { context has risk } when { context.risk > 1 }",
    "unless { !(context has risk && context.risk > 1) }",
    "unless { !(context has risk) || context.risk == 1 || context has city }",
]
SAFE_FORBIDS = [
    'when { if context has country then context.country == "XX" else true }',
    'unless { context has country && context.country == "DE" }',
    'when { !(context has country) || context.country == "XX" }',
    'when { context has country && context.country == "XX" || resource has prod }',
    'when { context.country == "XX" }',
    "when { context.risk + 1 > 2 }",
    "",
]


def fails_open(effect: str, clause: str) -> list[Finding]:
    text = f"{effect} (principal, action, resource)\n{clause};"
    content = replace(PERMIT, cedar=text, effect=effect, principals=())
    found = lint_content("it", content, CATALOGUE, now=NOW, zones=ZONES)
    return [one for one in found if one.code is LintCode.FAILS_OPEN]


@pytest.mark.parametrize("clause", OPEN_FORBIDS)
def test_a_forbid_that_does_nothing_where_something_is_missing_is_a_warning(
    clause: str,
) -> None:
    (found,) = fails_open("forbid", clause)
    assert found.severity is Severity.WARNING
    assert found.field.startswith("cedar[2:")
    assert "forbids nothing" in found.message


@pytest.mark.parametrize("clause", SAFE_FORBIDS)
def test_a_forbid_that_says_what_happens_to_the_unknown_is_fine(clause: str) -> None:
    assert fails_open("forbid", clause) == []


@pytest.mark.parametrize(
    ("clause", "is_open"),
    [
        ("unless { principal has away && principal.away }", True),
        ("when { !(principal has away && principal.away) }", True),
        ("unless { if principal has away then principal.away else true }", False),
        ("when { principal has away && !principal.away }", False),
        ("unless { principal.away }", False),
    ],
)
def test_an_exception_from_a_permit_that_needs_to_know_is_a_warning(
    clause: str, *, is_open: bool
) -> None:
    assert bool(fails_open("permit", clause)) is is_open


def test_the_place_of_the_finding_is_where_it_is_asked() -> None:
    (found,) = fails_open("forbid", "when { context has risk && context.risk > 1 }")
    assert found.field == "cedar[2:16+8]"
    assert found.message.startswith("Line 2: where “context.risk”")
