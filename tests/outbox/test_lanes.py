"""What is urgent goes first, on its own if need be, and starves nothing."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.outbox import rules, services
from apps.outbox.choices import Lane, MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.services import MessageEnvelope
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

TOPIC = "tests.lanes"
PATIENCE = 20


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    found: list[object] = []
    monkeypatch.setitem(
        services._handlers, TOPIC, lambda envelope: found.append(envelope.payload["n"])
    )
    return found


def enqueue(
    tenant: Tenant,
    number: int,
    lane: Lane = Lane.DEFAULT,
    *,
    coalesce_key: str = "",
    ordering_key: str = "",
) -> OutboxMessage:
    with tenant_scope(tenant.pk):
        return services.enqueue(
            topic=TOPIC,
            payload={"n": number},
            coalesce_key=coalesce_key,
            ordering_key=ordering_key,
            lane=lane,
        )


def lease(tenant: Tenant, *lanes: Lane) -> list[object]:
    found = services.lease_messages(tenant_id=tenant.pk, lanes=lanes or tuple(Lane))
    return [envelope.payload["n"] for envelope in found]


def test_an_urgent_message_overtakes_older_ones(
    tenant: Tenant, seen: list[object]
) -> None:
    enqueue(tenant, 1, Lane.BULK)
    enqueue(tenant, 2)
    enqueue(tenant, 3, Lane.URGENT)
    services.drain()
    assert seen == [3, 1, 2]


def test_the_urgent_relay_leaves_the_rest_alone(
    tenant: Tenant, seen: list[object]
) -> None:
    enqueue(tenant, 1)
    enqueue(tenant, 2, Lane.URGENT)
    assert services.drain(urgent_only=True) == 1
    assert seen == [2]


def test_a_tenant_without_urgent_messages_is_no_work_for_the_urgent_relay(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    enqueue(tenant, 1)
    enqueue(other_tenant, 2, Lane.URGENT)
    assert services.due_tenants(urgent_only=True) == [other_tenant.pk]


def test_a_stream_of_urgent_messages_does_not_starve_the_others(
    tenant: Tenant, seen: list[object]
) -> None:
    enqueue(tenant, -1)
    enqueue(tenant, -2, Lane.BULK)
    for number in range(20):
        enqueue(tenant, number, Lane.URGENT)
    services.drain(limit=8)
    assert seen == [0, 1, 2, -1, 3, 4, 5, -2]


def test_the_turn_of_the_others_is_not_wasted_when_there_are_none(
    tenant: Tenant, seen: list[object]
) -> None:
    for number in range(5):
        enqueue(tenant, number, Lane.URGENT)
    services.drain()
    assert seen == [0, 1, 2, 3, 4]


def test_an_urgent_message_does_not_wait_inside_a_default_one_of_its_key(
    tenant: Tenant,
) -> None:
    waiting = enqueue(tenant, 1, coalesce_key="k")
    urgent = enqueue(tenant, 2, Lane.URGENT, coalesce_key="k")
    assert urgent.pk != waiting.pk
    assert lease(tenant, Lane.URGENT) == [2]


def test_urgent_messages_of_a_key_are_one(tenant: Tenant) -> None:
    first = enqueue(tenant, 1, Lane.URGENT, coalesce_key="k")
    second = enqueue(tenant, 2, Lane.URGENT, coalesce_key="k")
    assert first.pk == second.pk


def test_the_order_of_a_key_holds_across_lanes(tenant: Tenant) -> None:
    enqueue(tenant, 1, ordering_key="o")
    enqueue(tenant, 2, Lane.URGENT, ordering_key="o")
    # What the urgent one has to wait for is as urgent as itself.
    assert lease(tenant, Lane.URGENT) == [1]
    assert lease(tenant, Lane.URGENT) == []


def test_a_default_message_of_another_key_is_not_urgent(tenant: Tenant) -> None:
    enqueue(tenant, 1, ordering_key="other")
    enqueue(tenant, 2, Lane.URGENT, ordering_key="o")
    assert lease(tenant, Lane.URGENT) == [2]


def test_the_handler_learns_the_lane(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes: list[Lane] = []
    monkeypatch.setitem(services._handlers, TOPIC, lambda e: lanes.append(e.lane))
    enqueue(tenant, 1, Lane.URGENT)
    enqueue(tenant, 2)
    services.drain()
    assert lanes == [Lane.URGENT, Lane.DEFAULT]


def test_an_urgent_lease_runs_out_sooner(tenant: Tenant) -> None:
    enqueue(tenant, 1, Lane.URGENT)
    enqueue(tenant, 2)
    services.lease_messages(tenant_id=tenant.pk)
    with tenant_scope(tenant.pk):
        soon = Now() + rules.URGENT_LEASE + dt.timedelta(seconds=1)
        ending = OutboxMessage.objects.filter(leased_until__lt=soon)
        assert [m.payload["n"] for m in ending] == [1]


def test_a_failed_urgent_message_is_tried_again_and_settled_once(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [RuntimeError("the key store is away")]
    seen: list[object] = []

    def handler(envelope: MessageEnvelope) -> None:
        if failures:
            raise failures.pop()
        seen.append(envelope.payload["n"])

    monkeypatch.setitem(services._handlers, TOPIC, handler)
    enqueue(tenant, 1, Lane.URGENT, coalesce_key="k")
    services.drain(urgent_only=True)
    with tenant_scope(tenant.pk):
        kept = OutboxMessage.objects.get()
        assert (kept.state, kept.lane) == (MessageState.PENDING, Lane.URGENT)
        OutboxMessage.objects.update(due_at=timezone.now())
    services.drain(urgent_only=True)
    services.drain()
    assert seen == [1]


@pytest.mark.django_db
def test_the_database_knows_the_lanes(tenant: Tenant) -> None:
    message = enqueue(tenant, 1)
    with pytest.raises(IntegrityError), tenant_scope(tenant.pk), transaction.atomic():
        OutboxMessage.objects.filter(pk=message.pk).update(lane=9)


@pytest.mark.django_db(transaction=True)
def test_two_relays_of_different_lanes_never_deliver_the_same_message(
    tenant: Tenant, seen: list[object]
) -> None:
    for number in range(24):
        enqueue(tenant, number, Lane.URGENT if number % 2 else Lane.DEFAULT)
    barrier = threading.Barrier(2)

    def relay(*, urgent_only: bool) -> None:
        try:
            barrier.wait(PATIENCE)
            services.drain(urgent_only=urgent_only)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=relay, kwargs={"urgent_only": only})
        for only in (True, False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(int(str(number)) for number in seen) == list(range(24))


@pytest.mark.django_db(transaction=True)
def test_an_urgent_message_goes_while_a_relay_holds_a_default_one(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, may_end = threading.Event(), threading.Event()
    seen: list[object] = []

    def handler(envelope: MessageEnvelope) -> None:
        if envelope.lane is Lane.DEFAULT:
            has_begun.set()
            may_end.wait(PATIENCE)
        seen.append(envelope.payload["n"])

    def relay() -> None:
        try:
            services.drain()
        finally:
            connections.close_all()

    monkeypatch.setitem(services._handlers, TOPIC, handler)
    enqueue(tenant, 1, coalesce_key="k")
    busy = threading.Thread(target=relay)
    busy.start()
    assert has_begun.wait(PATIENCE)
    enqueue(tenant, 2, Lane.URGENT, coalesce_key="k")
    assert services.drain(urgent_only=True) == 1
    assert seen == [2]
    may_end.set()
    busy.join(PATIENCE)
    assert seen == [2, 1]


@given(st.integers(0, 1000))
def test_of_four_turns_one_belongs_to_the_others(turn: int) -> None:
    turns = [rules.lanes_of_turn(turn + more) for more in range(4)]
    assert sum(Lane.URGENT not in lanes for lanes in turns) == 1


@given(st.integers(1, 5000), st.floats(0, 1, exclude_max=True))
def test_an_urgent_pause_is_short(attempts: int, jitter: float) -> None:
    pause = rules.pause_after(attempts, jitter, Lane.URGENT)
    assert rules.FIRST_PAUSE * 0.75 <= pause <= rules.LONGEST_URGENT_PAUSE


def test_an_urgent_message_is_given_up_no_earlier_than_another() -> None:
    def patience(most: int, lane: Lane) -> dt.timedelta:
        pauses = (rules.pause_after(n, 0.999, lane) for n in range(1, most))
        return sum(pauses, dt.timedelta())

    assert patience(rules.MOST_URGENT_ATTEMPTS, Lane.URGENT) >= patience(
        rules.MOST_ATTEMPTS, Lane.DEFAULT
    )
