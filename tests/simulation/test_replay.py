"""A replay counts what a change turns, and nothing that circumstances could save."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.distribution import services as distribution
from apps.distribution.selectors import logged_decisions
from apps.simulation.rules import Fate, Logged, Replay
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from engine.calendar import window_condition
from engine.decide import PolicyEngine, Request
from protocol.decisions import Chunk
from protocol.records import EntityRef, Head, Record
from tests.engine.builders import ALICE, NOON, WEB, assignment, policy, role
from tests.engine.worlds import BOB, MFA, MORNINGS, OPERATORS, ZONES, contexts, moments
from tests.factories.nodes import decision_entry, enroll
from tests.simulation.test_matrix import base, pairs_of_worlds

STOP = Head("==", id="stop")


def replay(before: list[Record], after: list[Record]) -> Replay:
    return Replay((before, ZONES), (after, ZONES))


def logged(*, allowed: bool, at: dt.datetime = NOON, count: int = 1) -> Logged:
    return Logged(ALICE, "stop", WEB, at, allowed, count)


@settings(max_examples=200, deadline=None)
@given(pairs_of_worlds(), contexts, moments, st.sampled_from([ALICE, BOB]))
def test_what_is_said_of_a_decision_holds_whatever_its_circumstances_were(
    both: tuple[list[Record], list[Record]],
    context: dict[str, Any],
    now: dt.datetime,
    who: EntityRef,
) -> None:
    request = Request(who, "stop", WEB, now, context)
    old, new = (
        PolicyEngine.from_records(records, ZONES).decide(request).allowed
        for records in both
    )

    found = replay(*both).run([Logged(who, "stop", WEB, now, old)])

    assert not found.counts[Fate.OUTDATED]
    if found.counts[Fate.SAME]:
        assert new == old
    if found.counts[Fate.ALLOW_TO_DENY]:
        assert (old, new) == (True, False)
    if found.counts[Fate.DENY_TO_ALLOW]:
        assert (old, new) == (False, True)


def test_what_no_change_touches_is_the_same_without_being_asked() -> None:
    other = policy("p", resource=Head("==", "Node", "web-9"))

    found = replay(base(), base(other)).run([logged(allowed=False, count=9)])

    assert (found.counts[Fate.SAME], found.asked) == (9, 0)


def test_a_permit_that_falls_away_turns_what_it_allowed() -> None:
    permit = policy("p", principal=OPERATORS, action=STOP)

    found = replay(base(permit), base()).run([logged(allowed=True, count=7)])

    assert found.counts[Fate.ALLOW_TO_DENY] == 7
    assert found.examples[Fate.ALLOW_TO_DENY][0].principal == ALICE


def test_a_new_permit_turns_what_was_denied_at_its_time() -> None:
    permit = policy("p", action=STOP, when=(window_condition(MORNINGS),))
    monday = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
    change = replay(base(), base(permit))

    assert change.fate(logged(allowed=False, at=monday)) is Fate.DENY_TO_ALLOW
    assert change.fate(logged(allowed=False, at=NOON)) is Fate.SAME


def test_what_the_log_does_not_hold_is_not_guessed() -> None:
    free = policy("p", action=STOP)
    bound = policy("p", action=STOP, when=(MFA,))

    found = replay(base(free), base(bound)).run([logged(allowed=True)])

    assert found.counts[Fate.DEPENDS] == 1


def test_what_is_not_so_today_either_is_outdated() -> None:
    permit = policy("p", principal=OPERATORS, action=STOP)
    ended = [role("operator"), assignment("a", "operator", end="2026-01-01T00:00:00Z")]

    found = replay([*ended, permit], ended).run([logged(allowed=True)])

    assert found.counts[Fate.OUTDATED] == 1


@pytest.mark.django_db
def test_decisions_are_summed_up_and_the_newest_of_each_pair_are_taken(
    tenant: Tenant,
) -> None:
    node = enroll(tenant, "web-1")
    now = timezone.now().replace(minute=7)
    early = now - dt.timedelta(hours=3)
    chunk = Chunk(
        boot_id=str(uuid.uuid4()),
        number=1,
        dropped=0,
        entries=(
            *(decision_entry(count=3, at=now) for _ in range(4)),
            decision_entry(count=5, at=early),
        ),
    )
    distribution.record_decisions(tenant_id=tenant.pk, node_id=node.pk, chunk=chunk)
    since = early - dt.timedelta(days=1)

    with tenant_scope(tenant.pk):
        everything, sample = logged_decisions(since, 10), logged_decisions(since, 1)
        rows, newest = list(everything.rows), list(sample.rows)

    assert sorted(row.count for row in rows) == [5, 12]
    assert [row.count for row in newest] == [12]
    assert (sample.kept, sample.taken) == (17, 12)
