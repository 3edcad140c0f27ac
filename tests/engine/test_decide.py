"""Decisions: forbid wins, default deny, errors deny, time is an argument."""

from __future__ import annotations

import datetime as dt
import json

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decide import Decision, PolicyEngine, Request
from engine.errors import ContextError
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    PolicyRecord,
    Record,
    ResourceRecord,
    RoleRecord,
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

OPERATORS = Head("in", "Role", "operator")


def ask(
    *records: Record,
    now: dt.datetime = NOON,
    action: str = "restart",
    **context: object,
) -> Decision:
    engine = PolicyEngine.from_records(records, {})
    return engine.decide(Request(ALICE, action, WEB, now, context))


def test_no_policy_denies() -> None:
    assert ask() == Decision(allowed=False, reason="no_matching_policy")


def test_a_permit_permits_and_is_named() -> None:
    decision = ask(policy("p"))
    assert (decision.allowed, decision.determining) == (True, ("p",))


def test_a_forbid_beats_a_permit() -> None:
    decision = ask(policy("p"), policy("f", effect="forbid"))
    assert (decision.allowed, decision.reason) == (False, "forbidden")
    assert decision.determining == ("f",)


def test_an_error_in_a_permit_denies_even_beside_another_permit() -> None:
    broken = policy("broken", when=("context.risk > 1",))
    decision = ask(policy("p"), broken)
    assert (decision.allowed, decision.reason) == (False, "evaluation_error")


def test_an_error_in_a_forbid_denies() -> None:
    broken = policy("broken", effect="forbid", when=("context.risk > 1",))
    assert ask(policy("p"), broken).reason == "evaluation_error"


def test_errors_are_codes_and_the_details_stay_beside_them() -> None:
    decision = ask(policy("p", when=("context.risk > 1",)))

    assert decision.errors == ("engine.evaluation_failed",)
    assert len(decision.details) == 1
    assert "attribute `risk`" in decision.details[0]


@pytest.mark.parametrize("risk", [0, 100], ids=str)
def test_a_risk_goes_from_0_to_100(risk: int) -> None:
    assert ask(policy("p", when=(f"context.risk == {risk}",)), risk=risk).allowed


def test_the_same_condition_decides_once_the_attribute_is_known() -> None:
    assert ask(policy("p"), policy("q", when=("context.risk > 1",)), risk=2).allowed


def test_a_role_is_held_through_inheritance() -> None:
    records = (
        policy("p", principal=OPERATORS),
        role("operator"),
        role("lead", "operator"),
        assignment("a", "lead"),
    )
    assert ask(*records).allowed
    assert not ask(records[0], records[1], role("lead"), records[3]).allowed


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        (dt.timedelta(seconds=-1), False),
        (dt.timedelta(0), True),
        (dt.timedelta(minutes=30, seconds=-1), True),
        (dt.timedelta(minutes=30), False),
    ],
)
def test_an_assignment_counts_from_its_start_until_just_before_its_end(
    moment: dt.timedelta, *, allowed: bool
) -> None:
    grant = assignment(
        "a", "operator", start="2026-11-20T12:00:00Z", end="2026-11-20T12:30:00Z"
    )
    records = (policy("p", principal=OPERATORS), role("operator"), grant)
    assert ask(*records, now=NOON + moment).allowed is allowed


def test_the_end_of_one_assignment_does_not_shorten_another() -> None:
    records = (
        policy("p", principal=OPERATORS),
        role("operator"),
        assignment("short", "operator", end="2026-11-20T11:00:00Z"),
        assignment("long", "operator", end="2026-11-20T13:00:00Z"),
    )
    assert ask(*records).allowed


def test_a_scoped_assignment_counts_inside_its_group_only() -> None:
    base = (
        policy("p", principal=OPERATORS),
        role("operator"),
        assignment("a", "operator", scope=BERLIN),
        resource(BERLIN),
    )
    assert ask(*base, resource(WEB, BERLIN)).allowed
    assert not ask(*base, resource(WEB)).allowed


def test_a_statement_whose_text_differs_from_its_head_denies() -> None:
    narrow = Head("==", "User", "alice")
    wide = '@id("p#0")\npermit (principal, action, resource);\n'
    decision = ask(policy("p", principal=narrow, cedar=wide))
    assert (decision.allowed, decision.reason) == (False, "evaluation_error")


