"""The statements of a policy: heads, conditions, sizes and the digest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.policies import rules
from apps.policies.rules import CompiledPolicy, PolicyContent, Problem
from apps.policies.rules.compiler import (
    LONGEST_STATEMENT,
    MOST_STATEMENTS,
    policy_digest,
)
from apps.policies.rules.content import parse_content
from engine.calendar import window_condition
from engine.conditions import ConditionKind, read_conditions
from engine.schema import base_schema
from protocol.records import EntityRef, Permission
from tests.policies.test_rules import (
    CATALOGUE,
    GOOD,
    LOCATION,
    MONDAY_NOON,
    RESTART,
    WEB,
    WINDOW,
    ask,
    compiled,
    engine,
    is_sentence,
    problems,
    refusals,
)

ALICE = {"type": "User", "id": "alice"}
NIGHTS = replace(WINDOW, id="nights", start_minute=1320, end_minute=360)
HOME = replace(LOCATION, id="home", cidrs=("192.0.2.0/24",))
WIDER = replace(
    CATALOGUE,
    windows={**CATALOGUE.windows, "nights": NIGHTS},
    locations={**CATALOGUE.locations, "home": HOME},
)


def test_a_forbid_on_a_group_names_the_group() -> None:
    found = compiled(effect="forbid", resources=[WEB.to_dict()])
    heads = [statement.resource.to_json() for statement in found.statements]
    assert heads == [["in", "ResourceGroup", "web"]]


def test_a_forbid_on_a_group_names_its_actions_as_they_are_written() -> None:
    found = compiled(effect="forbid", resources=[WEB.to_dict()], actions=["deploy"])
    (statement,) = found.statements
    assert statement.action.to_json() == ["==", "deploy"]


def test_a_permit_on_everything_is_spelled_out_for_each_type() -> None:
    found = compiled(actions=[], resources=[])
    assert [
        (statement.resource.to_json(), statement.action.to_json())
        for statement in found.statements
    ] == [
        (["is", "Namespace"], ["in", ["deploy", "read"]]),
        (["is", "Node"], ["==", "restart"]),
    ]


def test_a_role_that_holds_nothing_of_the_catalogue_permits_nothing() -> None:
    gone = frozenset({Permission("reboot", "Namespace")})
    catalogue = replace(CATALOGUE, roles={"developer": gone})
    (problem,) = problems(catalogue, actions=[])
    assert (problem.code, problem.field) == (
        "policies.action_not_applicable",
        "actions",
    )
    assert problem.message.startswith("No action is left")
    assert is_sentence(problem.message)
    assert is_sentence(problem.remedy)


def parsed(**change: object) -> PolicyContent:
    found = parse_content(GOOD | change)
    assert isinstance(found, PolicyContent)
    return found


def users(count: int) -> rules.Catalogue:
    found = {EntityRef("User", f"u{n}") for n in range(count)}
    return replace(CATALOGUE, principals=frozenset(found))


def content_for(count: int) -> dict[str, object]:
    """Return as many statements: half as many people on two resources."""
    people = [{"type": "User", "id": f"u{n}"} for n in range(count // 2)]
    two = [{"type": "Namespace"}, {"type": "Namespace", "id": "shop"}]
    return {"principals": people, "resources": two}


def test_a_policy_may_have_as_many_statements_as_the_limit_says() -> None:
    content = parsed(**content_for(MOST_STATEMENTS))
    found = rules.compile_policy(content, users(MOST_STATEMENTS), policy_id="p")
    assert isinstance(found, CompiledPolicy)
    assert len(found.statements) == MOST_STATEMENTS


def test_a_policy_of_more_statements_is_refused_with_their_number() -> None:
    three = [{"type": "Namespace"}, {"type": "Namespace", "id": "shop"}, WEB.to_dict()]
    content = content_for(MOST_STATEMENTS) | {"resources": three}
    (problem,) = problems(users(MOST_STATEMENTS), **content)
    assert (problem.code, problem.field) == ("policies.too_large", "resources")
    assert problem.message == "The policy compiles to 300 statements; 200 is the limit."
    assert is_sentence(problem.remedy)


@pytest.mark.parametrize("more", [0, 1])
def test_a_statement_may_be_as_long_as_a_record_holds(more: int) -> None:
    def ticket(length: int) -> dict[str, object]:
        value = "x" * length
        return {"conditions": [{"attribute": "ticket", "op": "==", "value": value}]}

    (short,) = compiled(**ticket(0)).statements
    change = ticket(LONGEST_STATEMENT - len(short.cedar) + more)
    if not more:
        (statement,) = compiled(**change).statements
        assert len(statement.cedar) == LONGEST_STATEMENT
        return
    assert refusals(**change) == [("policies.too_large", "windows")]


def test_a_text_of_an_expert_that_is_too_long_is_an_error_of_the_text() -> None:
    head = 'permit (principal in Role::"developer", '
    head += 'action == Action::"deploy", resource is Namespace)'
    test = f'context.path == "{"x" * 65_400}"'
    text = f"{head} when {{ context has path && {test} }};"
    bare = PolicyContent(name="x", effect="permit", tier="operator", cedar=text)

    (problem,) = refused(bare)

    assert (problem.code, problem.field) == ("policies.too_large", "cedar")
    assert is_sentence(problem.message)
    assert is_sentence(problem.remedy)


def test_a_policy_of_an_expert_has_a_tier_too() -> None:
    text = "forbid (principal, action, resource);"
    bare = PolicyContent(name="x", effect="forbid", tier="root", cedar=text)

    assert [problem.field for problem in refused(bare)] == ["tier"]


def refused(content: PolicyContent) -> list[Problem]:
    found = rules.compile_policy(content, CATALOGUE, policy_id="p")
    assert not isinstance(found, CompiledPolicy)
    return found


def test_the_digest_that_was_approved_stays_the_same_in_later_releases() -> None:
    said = [{"id": "p#0", "cedar": "permit (principal, action, resource);"}]
    assert policy_digest("p", {"name": "x"}, said) == (
        "sha256:2d3cf6b8f60404c171316dc2d240a9c64ea8a712a5482c81dd200410f4f06625"
    )


def is_refused_by_cedar(catalogue: rules.Catalogue, named: str) -> bool:
    resource = {"type": catalogue.resource_types[0]}
    found = problems(catalogue, resources=[resource], conditions=[])
    assert all(is_sentence(one.message) and is_sentence(one.remedy) for one in found)
    assert {(one.code, one.field) for one in found} == {("policies.schema", "policy")}
    return named in found[0].message


def test_cedar_itself_checks_the_names_that_our_own_checks_let_through() -> None:
    schema = base_schema(actions={"deploy": ["Node"]}, resource_types=["Node"])
    only = replace(CATALOGUE, resource_types=("Namespace",), schema=schema)
    assert is_refused_by_cedar(only, "Namespace")


def test_a_name_that_cedar_cannot_write_is_refused() -> None:
    odd = Permission("deploy", "Name space")
    catalogue = replace(
        CATALOGUE,
        tiers={odd: "operator"},
        roles={"developer": frozenset({odd})},
        resource_types=("Name space",),
    )
    assert is_refused_by_cedar(catalogue, "not Cedar")


def digest_of(catalogue: rules.Catalogue, policy_id: str = "p") -> str:
    found = rules.compile_policy(parsed(), catalogue, policy_id=policy_id)
    assert isinstance(found, CompiledPolicy)
    return found.digest


def test_the_digest_covers_what_the_names_in_a_policy_stand_for() -> None:
    longer = replace(WINDOW, end_minute=WINDOW.end_minute + 1)
    changed = replace(CATALOGUE, windows={WINDOW.id: longer})
    assert digest_of(changed) != digest_of(CATALOGUE)


def test_the_digest_of_the_statements_is_that_of_the_policy() -> None:
    found = compiled()
    content = parsed().to_dict()
    assert found.digest == policy_digest("p", content, found.to_json())
    assert found.digest != policy_digest("q", content, found.to_json())


@pytest.mark.parametrize("windows", [["office-hours"], ["nights", "office-hours"]])
@pytest.mark.parametrize("locations", [["office"], ["home", "office"]])
def test_the_conditions_of_a_statement_are_those_of_the_policy(
    windows: list[str], locations: list[str]
) -> None:
    content = parsed(windows=windows, locations=locations)
    found = rules.compile_policy(content, WIDER, policy_id="p")
    assert isinstance(found, CompiledPolicy)
    (statement,) = found.statements

    read = read_conditions(statement.cedar)

    assert read is not None
    assert [condition.kind for condition in read] == [
        *(ConditionKind.WINDOW, ConditionKind.LOCATION, ConditionKind.ATTRIBUTE),
    ]
    assert [len(one) for one in (read[0].windows, read[1].locations)] == [
        *(len(windows), len(locations)),
    ]
    assert not read[1].unknown_matches


def test_one_window_stands_as_it_is_written_and_several_in_brackets() -> None:
    office, nights = window_condition(WINDOW), window_condition(NIGHTS)
    for windows, text in (
        (["office-hours"], office),
        (["nights", "office-hours"], f"({nights} || {office})"),
    ):
        content = parsed(windows=windows, locations=[], conditions=[])
        found = rules.compile_policy(content, WIDER, policy_id="p")
        assert isinstance(found, CompiledPolicy)
        assert found.statements[0].cedar.endswith(f"when {{\n  {text}\n}};\n")


def test_a_forbid_on_a_location_reaches_whoever_does_not_say_where_he_is() -> None:
    forbid = compiled("q", effect="forbid", windows=[], conditions=[])
    permit = compiled(locations=[])
    subject = engine(("p", permit, "permit"), ("q", forbid, "forbid"))
    assert ask(subject, "alice", {"ip": "192.0.2.1"}, MONDAY_NOON)
    assert not ask(subject, "alice", {"ip": None}, MONDAY_NOON)


@pytest.mark.parametrize(
    ("principals", "is_known"),
    [
        ([ALICE], True),
        ([{"type": "Service", "id": "ci"}], False),
        # People and services may hold a role.
        ([{"type": "Role", "id": "developer"}], True),
    ],
)
def test_a_condition_may_ask_for_what_the_principals_can_have(
    principals: list[dict[str, str]], *, is_known: bool
) -> None:
    clearance = {"attribute": "principal.clearance", "op": ">=", "value": 3}
    change = {"principals": principals, "conditions": [clearance]}
    if is_known:
        assert compiled(**change).statements
        return
    (problem,) = problems(**change)
    assert problem.field == "conditions[0].attribute"
    assert "principal.clearance" in problem.message


def test_a_forbid_for_everybody_may_ask_for_what_people_have() -> None:
    clearance = {"attribute": "principal.clearance", "op": "<", "value": 3}
    forbid = compiled(effect="forbid", principals=[], conditions=[clearance])
    (statement,) = forbid.statements
    assert "principal is User && " in statement.cedar


@pytest.mark.parametrize("resources", [[], [WEB.to_dict()], [{"type": "Node"}]])
def test_a_condition_may_ask_for_what_the_resources_can_have(
    resources: list[dict[str, str]],
) -> None:
    stage = {"attribute": "resource.stage", "op": "==", "value": "live"}
    assert compiled(
        actions=[RESTART.action], resources=resources, conditions=[stage]
    ).statements


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        (("mood", "==", "good"), "'mood'"),
        (("mfa", "contains", 2), "==, !=, <"),
        (("mfa", ">=", "2"), "'2' is not of that type"),
        (("mfa", ">=", 2**53), "The number is huge"),
        (("mfa", ">=", -(2**53)), "The number is huge"),
    ],
)
def test_a_refused_condition_says_why(
    condition: tuple[str, str, object], named: str
) -> None:
    names = ("attribute", "op", "value")
    (problem,) = problems(conditions=[dict(zip(names, condition, strict=True))])
    assert named in problem.message
    assert is_sentence(problem.message)


@pytest.mark.parametrize("value", [2**53 - 1, -(2**53 - 1)])
def test_a_number_may_be_as_large_as_json_keeps_it_exact(value: int) -> None:
    assert compiled(
        conditions=[{"attribute": "mfa", "op": ">=", "value": value}]
    ).statements
