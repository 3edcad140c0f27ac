"""Each question is answered by the version that counts at the question's own time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decide import Decision, PolicyEngine, Request
from engine.explain import Explainer, FindingKind
from engine.search import Query, Searcher, Sought
from engine.validity import check_versions
from protocol.errors import RecordError
from protocol.records import Interval, PolicyRecord, Record, SchemaRecord, overlapping
from tests.engine.builders import ALICE, NOON, WEB, policy, principal, resource

MICROSECOND = dt.timedelta(microseconds=1)
SCHEMA = SchemaRecord("schema", cedar_json={"": {"actions": {"restart": {}}}})


def stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def version(
    number: int,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    *,
    effect: str = "permit",
    is_first: bool = False,
) -> PolicyRecord:
    found = policy("p", effect=effect)
    return replace(
        found,
        id="p" if is_first else f"p@{number}",
        version=number,
        effective_from=stamp(start) if start else None,
        effective_until=stamp(end) if end else None,
    )


def engine_of(*records: Record) -> PolicyEngine:
    return PolicyEngine.from_records(records, {})


def ask(engine: PolicyEngine, now: dt.datetime) -> Decision:
    return engine.decide(Request(ALICE, "restart", WEB, now))


def test_the_versions_change_over_at_the_very_instant() -> None:
    engine = engine_of(
        version(6, None, NOON, effect="forbid", is_first=True), version(7, NOON)
    )
    before, after = ask(engine, NOON - MICROSECOND), ask(engine, NOON)
    assert (before.reason, after.reason) == ("forbidden", "permitted")
    assert before.determining == after.determining == ("p",)


def test_a_version_ends_at_the_very_instant() -> None:
    engine = engine_of(version(1, None, NOON, is_first=True))
    assert ask(engine, NOON - MICROSECOND).allowed
    assert ask(engine, NOON).reason == "no_matching_policy"


def test_the_instant_is_the_same_in_any_zone() -> None:
    engine = engine_of(version(7, NOON))
    tokyo = NOON.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert ask(engine, tokyo).allowed
    assert not ask(engine, tokyo - MICROSECOND).allowed


def test_two_versions_at_once_deny() -> None:
    """Agents refuse such a release; an engine that gets one does not choose."""
    engine = engine_of(version(6, is_first=True), version(7))
    assert ask(engine, NOON).reason == "evaluation_error"


def test_a_release_with_two_versions_at_once_is_refused() -> None:
    check_versions([version(6, None, NOON, is_first=True), version(7, NOON)])
    with pytest.raises(RecordError) as raised:
        check_versions([version(6, None, NOON, is_first=True), version(7)])
    assert raised.value.code == "record.overlap"


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (NOON - dt.timedelta(hours=2), "not in force yet"),
        (NOON, "not in force any more"),
    ],
    ids=["before", "after"],
)
def test_an_explanation_tells_what_is_to_come_and_what_is_over(
    now: dt.datetime, found: str
) -> None:
    records = (
        version(7, NOON - dt.timedelta(hours=1), NOON),
        principal(ALICE),
        resource(WEB),
    )
    engine = engine_of(*records)
    explained = Explainer(engine, records).explain(Request(ALICE, "restart", WEB, now))
    assert explained.nearest is not None
    assert explained.nearest.kind is FindingKind.INTERVAL
    assert explained.nearest.words == (
        f"{found}; counts from 20 November 2026 11:00 UTC "
        "until 20 November 2026 12:00 UTC"
    )


def test_a_search_finds_by_the_version_that_counts() -> None:
    searcher = Searcher(
        engine_of(version(7, NOON), principal(ALICE), resource(WEB), SCHEMA)
    )

    def names(now: dt.datetime) -> tuple[str, ...]:
        query = Query(Sought.SUBJECT, Request(ALICE, "restart", WEB, now))
        return searcher.find(query, limit=9, budget=99).names

    assert names(NOON - MICROSECOND) == ()
    assert names(NOON) == ("alice",)


# Instants close together, so that bounds meet.
hours = st.integers(0, 6).map(lambda n: NOON + dt.timedelta(hours=n))
bounds = st.one_of(st.none(), hours)


@settings(max_examples=300)
@given(st.lists(st.tuples(bounds, bounds), max_size=4), hours)
def test_no_two_intervals_hold_at_once_unless_they_overlap(
    pairs: list[tuple[dt.datetime | None, dt.datetime | None]], now: dt.datetime
) -> None:
    found = [
        Interval(*pair)
        for pair in pairs
        if None in pair or pair[0] < pair[1]  # type: ignore[operator]  # None is in neither
    ]
    if not overlapping(found):
        assert sum(interval.holds(now) for interval in found) <= 1
    if any(a.overlaps(b) for n, a in enumerate(found) for b in found[:n]):
        assert overlapping(found)