def test_a_statement_whose_effect_differs_from_its_record_denies() -> None:
    text = '@id("p#0")\npermit (principal, action, resource);\n'
    assert ask(policy("p", cedar=text)).allowed
    decision = ask(policy("p", effect="forbid", cedar=text))
    assert (decision.allowed, decision.reason) == (False, "evaluation_error")


def test_a_statement_hidden_in_the_text_of_another_denies() -> None:
    text = '@id("p#0")\npermit (principal, action, resource);\n'
    decision = ask(policy("p", cedar=text + text.replace("p#0", "x#0")))
    assert (decision.allowed, decision.reason) == (False, "evaluation_error")


def test_an_error_beside_a_forbid_is_still_forbidden() -> None:
    broken = policy("broken", when=("context.risk > 1",))
    assert ask(policy("f", effect="forbid"), broken).reason == "forbidden"


def test_nobody_can_be_a_role() -> None:
    engine = PolicyEngine.from_records(
        [policy("p", principal=OPERATORS), role("operator")], {}
    )
    asked = Request(EntityRef("Role", "operator"), "restart", WEB, NOON)
    assert not engine.decide(asked).allowed


def test_a_forbid_on_a_group_finds_a_resource_that_is_also_the_principal() -> None:
    forbid = policy("f", effect="forbid", resource=Head("in", BERLIN.type, BERLIN.id))
    records = (policy("p"), forbid, resource(WEB, BERLIN), resource(BERLIN))
    engine = PolicyEngine.from_records(records, {})
    decision = engine.decide(Request(WEB, "restart", WEB, NOON))
    assert (decision.allowed, decision.reason) == (False, "forbidden")


def test_a_text_that_cannot_be_encoded_denies() -> None:
    engine = PolicyEngine.from_records([policy("p")], {})
    decision = engine.decide(Request(EntityRef("User", "\ud800"), "a", WEB, NOON))
    assert (decision.allowed, decision.reason) == (False, "evaluation_error")


def test_attributes_of_the_release_cannot_be_overridden_by_the_request() -> None:
    records = (
        policy("p", when=('principal has team && principal.team == "blue"',)),
        principal(ALICE, team="red"),
    )
    engine = PolicyEngine.from_records(records, {})
    asked = Request(ALICE, "a", WEB, NOON, principal_attributes={"team": "blue"})
    assert not engine.decide(asked).allowed
    assert PolicyEngine.from_records(records[:1], {}).decide(asked).allowed


def test_a_stale_release_loses_its_strict_tiers_first() -> None:
    engine = PolicyEngine.from_records(
        [
            policy("admin", tier="admin", action=Head("==", id="grant")),
            policy("read", tier="read_only", action=Head("==", id="read")),
        ],
        {},
    )
    budget = {"admin": 300, "operator": 900, "read_only": 86_400}

    def answer(action: str, age: float) -> Decision:
        request = Request(ALICE, action, WEB, NOON)
        return engine.decide(request, age_seconds=age, max_age=budget)

    assert answer("grant", 300).allowed
    assert answer("grant", 301).reason == "stale"
    assert answer("read", 301).allowed


def test_a_forbid_counts_however_stale_the_release_is() -> None:
    engine = PolicyEngine.from_records([policy("f", effect="forbid", tier="admin")], {})
    decision = engine.decide(
        Request(ALICE, "read", WEB, NOON), age_seconds=1e9, max_age={"admin": 1}
    )
    assert decision.reason == "forbidden"


@pytest.mark.parametrize(
    "context",
    [
        {"mfa": "2"},
        {"mfa": True},
        {"ip": "10.0.0.256"},
        {"device": {"trusted": 1}},
        {"device": True},
        {"risk": "12"},
        {"risk": 12.5},
        {"risk": True},
        {"risk": -1},
        {"risk": 101},
        {"mfa": 2**63},
    ],
    ids=str,
)
def test_a_context_of_the_wrong_type_is_refused(context: dict[str, object]) -> None:
    engine = PolicyEngine.from_records([policy("p")], {})
    with pytest.raises(ContextError):
        engine.decide(Request(ALICE, "restart", WEB, NOON, context))


def test_context_that_no_policy_can_ask_for_is_left_out() -> None:
    assert ask(policy("p"), weather={"wind": 3}).allowed


PRINCIPALS = [
    EntityRef("User", "alice"),
    EntityRef("User", "bob"),
    EntityRef("Service", "s"),
]
ROLES = ["viewer", "operator", "lead"]
RESOURCES = [EntityRef("Node", "n1"), EntityRef("Node", "n2"), EntityRef("Db", "d1")]
GROUPS = [EntityRef("ResourceGroup", "g1"), EntityRef("ResourceGroup", "g2")]
ACTIONS = ["read", "restart", "grant"]

