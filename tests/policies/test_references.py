"""What a policy names must exist, and stay below what roles hold."""

from __future__ import annotations

import pytest

from tests.policies.test_rules import GOOD, WEB, compiled, problems, refusals

NODE, DATABASE, NAMESPACE = (
    {"type": kind} for kind in ("Node", "Database", "Namespace")
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"principals": [{"type": "Service", "id": "cd"}]},
            "There is no service “cd”.",
        ),
        (
            {"resources": [{"type": "ResourceGroup", "id": "web2"}]},
            "There is no resource group “web2”.",
        ),
        (
            {"resources": [{"type": "Namespace", "id": "shop2"}]},
            "There is no Namespace “shop2”.",
        ),
    ],
)
def test_a_refusal_names_what_does_not_exist(
    change: dict[str, object], message: str
) -> None:
    assert [problem.message for problem in problems(**change)] == [message]


def test_a_service_that_exists_may_be_named() -> None:
    (statement,) = compiled(principals=[{"type": "Service", "id": "ci"}]).statements
    assert statement.principal.to_json() == ["==", "Service", "ci"]


def test_an_action_that_does_not_apply_is_refused_with_the_types_it_applies_to() -> (
    None
):
    (problem,) = problems(actions=["restart"])
    assert problem.remedy == "It applies to Database, Node."


@pytest.mark.parametrize(
    ("action", "resources", "where"),
    [
        # Held on nodes; each type that is named counts.
        ("restart", [NODE, DATABASE], " on Database"),
        ("wipe", [NODE], " on Node"),
        ("wipe", [WEB.to_dict()], ""),
        ("wipe", [], ""),
    ],
)
def test_a_role_must_hold_the_action_on_every_type_that_is_named(
    action: str, resources: list[dict[str, str]], where: str
) -> None:
    (problem,) = problems(actions=[action], resources=resources, tier="admin")
    assert problem.code == "policies.action_beyond_role"
    assert problem.message == f"The role “developer” does not hold “{action}”{where}."


@pytest.mark.parametrize("resources", [[], [WEB.to_dict()], [WEB.to_dict(), NODE]])
def test_a_role_need_not_hold_the_action_on_types_that_are_not_named(
    resources: list[dict[str, str]],
) -> None:
    found = compiled(actions=["restart"], resources=resources)
    assert {statement.resource.type for statement in found.statements} == {"Node"}


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"actions": ["read"]}, "read_only"),
        ({"actions": ["read", "deploy"]}, "operator"),
        # Whatever the role holds on these resources, and nothing else of it.
        ({"actions": []}, "operator"),
        (
            {"actions": [], "principals": [{"type": "Role", "id": "reader"}]},
            "read_only",
        ),
        ({"actions": [], "resources": [NODE]}, "operator"),
        (
            {
                "actions": ["wipe"],
                "resources": [NODE],
                "principals": [{"type": "User", "id": "alice"}],
            },
            "admin",
        ),
    ],
)
def test_the_lowest_tier_is_that_of_the_highest_action(
    change: dict[str, object], needed: str
) -> None:
    tiers = ["read_only", "operator", "admin"]
    for tier in tiers[tiers.index(needed) :]:
        assert compiled(**change, tier=tier).statements
    for tier in tiers[: tiers.index(needed)]:
        (problem,) = problems(**change, tier=tier)
        assert (problem.field, problem.code) == ("tier", "policies.tier_too_low")
        assert problem.message == f"The policy permits actions of tier {needed}."


def test_a_forbid_has_no_tier_to_keep_to() -> None:
    assert compiled(effect="forbid", tier="read_only").statements


def test_the_actions_stay_open_only_when_every_principal_is_a_role() -> None:
    both = [*GOOD["principals"], {"type": "User", "id": "alice"}]
    assert refusals(actions=[], principals=both) == [
        ("policies.actions_missing", "actions")
    ]
    assert compiled(actions=[]).statements
