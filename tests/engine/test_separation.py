"""Roles that are kept apart are not used together, and no forbid is lifted by that."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decide import Decision, PolicyEngine, Request
from engine.roles import Holdings
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    Record,
    SeparationRecord,
    Waiver,
)
from tests.engine.builders import ALICE, BERLIN, NOON, WEB, policy, resource, role

SHOP = EntityRef("Node", "shop-1")
BEN = EntityRef("User", "ben")
PAY = SeparationRecord("pay", "Pay", "static", ("buyer", "payer"))
USE = replace(PAY, id="use", kind="dynamic")


def holds(role_id: str, scope: EntityRef | None = None) -> AssignmentRecord:
    return AssignmentRecord(f"{role_id}-{scope}", ALICE, role_id, scope)


def allow(role_id: str, action: str) -> Record:
    return policy(
        f"allow-{role_id}-{action}",
        principal=Head("in", "Role", role_id),
        action=Head("==", id=action),
    )


RULES: tuple[Record, ...] = (
    allow("buyer", "buy"),
    allow("payer", "pay"),
    allow("viewer", "view"),
    role("buyer"),
    role("payer"),
    role("viewer"),
    role("chief", "buyer"),
    resource(WEB, BERLIN),
    resource(SHOP),
)


def ask(
    action: str,
    *records: Record,
    on: EntityRef = WEB,
    now: dt.datetime = NOON,
    who: EntityRef = ALICE,
) -> Decision:
    engine = PolicyEngine.from_records((*RULES, *records), {})
    return engine.decide(Request(who, action, on, now))


@pytest.mark.parametrize("kind", [PAY, USE], ids=["static", "dynamic"])
@pytest.mark.parametrize("action", ["buy", "pay"])
def test_roles_kept_apart_give_nothing_when_held_together(
    kind: SeparationRecord, action: str
) -> None:
    assert ask(action, holds("buyer"), holds("payer")).allowed
    refused = ask(action, holds("buyer"), holds("payer"), kind)
    assert (refused.allowed, refused.reason) == (False, "separation_of_duties")
    assert refused.details == (kind.id,)


def test_one_of_the_roles_alone_counts() -> None:
    assert ask("buy", holds("buyer"), PAY, USE).allowed


def test_other_roles_of_the_same_principal_keep_counting() -> None:
    assert ask("view", holds("buyer"), holds("payer"), holds("viewer"), PAY).allowed


def test_a_role_counts_with_what_it_inherits() -> None:
    assert ask("buy", holds("chief"), PAY).allowed
    assert not ask("buy", holds("chief"), holds("payer"), PAY).allowed


def test_a_dynamic_set_looks_at_the_place_and_a_static_one_at_all_places() -> None:
    apart = (holds("buyer", WEB), holds("payer", SHOP))
    assert ask("buy", *apart, USE).allowed
    assert not ask("buy", *apart, PAY).allowed


def test_what_is_not_held_now_does_not_count() -> None:
    later = replace(holds("payer"), start="2026-11-20T12:00:01Z")
    assert ask("buy", holds("buyer"), later, PAY).allowed
    soon = NOON + dt.timedelta(seconds=1)
    assert not ask("buy", holds("buyer"), later, PAY, now=soon).allowed


def test_an_exception_counts_for_its_principal_until_its_end() -> None:
    end = "2026-11-20T12:00:01Z"
    waived = replace(PAY, waivers=(Waiver(ALICE, end),))
    both = (holds("buyer"), holds("payer"))
    assert ask("buy", *both, waived).allowed
    assert not ask("buy", *both, waived, now=NOON + dt.timedelta(seconds=1)).allowed
    assert not ask("buy", *both, replace(PAY, waivers=(Waiver(BEN, end),))).allowed


def test_more_than_one_may_be_allowed_together() -> None:
    three = replace(PAY, roles=("buyer", "payer", "viewer"), limit=2)
    both = (holds("buyer"), holds("payer"))
    assert ask("buy", *both, three).allowed
    assert not ask("buy", *both, holds("viewer"), three).allowed


def test_a_role_that_is_kept_from_use_still_forbids() -> None:
    forbid = policy("no", effect="forbid", principal=Head("in", "Role", "payer"))
    records = (holds("buyer"), holds("payer"), holds("viewer"), PAY, forbid)
    refused = ask("view", *records)
    assert (refused.allowed, refused.reason) == (False, "forbidden")


def test_the_answer_rests_on_grants_that_may_be_used() -> None:
    lead = role("lead", "viewer", "payer")
    records = (lead, holds("buyer"), holds("lead"), holds("viewer"), PAY)
    assert ask("view", *records).grants == (holds("viewer").id,)


def test_what_may_not_be_used_cannot_be_lent() -> None:
    lent = AssignmentRecord("l", BEN, "buyer", None, None, None, "delegation", ALICE)
    assert ask("buy", holds("buyer"), lent, PAY, who=BEN).allowed
    assert not ask("buy", holds("buyer"), holds("payer"), lent, PAY, who=BEN).allowed


ROLES = ("buyer", "chief", "payer", "viewer")
PARENTS = {"chief": ("buyer",)}
grants = st.lists(
    st.builds(holds, st.sampled_from(ROLES), st.sampled_from([None, WEB, SHOP])),
    max_size=5,
    unique_by=lambda record: record.id,
)
sets = st.lists(
    st.builds(
        SeparationRecord,
        st.sampled_from(["a", "b"]),
        st.just("Set"),
        st.sampled_from(["static", "dynamic"]),
        st.lists(st.sampled_from(ROLES), min_size=2, unique=True).map(
            lambda names: tuple(sorted(names))
        ),
        st.integers(1, 2),
    ),
    max_size=2,
    unique_by=lambda record: record.id,
)


@given(grants, sets)
def test_what_may_be_used_breaks_no_set(
    held: list[AssignmentRecord], apart: list[SeparationRecord]
) -> None:
    holdings = Holdings(held, PARENTS, apart)
    found = holdings.usable(ALICE, NOON, frozenset({WEB}))
    roles = holdings.above(found.grants)
    assert all(len(roles.intersection(one.roles)) <= one.limit for one in apart)


@given(grants, sets, st.sampled_from(["buy", "pay", "view"]))
def test_a_separation_never_allows_more(
    held: list[AssignmentRecord], apart: list[SeparationRecord], action: str
) -> None:
    if ask(action, *held, *apart).allowed:
        assert ask(action, *held).allowed
