"""Explanations: the verdict of the engine, the way to it, and what was missing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from engine.calendar import window_condition
from engine.cedar import condition_text
from engine.decide import PolicyEngine, Request
from engine.explain import Explainer, Explanation, FindingKind
from engine.places import location_condition
from protocol.records import (
    AssignmentRecord,
    City,
    EntityRef,
    Fence,
    Head,
    LocationRecord,
    Record,
    SeparationRecord,
    Waiver,
    WindowRecord,
)
from tests.engine.builders import (
    ALICE,
    BERLIN,
    NOON,
    WEB,
    assignment,
    policy,
    resource,
    role,
)
from tests.engine.worlds import (
    BOB,
    IN_BERLIN,
    MFA,
    MORNINGS,
    OFFICE,
    OPERATORS,
    ZONES,
    contexts,
    moments,
    worlds,
)


def explain(
    *records: Record,
    now: dt.datetime = NOON,
    principal_: EntityRef = ALICE,
    **context: Any,
) -> Explanation:
    engine = PolicyEngine.from_records(records, ZONES)
    request = Request(principal_, "restart", WEB, now, context)
    found = Explainer(engine, records).explain(request)
    assert found.decision == engine.decide(request)
    return found


def nearest(*records: Record, now: dt.datetime = NOON, **context: Any) -> str:
    found = explain(*records, now=now, **context).nearest
    assert found is not None
    return found.words


def test_a_permit_names_the_assignment_the_way_and_what_held() -> None:
    found = explain(
        policy("p", principal=OPERATORS, resource=IN_BERLIN, when=(MFA,)),
        role("lead", "operator"),
        role("operator"),
        assignment("a", "lead", scope=BERLIN, end="2026-11-20T13:00:00Z"),
        resource(WEB, BERLIN),
        resource(BERLIN),
        mfa=2,
    )

    (step,) = found.permits
    (grant,) = step.grants
    assert (step.policy.id, step.missing) == ("p", ())
    assert (grant.assignment.id, grant.assignment.scope) == ("a", BERLIN)
    assert grant.assignment.end == "2026-11-20T13:00:00Z"
    assert grant.chain == ("lead", "operator")
    assert [(f.kind, f.found) for f in step.findings] == [
        (FindingKind.PRINCIPAL, "User alice holds it"),
        (FindingKind.RESOURCE, "Node web-1 lies in group berlin"),
        (FindingKind.ATTRIBUTE, "2"),
    ]
    assert (found.near, found.nearest) == ((), None)


def test_every_way_to_a_role_is_named() -> None:
    found = explain(
        policy("p", principal=OPERATORS),
        role("lead", "operator"),
        role("operator"),
        assignment("a", "lead"),
        assignment("b", "operator"),
    )

    ways = {(g.assignment.id, g.chain) for g in found.permits[0].grants}
    assert ways == {("a", ("lead", "operator")), ("b", ("operator",))}


def test_what_is_lent_shows_how_the_delegator_holds_it() -> None:
    lent = AssignmentRecord(
        "lent", ALICE, "operator", source="delegation", delegator=BOB
    )
    own = AssignmentRecord("own", BOB, "lead")

    found = explain(
        policy("p", principal=OPERATORS),
        role("lead", "operator"),
        role("operator"),
        lent,
        own,
    )

    (grant,) = found.permits[0].grants
    assert (grant.assignment, grant.lender[0].assignment) == (lent, own)
    assert grant.lender[0].chain == ("lead", "operator")


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"mfa": 1}, "needs MFA level at least 2, has 1"),
        ({}, "needs MFA level at least 2, which is unknown"),
    ],
    ids=["too low", "unknown"],
)
def test_a_missing_attribute_is_named_with_what_was_found(
    context: dict[str, Any], words: str
) -> None:
    assert nearest(policy("p", when=(MFA,)), **context) == words


def test_a_closed_window_says_when_it_opens() -> None:
    records = (policy("p", when=(window_condition(MORNINGS),)), MORNINGS)

    found = explain(*records)

    assert found.nearest is not None
    assert found.nearest.words == "opens Monday 08:00 Europe/Berlin"
    assert found.nearest.wanted == "during mornings"
    assert found.nearest.changes_at == dt.datetime(2026, 11, 23, 7, tzinfo=dt.UTC)


def test_an_open_window_says_when_it_closes() -> None:
    records = (policy("p", when=(window_condition(MORNINGS),)), MORNINGS)

    found = explain(*records, now=dt.datetime(2026, 11, 23, 7, tzinfo=dt.UTC))

    window = found.permits[0].findings[-1]
    assert window.found == "open until Monday 12:00 Europe/Berlin"


def test_the_first_window_to_open_counts() -> None:
    later = WindowRecord("later", "Later", "Europe/Berlin", (5,), 900, 960)
    text = f"({window_condition(MORNINGS)} || {window_condition(later)})"

    words = nearest(policy("p", when=(text,)), MORNINGS, later)

    assert words == "opens Friday 15:00 Europe/Berlin"


def test_a_window_that_changed_since_is_read_from_the_text_that_decides() -> None:
    changed = WindowRecord("mornings", "Mornings", "Europe/Berlin", (5,), 0, 1440)

    found = explain(policy("p", when=(window_condition(MORNINGS),)), changed)

    assert found.nearest is not None
    assert found.nearest.wanted == "during Mon, Tue, Wed 08:00 to 12:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"ip": "192.0.2.1", "country": "FR"}, "192.0.2.1, FR is outside"),
        ({"country": "FR"}, "FR may be outside"),
        ({}, "where from is unknown"),
    ],
    ids=["outside", "partly known", "unknown"],
)
def test_a_location_is_outside_or_unknown(context: dict[str, Any], words: str) -> None:
    records = (
        policy("p", when=(location_condition(OFFICE, unknown_matches=False),)),
        OFFICE,
    )

    assert nearest(*records, **context) == f"needs to come from office; {words}"


def test_a_location_that_holds_says_inside() -> None:
    records = (
        policy("p", when=(location_condition(OFFICE, unknown_matches=False),)),
        OFFICE,
    )

    found = explain(*records, ip="10.1.2.3")

    assert found.permits[0].findings[-1].found == "10.1.2.3 is inside"


@pytest.mark.parametrize(
    ("changes", "now", "words"),
    [
        (
            {"closed_on": ("2026-11-23",)},
            "2026-11-23T08:00:00Z",
            "2026-11-23 is an exception on which it stays closed",
        ),
        (
            {"open_on": ("2026-11-21",)},
            "2026-11-21T08:00:00Z",
            "2026-11-21 is an exception on which it opens",
        ),
        (
            {"opens_at": "2026-11-24T00:00:00Z"},
            "2026-11-23T08:00:00Z",
            "its time begins 2026-11-24 00:00 UTC",
        ),
        (
            {"closes_at": "2026-11-22T00:00:00Z"},
            "2026-11-23T08:00:00Z",
            "its time ended 2026-11-22 00:00 UTC",
        ),
        (
            {"date_from": "2026-12-01"},
            "2026-11-23T08:00:00Z",
            "its dates begin on 2026-12-01",
        ),
        (
            {"date_until": "2026-11-01"},
            "2026-11-23T08:00:00Z",
            "its dates ended with 2026-11-01",
        ),
        (
            {"start_minute": 1320, "end_minute": 360},
            "2026-11-24T02:00:00Z",
            "open since 2026-11-23, overnight",
        ),
        (
            {"start_minute": 1320, "end_minute": 360, "closed_on": ("2026-11-23",)},
            "2026-11-24T02:00:00Z",
            "when it would have opened, is an exception on which it stays closed",
        ),
    ],
    ids=[
        *("closed", "opened", "begins", "ended", "first", "last"),
        *("overnight", "closed the day before"),
    ],
)
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "changed since"])
def test_a_window_says_why_it_is_open_or_closed(
    changes: dict[str, Any],
    now: str,
    words: str,
    *,
    is_named: bool,
) -> None:
    window = replace(MORNINGS, **changes)
    records: list[Record] = [policy("p", when=(window_condition(window),)), MORNINGS]
    if is_named:
        records[1] = window

    found = explain(*records, now=dt.datetime.fromisoformat(now))

    step = (*found.permits, *found.near)[0]
    (detail,) = step.findings[-1].details
    assert detail.endswith(words)
    assert detail.startswith("mornings: ") is is_named
    assert "context." not in step.findings[-1].wanted


@pytest.mark.parametrize(
    ("place", "context", "words"),
    [
        ({"cidrs": ("10.0.0.0/8",)}, {"ip": "192.0.2.1"}, "is not in 10.0.0.0/8"),
        ({"countries": ("DE", "FR")}, {"country": "US"}, "US is not DE or FR"),
        (
            {"cities": (City("DE", "Berlin"),)},
            {"country": "FR", "city": "Paris"},
            "Paris (FR) is not Berlin (DE)",
        ),
        (
            {"fence": Fence(52_520_000, 13_405_000, 5_000)},
            {"geo": {"lat": 48_137_000, "lon": 11_575_000}},
            "is 504.3 km from its center, to be within 5 km of 52.5200, 13.4050",
        ),
        (
            {"fence": Fence(52_520_000, 13_405_000, 5_000)},
            {},
            "the position is unknown, to be within 5 km of 52.5200, 13.4050",
        ),
        (
            {"node_groups": ("edge",)},
            {},
            "the node is unknown, of edge",
        ),
    ],
    ids=["address", "country", "city", "circle", "no position", "node"],
)
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "changed since"])
def test_a_location_says_what_of_it_was_found(
    place: dict[str, Any], context: dict[str, Any], words: str, *, is_named: bool
) -> None:
    location = LocationRecord("site", "Site", **place)
    text = location_condition(location, unknown_matches=False)
    records: list[Record] = [policy("p", when=(text,)), OFFICE]
    if is_named:
        records[1] = location

    found = explain(*records, **context)

    finding = found.near[0].missing[0]
    assert any(words in detail for detail in finding.details)
    assert finding.details[0].startswith("site: ") is is_named
    assert "context." not in finding.wanted


def test_an_unknown_place_that_counts_as_inside_says_so() -> None:
    lenient = replace(OFFICE, unknown_matches=True)
    text = location_condition(lenient, unknown_matches=False)

    found = explain(policy("p", when=(text,)), lenient)

    assert found.permits[0].findings[-1].found == (
        "where from is unknown, which counts as inside"
    )


APART = SeparationRecord("pay", "Pay", "static", ("operator", "payer"))


def of_two(*waivers: Waiver) -> Explanation:
    return explain(
        policy("p", principal=OPERATORS),
        role("operator"),
        role("payer"),
        assignment("a", "operator"),
        assignment("b", "payer"),
        replace(APART, waivers=waivers),
    )


@pytest.mark.parametrize(
    ("waivers", "exception"),
    [
        ((), "there is no exception"),
        (
            (Waiver(ALICE, "2026-11-20T11:00:00Z"),),
            "an exception ended 2026-11-20 11:00 UTC",
        ),
    ],
    ids=["none", "ended"],
)
def test_roles_kept_apart_are_what_is_missing(
    waivers: tuple[Waiver, ...], exception: str
) -> None:
    found = of_two(*waivers)

    (step,) = found.separations
    assert found.decision.reason == "separation_of_duties"
    assert (step.separation, step.roles) == ("pay", ("operator", "payer"))
    assert [grant.id for grant in step.grants] == ["a", "b"]
    assert step.finding.held is False
    assert step.finding.found == f"alice holds operator and payer; {exception}"
    assert found.nearest == step.finding


def test_an_exception_from_a_separation_is_named() -> None:
    found = of_two(Waiver(ALICE, "2026-11-20T13:00:00Z"))

    (step,) = found.separations
    assert found.decision.allowed
    assert step.finding.held
    assert step.waived_until == dt.datetime(2026, 11, 20, 13, tzinfo=dt.UTC)


def test_what_is_kept_from_use_is_no_way_to_a_permit() -> None:
    found = explain(
        policy("p", principal=Head("in", "Role", "viewer")),
        role("operator", "viewer"),
        role("payer"),
        role("viewer"),
        assignment("a", "operator"),
        assignment("b", "payer"),
        assignment("c", "viewer"),
        APART,
    )

    assert found.decision.grants == ("c",)
    assert [g.assignment.id for g in found.permits[0].grants] == ["c"]


def test_what_cedar_does_not_come_to_is_not_called_failed() -> None:
    broken = policy("broken", when=(MFA, "context.risk > 1"))

    found = explain(policy("p"), broken, mfa=1)

    assert (found.decision.allowed, found.failed) == (True, ())


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        ((), "does not hold it"),
        (
            (assignment("a", "operator", scope=BERLIN),),
            "holds it only for group berlin",
        ),
        (
            (assignment("a", "operator", start="2026-11-20T13:00:00Z"),),
            "holds it from 2026-11-20 13:00 UTC",
        ),
        (
            (assignment("a", "operator", end="2026-11-20T12:00:00Z"),),
            "held it until 2026-11-20 12:00 UTC",
        ),
        (
            (
                AssignmentRecord(
                    "a", ALICE, "operator", source="delegation", delegator=BOB
                ),
            ),
            "was lent it by User bob, who does not hold it here and now",
        ),
    ],
    ids=["never", "elsewhere", "later", "earlier", "lent"],
)
def test_a_missing_role_says_why_it_does_not_count(
    grants: tuple[Record, ...], words: str
) -> None:
    records = (policy("p", principal=OPERATORS), role("operator"), *grants)

    found = explain(*records)

    assert found.nearest is not None
    assert found.nearest.words == f"needs the role operator; User alice {words}"
    assert found.roles == ("operator",)


def test_a_resource_in_another_group_is_near() -> None:
    words = nearest(policy("p", resource=IN_BERLIN), resource(WEB))

    assert words == "is about group berlin; Node web-1 lies in no group"


@pytest.mark.parametrize(
    "record",
    [
        policy("p", action=Head("==", id="stop")),
        policy("p", principal=Head("==", "User", "bob")),
        policy("p", principal=Head("is", "Service")),
        policy("p", resource=Head("==", "Node", "web-2")),
        policy("p", resource=Head("is", "Namespace")),
        policy("p", effect="forbid", when=(MFA,)),
    ],
    ids=["action", "person", "type of principal", "resource", "type", "forbid"],
)
def test_what_nothing_could_mend_is_not_near(record: Record) -> None:
    assert explain(record).near == ()


def test_the_permit_with_the_least_missing_comes_first() -> None:
    risk = condition_text("risk", "<", 50)
    found = explain(
        policy("two", when=(MFA, risk)),
        policy("one", when=(MFA,)),
        policy("role", principal=OPERATORS),
        role("operator"),
        mfa=1,
        risk=80,
    )

    assert [step.policy.id for step in found.near] == ["one", "role", "two"]


def test_a_forbid_is_named_and_nothing_is_near_any_more() -> None:
    found = explain(policy("p"), policy("f", effect="forbid", when=(MFA,)), mfa=2)

    assert [step.policy.id for step in found.forbids] == ["f"]
    assert [step.policy.id for step in found.permits] == ["p"]
    assert found.nearest is None


def test_a_statement_that_failed_is_named() -> None:
    found = explain(policy("p"), policy("broken", when=("context.risk > 1",)))

    assert found.decision.reason == "evaluation_error"
    assert [step.policy.id for step in found.failed] == ["broken"]
    assert found.failed[0].missing[0].found == "could not be evaluated"


def test_a_statement_of_another_hand_is_one_condition() -> None:
    text = (
        '@id("p#0")\npermit (principal, action, resource) unless { context.mfa < 2 };'
    )

    found = explain(policy("p", cedar=text), mfa=1)

    assert [f.kind for f in found.near[0].missing] == [FindingKind.OTHER]
    assert explain(policy("p", cedar=text), mfa=2).permits


def test_whoever_claims_to_be_a_role_gets_no_way() -> None:
    found = explain(policy("p"), principal_=EntityRef("Role", "operator"))

    assert (found.decision.allowed, found.permits, found.near) == (False, (), ())


def test_a_question_that_cedar_cannot_read_is_a_plain_denial() -> None:
    found = explain(policy("p", when=(MFA,)), path="\ud800")

    assert found.decision.reason == "evaluation_error"
    assert found.permits == ()


@settings(max_examples=300, deadline=None)
@given(worlds(), contexts, moments)
def test_an_explanation_says_what_the_engine_decides(
    records: list[Record], context: dict[str, Any], now: dt.datetime
) -> None:
    found = explain(*records, now=now, **context)

    decision = found.decision
    applied = found.forbids or (found.permits if not found.forbids else ())
    assert {step.policy.id for step in applied} == set(decision.determining)
    if decision.allowed:
        assert found.permits
        assert not found.forbids
        assert not found.failed
        assert not found.near
    named = {g.assignment.id for step in applied for g in step.grants}
    assert named == set(decision.grants)
    for step in found.near:
        assert step.missing
        assert step.policy.effect == "permit"
    counts = [len(step.missing) for step in found.near]
    assert counts == sorted(counts)


@settings(max_examples=300, deadline=None)
@given(worlds(), contexts, moments)
def test_without_the_grants_it_names_a_permit_rests_on_another_way_or_falls(
    records: list[Record], context: dict[str, Any], now: dt.datetime
) -> None:
    before = explain(*records, now=now, **context)
    if not before.decision.allowed:
        return
    ways = [(step, step.grants) for step in before.permits]
    named = {grant.assignment.id for _, grants in ways for grant in grants}

    for gone in sorted(named):
        left = [r for r in records if r.key != ("assignment", gone)]
        after = explain(*left, now=now, **context)
        if after.decision.allowed:
            others = {
                grant.assignment.id for step in after.permits for grant in step.grants
            }
            assert gone not in others
            assert others or any(not step.role for step in after.permits)
    left = [r for r in records if r.key[0] != "assignment" or r.id not in named]
    after = explain(*left, now=now, **context)
    assert after.decision.allowed is any(not step.role for step in before.permits)
