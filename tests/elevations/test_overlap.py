"""Grants are independent: ending one never shortens another."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.services import actor_for, settle_refusals
from apps.elevations import services
from apps.elevations.choices import ElevationState
from apps.elevations.models import Elevation
from apps.elevations.rules import access_times
from apps.roles.selectors import instant, live_records
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from engine.roles import Holdings
from protocol.records import AssignmentRecord, EntityRef
from tests.factories.approvals import People, Person
from tests.factories.elevations import (
    ask,
    build_roles,
    make_principal,
    offer,
    request_of,
)

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MIA = EntityRef("User", "mia")
# How long after noon it is activated, for how many minutes, and what it extends.
WISHES = st.lists(
    st.tuples(
        st.integers(0, 40), st.integers(1, 30), st.one_of(st.none(), st.integers(0, 5))
    ),
    min_size=1,
    max_size=6,
)


def granted(wishes: list[tuple[int, int, int | None]]) -> list[AssignmentRecord]:
    """Return what nodes get of elevations that extend each other or overlap."""
    found: list[tuple[dt.datetime, dt.datetime]] = []
    for after, minutes, extends in wishes:
        now = NOON + dt.timedelta(minutes=after)
        ends = (
            found[extends][1] if extends is not None and extends < len(found) else None
        )
        running = ends if ends is not None and now < ends else None
        found.append(access_times(minutes, now=now, extended_end=running))
    return [
        AssignmentRecord(
            str(n), MIA, "operator", None, instant(start), instant(end), "elevation"
        )
        for n, (start, end) in enumerate(found)
    ]


def held(records: list[AssignmentRecord], now: dt.datetime) -> set[str]:
    """Return the grants that count at an instant."""
    holdings = Holdings(records, {"operator": ()})
    return {grant.id for grant in holdings.counting(MIA, now, frozenset())}


@given(wishes=WISHES, ended=st.integers(0, 5), seconds=st.integers(0, 3 * 3600))
def test_ending_one_grant_takes_nothing_from_another_at_any_instant(
    wishes: list[tuple[int, int, int | None]], ended: int, seconds: int
) -> None:
    records = granted(wishes)
    now = NOON + dt.timedelta(seconds=seconds)
    gone = records[ended % len(records)]
    left = [record for record in records if record is not gone]
    assert held(left, now) == held(records, now) - {gone.id}


@given(wishes=WISHES)
def test_every_grant_lasts_as_long_as_was_asked_for(
    wishes: list[tuple[int, int, int | None]],
) -> None:
    second = dt.timedelta(seconds=1)
    records = granted(wishes)
    for record, (_, minutes, _extends) in zip(records, wishes, strict=True):
        assert record.start is not None
        start = dt.datetime.fromisoformat(record.start)
        end = start + dt.timedelta(minutes=minutes)
        assert record.id in held(records, start)
        assert record.id in held(records, end - second)
        assert record.id not in held(records, start - second) | held(records, end)


def extended(people: People, mia: Person) -> tuple[Elevation, Elevation]:
    """Return an active elevation, and more time for it that is approved."""
    build_roles()
    people("anna")
    first = ask(mia, offer(make_principal(mia)))
    people("anna").vote(request_of(first))
    first = services.activate(
        actor=actor_for(mia.user), elevation_id=first.pk, now=timezone.now()
    )
    second = ask(mia, first.eligibility, extends=first.pk)
    people("anna").vote(request_of(second))
    return first, second


@pytest.mark.django_db(transaction=True)
def test_an_end_and_the_begin_of_more_time_at_the_same_instant_both_happen(
    tenant: Tenant, tmp_path: Path
) -> None:
    people = People(tenant, tmp_path)
    with tenant_scope(tenant.pk):
        mia = people("mia", "member")
        first, second = extended(people, mia)
    actor = actor_for(mia.user)
    failed = at_once(
        tenant,
        lambda: services.end(
            actor=actor, elevation_id=first.pk, reason="Done.", now=timezone.now()
        ),
        lambda: services.activate(
            actor=actor, elevation_id=second.pk, now=timezone.now()
        ),
    )
    assert failed == []
    with tenant_scope(tenant.pk):
        first.refresh_from_db()
        second.refresh_from_db()
        assert first.state == ElevationState.ENDED
        assert second.state == ElevationState.ACTIVE
        assert second.starts_at in {first.ends_at, second.activated_at}
        kept = [row.id for row in live_records() if isinstance(row, AssignmentRecord)]
        assert str(second.assignment_id) in kept
        assert str(first.assignment_id) not in kept
    settle_refusals()


def at_once(tenant: Tenant, *acts: Callable[[], object]) -> list[Exception]:
    """Run acts on connections of their own at once; return what went wrong."""
    start = threading.Barrier(len(acts))
    failed: list[Exception] = []

    def run(act: Callable[[], object]) -> None:
        start.wait(timeout=20)
        try:
            with tenant_scope(tenant.pk):
                act()
        except Exception as error:  # noqa: BLE001  # the test shows it
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return failed
