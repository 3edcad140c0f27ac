"""Searches: exactly those for whom a decision says yes, found by index, in pages."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decide import PolicyEngine, Request
from engine.search import Query, Searcher, Sought
from protocol.records import EntityRef, Head, Record
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
from tests.engine.worlds import (
    BOB,
    IN_BERLIN,
    OPERATORS,
    ZONES,
    contexts,
    moments,
    worlds,
)

ALL = 1000


def ask(sought: Sought, now: dt.datetime = NOON, **context: Any) -> Query:
    return Query(sought, Request(ALICE, "restart", WEB, now, context))


def find(query: Query, *records: Record) -> tuple[str, ...]:
    searcher = Searcher(PolicyEngine.from_records(records, ZONES))
    return searcher.find(query, limit=ALL, budget=ALL).names


def candidates(query: Query, *records: Record) -> list[str]:
    return Searcher(PolicyEngine.from_records(records, ZONES)).candidates(query)


@settings(max_examples=300, deadline=None)
@given(worlds(), contexts, moments, st.sampled_from(Sought))
def test_a_search_finds_exactly_those_for_whom_a_decision_says_yes(
    records: list[Record], context: dict[str, Any], now: dt.datetime, sought: Sought
) -> None:
    records = [*records, policy("named", action=Head("in", ids=("restart", "stop")))]
    engine = PolicyEngine.from_records(records, ZONES)
    query = ask(sought, now, **context)
    everything = {
        Sought.SUBJECT: ["alice", "bob", "zoe"],
        Sought.RESOURCE: ["web-1", "web-2"],
        Sought.ACTION: ["restart", "stop", "fly"],
    }[sought]
    known = {"alice", "bob", "web-1", "restart", "stop"}

    found = Searcher(engine).find(query, limit=ALL, budget=ALL).names

    assert list(found) == [
        name
        for name in everything
        if name in known and engine.decide(query.filled(name)).allowed
    ]


def test_only_holders_of_a_role_are_candidates() -> None:
    records = (
        policy("p", principal=OPERATORS, action=Head("==", id="restart")),
        role("lead", "operator"),
        role("operator"),
        assignment("a", "lead"),
        principal(ALICE),
        principal(BOB),
        resource(WEB),
    )

    assert candidates(ask(Sought.SUBJECT), *records) == ["alice"]


def test_only_resources_in_the_scope_of_a_grant_are_candidates() -> None:
    records = (
        policy("p", principal=OPERATORS, action=Head("==", id="restart")),
        role("operator"),
        assignment("a", "operator", scope=BERLIN),
        principal(ALICE),
        resource(BERLIN),
        resource(WEB, BERLIN),
        resource(EntityRef("Node", "web-2")),
    )

    assert candidates(ask(Sought.RESOURCE), *records) == ["web-1"]


def test_two_scopes_of_a_role_are_both_searched() -> None:
    munich = EntityRef("ResourceGroup", "munich")
    records = (
        policy("p", principal=OPERATORS, action=Head("==", id="restart")),
        role("operator"),
        assignment("a", "operator", scope=BERLIN),
        assignment("b", "operator", scope=munich),
        principal(ALICE),
        resource(BERLIN),
        resource(munich),
        resource(WEB, BERLIN),
        resource(EntityRef("Node", "web-2"), munich),
    )

    assert find(ask(Sought.RESOURCE), *records) == ("web-1", "web-2")


def test_only_members_of_a_policys_group_are_candidates() -> None:
    records = (
        policy("p", action=Head("==", id="restart"), resource=IN_BERLIN),
        principal(ALICE),
        resource(BERLIN),
        resource(WEB, BERLIN),
        resource(EntityRef("Node", "web-2")),
    )

    assert candidates(ask(Sought.RESOURCE), *records) == ["web-1"]


@pytest.mark.parametrize("sought", list(Sought))
def test_what_the_release_does_not_know_gives_no_results(sought: Sought) -> None:
    everything = (
        policy("p"),
        policy("q", action=Head("==", id="restart")),
        principal(ALICE),
        resource(WEB),
    )
    assert find(ask(sought), *everything)

    unknown = Request(EntityRef("User", "zoe"), "fly", EntityRef("Node", "x"), NOON)

    assert find(Query(sought, unknown), *everything) == ()


def test_whoever_is_of_another_type_is_not_found() -> None:
    service = EntityRef("Service", "ci")
    records = (
        policy("p", action=Head("==", id="restart")),
        principal(ALICE),
        principal(service),
        resource(WEB),
    )

    assert find(ask(Sought.SUBJECT), *records) == ("alice",)


@given(st.integers(1, 4), st.integers(1, 4))
def test_pages_of_any_size_add_up_to_the_whole(limit: int, budget: int) -> None:
    names = [f"user-{number}" for number in range(7)]
    people = [principal(EntityRef("User", name)) for name in names]
    searcher = Searcher(
        PolicyEngine.from_records(
            [
                policy("p", action=Head("==", id="restart")),
                policy("f", effect="forbid", principal=Head("==", "User", "user-3")),
                resource(WEB),
                *people,
            ],
            {},
        )
    )
    found: list[str] = []
    after: str | None = None
    while True:
        page = searcher.find(
            ask(Sought.SUBJECT), after=after, limit=limit, budget=budget
        )
        assert page.examined <= budget
        assert len(page.names) <= limit
        found.extend(page.names)
        after = page.after
        if after is None:
            break

    assert found == [name for name in names if name != "user-3"]
