"""Stock OPA decides what the agent decides, or denies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.authzen import AuthzenError, decision_response, parse_evaluation
from engine.calendar import window_condition
from engine.cedar import condition_text
from engine.decide import Decision, PolicyEngine
from engine.exports.flatten import flatten
from engine.places import location_condition
from protocol.records import (
    AssignmentRecord,
    City,
    EntityRef,
    Fence,
    Head,
    LocationRecord,
    Obligation,
    PolicyRecord,
    Record,
    SeparationRecord,
    Waiver,
    WindowRecord,
)
from protocol.zones import zone_transitions
from tests.engine import worlds
from tests.engine.builders import (
    ALICE,
    BERLIN,
    NOON,
    WEB,
    policy,
    principal,
    resource,
    role,
)
from tests.engine.rego import decide

BOB, CAROL = EntityRef("User", "bob"), EntityRef("User", "carol")
MUNICH = EntityRef("ResourceGroup", "munich")
CREATED = 1_790_000_000
ZONES = {
    zone: zone_transitions(zone, CREATED)
    for zone in ("Europe/Berlin", "America/New_York", "Asia/Kathmandu")
}
BOUNDED = {
    "date_from": "2026-10-20",
    "date_until": "2027-03-31",
    "closed_on": ("2026-11-19",),
    "open_on": ("2026-11-21",),
    "opens_at": "2026-10-25T00:30:00Z",
    "closes_at": "2027-03-28T02:00:00Z",
}
windows = st.builds(
    lambda zone, days, start, end, more: WindowRecord(
        "w", "W", zone, tuple(sorted(days)), start, end, **more
    ),
    st.sampled_from(sorted(ZONES)),
    st.sets(st.integers(1, 7), min_size=1),
    st.sampled_from([0, 60, 120, 150, 180, 480, 780, 1320]),
    st.sampled_from([0, 60, 150, 180, 720, 1080, 1440]),
    st.fixed_dictionaries(
        {}, optional={name: st.just(value) for name, value in BOUNDED.items()}
    ),
)
CIDRS = ("10.0.0.0/8", "192.0.2.128/25", "2001:db8::/33", "0.0.0.0/0", "::/0")
CITIES = (City("DE", "Berlin"), City("DE", "Bonn"), City("FR", "Paris"))
locations = st.builds(
    LocationRecord,
    st.just("l"),
    st.just("L"),
    st.lists(st.sampled_from(CIDRS), max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from(["DE", "FR"]), max_size=2, unique=True).map(tuple),
    st.lists(st.sampled_from(CITIES), max_size=2, unique=True).map(tuple),
    st.none(),
    st.sampled_from([(), ("edge",)]),
    st.booleans(),
)
RAW = (
    "context.risk > 1",
    "principal.level >= 2",
    'principal.team == "a" || resource.secret',
    "resource.secret",
    "!(resource.secret)",
    "if principal has level then principal.level < 3 else resource.secret",
    'resource.tags.contains("x") && !principal.tags.contains("y")',
    'principal.tags.containsAll(["x", "y"])',
    'principal.tags.containsAny(["x", "z"])',
    'principal.tags == ["x", "y"]',
    "principal.tags.isEmpty()",
    "principal.level == resource.level",
    "principal.level != context.mfa",
    'principal.team like "a*c"',
    'principal.team like "a.\\*(*"',
    'context.path like "/api/*"',
    'principal in Role::"operator" || resource in ResourceGroup::"munich"',
    'principal is User && !(principal is Service in Role::"lead")',
    'action == Action::"read" || action in [Action::"write"]',
    'principal == User::"alice" && resource != Node::"web-1"',
    "context.device.trusted",
    "context.device has trusted && context.device.trusted == true",
    'context.now < datetime("2026-11-20T12:00:00.500Z")',
    'context.t["Europe/Berlin"].ymd > 20261120',
    'context.t["Mars/Base"].wd == 1',
    "context has geo && context.geo.lat > 52000000",
    'principal has "odd name"',
    "principal.level",
    "true",
    "false",
)
# What Rego cannot say: OPA may deny then where the agent allows, never the other way.
BEYOND = (
    location_condition(
        LocationRecord("f", "F", fence=Fence(52_520_000, 13_405_000, 50_000)),
        unknown_matches=False,
    ),
    location_condition(
        LocationRecord("f", "F", fence=Fence(52_520_000, 13_405_000, 50_000)),
        unknown_matches=True,
    ),
    "principal.level * 2 > 3",
    "principal.level + 9223372036854775807 > 0",
    'context.ip == ip("10.0.0.1")',
    "context.ip.isLoopback()",
    'decimal("1.0").lessThan(decimal("2.0"))',
    "(if principal.secret then 1 else 2) == 1",
    'context.now.offset(duration("1h")) > datetime("2026-11-20T12:00:00Z")',
)


def _condition(lenient: bool, attribute: str, op: str, value: object) -> str:  # noqa: FBT001
    return condition_text(attribute, op, value, unknown_matches=lenient)


conditions = st.one_of(
    windows.map(window_condition),
    st.builds(
        lambda place, lenient: location_condition(place, unknown_matches=lenient),
        locations,
        st.booleans(),
    ),
    st.builds(
        lambda lenient, given: _condition(lenient, *given),
        st.booleans(),
        st.sampled_from(
            [
                ("mfa", ">=", 2),
                ("risk", "<", 50),
                ("country", "in", ["DE", "FR"]),
                ("ticket", "starts_with", "OPS-*"),
                ("method", "!=", "GET"),
                ("device.trusted", "==", True),
            ]
        ),
    ),
    st.sampled_from(RAW),
)
actions = st.sampled_from(
    [Head(), Head("==", id="read"), Head("in", ids=("read", "write"))]
)


@st.composite
def policies(draw: st.DrawFn, extra: Sequence[str] = ()) -> list[PolicyRecord]:
    every = st.one_of(conditions, st.sampled_from(extra)) if extra else conditions
    return [
        in_force(
            draw_policy(draw, number, every),
            draw(intervals),
            draw(st.one_of(st.just(()), obligations)),
        )
        for number in range(draw(st.integers(0, 4)))
    ] + [
        replace(policy("all"), obligations=draw(st.one_of(st.just(()), obligations)))
        for _ in range(draw(st.integers(0, 1)))
    ]


def draw_policy(
    draw: st.DrawFn, number: int, every: st.SearchStrategy[str]
) -> PolicyRecord:
    return policy(
        f"p{number}",
        effect=draw(st.sampled_from(["permit", "permit", "forbid"])),
        principal=draw(worlds.heads),
        action=draw(actions),
        resource=draw(worlds.places),
        when=tuple(f"({text})" for text in draw(st.lists(every, max_size=2))),
    )


def in_force(
    found: PolicyRecord,
    interval: tuple[str | None, str | None],
    asked: tuple[Obligation, ...],
) -> PolicyRecord:
    start, end = interval
    return replace(found, effective_from=start, effective_until=end, obligations=asked)


BEGUN, OVER = "2026-11-20T12:00:00Z", "2026-11-21T00:00:00Z"
intervals = st.sampled_from([(None, None)] * 3 + [(BEGUN, OVER), (None, BEGUN)])
obligations = st.lists(
    st.sampled_from(
        [
            Obligation("mfa", level=2),
            Obligation("mfa", level=1, max_age=60),
            Obligation("device_trust"),
            Obligation("max_risk", at_most=50),
            Obligation("notify", to="security", body="Seen", topic="access"),
            Obligation("end_session"),
        ]
    ),
    max_size=2,
    unique=True,
).map(tuple)
moments = st.one_of(
    st.sampled_from([NOON, NOON + dt.timedelta(milliseconds=500)]),
    # Both changes of the clocks, and days around the dates of the windows.
    st.sampled_from(
        [1_792_890_000, 1_793_512_800, 1_806_195_600, 1_795_046_400]
    ).flatmap(
        lambda epoch: st.integers(-2 * 86_400, 2 * 86_400).map(
            lambda off: dt.datetime.fromtimestamp(epoch + off, dt.UTC)
        )
    ),
)
bounds = st.sampled_from(
    [None, None, "2026-11-20T12:00:00Z", "2026-11-20T14:00:00.5+01:00"]
)
people = st.sampled_from([ALICE, BOB, CAROL])


@st.composite
def assignments(draw: st.DrawFn) -> list[Record]:
    found: list[Record] = []
    for number in range(draw(st.integers(0, 6))):
        source = draw(
            st.sampled_from(["standing", "standing", "delegation", "elevation"])
        )
        found.append(
            AssignmentRecord(
                f"a{number}",
                draw(people),
                draw(st.sampled_from(worlds.ROLES)),
                draw(st.sampled_from([None, None, BERLIN, MUNICH, WEB])),
                draw(bounds),
                draw(bounds),
                source,
                draw(people) if source == "delegation" else None,
            )
        )
    return found


separations = st.builds(
    lambda kind, roles, waiver: SeparationRecord(
        "s", "S", kind, tuple(sorted(roles)), 1, waiver
    ),
    st.sampled_from(["static", "dynamic"]),
    st.sets(st.sampled_from(worlds.ROLES), min_size=2),
    st.sampled_from([(), (Waiver(ALICE, "2026-11-20T12:00:00Z"),)]),
)
known = st.fixed_dictionaries(
    {},
    optional={
        "level": st.integers(0, 3),
        "team": st.sampled_from(["a", "abc", "a.*(x", "a\nc", "ä"]),
        "tags": st.sampled_from([[], ["x"], ["y", "x", "x"]]),
        "secret": st.booleans(),
    },
)
odd = st.one_of(
    st.none(), st.booleans(), st.integers(0, 3), st.text(max_size=2), st.just(1.5)
)
huge = st.sampled_from([2**63, -(2**63) - 1])
properties = st.one_of(
    st.none(),
    known,
    known,
    st.dictionaries(
        st.sampled_from(["level", "team", "tags", "secret", "odd name"]),
        st.one_of(odd, st.lists(odd, max_size=2), huge),
    ),
)
CONTEXT: Mapping[str, st.SearchStrategy[Any]] = {
    "mfa": st.one_of(st.integers(0, 3), st.sampled_from(["2", True, 2**63, None])),
    "risk": st.one_of(st.integers(0, 100), st.sampled_from([101, -1, 1.5])),
    "country": st.sampled_from(["DE", "FR", "US", None, 3]),
    "city": st.sampled_from(["Berlin", "Paris", None]),
    "ticket": st.sampled_from(["OPS-*7", "OPS-1", "X"]),
    "method": st.sampled_from(["GET", "POST"]),
    "path": st.sampled_from(["/api/x", "/"]),
    "device": st.sampled_from(
        [{"trusted": True}, {"trusted": False}, {}, {"trusted": 1}, 7, None]
    ),
    "geo": st.sampled_from(
        [{"lat": 52_520_000, "lon": 13_405_000}, {"lat": 1, "lon": 1}, {"lat": 1}, 5]
    ),
    "ip": st.sampled_from(
        [
            *("10.1.1.1", "192.0.2.130", "::ffff:10.0.0.1", "::FFFF:a01:101"),
            *("2001:db8::1", "2001:db8:ffff::", "::", "1::2::3", " 10.1.1.1 "),
            *("10.01.1.1", "10.1.1.1/8", "fe80::1%eth0", "", 7, None),
            *("1:2:3:4:5:6:7::", "64:ff9b::192.0.2.130"),
        ]
    ),
    "mfa_age": st.one_of(st.integers(0, 120), st.sampled_from([-1, "1", None])),
    "supported_obligations": st.sampled_from(
        [["notification"], ["notification", "session_termination"], [], None, [1], 5]
    ),
    "unknown": st.integers(),
}


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    who = draw(st.sampled_from([ALICE, BOB, CAROL, EntityRef("Role", "lead")]))
    where = draw(st.sampled_from([WEB, WEB, BERLIN, EntityRef("Node", "new"), ALICE]))
    names = draw(st.sets(st.sampled_from(sorted(CONTEXT)), max_size=5))
    return {
        "subject": {**who.to_dict(), "properties": draw(properties)},
        "action": {"name": draw(st.sampled_from(["read", "read", "write", "x"]))},
        "resource": {**where.to_dict(), "properties": draw(properties)},
        "context": {name: draw(CONTEXT[name]) for name in sorted(names)},
    }


@st.composite
def tenants(draw: st.DrawFn, extra: Sequence[str] = ()) -> list[Record]:
    lots = [(), (BERLIN,), (MUNICH,), (BERLIN, MUNICH)]
    return [
        role("lead", "operator"),
        role("operator", *draw(st.sampled_from([(), ("viewer",), ("lead",)]))),
        role("viewer"),
        principal(ALICE, **draw(known)),
        principal(BOB),
        resource(BERLIN, *draw(st.sampled_from([(), (MUNICH,)]))),
        resource(MUNICH),
        resource(WEB, *draw(st.sampled_from(lots)), **draw(known)),
        *draw(policies(extra)),
        *draw(assignments()),
        *draw(st.lists(separations, max_size=1)),
    ]


def ask_engine(
    records: Sequence[Record], question: Mapping[str, Any], now: dt.datetime
) -> Decision:
    engine = PolicyEngine.from_records(records, ZONES)
    try:
        request = parse_evaluation(question, now)
    except AuthzenError:
        return Decision(allowed=False, reason="invalid_request")
    return engine.decide(request)


SLOW = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


@SLOW
@given(tenants(), st.lists(st.tuples(questions(), moments), min_size=4, max_size=8))
def test_opa_and_the_agent_decide_alike(
    records: list[Record], asked: list[tuple[dict[str, Any], dt.datetime]]
) -> None:
    flat = flatten(records, ZONES)
    assert flat.unsupported == ()
    for question, now in asked:
        wanted = ask_engine(records, question, now)
        found = decide(flat.decider, question, now)
        assert found["decision"] is wanted.allowed, (question, now, wanted, found)
        if wanted.determining and wanted.reason != "evaluation_error":
            answer = decision_response(replace(wanted, errors=()))
            assert found["context"] == answer["context"]


@SLOW
@given(
    tenants(BEYOND), st.lists(st.tuples(questions(), moments), min_size=4, max_size=8)
)
def test_opa_never_allows_what_the_agent_denies(
    records: list[Record], asked: list[tuple[dict[str, Any], dt.datetime]]
) -> None:
    flat = flatten(records, ZONES)
    for question, now in asked:
        if decide(flat.decider, question, now)["decision"]:
            wanted = ask_engine(records, question, now)
            assert wanted.allowed, (question, now, wanted)


@pytest.mark.parametrize(
    ("held", "reason"), [("operator", "permitted"), ("viewer", "no_matching_policy")]
)
def test_membership_within_a_choice_is_read_by_every_implementation(
    held: str, reason: str
) -> None:
    choice = '(principal in Role::"operator" || resource in ResourceGroup::"munich")'
    records = [
        policy("p", when=(choice,)),
        *(role("operator"), role("viewer"), principal(ALICE), resource(WEB)),
        AssignmentRecord("a", ALICE, held),
    ]
    question = {
        "subject": ALICE.to_dict(),
        "action": {"name": "read"},
        "resource": WEB.to_dict(),
    }
    flat = flatten(records, ZONES)
    assert ask_engine(records, question, NOON).reason == reason
    assert decide(flat.decider, question, NOON)["context"]["reason"] == reason
