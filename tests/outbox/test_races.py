"""Two connections at once: writers of one key, and relays of one queue."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connections
from django.utils import timezone

from apps.outbox import services
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.services import MessageEnvelope
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

pytestmark = pytest.mark.django_db(transaction=True)
TOPIC = "tests.raced"
PATIENCE = 20


def at_once(*works: Callable[[], object]) -> None:
    """Run each piece of work on a connection of its own; raise what any raised."""
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # handed to the test below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("attempt", range(5))
def test_two_writers_of_one_coalescing_key_leave_one_message(
    tenant: Tenant, attempt: int
) -> None:
    barrier = threading.Barrier(2)

    def write() -> None:
        with tenant_scope(tenant.pk):
            barrier.wait(PATIENCE)
            services.enqueue(topic=TOPIC, payload={"n": attempt}, coalesce_key="k")

    at_once(write, write)
    with tenant_scope(tenant.pk):
        assert OutboxMessage.objects.get().state == MessageState.PENDING


def test_numbers_of_one_ordering_key_follow_the_order_of_commits(
    tenant: Tenant,
) -> None:
    has_written, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with tenant_scope(tenant.pk):
            services.enqueue(topic=TOPIC, payload={"n": 1}, ordering_key="o")
            has_written.set()
            may_commit.wait(PATIENCE)

    def quick() -> None:
        has_written.wait(PATIENCE)
        threading.Timer(0.2, may_commit.set).start()
        with tenant_scope(tenant.pk):
            services.enqueue(topic=TOPIC, payload={"n": 2}, ordering_key="o")
            # The slow writer has committed, or this one would still be waiting.
            assert may_commit.is_set()

    at_once(slow, quick)
    with tenant_scope(tenant.pk):
        found = OutboxMessage.objects.order_by("number")
        assert [m.payload["n"] for m in found] == [1, 2]


def test_a_failure_is_settled_while_a_newer_message_is_being_written(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(tenant.pk):
        services.enqueue(topic=TOPIC, payload={"n": 1}, coalesce_key="k")
    has_written, fails = threading.Event(), threading.Event()

    def handler(_envelope: MessageEnvelope) -> None:
        has_written.wait(PATIENCE)
        fails.set()
        raise RuntimeError("the outside world is away")

    monkeypatch.setitem(services._handlers, TOPIC, handler)
    (leased,) = services.lease_messages(tenant_id=tenant.pk)

    def write() -> None:
        with tenant_scope(tenant.pk):
            services.enqueue(topic=TOPIC, payload={"n": 2}, coalesce_key="k")
            has_written.set()
            fails.wait(PATIENCE)

    at_once(write, lambda: services.deliver(leased))
    with tenant_scope(tenant.pk):
        waiting = OutboxMessage.objects.get(state=MessageState.PENDING)
        assert waiting.payload == {"n": 2}
        assert OutboxMessage.objects.get(pk=leased.id).state == MessageState.DONE


def test_two_relays_never_run_one_message_at_the_same_time(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: set[object] = set()
    overlaps: list[object] = []
    both_busy = threading.Barrier(2)

    def handler(envelope: MessageEnvelope) -> None:
        if envelope.id in running:
            overlaps.append(envelope.id)
        running.add(envelope.id)
        # Two handlers are in here together, so the relays did run at once.
        both_busy.wait(PATIENCE)
        running.discard(envelope.id)

    monkeypatch.setitem(services._handlers, TOPIC, handler)
    with tenant_scope(tenant.pk):
        for number in range(6):
            services.enqueue(topic=TOPIC, payload={"n": number})

    def relay_three() -> None:
        services.drain(limit=3)

    at_once(relay_three, relay_three)
    assert overlaps == []
    with tenant_scope(tenant.pk):
        assert OutboxMessage.objects.filter(state=MessageState.DONE).count() == 6


def test_messages_of_one_ordering_key_do_not_run_at_once_in_two_relays(
    tenant: Tenant,
) -> None:
    with tenant_scope(tenant.pk):
        for number in (1, 2):
            services.enqueue(topic=TOPIC, payload={"n": number}, ordering_key="o")
    (first,) = services.lease_messages(tenant_id=tenant.pk)
    found: list[list[MessageEnvelope]] = []
    at_once(lambda: found.append(services.lease_messages(tenant_id=tenant.pk)))
    assert first.payload == {"n": 1}
    assert found == [[]]


def test_a_waiting_message_has_no_lease_that_could_run_out(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    leased: list[int] = []

    def handler(_envelope: MessageEnvelope) -> None:
        with tenant_scope(tenant.pk):
            rows = OutboxMessage.objects.filter(state=MessageState.LEASED)
            leased.append(rows.filter(leased_until__gt=timezone.now()).count())

    monkeypatch.setitem(services._handlers, TOPIC, handler)
    with tenant_scope(tenant.pk):
        for number in range(3):
            services.enqueue(topic=TOPIC, payload={"n": number})
    services.drain()
    assert leased == [1, 1, 1]
