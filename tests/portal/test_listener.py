"""A committed message wakes a relay at once, and many wake only one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest
from celery.concurrency import get_implementation
from django.db import connections
from kombu.exceptions import OperationalError

from apps.outbox import services
from apps.outbox.choices import Lane
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portal.celery import app, has_threads
from portal.database import connection_parameters
from portal.listener import PATIENCE, OutboxListener, RelayTrigger, UrgentRelay

WAIT = 10


class Broker:
    """Count what is asked for, and be away when told to."""

    def __init__(self) -> None:
        self.asked: queue.Queue[None] = queue.Queue()
        self.is_away = False

    def ask(self) -> None:
        self.asked.put(None)
        if self.is_away:
            raise OperationalError("the broker is away")


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def trigger(broker: Broker) -> RelayTrigger:
    return RelayTrigger(broker.ask)


@pytest.fixture
def listener(tenant: Tenant, broker: Broker) -> Iterator[OutboxListener]:  # noqa: ARG001
    found = OutboxListener(broker.ask, lambda: None)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def urgent_relay(tenant: Tenant) -> Iterator[UrgentRelay]:  # noqa: ARG001
    found = UrgentRelay()
    found.start()
    yield found
    found.stop()


def enqueue(
    tenant: Tenant, lane: Lane = Lane.DEFAULT, topic: str = "tests.heard"
) -> None:
    with tenant_scope(tenant.pk):
        services.enqueue(topic=topic, payload={}, lane=lane)


def test_many_messages_ask_for_one_relay(trigger: RelayTrigger, broker: Broker) -> None:
    for _message in range(500):
        trigger.message_committed(0.0)
    assert broker.asked.qsize() == 1


def test_a_message_after_a_relay_began_asks_for_the_next(
    trigger: RelayTrigger, broker: Broker
) -> None:
    trigger.message_committed(0.0)
    trigger.relay_began()
    trigger.message_committed(0.0)
    assert broker.asked.qsize() == 2


def test_a_relay_that_got_lost_does_not_hold_others_back_for_long(
    trigger: RelayTrigger, broker: Broker
) -> None:
    trigger.message_committed(0.0)
    trigger.message_committed(PATIENCE - 0.01)
    assert broker.asked.qsize() == 1
    trigger.message_committed(PATIENCE)
    assert broker.asked.qsize() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("listener")
def test_what_was_committed_before_listening_is_asked_for(broker: Broker) -> None:
    broker.asked.get(timeout=WAIT)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("listener")
def test_a_commit_wakes_the_listener(tenant: Tenant, broker: Broker) -> None:
    broker.asked.get(timeout=WAIT)
    services.announce_relay()
    enqueue(tenant)
    broker.asked.get(timeout=WAIT)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("listener")
def test_the_listener_outlives_a_broker_that_is_away(
    tenant: Tenant, broker: Broker
) -> None:
    broker.is_away = True
    broker.asked.get(timeout=WAIT)
    broker.is_away = False
    services.announce_relay()
    enqueue(tenant)
    broker.asked.get(timeout=WAIT)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("listener")
def test_the_listener_connects_again_and_looks_at_what_it_missed(
    broker: Broker,
) -> None:
    broker.asked.get(timeout=WAIT)
    # The role of the tests may not look at the connections of others.
    as_owner = {**connection_parameters(), "options": ""}
    with psycopg.connect(**as_owner) as same_role:
        ended = same_role.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN portward_%' AND datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        assert ended.fetchone() == (1,)
    broker.asked.get(timeout=WAIT)


@pytest.mark.django_db(transaction=True)
def test_the_listener_stops_at_once(listener: OutboxListener, broker: Broker) -> None:
    broker.asked.get(timeout=WAIT)
    listener.stop()
    assert not listener.is_alive()


def test_a_listener_without_a_database_stops_at_once(
    monkeypatch: pytest.MonkeyPatch, broker: Broker
) -> None:
    has_tried = threading.Event()

    def refuse(**_parameters: object) -> None:
        has_tried.set()
        raise psycopg.OperationalError("the database is away")

    monkeypatch.setattr(psycopg, "connect", refuse)
    listener = OutboxListener(broker.ask, broker.ask)
    listener.start()
    assert has_tried.wait(WAIT)
    listener.stop()
    assert not listener.is_alive()
    assert broker.asked.empty()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("tenant")
def test_an_urgent_commit_wakes_only_the_urgent_lane(tenant: Tenant) -> None:
    usual, urgent = Broker(), Broker()
    listener = OutboxListener(usual.ask, urgent.ask)
    listener.start()
    try:
        for broker in (usual, urgent):
            broker.asked.get(timeout=WAIT)
        services.announce_relay(urgent_only=True)
        enqueue(tenant, Lane.URGENT)
        urgent.asked.get(timeout=WAIT)
        # The usual lane has not begun its first relay, so nothing was asked of it.
        assert usual.asked.empty()
    finally:
        listener.stop()


@pytest.mark.django_db(transaction=True)
def test_an_urgent_message_is_delivered_while_a_long_default_one_is(
    tenant: Tenant, urgent_relay: UrgentRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, may_end, is_revoked = (threading.Event() for _ in range(3))

    def long(_envelope: services.MessageEnvelope) -> None:
        has_begun.set()
        may_end.wait(WAIT)

    handlers = {"tests.long": long, "tests.revoked": lambda _e: is_revoked.set()}
    for topic, handler in handlers.items():
        monkeypatch.setitem(services._handlers, topic, handler)
    enqueue(tenant, topic="tests.long")

    def relay() -> None:
        try:
            services.drain()
        finally:
            connections.close_all()

    usual = threading.Thread(target=relay)
    usual.start()
    assert has_begun.wait(WAIT)
    enqueue(tenant, Lane.URGENT, topic="tests.revoked")
    urgent_relay.wake()
    assert is_revoked.wait(WAIT)
    # The long delivery still runs: nothing but this lets it end.
    assert usual.is_alive()
    may_end.set()
    usual.join(WAIT)


@pytest.mark.django_db(transaction=True)
def test_the_urgent_relay_finds_what_nobody_announced(
    tenant: Tenant, urgent_relay: UrgentRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_revoked = threading.Event()
    monkeypatch.setitem(
        services._handlers, "tests.revoked", lambda _e: is_revoked.set()
    )
    enqueue(tenant, Lane.URGENT, topic="tests.revoked")
    assert is_revoked.wait(WAIT)
    urgent_relay.stop()
    assert not urgent_relay.is_alive()


def test_urgent_relays_have_a_queue_of_their_own() -> None:
    queues = app.amqp.queues
    assert set(queues) == {"revoke", "default"}
    assert {name: queue.routing_key for name, queue in queues.items()} == {
        name: name for name in queues
    }
    route = app.amqp.router.route({}, "outbox.relay_urgent")
    assert route["queue"].name == "revoke"
    assert app.amqp.router.route({}, "outbox.relay")["queue"].name == "default"


@pytest.mark.parametrize(
    ("pool", "reserves"), [("threads", True), ("solo", True), ("prefork", False)]
)
def test_a_thread_is_reserved_where_tasks_share_the_process(
    pool: str, *, reserves: bool
) -> None:
    worker = SimpleNamespace(pool_cls=get_implementation(pool))
    assert has_threads(worker) is reserves
