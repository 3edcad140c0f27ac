"""Which version counts when, and that no node answers differently around a change."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.policies.rules import (
    CompiledPolicy,
    PolicyContent,
    compile_policy,
    differences,
    lifecycle,
    parse_content,
)
from apps.policies.rules.terms import instant_text
from apps.policies.rules.timeline import (
    GRACE,
    Span,
    Term,
    in_force,
    record_id,
    shipped,
    spans,
)
from engine.decide import PolicyEngine, Request
from engine.validity import check_versions
from protocol.records import Head, Interval, PolicyRecord, parse_record
from tests.engine.builders import ALICE, NOON, WEB, policy
from tests.policies.test_rules import CATALOGUE, GOOD

HOUR = dt.timedelta(hours=1)
instants = st.integers(0, 9).map(lambda n: NOON + n * HOUR)
moments = st.integers(-60, 660).map(lambda n: NOON + dt.timedelta(minutes=n))


@st.composite
def terms(draw: st.DrawFn) -> list[Term]:
    found = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        start = draw(st.one_of(st.none(), instants))
        end = draw(st.one_of(st.none(), instants))
        if start and end and end <= start:
            end = None
        found.append(Term(number, start, end))
    return found


def records_of(found: list[Term], now: dt.datetime) -> list[PolicyRecord]:
    """Return what a release made at a moment holds; odd versions forbid."""
    beside = shipped(found, now)
    records = []
    for span in beside:
        effect = "forbid" if span.number % 2 else "permit"
        plain = policy("p", effect=effect, action=Head("==", id="restart"))
        body = plain.to_dict() | {
            "id": record_id("p", span, beside),
            "version": span.number,
        }
        for name, moment in (
            ("effective_from", span.interval.start),
            ("effective_until", span.interval.end),
        ):
            if moment is not None:
                body[name] = instant_text(moment)
        record = parse_record(body)
        assert isinstance(record, PolicyRecord)
        records.append(record)
    return records


@settings(max_examples=300)
@given(terms(), moments)
def test_at_every_instant_one_version_counts_at_most(
    found: list[Term], now: dt.datetime
) -> None:
    counting = [span for span in spans(found) if span.interval.holds(now)]
    assert len(counting) <= 1
    begun = [term for term in found if term.start is None or term.start <= now]
    newest = max(begun, key=lambda term: term.number, default=None)
    if newest is None or (newest.end is not None and newest.end <= now):
        assert counting == []
    else:
        assert [span.number for span in counting] == [newest.number]
    assert in_force(found, now) == (counting[0] if counting else None)


@settings(max_examples=200, deadline=None)
@given(terms(), moments, moments, st.integers(0, 600))
def test_two_nodes_with_different_releases_answer_the_same(
    found: list[Term], made: dt.datetime, made_later: dt.datetime, behind: int
) -> None:
    """Also a node whose clock is behind what its release was made by."""
    early, late = sorted([made, made_later])
    now = late - min(dt.timedelta(seconds=behind), GRACE - dt.timedelta(seconds=1))
    answers = []
    for moment in (early, late):
        records = records_of(found, moment)
        check_versions(records)
        engine = PolicyEngine.from_records(records, {})
        decision = engine.decide(Request(ALICE, "restart", WEB, now))
        answers.append((decision.allowed, decision.reason, decision.determining))
    assert answers[0] == answers[1]


def test_what_came_before_does_not_come_back() -> None:
    found = [Term(1), Term(2, NOON, NOON + HOUR)]
    assert in_force(found, NOON + 2 * HOUR) is None


def test_a_newer_version_takes_the_place_of_one_to_come() -> None:
    found = [Term(1), Term(2, NOON), Term(3)]
    assert spans(found) == (Span(3, Interval()),)


def test_a_version_to_come_leaves_the_others_until_then() -> None:
    found = [Term(1), Term(2, NOON + HOUR), Term(3, NOON)]
    assert [(s.number, s.interval.start) for s in spans(found)] == [
        (1, None),
        (3, NOON),
    ]


# What a policy may say of its terms.


def codes(**change: Any) -> set[tuple[str, str]]:
    content = parse_content(GOOD | change)
    found = (
        compile_policy(content, CATALOGUE, policy_id="p")
        if isinstance(content, PolicyContent)
        else content
    )
    if isinstance(found, CompiledPolicy):
        return set()
    return {(one.code.value, one.field) for one in found}


MFA = {"type": "mfa", "properties": {"level": 2}}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"effective_from": "tomorrow"}, "time_invalid"),
        ({"effective_from": "2026-01-31T12:00:00+01:00"}, "time_invalid"),
        ({"effective_until": "2026-02-30T12:00:00Z"}, "time_invalid"),
        ({"review_on": "2026-13-01"}, "time_invalid"),
        ({"obligations": [MFA, {"type": "mfa", "properties": {"level": 3}}]}, "twice"),
        ({"obligations": [{"type": "bribe"}]}, "field_type"),
        ({"obligations": [{"type": "mfa"}]}, "field_type"),
    ],
    ids=str,
)
def test_terms_that_cannot_be_are_refused(change: dict[str, Any], code: str) -> None:
    (found,) = codes(**change)
    assert found[0].endswith(code)


def test_an_end_before_the_start_is_refused() -> None:
    times = {"effective_from": "2026-02-01T00:00:00Z"}
    assert codes(**times, effective_until="2026-02-01T00:00:01Z") == set()
    assert codes(**times, effective_until="2026-02-01T00:00:00Z") == {
        ("policies.time_invalid", "effective_until")
    }


def test_a_forbid_cannot_ask_for_a_proof() -> None:
    forbid = {"effect": "forbid", "conditions": []}
    assert ("policies.obligation_of_forbid", "obligations") in codes(
        **forbid, obligations=[MFA]
    )
    assert codes(**forbid, obligations=[{"type": "end_session"}]) == set()


def test_the_order_of_obligations_means_nothing() -> None:
    more = {"type": "device_trust"}
    one, other = (
        parse_content(GOOD | {"obligations": listed})
        for listed in ([MFA, more], [more, MFA, MFA])
    )
    assert one == other


# Ends that are decided, and what acts risk.


def test_a_forbid_has_an_end_only_when_somebody_said_so() -> None:
    assert lifecycle.end_of("permit", NOON, ()) == NOON
    assert lifecycle.end_of("forbid", NOON, ()) is None
    ends = lifecycle.Decision(lets_end=True, until=NOON)
    later = lifecycle.Decision(lets_end=False, until=NOON + HOUR)
    assert lifecycle.end_of("forbid", NOON, (later, ends)) == NOON
    assert lifecycle.end_of("forbid", NOON, (ends, later)) is None
    assert lifecycle.due_of("forbid", NOON, (ends, later)) == NOON + HOUR
    assert lifecycle.due_of("forbid", NOON, (ends,)) is None


@pytest.mark.parametrize(
    ("act", "effect", "is_risky"),
    [
        ("suspend", "forbid", True),
        ("retire", "forbid", True),
        ("resume", "forbid", False),
        ("suspend", "permit", False),
        ("retire", "permit", False),
        ("resume", "permit", True),
    ],
)
def test_what_could_give_access_is_risky(
    act: str, effect: str, *, is_risky: bool
) -> None:
    assert lifecycle.risk_of(act, {"effect": effect}).is_risky is is_risky
    assert lifecycle.needs_request(act, {"effect": effect}) is is_risky


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(337, None), (336, 14), (72, 3), (25, 3), (24, 1), (1, 1), (0, 0), (-5, 0)],
)
def test_reminders_come_at_14_3_and_1_days(hours: int, expected: int | None) -> None:
    assert lifecycle.reminder_of(NOON + hours * HOUR, NOON) == expected


def test_differences_name_fields_and_items() -> None:
    before = GOOD | {"windows": ["a", "b"]}
    after = GOOD | {"windows": ["b", "c"], "review_on": "2026-12-01"}
    found = differences.differences(before, after)
    assert [(one.label, one.removed, one.added) for one in found] == [
        ("Windows", ["a"], ["c"]),
        ("Review on", [], ["2026-12-01"]),
    ]