principal_heads = st.one_of(
    st.just(Head()),
    st.sampled_from([Head("==", p.type, p.id) for p in PRINCIPALS]),
    st.sampled_from([Head("in", "Role", r) for r in ROLES]),
    st.sampled_from([Head("is", "User"), Head("is", "Service")]),
    st.sampled_from([Head("is_in", "User", in_type="Role", in_id=r) for r in ROLES]),
)
resource_heads = st.one_of(
    st.just(Head()),
    st.sampled_from([Head("==", r.type, r.id) for r in RESOURCES]),
    st.sampled_from([Head("in", g.type, g.id) for g in GROUPS]),
    st.sampled_from([Head("is", "Node"), Head("is", "Db")]),
    st.sampled_from(
        [Head("is_in", "Node", in_type=g.type, in_id=g.id) for g in GROUPS]
    ),
)
action_heads = st.one_of(
    st.just(Head()),
    st.sampled_from([Head("==", id=a) for a in ACTIONS]),
    st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3, unique=True).map(
        lambda ids: Head("in", ids=tuple(ids))
    ),
)
conditions = st.sampled_from(
    [(), ("context has mfa && context.mfa >= 2",), ("context.mfa >= 2",)]
)


@st.composite
def worlds(draw: st.DrawFn) -> list[Record]:
    count = draw(st.integers(0, 12))
    policies = [
        policy(
            f"p{n}",
            effect=draw(st.sampled_from(["permit", "permit", "forbid"])),
            principal=draw(principal_heads),
            action=draw(action_heads),
            resource=draw(resource_heads),
            when=draw(conditions),
        )
        for n in range(count)
    ]
    grants = [
        assignment(f"a{n}", name)
        for n, name in enumerate(draw(st.lists(st.sampled_from(ROLES), max_size=2)))
    ]
    placed = [
        resource(
            entity, *draw(st.lists(st.sampled_from(GROUPS), max_size=2, unique=True))
        )
        for entity in RESOURCES
    ]
    roles = [role("viewer"), role("operator", "viewer"), role("lead", "operator")]
    groups = [resource(GROUPS[0], GROUPS[1]), resource(GROUPS[1])]
    return [*policies, *grants, *placed, *roles, *groups]


def whole(records: list[Record], request: Request) -> tuple[bool, set[str], int]:
    """Evaluate every policy at once, with the whole entity graph."""
    holders = [r.role for r in records if isinstance(r, AssignmentRecord)]
    entities: list[tuple[EntityRef, list[EntityRef]]] = []
    for entity in PRINCIPALS:
        parents = holders if entity == ALICE else []
        entities.append((entity, [EntityRef("Role", name) for name in parents]))
    text = ""
    for record in records:
        match record:
            case RoleRecord():
                above = [EntityRef("Role", name) for name in record.parents]
                entities.append((EntityRef("Role", record.id), above))
            case ResourceRecord():
                entities.append((record.entity, list(record.groups)))
            case PolicyRecord():
                text += "".join(statement.cedar for statement in record.statements)
            case _:
                pass
    result = cedarpy.is_authorized(
        {
            "principal": request.principal.to_dict(),
            "action": {"type": "Action", "id": request.action},
            "resource": request.resource.to_dict(),
            "context": json.dumps(dict(request.context)),
        },
        text,
        [
            {"uid": e.to_dict(), "attrs": {}, "parents": [p.to_dict() for p in ps]}
            for e, ps in entities
        ],
    )
    names = result.diagnostics.id_annotations_by_reason or {}
    reasons = {names[r].split("#")[0] for r in result.diagnostics.reasons}
    return bool(result.allowed), reasons, len(result.diagnostics.errors)


@settings(max_examples=300, deadline=None)
@given(
    worlds(),
    st.sampled_from(PRINCIPALS),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from([{}, {"mfa": 1}, {"mfa": 2}]),
)
def test_the_slice_decides_as_the_whole_set_does(
    records: list[Record],
    who: EntityRef,
    action: str,
    what: EntityRef,
    context: dict[str, int],
) -> None:
    request = Request(who, action, what, NOON, context)
    decision = PolicyEngine.from_records(records, {}).decide(request)
    allowed, reasons, errors = whole(records, request)
    assert len(decision.details) == errors
    assert decision.errors == (("engine.evaluation_failed",) if errors else ())
    assert set(decision.determining) == reasons
    assert decision.allowed == (allowed and not errors)
