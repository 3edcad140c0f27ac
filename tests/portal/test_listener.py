"""A committed message wakes a relay at once, and many wake only one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import psycopg
import pytest
from kombu.exceptions import OperationalError

from apps.outbox import services
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portal.database import connection_parameters
from portal.listener import PATIENCE, OutboxListener, RelayTrigger

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
    found = OutboxListener(broker.ask)
    found.start()
    yield found
    found.stop()


def enqueue(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        services.enqueue(topic="tests.heard", payload={})


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
    listener = OutboxListener(broker.ask)
    listener.start()
    assert has_tried.wait(WAIT)
    listener.stop()
    assert not listener.is_alive()
    assert broker.asked.empty()
