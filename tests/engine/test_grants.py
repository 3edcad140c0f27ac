"""A decision names the assignments that it rests on."""

from __future__ import annotations

import datetime as dt

import pytest

from engine.decide import Decision, PolicyEngine, Request
from protocol.records import AssignmentRecord, EntityRef, Head, Record
from tests.engine.builders import ALICE, NOON, WEB, assignment, policy, resource, role

OPERATORS = Head("in", "Role", "operator")
MICROSECOND = dt.timedelta(microseconds=1)


def ask(*records: Record, now: dt.datetime = NOON) -> Decision:
    engine = PolicyEngine.from_records(records, {})
    return engine.decide(Request(ALICE, "restart", WEB, now))


def test_every_assignment_that_puts_one_into_the_role_is_named() -> None:
    decision = ask(
        policy("p", principal=OPERATORS),
        role("operator"),
        role("sre", "operator"),
        role("clerk"),
        assignment("by-itself", "operator"),
        assignment("by-inheritance", "sre"),
        assignment("elsewhere", "clerk"),
    )
    assert (decision.allowed, decision.grants) == (
        True,
        ("by-inheritance", "by-itself"),
    )


@pytest.mark.parametrize(
    "other",
    [
        assignment("over", "operator", end="2026-11-20T12:00:00Z"),
        assignment("later", "operator", start="2026-11-20T12:00:01Z"),
        assignment("away", "operator", scope=EntityRef("Node", "web-2")),
    ],
    ids=["over", "later", "elsewhere"],
)
def test_an_assignment_that_does_not_hold_is_not_named(other: Record) -> None:
    decision = ask(
        policy("p", principal=OPERATORS),
        role("operator"),
        resource(WEB),
        assignment("holds", "operator"),
        other,
    )
    assert decision.grants == ("holds",)


def test_a_forbid_upon_a_role_names_the_assignment_too() -> None:
    decision = ask(
        policy("p"),
        policy("f", effect="forbid", principal=OPERATORS),
        role("operator"),
        assignment("a", "operator"),
    )
    assert (decision.reason, decision.grants) == ("forbidden", ("a",))


def test_a_permit_for_everybody_rests_on_no_assignment() -> None:
    decision = ask(policy("p"), role("operator"), assignment("a", "operator"))
    assert (decision.allowed, decision.grants) == (True, ())


def test_a_denial_by_default_rests_on_no_assignment() -> None:
    decision = ask(role("operator"), assignment("a", "operator"))
    assert decision.grants == ()


@pytest.mark.parametrize("is_later_release", [False, True], ids=["new", "carried on"])
@pytest.mark.parametrize(
    ("at", "is_allowed"),
    [
        (NOON - MICROSECOND, False),
        (NOON, True),
        (NOON + dt.timedelta(hours=1) - MICROSECOND, True),
        (NOON + dt.timedelta(hours=1), False),
    ],
    ids=["just before", "at the start", "last microsecond", "at the end"],
)
@pytest.mark.parametrize("source", ["standing", "elevation", "break_glass"])
def test_an_assignment_counts_from_its_start_to_its_last_microsecond(
    source: str, at: dt.datetime, *, is_allowed: bool, is_later_release: bool
) -> None:
    records: list[Record] = [
        policy("p", principal=OPERATORS),
        role("operator"),
        AssignmentRecord(
            "a",
            ALICE,
            "operator",
            None,
            "2026-11-20T12:00:00Z",
            "2026-11-20T13:00:00Z",
            source,
        ),
    ]
    # An agent builds its engine so, or carries on the one of the release before.
    if is_later_release:
        before = PolicyEngine.from_records(records[:-1], {})
        engine = before.carried_on(records, {})
    else:
        engine = PolicyEngine.from_records(records, {})

    assert engine.decide(Request(ALICE, "restart", WEB, at)).allowed is is_allowed
