"""What is lent counts only while the one who lends it holds it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.decide import PolicyEngine, Request
from engine.roles import Holdings
from protocol.records import AssignmentRecord, EntityRef, Head, Record
from tests.engine.builders import BERLIN, NOON, WEB, policy, resource, role

PEOPLE = [EntityRef("User", name) for name in ("ann", "ben", "cat", "dan", "eve")]
ANN, BEN, CAT, DAN, EVE = PEOPLE
PARENTS = {"lead": ("operator",), "operator": ("viewer",)}
PLACES = frozenset({WEB, BERLIN})
HOUR = dt.timedelta(hours=1)


def own(
    who: EntityRef, role_id: str = "operator", *, scope: EntityRef | None = None
) -> AssignmentRecord:
    return AssignmentRecord(f"own-{who.id}-{role_id}", who, role_id, scope)


def lent(
    lender: EntityRef,
    to: EntityRef,
    role_id: str = "operator",
    *,
    scope: EntityRef | None = None,
    start: str | None = None,
    end: str | None = None,
) -> AssignmentRecord:
    name = f"{lender.id}-{to.id}-{role_id}"
    return AssignmentRecord(name, to, role_id, scope, start, end, "delegation", lender)


def held(
    who: EntityRef,
    *records: AssignmentRecord,
    now: dt.datetime = NOON,
    places: Iterable[EntityRef] = PLACES,
) -> set[str]:
    return Holdings(records, PARENTS).roles(who, now, frozenset(places))


def test_what_is_lent_is_held_while_the_delegator_holds_it() -> None:
    assert held(BEN, own(ANN), lent(ANN, BEN)) == {"operator", "viewer"}
    assert held(BEN, lent(ANN, BEN)) == set()


def test_the_delegator_keeps_what_they_lend() -> None:
    assert held(ANN, own(ANN), lent(ANN, BEN)) == {"operator", "viewer"}


def test_what_the_delegator_inherits_can_be_lent() -> None:
    assert held(BEN, own(ANN, "lead"), lent(ANN, BEN, "viewer")) == {"viewer"}


def test_more_than_the_delegator_holds_does_not_count() -> None:
    assert held(BEN, own(ANN, "operator"), lent(ANN, BEN, "lead")) == set()


def test_what_is_lent_everywhere_counts_only_where_the_delegator_holds_it() -> None:
    records = (own(ANN, scope=BERLIN), lent(ANN, BEN))
    assert held(BEN, *records)
    assert held(BEN, *records, places=[WEB]) == set()


def test_what_is_lent_for_one_place_counts_only_there() -> None:
    records = (own(ANN), lent(ANN, BEN, scope=BERLIN))
    assert held(BEN, *records)
    assert held(BEN, *records, places=[WEB]) == set()


@pytest.mark.parametrize(
    ("after", "counts"),
    [(-1, False), (0, True), (3599, True), (3600, False)],
    ids=str,
)
def test_it_ends_at_the_instant_the_delegators_right_ends(
    after: int, *, counts: bool
) -> None:
    start, end = NOON.isoformat(), (NOON + HOUR).isoformat()
    root = replace(own(ANN), start=start, end=end)
    found = held(BEN, root, lent(ANN, BEN), now=NOON + dt.timedelta(seconds=after))
    assert bool(found) is counts


def test_two_delegations_in_a_row_count_and_a_third_does_not() -> None:
    chain = (own(ANN), lent(ANN, BEN), lent(BEN, CAT), lent(CAT, DAN))
    assert held(CAT, *chain) == {"operator", "viewer"}
    assert held(DAN, *chain) == set()


def test_a_circle_gives_nobody_anything() -> None:
    circle = (lent(ANN, BEN), lent(BEN, CAT), lent(CAT, ANN))
    assert [held(who, *circle) for who in (ANN, BEN, CAT)] == [set(), set(), set()]


def test_what_comes_back_in_a_circle_is_no_grant_that_counts() -> None:
    records = (own(ANN), lent(ANN, BEN), lent(BEN, ANN))
    found = Holdings(records, PARENTS).counting(ANN, NOON, PLACES)
    assert [grant.id for grant in found] == ["own-ann-operator"]


def test_a_delegation_that_names_nobody_gives_nothing() -> None:
    nameless = replace(lent(ANN, BEN), delegator=None)
    assert held(BEN, own(ANN), nameless) == set()


def test_who_lends_counts_whatever_the_source_says() -> None:
    assert held(BEN, replace(lent(ANN, BEN), source="standing")) == set()


@pytest.mark.parametrize("source", ["elevation", "break_glass"])
def test_what_was_granted_to_one_person_cannot_be_lent(source: str) -> None:
    root = replace(own(ANN), source=source)
    assert held(ANN, root, lent(ANN, BEN))
    assert held(BEN, root, lent(ANN, BEN)) == set()


def test_a_decision_follows_what_the_delegator_holds() -> None:
    base: list[Record] = [
        policy("p", principal=Head("in", "Role", "operator")),
        *(role("operator"), resource(WEB, BERLIN), resource(BERLIN)),
        lent(ANN, BEN),
    ]
    asked = Request(BEN, "restart", WEB, NOON)
    assert PolicyEngine.from_records([*base, own(ANN)], {}).decide(asked).allowed
    assert not PolicyEngine.from_records(base, {}).decide(asked).allowed


_moments = st.none() | st.integers(-3, 3).map(lambda h: (NOON + h * HOUR).isoformat())
_scopes = st.sampled_from([None, WEB, BERLIN, EntityRef("Node", "db-1")])


@st.composite
def _worlds(draw: st.DrawFn) -> list[AssignmentRecord]:
    found = []
    for number in range(draw(st.integers(0, 9))):
        lender = draw(st.none() | st.sampled_from(PEOPLE))
        source = draw(st.sampled_from(["standing", "elevation"]))
        found.append(
            AssignmentRecord(
                f"a{number}",
                draw(st.sampled_from(PEOPLE)),
                draw(st.sampled_from(["lead", "operator", "viewer"])),
                draw(_scopes),
                draw(_moments),
                draw(_moments),
                "delegation" if lender else source,
                lender,
            )
        )
    return found


_instants = st.integers(-4, 4).map(lambda h: NOON + h * HOUR)


@given(_worlds(), _instants)
def test_a_delegate_never_holds_more_than_the_delegator(
    world: list[AssignmentRecord], now: dt.datetime
) -> None:
    holdings = Holdings(world, PARENTS)
    for who in PEOPLE:
        for grant in holdings.counting(who, now, PLACES):
            if grant.delegator is not None:
                assert grant.role in holdings.roles(grant.delegator, now, PLACES)


@given(_worlds(), _instants)
def test_every_role_goes_back_to_somebodys_own_right(
    world: list[AssignmentRecord], now: dt.datetime
) -> None:
    roots = [record for record in world if record.delegator is None]
    rooted = Holdings(roots, PARENTS)
    everybodys = set().union(*(rooted.roles(who, now, PLACES) for who in PEOPLE))
    for who in PEOPLE:
        assert Holdings(world, PARENTS).roles(who, now, PLACES) <= everybodys


@given(_worlds(), st.sampled_from(PEOPLE), _instants)
def test_without_the_root_nothing_below_it_counts_from_that_instant(
    world: list[AssignmentRecord], root: EntityRef, now: dt.datetime
) -> None:
    """Take away all that one person holds: what they lent is worth nothing."""
    without = Holdings([r for r in world if r.principal != root], PARENTS)
    for who in PEOPLE:
        lenders = [g.delegator for g in without.counting(who, now, PLACES)]
        assert root not in lenders


@given(_worlds(), _worlds(), _instants)
def test_an_assignment_more_takes_nothing_from_anybody(
    world: list[AssignmentRecord], more: list[AssignmentRecord], now: dt.datetime
) -> None:
    assume(more)
    wider = Holdings([*world, *(replace(r, id=f"m-{r.id}") for r in more)], PARENTS)
    for who in PEOPLE:
        narrow = Holdings(world, PARENTS).roles(who, now, PLACES)
        assert narrow <= wider.roles(who, now, PLACES)
