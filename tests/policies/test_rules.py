"""What policies may say, and what they compile to."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.policies import rules
from apps.policies.rules import (
    Catalogue,
    CompiledPolicy,
    Condition,
    PolicyContent,
    PrincipalItem,
    Problem,
    ResourceItem,
)
from apps.policies.rules.content import parse_content
from engine.cedar import Attribute, AttributeType
from engine.decide import PolicyEngine, Request
from engine.schema import base_schema
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    LocationRecord,
    Permission,
    PolicyRecord,
    PrincipalRecord,
    Record,
    ResourceRecord,
    RoleRecord,
    WindowRecord,
    principal_id,
)

READ = Permission("read", "Namespace")
DEPLOY = Permission("deploy", "Namespace")
RESTART = Permission("restart", "Node")
WIPE = Permission("wipe", "Node")
RESTART_DB = Permission("restart", "Database")
TIERS = {
    READ: "read_only",
    DEPLOY: "operator",
    RESTART: "operator",
    WIPE: "admin",
    RESTART_DB: "operator",
}
ATTRIBUTES = (
    Attribute("User", "clearance", AttributeType.LONG),
    Attribute("Node", "stage", AttributeType.STRING),
)
WINDOW = WindowRecord(
    "office-hours",
    name="Office hours",
    zone="Europe/Berlin",
    weekdays=(1, 2, 3, 4, 5),
    start_minute=480,
    end_minute=1080,
)
LOCATION = LocationRecord("office", name="Office", cidrs=("10.1.0.0/16",))
WEB = EntityRef("ResourceGroup", "web")
CATALOGUE = Catalogue(
    tiers=TIERS,
    roles={
        "reader": frozenset({READ}),
        "developer": frozenset({READ, DEPLOY, RESTART}),
    },
    resource_types=("Database", "Namespace", "Node"),
    principals=frozenset({EntityRef("User", "alice"), EntityRef("Service", "ci")}),
    resources=frozenset({WEB, EntityRef("Namespace", "shop")}),
    windows={"office-hours": WINDOW},
    locations={"office": LOCATION},
    attributes=ATTRIBUTES,
    schema=base_schema(
        actions={
            "read": ["Namespace"],
            "deploy": ["Namespace"],
            "restart": ["Node", "Database"],
            "wipe": ["Node"],
        },
        resource_types=("Database", "Namespace", "Node"),
        zones=("Europe/Berlin",),
        attributes=ATTRIBUTES,
    ),
)
GOOD: dict[str, Any] = {
    "name": "Developers deploy to the shop",
    "effect": "permit",
    "tier": "operator",
    "owner": "Platform team",
    "principals": [{"type": "Role", "id": "developer"}],
    "actions": ["deploy"],
    "resources": [{"type": "Namespace", "id": "shop"}],
    "windows": ["office-hours"],
    "locations": ["office"],
    "conditions": [{"attribute": "mfa", "op": ">=", "value": 2}],
}


def compiled(policy_id: str = "p", /, **change: object) -> CompiledPolicy:
    content = parse_content(GOOD | change)
    assert isinstance(content, PolicyContent), content
    result = rules.compile_policy(content, CATALOGUE, policy_id=policy_id)
    assert isinstance(result, CompiledPolicy), result
    return result


def problems(catalogue: Catalogue = CATALOGUE, /, **change: object) -> list[Problem]:
    content = parse_content(GOOD | change)
    if not isinstance(content, PolicyContent):
        return content
    result = rules.compile_policy(content, catalogue, policy_id="p")
    assert not isinstance(result, CompiledPolicy)
    return result


def is_sentence(text: str) -> bool:
    """Say whether a text reads like one: a capital or a quotation, and a full stop."""
    begins = text[:1].isupper() or text[:1] == "“"
    return begins and text.endswith(".") and not text.isupper()


def refusals(**change: object) -> list[tuple[str, str]]:
    found = problems(**change)
    assert all(is_sentence(one.message) and is_sentence(one.remedy) for one in found)
    return [(problem.code.value, problem.field) for problem in found]


def test_a_policy_compiles_to_one_statement_for_each_principal_and_resource() -> None:
    found = compiled(
        principals=[
            {"type": "Role", "id": "developer"},
            {"type": "User", "id": "alice"},
        ],
        resources=[{"type": "Namespace", "id": "shop"}, {"type": "Namespace"}],
    )
    heads = [(s.principal.to_json(), s.resource.to_json()) for s in found.statements]
    assert heads == list(
        itertools.product(
            [["in", "Role", "developer"], ["==", "User", "alice"]],
            [["is", "Namespace"], ["==", "Namespace", "shop"]],
        )
    )
    assert [s.id for s in found.statements] == ["p#0", "p#1", "p#2", "p#3"]


def test_a_permit_on_a_group_stays_under_the_roles_ceiling() -> None:
    found = compiled(actions=["restart"], resources=[WEB.to_dict()])
    heads = [s.resource.to_json() for s in found.statements]
    assert heads == [["is_in", "Node", "ResourceGroup", "web"]]


def test_a_permit_without_actions_names_all_that_the_role_holds() -> None:
    found = compiled(actions=[], resources=[])
    named = {
        (s.resource.type, ident)
        for s in found.statements
        for ident in (s.action.ids or (s.action.id,))
    }
    assert named == {
        ("Namespace", "read"),
        ("Namespace", "deploy"),
        ("Node", "restart"),
    }


def test_a_forbid_without_lists_reaches_everything() -> None:
    found = compiled(
        effect="forbid",
        principals=[],
        actions=[],
        resources=[],
        windows=[],
        locations=[],
    )
    (statement,) = found.statements
    heads = (statement.principal, statement.action, statement.resource)
    assert [head.to_json() for head in heads] == [None, None, None]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        (
            {"principals": [{"type": "Role", "id": "x"}]},
            "unknown_role",
            "principals[0].id",
        ),
        (
            {"principals": [{"type": "User", "id": "eve"}]},
            "unknown_principal",
            "principals[0].id",
        ),
        (
            {"principals": [{"type": "Robot", "id": "r2"}]},
            "unknown_principal_type",
            "principals[0].type",
        ),
        ({"actions": ["fly"]}, "unknown_action", "actions[0]"),
        ({"actions": ["restart"]}, "action_not_applicable", "actions[0]"),
        (
            {"actions": ["wipe"], "resources": [{"type": "Node"}], "tier": "admin"},
            "action_beyond_role",
            "actions[0]",
        ),
        (
            {"actions": ["restart"], "resources": [{"type": "Database"}]},
            "action_beyond_role",
            "actions[0]",
        ),
        (
            {"actions": [], "resources": [{"type": "Database"}]},
            "action_beyond_role",
            "resources",
        ),
        ({"actions": [], "principals": []}, "actions_missing", "actions"),
        (
            {"resources": [{"type": "Moon"}]},
            "unknown_resource_type",
            "resources[0].type",
        ),
        (
            {"resources": [{"type": "Namespace", "id": "x"}]},
            "unknown_resource",
            "resources[0].id",
        ),
        (
            {"resources": [{"type": "ResourceGroup"}]},
            "unknown_resource",
            "resources[0].id",
        ),
        ({"windows": ["never"]}, "unknown_window", "windows[0]"),
        ({"locations": ["moon"]}, "unknown_location", "locations[0]"),
        ({"effect": "maybe"}, "unknown_effect", "effect"),
        ({"tier": "root"}, "unknown_tier", "tier"),
        ({"tier": "read_only"}, "tier_too_low", "tier"),
        ({"name": " "}, "name_invalid", "name"),
        ({"color": "red"}, "field_unknown", "color"),
        ({"actions": "deploy"}, "field_type", "actions"),
        ({"actions": [1]}, "field_type", "actions[0]"),
        ({"principals": ["alice"]}, "field_type", "principals[0]"),
        (
            {"principals": [{"type": "User", "id": "alice", "x": "y"}]},
            "field_unknown",
            "principals[0].x",
        ),
    ],
)
def test_a_policy_is_refused_for_one_thing(
    change: dict[str, object], code: str, field: str
) -> None:
    assert refusals(**change) == [(f"policies.{code}", field)]


@pytest.mark.parametrize(
    ("attribute", "op", "value", "code", "field"),
    [
        ("mood", "==", "good", "unknown_attribute", "attribute"),
        ("principal.age", ">", 18, "unknown_attribute", "attribute"),
        ("resource.stage", "==", "live", "unknown_attribute", "attribute"),
        ("mfa", "contains", 2, "wrong_operator", "op"),
        ("mfa", ">=", "2", "wrong_value", "value"),
        ("mfa", ">=", True, "wrong_value", "value"),
        ("mfa", ">=", 2**60, "wrong_value", "value"),
        ("device.trusted", "==", 1, "wrong_value", "value"),
        ("device.trusted", "!=", True, "wrong_operator", "op"),
        ("risk", ">", 101, "wrong_value", "value"),
        ("risk", "<", -1, "wrong_value", "value"),
        ("risk", "starts_with", "1", "wrong_operator", "op"),
        ("country", "in", "DE", "wrong_value", "value"),
        ("country", "in", [], "wrong_value", "value"),
    ],
)
def test_a_condition_is_refused_for_one_thing(
    attribute: str, op: str, value: object, code: str, field: str
) -> None:
    condition = {"attribute": attribute, "op": op, "value": value}
    assert refusals(conditions=[condition]) == [
        (f"policies.{code}", f"conditions[0].{field}")
    ]


def test_all_problems_are_said_at_once() -> None:
    found = refusals(windows=["never"], locations=["moon"], actions=["fly"])
    assert [code for code, _ in found] == [
        *("policies.unknown_action", "policies.unknown_window"),
        "policies.unknown_location",
    ]


def test_the_digest_does_not_depend_on_the_order_of_lists() -> None:
    two = [{"type": "Namespace"}, {"type": "Namespace", "id": "shop"}]
    assert compiled(resources=two).digest == compiled(resources=two[::-1]).digest


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_the_digest_covers_every_field(field: str, data: st.DataObject) -> None:
    others: dict[str, list[object]] = {
        "name": ["Other"],
        "effect": ["forbid"],
        "tier": ["admin"],
        "owner": ["Nobody"],
        "principals": [[{"type": "User", "id": "alice"}]],
        "actions": [["read"]],
        "resources": [[{"type": "Namespace"}]],
        "windows": [[]],
        "locations": [[]],
        "conditions": [[], [{"attribute": "mfa", "op": ">", "value": 1}]],
    }
    change = {field: data.draw(st.sampled_from(others[field]))}
    assert compiled("p", **change).digest != compiled().digest


@given(st.text(max_size=30))
def test_text_from_people_never_breaks_out_of_its_literal(text: str) -> None:
    condition = {"attribute": "ticket", "op": "==", "value": text}
    (statement,) = compiled(conditions=[condition]).statements
    assert statement.cedar.count("permit") == 1 + text.count("permit")


MONDAY_NOON = dt.datetime(2026, 3, 2, 11, tzinfo=dt.UTC)
CASES = {
    "as it should be": ({}, MONDAY_NOON, "alice", True),
    "weak factor": ({"mfa": 1}, MONDAY_NOON, "alice", False),
    "unknown factor": ({"mfa": None}, MONDAY_NOON, "alice", False),
    "elsewhere": ({"ip": "192.0.2.1"}, MONDAY_NOON, "alice", False),
    "mapped address": ({"ip": "::ffff:10.1.2.3"}, MONDAY_NOON, "alice", True),
    "unknown place": ({"ip": None}, MONDAY_NOON, "alice", False),
    "at night": ({}, MONDAY_NOON + dt.timedelta(hours=9), "alice", False),
    "on Sunday": ({}, MONDAY_NOON - dt.timedelta(days=1), "alice", False),
    "somebody else": ({}, MONDAY_NOON, "bob", False),
}


def engine(*policies: tuple[str, CompiledPolicy, str]) -> PolicyEngine:
    alice, shop = EntityRef("User", "alice"), EntityRef("Namespace", "shop")
    records: list[Record] = [
        WINDOW,
        LOCATION,
        RoleRecord("developer", name="Developer", tier="operator"),
        AssignmentRecord("a", principal=alice, role="developer"),
        PrincipalRecord(principal_id(alice), entity=alice, attributes={}),
        ResourceRecord(principal_id(shop), entity=shop, attributes={}),
    ]
    for name, policy, effect in policies:
        records.append(
            PolicyRecord(
                name,
                name=name,
                version=1,
                effect=effect,
                tier="operator",
                statements=policy.statements,
                change="c",
            )
        )
    return PolicyEngine.from_records(records, {"Europe/Berlin": [[0, 3600]]})


def ask(
    subject: PolicyEngine, who: str, context: dict[str, Any], now: dt.datetime
) -> bool:
    given_context = {"ip": "10.1.2.3", "mfa": 2} | context
    return subject.decide(
        Request(
            principal=EntityRef("User", who),
            action="deploy",
            resource=EntityRef("Namespace", "shop"),
            context={k: v for k, v in given_context.items() if v is not None},
            now=now,
        )
    ).allowed


@pytest.mark.parametrize(
    ("context", "now", "who", "is_allowed"), CASES.values(), ids=CASES
)
def test_the_engine_decides_as_the_policy_says(
    context: dict[str, Any], now: dt.datetime, who: str, *, is_allowed: bool
) -> None:
    subject = engine(("p", compiled(), "permit"))
    assert ask(subject, who, context, now) is is_allowed


@pytest.mark.parametrize(
    ("context", "is_allowed"),
    [({"risk": 10}, True), ({"risk": 90}, False), ({}, False)],
    ids=["low risk", "high risk", "unknown risk"],
)
def test_what_is_unknown_does_not_escape_a_forbid(
    context: dict[str, Any], *, is_allowed: bool
) -> None:
    forbid = compiled(
        "q",
        effect="forbid",
        windows=[],
        locations=[],
        conditions=[{"attribute": "risk", "op": ">", "value": 50}],
    )
    subject = engine(("p", compiled(), "permit"), ("q", forbid, "forbid"))
    assert ask(subject, "alice", context, MONDAY_NOON) is is_allowed


@pytest.mark.parametrize(
    ("device", "may_pass_permit", "is_forbidden"),
    [
        ({"trusted": True}, True, False),
        ({"trusted": False}, False, True),
        ({}, False, True),
        (None, False, True),
    ],
    ids=["trusted", "not trusted", "trust unknown", "device unknown"],
)
def test_an_unknown_device_neither_permits_nor_escapes_a_forbid(
    device: object, *, may_pass_permit: bool, is_forbidden: bool
) -> None:
    trusted = {"attribute": "device.trusted", "op": "=="}
    permit = compiled(conditions=[trusted | {"value": True}])
    forbid = compiled("q", effect="forbid", conditions=[trusted | {"value": False}])
    permits = engine(("p", permit, "permit"))
    forbids = engine(("p", compiled(), "permit"), ("q", forbid, "forbid"))

    context = {"device": device}

    assert ask(permits, "alice", context, MONDAY_NOON) is may_pass_permit
    assert ask(forbids, "alice", context, MONDAY_NOON) is not is_forbidden


@pytest.mark.parametrize(
    ("op", "holds"),
    [
        ("==", {50}),
        ("!=", {0, 49, 51, 100}),
        ("<", {0, 49}),
        ("<=", {0, 49, 50}),
        (">", {51, 100}),
        (">=", {50, 51, 100}),
    ],
)
def test_a_permit_reads_the_risk_and_an_unknown_one_is_no_risk_it_permits(
    op: str, holds: set[int]
) -> None:
    policy = compiled(conditions=[{"attribute": "risk", "op": op, "value": 50}])
    subject = engine(("p", policy, "permit"))
    context = {risk: {"risk": risk} for risk in (None, 0, 49, 50, 51, 100)}

    assert {
        risk
        for risk, given in context.items()
        if ask(subject, "alice", given, MONDAY_NOON)
    } == holds


def test_a_forbid_on_an_attribute_spares_types_that_do_not_have_it() -> None:
    forbid = compiled(
        "q",
        effect="forbid",
        principals=[],
        actions=[],
        resources=[],
        windows=[],
        locations=[],
        conditions=[{"attribute": "resource.stage", "op": "==", "value": "live"}],
    )
    subject = engine(("p", compiled(), "permit"), ("q", forbid, "forbid"))
    assert ask(subject, "alice", {}, MONDAY_NOON)


def test_a_sentence_says_what_the_policy_does() -> None:
    content = PolicyContent(
        name="x",
        effect="forbid",
        tier="operator",
        principals=(PrincipalItem("Role", "developer"),),
        actions=("deploy", "read"),
        resources=(ResourceItem("Namespace"), ResourceItem("ResourceGroup", "web")),
        windows=("freeze",),
        locations=("office",),
        conditions=(Condition("mfa", "<", 2),),
    )
    assert rules.sentence(content) == (
        "Members of developer may not deploy or read on any Namespace or group web "
        "during freeze from office if the MFA level is below 2 (or unknown)."
    )


@pytest.mark.parametrize(
    ("condition", "effect", "text"),
    [
        (("risk", ">", 60), "permit", "the risk is above 60."),
        (("risk", ">", 60), "forbid", "the risk is above 60 (or unknown)."),
        (("risk", "<=", 5), "permit", "the risk is at most 5."),
        (("device.trusted", "==", True), "permit", "the device is trusted."),
        (
            ("device.trusted", "==", False),
            "forbid",
            "the device is not trusted (or unknown).",
        ),
        (("country", "in", ["DE", "FR"]), "permit", "the country is one of DE or FR."),
        (("ticket", "!=", ""), "permit", "the ticket is not empty."),
        (("path", "starts_with", "/a"), "permit", "the path starts with /a."),
        (
            ("principal.clearance", ">=", 3),
            "permit",
            "principal.clearance is at least 3.",
        ),
    ],
)
def test_a_sentence_tells_each_condition_as_a_colleague_would(
    condition: tuple[str, str, Any], effect: str, text: str
) -> None:
    content = PolicyContent(
        name="x", effect=effect, tier="operator", conditions=(Condition(*condition),)
    )

    assert rules.sentence(content).partition(" if ")[2] == text


def test_content_survives_its_json_form() -> None:
    content = parse_content(GOOD)
    assert isinstance(content, PolicyContent)
    assert parse_content(content.to_dict()) == content


@pytest.mark.parametrize(("value", "is_refused"), [("live", False), ("prod", True)])
def test_a_value_outside_the_enumeration_is_an_error_at_its_field(
    value: str, *, is_refused: bool
) -> None:
    stage = Attribute("Node", "stage", AttributeType.STRING, ("live", "test"))
    content = parse_content(
        GOOD
        | {
            "actions": ["restart"],
            "resources": [{"type": "Node"}],
            "conditions": [{"attribute": "resource.stage", "op": "==", "value": value}],
        }
    )
    assert isinstance(content, PolicyContent)
    found = rules.compile_policy(
        content, replace(CATALOGUE, attributes=(stage,)), policy_id="p"
    )
    if not is_refused:
        assert isinstance(found, CompiledPolicy)
        return
    assert isinstance(found, list)
    assert [(p.field, p.code) for p in found] == [
        ("conditions[0].value", "policies.wrong_value")
    ]
