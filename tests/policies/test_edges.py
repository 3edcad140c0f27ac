"""Proposed tests: the edges of windows, places and conditions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.policies.rules import (
    Catalogue,
    CompiledPolicy,
    Edge,
    EdgeKind,
    PolicyContent,
    compile_policy,
    parse_content,
    propose_tests,
    run_policy_tests,
)
from engine.cedar import Attribute, AttributeType
from engine.schema import base_schema
from protocol.records import EntityRef, LocationRecord, Permission, WindowRecord

NOW = dt.datetime(2026, 11, 18, 12, 30, tzinfo=dt.UTC)
OFFICE = WindowRecord(
    "office",
    "Office hours",
    "Europe/Berlin",
    (1, 2, 3, 4, 5),
    8 * 60,
    18 * 60,
    closed_on=("2026-12-25",),
    open_on=("2026-11-28",),
)
NIGHT = WindowRecord("night", "Night", "Europe/Berlin", (5,), 22 * 60, 6 * 60)
SUNDAY = WindowRecord("sunday", "Sunday", "Europe/Berlin", (7,), 2 * 60 + 30, 5 * 60)
PLACES = (
    LocationRecord("lan", "LAN", ("10.1.0.0/16",)),
    LocationRecord("eu", "EU", (), ("DE", "FR")),
)
ATTRIBUTES = (Attribute("User", "on_call", AttributeType.BOOL),)
RESTART = Permission("restart", "Node")
CATALOGUE = Catalogue(
    tiers={RESTART: "operator"},
    roles={"operator": frozenset([RESTART])},
    resource_types=("Node",),
    resources=frozenset([EntityRef("ResourceGroup", "web")]),
    windows={one.id: one for one in (OFFICE, NIGHT, SUNDAY)},
    locations={one.id: one for one in PLACES},
    attributes=ATTRIBUTES,
    schema=base_schema(
        actions={"restart": ["Node"]},
        resource_types=("Node",),
        zones=("Europe/Berlin",),
        attributes=ATTRIBUTES,
    ),
)


def compiled(**changes: Any) -> tuple[PolicyContent, CompiledPolicy]:
    content = parse_content(
        {
            "name": "P",
            "effect": "permit",
            "tier": "operator",
            "owner": "Team",
            "principals": [{"type": "Role", "id": "operator"}],
            "actions": ["restart"],
            "resources": [{"type": "ResourceGroup", "id": "web"}],
        }
        | changes
    )
    assert isinstance(content, PolicyContent), content
    found = compile_policy(content, CATALOGUE, policy_id="p")
    assert isinstance(found, CompiledPolicy), found
    return content, found


def edges(**changes: Any) -> dict[str, Edge]:
    content, policy = compiled(**changes)
    found = propose_tests(content.effect, policy.statements, CATALOGUE, now=NOW)
    return {edge.case.name: edge for edge in found}


def expectations(**changes: Any) -> dict[str, str]:
    return {name: edge.case.expect for name, edge in edges(**changes).items()}


def test_a_statement_is_proposed_with_what_just_misses_it() -> None:
    found = edges()
    assert {name: edge.case.expect for name, edge in found.items()} == {
        "operator: restart a Node in web": "allow",
        "without the role operator": "deny",
        "outside the group web": "deny",
    }
    assert {edge.kind for edge in found.values()} == {EdgeKind.STATEMENT}


def test_a_window_is_tested_at_both_edges() -> None:
    found = expectations(windows=["office"])
    assert found["Office hours: one second before it opens"] == "deny"
    assert found["Office hours: as it opens"] == "allow"
    assert found["Office hours: one second before it closes"] == "allow"
    assert found["Office hours: as it closes"] == "deny"


def test_the_edges_are_moments_of_the_window_s_own_zone() -> None:
    found = edges(windows=["office"])
    assert found["Office hours: as it opens"].case.at == "2026-11-18T07:00:00Z"
    assert (
        found["Office hours: as it opens after clocks went forward"].case.at
        == "2027-03-29T06:00:00Z"
    )


def test_a_holiday_and_an_exception_are_tested() -> None:
    found = expectations(windows=["office"])
    assert found["Office hours: on the holiday 2026-12-25"] == "deny"
    assert found["Office hours: on 2026-11-28, open as an exception"] == "allow"


def test_another_zone_s_clock_does_not_open_a_window() -> None:
    found = edges(windows=["night"])
    case = found["Night: 22:00 by the clock of UTC"].case
    # It is 23:00 in Berlin, on the same night.
    assert (case.at, case.expect) == ("2026-11-20T22:00:00Z", "allow")
    assert expectations(windows=["sunday"])["Sunday: 02:30 by the clock of UTC"] == (
        "allow"
    )


def test_a_night_belongs_to_the_day_it_starts_on() -> None:
    found = edges(windows=["night"])
    case = found["Night: at midnight, of the day before"].case
    assert (case.at, case.expect) == ("2026-11-20T23:00:00Z", "allow")


def test_the_hours_that_clocks_skip_and_repeat_are_tested() -> None:
    found = edges(windows=["sunday"])
    skipped = found["Sunday: as clocks go forward"].case
    assert (skipped.at, skipped.expect) == ("2027-03-28T01:00:00Z", "allow")
    assert found["Sunday: one second before clocks go forward"].case.expect == "deny"
    again = found["Sunday: in the hour that happens twice"].case
    assert (again.at, again.expect) == ("2027-10-31T01:30:00Z", "allow")


def test_a_place_is_tested_inside_outside_unknown_and_mapped() -> None:
    found = expectations(locations=["lan"])
    assert found["LAN: from inside"] == "allow"
    assert found["LAN: from outside"] == "deny"
    assert found["LAN: from a place that is not known"] == "deny"
    assert found["LAN: from inside, the address written as IPv6"] == "allow"
    assert found["LAN: from outside, the address written as IPv6"] == "deny"


def test_a_country_is_tested_inside_outside_and_unknown() -> None:
    found = expectations(locations=["eu"])
    assert found["EU: from inside"] == "allow"
    assert found["EU: from outside"] == "deny"
    assert found["EU: from a place that is not known"] == "deny"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (
            {"attribute": "mfa", "op": ">=", "value": 2},
            ("deny", "allow", "allow", "deny"),
        ),
        (
            {"attribute": "risk", "op": "<", "value": 50},
            ("allow", "deny", "deny", "deny"),
        ),
    ],
    ids=str,
)
def test_a_number_is_tested_below_on_and_above_its_bound(
    condition: dict[str, Any], expected: tuple[str, ...]
) -> None:
    found = expectations(conditions=[condition])
    name, bound = condition["attribute"], condition["value"]
    names = (f"below {bound}", f"exactly {bound}", f"above {bound}", "not known")
    assert tuple(found[f"{name} is {words}"] for words in names) == expected


def test_a_bound_at_the_end_of_a_range_is_not_passed() -> None:
    found = expectations(conditions=[{"attribute": "risk", "op": ">=", "value": 100}])
    assert "risk is above 100" not in found
    assert found["risk is exactly 100"] == "allow"


def test_a_text_and_a_truth_are_tested_both_ways_and_unknown() -> None:
    on_call = {"attribute": "principal.on_call", "op": "==", "value": True}
    ticket = {"attribute": "ticket", "op": "starts_with", "value": "INC-"}
    found = expectations(conditions=[on_call, ticket])
    assert found["principal.on_call is true"] == "allow"
    assert found["principal.on_call is something else"] == "deny"
    assert found["principal.on_call is not known"] == "deny"
    assert found["ticket is INC-"] == "allow"
    assert found["ticket is something else"] == "deny"


def test_what_a_forbid_does_not_know_it_denies() -> None:
    found = edges(
        effect="forbid",
        windows=["office"],
        locations=["lan"],
        conditions=[{"attribute": "risk", "op": ">", "value": 60}],
    )
    assert found["risk is not known"].case.reason == "forbidden"
    assert found["LAN: from a place that is not known"].case.reason == "forbidden"
    assert found["risk is exactly 60"].case.reason == "no_matching_policy"


CONDITIONS: list[dict[str, Any]] = [
    {},
    {"windows": ["office"]},
    {"windows": ["night", "sunday"], "locations": ["lan", "eu"]},
    {"conditions": [{"attribute": "risk", "op": ">", "value": 60}]},
    {"principals": [], "resources": []},
]


@pytest.mark.parametrize("effect", ["permit", "forbid"])
@pytest.mark.parametrize("changes", CONDITIONS, ids=str)
def test_proposals_pass_and_cover_all_that_is_forbidden(
    effect: str, changes: dict[str, Any]
) -> None:
    content, policy = compiled(effect=effect, **changes)
    found = propose_tests(effect, policy.statements, CATALOGUE, now=NOW)
    cases = [edge.case for edge in found]
    report = run_policy_tests(cases, effect, policy.statements, CATALOGUE)
    assert report.problems == []
    assert report.passed == len(cases)
    covered, of = report.coverage.outcomes
    assert covered == of
    needed = [edge.case for edge in found if edge.is_needed]
    report = run_policy_tests(needed, effect, policy.statements, CATALOGUE)
    assert report.problems == []
    assert parse_content(
        content.to_dict() | {"tests": [case.to_dict() for case in cases]}
    )


def test_what_is_kept_is_not_proposed_again() -> None:
    content, policy = compiled(windows=["office"])
    found = propose_tests("permit", policy.statements, CATALOGUE, now=NOW)
    kept = [edge.case for edge in found]
    again = propose_tests("permit", policy.statements, CATALOGUE, now=NOW, kept=kept)
    assert again == ()
    assert content.tests == ()
