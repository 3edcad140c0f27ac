"""The matrix says what deciding every pair would, and no more than can be known."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.simulation.rules.changes import pairs
from apps.simulation.rules.circumstances import Case, records_in
from apps.simulation.rules.levels import Level, Levels
from apps.simulation.rules.matrix import Difference, Matrix, Turn
from engine.decide import PolicyEngine, Request
from protocol.records import (
    EntityRef,
    Head,
    Obligation,
    PolicyRecord,
    Record,
    SeparationRecord,
)
from tests.engine.builders import (
    ALICE,
    BERLIN,
    NOON,
    WEB,
    assignment,
    policy,
    principal,
    resource,
    role,
)
from tests.engine.worlds import BOB, MFA, OPERATORS, ZONES, contexts, moments, worlds

ACTIONS = ("restart", "stop")
WEB2 = EntityRef("Node", "web-2")
NAMED = policy(
    "named", action=Head("in", ids=ACTIONS), principal=Head("==", "User", "x")
)
TEAM = '(principal has team && principal.team == "red")'


@st.composite
def pairs_of_worlds(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    """Two worlds; often only the policies differ."""
    choices: list[list[Record]] = [
        [],
        [SeparationRecord("s", "S", "dynamic", ("operator", "lead"))],
        [policy("red", when=(TEAM,))],
        [policy("forbid-red", effect="forbid", when=(TEAM, MFA))],
        [replace(policy("asks"), obligations=(Obligation("mfa", level=2),))],
        [replace(policy("later"), effective_from="2026-11-21T00:00:00Z")],
        [replace(policy("over"), effective_until="2026-11-20T11:00:00Z")],
    ]
    extra: list[Record] = [
        NAMED,
        resource(WEB2, BERLIN),
        resource(EntityRef("Node", "web-3"), BERLIN),
        *draw(st.sampled_from(choices)),
    ]
    before = draw(worlds())
    after = draw(worlds())
    if draw(st.booleans()):
        kept = [r for r in before if not isinstance(r, PolicyRecord)]
        after = [*kept, *(r for r in after if isinstance(r, PolicyRecord))]
    if draw(st.booleans()):
        after = [
            principal(ALICE, team="red") if r.key == principal(ALICE).key else r
            for r in after
        ]
    return _unique([*before, *extra]), _unique([*after, *extra])


def _unique(records: list[Record]) -> list[Record]:
    return list({record.key: record for record in records}.values())


def level_by_deciding(records: list[Record], question: Request) -> Level:
    best, worst = (
        PolicyEngine.from_records(records_in(records, case), ZONES).decide(question)
        for case in (Case.BEST, Case.WORST)
    )
    if not best.allowed:
        return Level.NEVER
    return Level.ALWAYS if worst.allowed else Level.SOMETIMES


def levels(records: list[Record], now: dt.datetime = NOON) -> Levels:
    return Levels(PolicyEngine.from_records(records, ZONES), now)


def difference(before: list[Record], after: list[Record]) -> Difference:
    return Matrix(levels(before), levels(after), pairs(before, after)).difference()


def cells(found: Difference) -> dict[tuple[EntityRef, str, EntityRef], Turn]:
    return {
        (shift.principal, shift.action, one): shift.turn
        for shift in found.shifts
        for one in shift.resources
    }


@settings(max_examples=200, deadline=None)
@given(pairs_of_worlds())
def test_the_difference_is_that_of_deciding_every_pair_twice(
    both: tuple[list[Record], list[Record]],
) -> None:
    before, after = both
    expected = {}
    for who in (ALICE, BOB):
        for action in ACTIONS:
            for what in (WEB, WEB2):
                asked = Request(who, action, what, NOON)
                old = level_by_deciding(before, asked)
                new = level_by_deciding(after, asked)
                if old != new:
                    expected[who, action, what] = (old, new)

    found = {
        (shift.principal, shift.action, one): (shift.before, shift.after)
        for shift in difference(before, after).shifts
        for one in shift.resources
        if shift.turn is not Turn.RESHAPED and one in (WEB, WEB2)
    }

    assert found == expected


@settings(max_examples=200, deadline=None)
@given(
    pairs_of_worlds(),
    contexts,
    moments,
    st.sampled_from([ALICE, BOB]),
)
def test_never_is_never_allowed_and_always_always_is(
    both: tuple[list[Record], list[Record]],
    context: dict[str, Any],
    now: dt.datetime,
    who: EntityRef,
) -> None:
    records, _ = both
    engine = PolicyEngine.from_records(records, ZONES)
    decision = engine.decide(Request(who, "restart", WEB, now, context))

    level = Levels(engine, now).cell(who, "restart", WEB).level

    if level is Level.NEVER:
        assert not decision.allowed
    if level is Level.ALWAYS:
        assert decision.allowed


@settings(max_examples=200, deadline=None)
@given(pairs_of_worlds(), contexts)
def test_what_is_not_in_the_difference_is_decided_as_before_in_all_circumstances(
    both: tuple[list[Record], list[Record]], context: dict[str, Any]
) -> None:
    before, after = both
    engines = [PolicyEngine.from_records(records, ZONES) for records in both]
    turned = cells(difference(before, after))

    for who in (ALICE, BOB):
        asked = Request(who, "stop", WEB2, NOON, context)
        if (who, "stop", WEB2) not in turned:
            old, new = (engine.decide(asked).allowed for engine in engines)
            assert old == new


def base(*more: Record) -> list[Record]:
    return [
        NAMED,
        role("operator"),
        assignment("a", "operator"),
        principal(ALICE),
        principal(BOB),
        resource(BERLIN),
        resource(WEB, BERLIN),
        resource(WEB2, BERLIN),
        *more,
    ]


def test_a_new_permit_for_a_role_is_gained_by_its_holders_only() -> None:
    new = policy("p", principal=OPERATORS, action=Head("==", id="stop"))

    found = difference(base(), base(new))

    assert cells(found) == {
        (ALICE, "stop", WEB): Turn.GAINED,
        (ALICE, "stop", WEB2): Turn.GAINED,
    }
    (shift,) = found.shifts
    assert (shift.roles, shift.policies) == (("operator",), ("p",))


def test_a_condition_that_is_added_to_a_permit_narrows_it() -> None:
    old = policy(
        "p", action=Head("==", id="stop"), resource=Head("==", "Node", "web-1")
    )
    new = policy(
        "p",
        action=Head("==", id="stop"),
        resource=Head("==", "Node", "web-1"),
        when=(MFA,),
    )

    found = difference(base(old), base(new))

    assert set(cells(found).values()) == {Turn.NARROWED}


def test_another_condition_reshapes_what_is_sometimes_allowed() -> None:
    old = policy("p", action=Head("==", id="stop"), when=(MFA,))
    new = policy("p", action=Head("==", id="stop"), when=("context has risk",))

    found = difference(base(old), base(new))

    assert set(cells(found).values()) == {Turn.RESHAPED}


def test_an_assignment_that_ends_loses_what_it_led_to() -> None:
    permit = policy("p", principal=OPERATORS, action=Head("==", id="stop"))
    before = base(permit)
    after = [record for record in before if record.id != "a"]

    assert set(cells(difference(before, after)).values()) == {Turn.LOST}


def test_only_what_changed_policies_are_about_is_asked() -> None:
    new = policy(
        "p", resource=Head("==", "Node", "web-1"), action=Head("==", id="stop")
    )

    found = difference(base(), base(new))

    assert found.asked == found.total / 2


def test_production_and_the_admin_tier_come_first() -> None:
    prod = EntityRef("Node", "db-1")
    extra = (resource(prod, EntityRef("ResourceGroup", "prod-berlin")),)
    new = policy("p", principal=OPERATORS, action=Head("==", id="stop"))

    found = difference(base(*extra), base(*extra, new))

    assert found.shifts[0].resources == (prod,)
    assert found.shifts[0].sensitive == ("production",)
