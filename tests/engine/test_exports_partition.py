"""Exports never allow more than Cedar, and express exactly what they do not list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from engine.authzen import parse_evaluation
from engine.calendar import window_condition
from engine.cedar import condition_text
from engine.decide import PolicyEngine
from engine.exports.flatten import flatten
from engine.exports.istio import export_istio
from engine.exports.kubernetes import MAPPING, export_kubernetes
from engine.exports.targets import Exported, service_account
from engine.places import location_condition
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    LocationRecord,
    Obligation,
    PolicyRecord,
    Record,
    ResourceRecord,
    SeparationRecord,
)
from tests.engine.builders import NOON, policy, principal, resource, role
from tests.engine.enforcers import (
    Call,
    Right,
    cluster_rights,
    mesh_allows,
    pods_are_reached,
)
from tests.engine.rego import decide
from tests.engine.test_exports_opa import (
    BEYOND,
    ask_engine,
    questions,
    tenants,
)
from tests.engine.test_exports_opa import ZONES as ZONES_OF_OPA
from tests.engine.worlds import MORNINGS, ZONES

SHOP = "spiffe://acme.example/ns/shop/sa"
CHECKOUT, MAILER = (EntityRef("Service", f"{SHOP}/{n}") for n in ("checkout", "mailer"))
PARTNER = EntityRef("Service", "spiffe://other.example/ns/shop/sa/checkout")
LEGACY = EntityRef("Service", "legacy")
ALICE, BOB = EntityRef("User", "alice"), EntityRef("User", "bob")
PEOPLE = (CHECKOUT, MAILER, PARTNER, LEGACY, ALICE, BOB)
PAY, MAIL = EntityRef("Endpoint", "pay"), EntityRef("Endpoint", "mail")
SPACE, OPS = EntityRef("Namespace", "shop"), EntityRef("Namespace", "ops")
EAST = EntityRef("ResourceGroup", "east")
ROLES = ("lead", "clerk")
HEADS = st.sampled_from(
    [
        *(Head(), Head("is", "Service"), Head("is", "User")),
        *(Head("==", who.type, who.id) for who in PEOPLE),
        *(Head("in", "Role", name) for name in ROLES),
    ]
)
ACTIONS = st.sampled_from(
    [
        *(Head(), Head("==", id="GET"), Head("==", id="ride")),
        *(Head("in", ids=("GET", "POST")), Head("in", ids=("GET", "read", "ride"))),
        *(Head("==", id=name) for name in ("read", "deploy", "restart")),
    ]
)
RESOURCES = st.sampled_from(
    [
        *(Head(), Head("is", "Endpoint"), Head("is", "Namespace")),
        *(Head("==", one.type, one.id) for one in (PAY, MAIL, SPACE)),
        Head("in", EAST.type, EAST.id),
        Head("is_in", "Endpoint", in_type=EAST.type, in_id=EAST.id),
        Head("==", "Node", "web-1"),
    ]
)
OFFICE = LocationRecord("o", "O", ("10.0.0.0/8", "2001:db8::/33"))
CONDITIONS = (
    *(condition_text("path", op, "/pay") for op in ("==", "!=", "starts_with")),
    condition_text("path", "in", ["/pay", "/"]),
    condition_text("method", "==", "POST"),
    'context.method != "GET"',
    '!(context.path like "/pay*")',
    'context.path == "/" || context.path == "/pay"',
    'if context.path == "/pay" then context.method == "GET" else false',
    location_condition(OFFICE, unknown_matches=False),
    f"!({location_condition(OFFICE, unknown_matches=False)})",
    'context.ip.isInRange(ip("0.0.0.0/0"))',
    'context.ip.isInRange(ip("2001:db8::/32"))',
    'context.path like "/p*y"',
    'context.path == "/p*"',
    'context.path == context.method || context.path == "/"',
    'context.ip == ip("10.1.1.1")',
    window_condition(MORNINGS),
    'context.now < datetime("2026-11-20T12:00:00.500Z")',
    *(condition_text("mfa", ">=", 2, unknown_matches=x) for x in (True, False)),
    *(condition_text("risk", ">", 50, unknown_matches=x) for x in (True, False)),
    "context.risk > 1",
    "context.device has trusted && context.device.trusted",
    "principal is Service",
    f'principal == Service::"{CHECKOUT.id}"',
    'principal in Role::"clerk"',
    "principal has team && principal.team == resource.team",
    'principal.team == "a"',
    'resource has team && resource.team == "a"',
    'resource in ResourceGroup::"east"',
    'action == Action::"GET"',
    "true",
    "false",
    location_condition(OFFICE, unknown_matches=True),
)
INTERVALS = st.sampled_from(
    [(None, None)] * 5
    + [("2026-11-20T12:00:00Z", None), (None, "2026-11-20T12:00:00Z")]
)
DUTIES = st.sampled_from(
    [(), (), (), (Obligation("mfa", level=2),), (Obligation("notify", to="sec"),)]
)
TEAMS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"team": "a"}, {"team": "b"}]
)
SLOW = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
MOMENTS = (NOON - dt.timedelta(days=2, hours=4), NOON)
CALLS = [
    Call(None, method, path, ip)
    for method in ("GET", "POST")
    for path in ("/pay", "/pay/1", "/")
    for ip in ("10.1.1.1", "192.0.2.1", "2001:db8::1")
]


# What a mesh, or a cluster, can often do as it is; the rest of the world is above.
SERVICES = st.sampled_from(
    [
        *(Head(), Head("is", "Service")),
        *(Head("==", who.type, who.id) for who in (CHECKOUT, MAILER)),
        *(Head("in", "Role", name) for name in ROLES),
    ]
)
VERBS = st.sampled_from([Head("==", id="GET"), Head("in", ids=("GET", "POST")), Head()])
ENDPOINTS = st.sampled_from([Head("is", "Endpoint"), Head("==", PAY.type, PAY.id)])
ADMINS = st.sampled_from(
    [Head("==", who.type, who.id) for who in (ALICE, BOB, MAILER, CHECKOUT)]
    + [Head("in", "Role", name) for name in ROLES]
)
TASKS = st.sampled_from(
    [Head("==", id=name) for name in ("read", "deploy", "restart", "delete")]
)
SPACES = st.sampled_from([Head("is", "Namespace"), Head("==", SPACE.type, SPACE.id)])


@st.composite
def statements(draw: st.DrawFn, number: int) -> PolicyRecord:
    match draw(st.sampled_from(["mesh", "mesh", "cluster", "cluster", "any"])):
        case "mesh":
            effect = draw(st.sampled_from(["permit", "permit", "permit", "forbid"]))
            some = st.lists(st.sampled_from(CONDITIONS[:14]), max_size=2)
            return drawn(draw, number, effect, SERVICES, VERBS, ENDPOINTS, some)
        case "cluster":
            effect = draw(st.sampled_from(["permit"] * 7 + ["forbid"]))
            some = st.lists(st.sampled_from(CONDITIONS[-8:]), max_size=1)
            return drawn(draw, number, effect, ADMINS, TASKS, SPACES, some)
        case _:
            return anything(draw, number)


def drawn(  # the parts of a statement
    draw: st.DrawFn,
    number: int,
    effect: str,
    who: st.SearchStrategy[Head],
    what: st.SearchStrategy[Head],
    where: st.SearchStrategy[Head],
    some: st.SearchStrategy[list[str]],
) -> PolicyRecord:
    when = tuple(f"({one})" for one in draw(some))
    return policy(
        f"p{number}",
        effect=effect,
        principal=draw(who),
        action=draw(what),
        resource=draw(where),
        when=when,
    )


def anything(draw: st.DrawFn, number: int) -> PolicyRecord:
    found = policy(
        f"p{number}",
        effect=draw(st.sampled_from(["permit", "permit", "forbid"])),
        principal=draw(HEADS),
        action=draw(ACTIONS),
        resource=draw(RESOURCES),
        when=tuple(
            f"({one})"
            for one in draw(st.lists(st.sampled_from(CONDITIONS), max_size=2))
        ),
    )
    start, end = draw(INTERVALS)
    return replace(
        found,
        effective_from=start,
        effective_until=end,
        obligations=draw(DUTIES),
    )


@st.composite
def releases(draw: st.DrawFn) -> list[Record]:
    places = st.sampled_from([(), (EAST,)])
    apps: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [*[{}] * 5, {"app": "pay"}, {"app": "no label"}, {"app": 7}]
    )
    spaces: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [{}, *[{"namespace": "payments"}] * 4]
    )
    found: list[Record] = [
        *(MORNINGS, OFFICE, resource(EAST)),
        *(role("lead", "clerk"), role("clerk")),
        *(principal(who, **draw(TEAMS)) for who in PEOPLE[:-1]),
        resource(PAY, *draw(places), namespace="payments", **draw(TEAMS)),
        resource(MAIL, *draw(places), **draw(spaces), **draw(apps), **draw(TEAMS)),
        resource(SPACE, *draw(places)),
        resource(OPS),
    ]
    found += [draw(statements(number)) for number in range(draw(st.integers(0, 5)))]
    found += [
        AssignmentRecord(
            f"a{number}",
            draw(st.sampled_from(PEOPLE)),
            draw(st.sampled_from(ROLES)),
            draw(st.sampled_from([None, None, EAST, PAY])),
            None,
            draw(st.sampled_from([None, None, "2026-11-20T12:00:00Z"])),
            source := draw(
                st.sampled_from(["standing"] * 3 + ["elevation", "delegation"])
            ),
            ALICE if source == "delegation" else None,
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    if draw(st.integers(0, 5)) == 0:
        found.append(SeparationRecord("s", "S", "static", ROLES, 1))
    return found


def ids(records: Iterable[Record]) -> set[str]:
    policies = (record for record in records if isinstance(record, PolicyRecord))
    return {one.id for found in policies for one in found.statements}


def expressed(records: Sequence[Record], found: Exported) -> list[Record]:
    """Return the records without the policies that the export lists."""
    listed = {one.statement for one in found.unsupported}
    return [
        record
        for record in records
        if not isinstance(record, PolicyRecord)
        or not listed & {one.id for one in record.statements}
    ]


def allows(
    engine: PolicyEngine,
    who: EntityRef,
    action: str,
    where: EntityRef,
    now: dt.datetime,
    **context: Any,
) -> bool:
    question = {
        "subject": who.to_dict(),
        "action": {"name": action},
        "resource": where.to_dict(),
        "context": context,
    }
    return engine.decide(parse_evaluation(question, now)).allowed


def is_partition(records: Sequence[Record], found: Exported) -> bool:
    """Say whether each statement is counted once: covered, listed or elsewhere."""
    noted = {one.statement for one in found.unsupported}
    listed = noted & ids(records)
    assert all(one.reason and one.instead for one in found.unsupported)
    return (
        not listed & set(found.elsewhere)
        and found.covered + len(listed) + len(found.elsewhere) == len(ids(records))
        and found.statements == found.covered + len(listed)
    )


def mesh_calls() -> Iterator[tuple[EntityRef, Call]]:
    for who in (CHECKOUT, MAILER, PARTNER):
        domain, namespace, name = service_account(who) or ("", "", "")
        named = f"{domain}/ns/{namespace}/sa/{name}"
        yield from ((who, replace(call, principal=named)) for call in CALLS)


def workloads(records: Sequence[Record], found: Exported) -> Mapping[EntityRef, Any]:
    """Return the namespace and label of the endpoints that have a policy."""
    has = {
        (m["metadata"]["namespace"], *m["spec"]["selector"]["matchLabels"].values())
        for m in found.manifests
    }
    said = {r.entity: r.attributes for r in records if isinstance(r, ResourceRecord)}
    places = {
        one: (said[one].get("namespace"), said[one].get("app", one.id))
        for one in (PAY, MAIL)
    }
    return {one: place for one, place in places.items() if place in has}


def compare_mesh(records: Sequence[Record], found: Exported) -> tuple[int, int]:
    """Return how many calls a mesh allows too many, and how many too few."""
    engine = PolicyEngine.from_records(records, ZONES)
    more = less = 0
    for endpoint, (namespace, app) in workloads(records, found).items():
        for who, call in mesh_calls():
            there = mesh_allows(found.manifests, namespace, app, call)
            context = {"path": call.path, "method": call.method, "ip": call.ip}
            for now in MOMENTS:
                here = allows(engine, who, call.method, endpoint, now, **context)
                more += there and not here
                less += here and not there
        for call in CALLS:
            assert not mesh_allows(found.manifests, namespace, app, call)
    return more, less


@SLOW
@given(releases())
def test_a_mesh_allows_nothing_more_and_all_that_is_not_listed(
    records: list[Record],
) -> None:
    found = export_istio(records)
    assert is_partition(records, found)
    assert compare_mesh(records, found)[0] == 0
    kept = expressed(records, found)
    again = export_istio(kept)
    assert {one.statement for one in again.unsupported} & ids(kept) == set()
    assert compare_mesh(kept, again) == (0, 0)
    event(f"expressed: {again.statements}")


def subject_of(who: EntityRef) -> tuple[str, ...]:
    account = service_account(who)
    if account is None:
        return ("User", "", who.id)
    return ("ServiceAccount", account[1], account[2])


RIGHTS: dict[str, set[Right]] = {
    action: {(g, r, v) for g, rs, vs in found for r in rs for v in vs}
    for action, found in MAPPING.items()
}


@SLOW
@given(releases())
def test_a_cluster_allows_nothing_more_and_all_that_is_not_listed(
    records: list[Record],
) -> None:
    found = export_kubernetes(records, tenant="acme")
    assert is_partition(records, found)
    check_cluster(records, found)
    kept = expressed(records, found)
    again = export_kubernetes(kept, tenant="acme")
    assert {one.statement for one in again.unsupported} & ids(kept) == set()
    check_cluster(kept, again)
    check_complete(kept, again)
    event(f"expressed: {again.statements}")


def forbids_only(records: Sequence[Record]) -> PolicyEngine:
    """Return an engine that permits all that is not forbidden."""
    kept = [
        record
        for record in records
        if not isinstance(record, PolicyRecord) or record.effect == "forbid"
    ]
    return PolicyEngine.from_records([*kept, policy("all")], ZONES)


def check_cluster(records: Sequence[Record], found: Exported) -> None:
    """Check that each right is permitted by an action and forbidden by none."""
    engine = PolicyEngine.from_records(records, ZONES)
    forbids = forbids_only(records)
    contexts: tuple[dict[str, Any], ...] = (
        {},
        {"risk": 90},
        {"mfa": 0, "path": "/pay", "ip": "10.1.1.1"},
    )
    for space in (SPACE, OPS):
        rights = cluster_rights(found.manifests, space.id)
        assert set(rights) <= {subject_of(who) for who in PEOPLE}
        for who in PEOPLE:
            held = rights.get(subject_of(who), set())
            for now in MOMENTS:
                for context in contexts:

                    def ask(by: PolicyEngine, action: str) -> bool:
                        return allows(by, who, action, space, now, **context)  # noqa: B023

                    permitted = [a for a in MAPPING if ask(engine, a)]
                    assert held <= set().union(*(RIGHTS[a] for a in permitted))
                    for action in MAPPING:
                        assert not held & RIGHTS[action] or ask(forbids, action)


def check_complete(records: Sequence[Record], found: Exported) -> None:
    """Check that whoever may do something can do it in the cluster."""
    engine = PolicyEngine.from_records(records, ZONES)
    for space in (SPACE, OPS):
        rights = cluster_rights(found.manifests, space.id)
        for who in PEOPLE:
            held = rights.get(subject_of(who), set())
            for action in MAPPING:
                if allows(engine, who, action, space, NOON):
                    assert held >= RIGHTS[action]


@SLOW
@given(releases(), st.sampled_from([{}, {"portward.io/tenant": "other"}]))
def test_no_other_tenant_reaches_a_namespace_whatever_the_policies_say(
    records: list[Record], foreign: dict[str, str]
) -> None:
    found = export_kubernetes(records, tenant="acme").manifests
    for space in (SPACE, OPS):
        assert not pods_are_reached(found, space.id, foreign)
        assert pods_are_reached(found, space.id, {"portward.io/tenant": "acme"})


@settings(SLOW, max_examples=30)
@given(tenants(BEYOND), st.lists(questions(), min_size=2, max_size=4))
def test_rego_decides_alike_whatever_it_does_not_list(
    records: list[Record], asked: list[dict[str, Any]]
) -> None:
    flat = flatten(records, ZONES_OF_OPA)
    listed = {one.statement for one in flat.unsupported}
    assert listed <= ids(records)
    assert all(one.reason and one.instead for one in flat.unsupported)
    kept = [
        record
        for record in records
        if not isinstance(record, PolicyRecord)
        or not listed & {one.id for one in record.statements}
    ]
    again = flatten(kept, ZONES_OF_OPA)
    assert again.unsupported == ()
    assert len(again.decider["statements"]) == len(ids(kept))
    for question in asked:
        wanted = ask_engine(kept, question, NOON)
        assert decide(again.decider, question, NOON)["decision"] is wanted.allowed
