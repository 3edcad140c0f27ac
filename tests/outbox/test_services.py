"""Messages are written with their cause and delivered at least once."""

from __future__ import annotations

import datetime as dt
import threading
import uuid

import pytest
from django.db import connections, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.outbox import rules, services
from apps.outbox.choices import MessageState
from apps.outbox.errors import NotADeadLetterError
from apps.outbox.models import OutboxMessage
from apps.outbox.services import MessageEnvelope
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

ACTOR = Actor.command("tests")
TOPIC = "tests.happened"


class Recorder:
    """A handler that remembers, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.seen: list[dict[str, object]] = []
        self.failures = 0

    def __call__(self, envelope: MessageEnvelope) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the outside world is away")
        self.seen.append(dict(envelope.payload))


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setitem(services._handlers, TOPIC, recorder)
    return recorder


def enqueue(
    tenant: Tenant, number: int = 1, *, coalesce_key: str = "", ordering_key: str = ""
) -> OutboxMessage:
    with tenant_scope(tenant.pk):
        return services.enqueue(
            topic=TOPIC,
            payload={"n": number},
            coalesce_key=coalesce_key,
            ordering_key=ordering_key,
        )


def read(tenant: Tenant, message: OutboxMessage) -> OutboxMessage:
    with tenant_scope(tenant.pk):
        return OutboxMessage.objects.get(pk=message.pk)


def change(tenant: Tenant, **values: object) -> None:
    with tenant_scope(tenant.pk):
        OutboxMessage.objects.update(**values)


def test_a_message_is_delivered_once_and_settled(
    tenant: Tenant, handler: Recorder
) -> None:
    message = enqueue(tenant)
    assert services.drain() == 1
    assert services.drain() == 0
    assert handler.seen == [{"n": 1}]
    assert read(tenant, message).state == MessageState.DONE


def test_a_message_of_a_transaction_that_failed_is_never_delivered(
    tenant: Tenant, handler: Recorder
) -> None:
    class ChangedMindError(Exception):
        pass

    def change_ones_mind() -> None:
        with tenant_scope(tenant.pk):
            services.enqueue(topic=TOPIC, payload={"n": 1})
            raise ChangedMindError

    with pytest.raises(ChangedMindError):
        change_ones_mind()
    assert services.drain() == 0
    assert handler.seen == []


def test_a_failed_delivery_is_tried_again_when_it_is_due(
    tenant: Tenant, handler: Recorder
) -> None:
    handler.failures = 1
    message = enqueue(tenant)
    services.drain()
    kept = read(tenant, message)
    assert (kept.state, kept.attempts) == (MessageState.PENDING, 1)
    assert "the outside world is away" in kept.last_error
    assert kept.due_at > timezone.now()
    assert handler.seen == []
    change(tenant, due_at=timezone.now())
    services.drain()
    assert handler.seen == [{"n": 1}]


def test_a_message_without_a_handler_is_kept_with_its_reason(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        message = services.enqueue(topic="tests.unknown", payload={})
    services.drain()
    assert read(tenant, message).state == MessageState.PENDING
    assert "tests.unknown" in read(tenant, message).last_error


def test_a_lease_that_ran_out_is_taken_again(tenant: Tenant, handler: Recorder) -> None:
    enqueue(tenant)
    (abandoned,) = services.lease_messages(tenant_id=tenant.pk)
    assert services.drain() == 0
    change(tenant, leased_until=timezone.now() - dt.timedelta(seconds=1))
    assert services.drain() == 1
    # The worker that was thought dead comes back: its word no longer counts.
    services.deliver(abandoned)
    assert handler.seen == [{"n": 1}, {"n": 1}]
    with tenant_scope(tenant.pk):
        assert OutboxMessage.objects.get().attempts == 2


def test_a_newer_message_takes_the_place_of_one_that_waits(
    tenant: Tenant, handler: Recorder
) -> None:
    first = enqueue(tenant, 1, coalesce_key="k")
    second = enqueue(tenant, 2, coalesce_key="k")
    assert first.pk == second.pk
    services.drain()
    assert handler.seen == [{"n": 2}]


def test_a_message_is_not_coalesced_with_one_being_delivered(
    tenant: Tenant, handler: Recorder
) -> None:
    enqueue(tenant, 1, coalesce_key="k")
    (leased,) = services.lease_messages(tenant_id=tenant.pk)
    enqueue(tenant, 2, coalesce_key="k")
    services.deliver(leased)
    services.drain()
    assert handler.seen == [{"n": 1}, {"n": 2}]


def test_a_failed_message_gives_way_to_a_newer_one_of_its_key(
    tenant: Tenant, handler: Recorder
) -> None:
    enqueue(tenant, 1, coalesce_key="k")
    (leased,) = services.lease_messages(tenant_id=tenant.pk)
    enqueue(tenant, 2, coalesce_key="k")
    handler.failures = 1
    services.deliver(leased)
    services.drain()
    assert handler.seen == [{"n": 2}]


def test_messages_of_one_ordering_key_wait_for_each_other(
    tenant: Tenant, handler: Recorder
) -> None:
    enqueue(tenant, 1, ordering_key="o")
    enqueue(tenant, 2, ordering_key="o")
    enqueue(tenant, 3, ordering_key="other")
    handler.failures = 1
    services.drain()
    assert handler.seen == [{"n": 3}]
    change(tenant, due_at=timezone.now())
    services.drain()
    assert handler.seen == [{"n": 3}, {"n": 1}, {"n": 2}]


def test_a_message_that_keeps_failing_becomes_a_dead_letter(
    tenant: Tenant, handler: Recorder
) -> None:
    handler.failures = 1
    message = enqueue(tenant)
    change(tenant, attempts=rules.MOST_ATTEMPTS - 1)
    services.drain()
    assert read(tenant, message).state == MessageState.DEAD
    assert services.drain() == 0


def test_a_dead_letter_is_retried_by_hand_and_that_is_audited(
    tenant: Tenant, handler: Recorder
) -> None:
    message = enqueue(tenant)
    change(tenant, state=MessageState.DEAD, attempts=20)
    with tenant_scope(tenant.pk):
        services.retry_dead_letter(actor=ACTOR, message_id=message.pk)
        assert AuditEntry.objects.get().action == "outbox.retried"
    services.drain()
    assert handler.seen == [{"n": 1}]


@pytest.mark.parametrize("state", [MessageState.PENDING, MessageState.DONE])
def test_only_a_dead_letter_is_retried_by_hand(
    tenant: Tenant, state: MessageState
) -> None:
    message = enqueue(tenant)
    change(tenant, state=state)
    with pytest.raises(NotADeadLetterError), tenant_scope(tenant.pk):
        services.retry_dead_letter(actor=ACTOR, message_id=message.pk)


def test_messages_of_all_tenants_are_found_and_delivered_in_their_scope(
    tenant: Tenant, other_tenant: Tenant, handler: Recorder
) -> None:
    enqueue(tenant, 1)
    enqueue(other_tenant, 2)
    assert set(services.due_tenants()) == {tenant.pk, other_tenant.pk}
    services.drain()
    assert sorted(str(seen["n"]) for seen in handler.seen) == ["1", "2"]


@pytest.mark.django_db(transaction=True)
def test_two_relays_at_once_never_deliver_the_same_message(
    tenant: Tenant, handler: Recorder
) -> None:
    for number in range(30):
        enqueue(tenant, number)
    barrier = threading.Barrier(2)

    def relay() -> None:
        try:
            barrier.wait()
            services.drain()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=relay) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(str(seen["n"])) for seen in handler.seen) == list(range(30))


@pytest.mark.django_db(transaction=True)
def test_a_handler_runs_outside_any_transaction(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []
    monkeypatch.setitem(
        services._handlers,
        TOPIC,
        lambda _e: inside.append(transaction.get_connection().in_atomic_block),
    )
    enqueue(tenant)
    services.drain()
    assert inside == [False]


def test_a_topic_has_one_handler() -> None:
    topic = f"tests.{uuid.uuid4().hex}"
    first, second = Recorder(), Recorder()
    services.register(topic, first)
    services.register(topic, first)
    with pytest.raises(ValueError, match="already"):
        services.register(topic, second)


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True))
def test_a_pause_stays_within_its_bounds(attempts: int, jitter: float) -> None:
    pause = rules.pause_after(attempts, jitter)
    assert rules.FIRST_PAUSE * 0.75 <= pause <= rules.LONGEST_PAUSE


def test_pauses_double_until_an_hour() -> None:
    pauses = [rules.pause_after(n, 0).total_seconds() for n in range(1, 15)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == 3600
