"""Write messages, lease them, and settle what became of them.

Delivery is at least once. A message is leased in one short transaction, its handler
runs outside any transaction, and a second short transaction settles it. A worker that
dies in between leaves a lease that runs out, and the message is delivered again; hence
handlers are idempotent.

A message has a lane. Urgent ones are leased first, and by a relay that looks at nothing
else, so that a long delivery of another lane does not hold them back.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import math
import random
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.outbox.choices import Lane, MessageState
from apps.outbox.errors import MessageNotFoundError, NotADeadLetterError
from apps.outbox.events import OutboxAction
from apps.outbox.models import OutboxMessage
from apps.outbox.rules import is_dead, lanes_of_turn, lease_of, pause_after
from apps.tenants.services import require_tenant_id, tenant_scope

CHANNEL = "portward_outbox"
RELAY_CHANNEL = "portward_relay"
# What notifications say of messages, or of a relay, of the urgent lane.
URGENT = "urgent"
_TURNS = 20
_LONGEST_ERROR = 2000
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MessageEnvelope:
    """What a handler is given."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    topic: str
    payload: Mapping[str, Any]
    lease: uuid.UUID
    lane: Lane = Lane.DEFAULT


Handler = Callable[[MessageEnvelope], None]
_handlers: dict[str, Handler] = {}


def register(topic: str, handler: Handler) -> None:
    """Name the handler of a topic; called once per topic while apps get ready."""
    known = _handlers.setdefault(topic, handler)
    if known is not handler:
        raise ValueError(f"{topic} already has a handler")


@transaction.atomic
def enqueue(
    *,
    topic: str,
    payload: Mapping[str, Any],
    coalesce_key: str = "",
    ordering_key: str = "",
    lane: Lane = Lane.DEFAULT,
) -> OutboxMessage:
    """Write a message in the caller's transaction and wake the relay at its commit.

    With a coalescing key, a waiting message of the same topic, key and lane takes the
    new payload instead of a second one being written.
    """
    tenant_id = require_tenant_id()
    _take_turns(topic, coalesce_key, ordering_key)
    number, now = _number_and_time()
    fresh = {
        "payload": dict(payload),
        "ordering_key": ordering_key,
        "due_at": now,
        "number": number,
        # What is new has not failed yet.
        "attempts": 0,
        "last_error": "",
    }
    message = _waiting(topic, coalesce_key, lane).select_for_update().first()
    if message is None:
        message = OutboxMessage(
            tenant_id=tenant_id, topic=topic, coalesce_key=coalesce_key, lane=lane
        )
    for name, value in fresh.items():
        setattr(message, name, value)
    message.save()
    _wake(message)
    return message


def due_tenants(*, urgent_only: bool = False) -> list[uuid.UUID]:
    """Return the tenants with messages that are due, across all tenants.

    Reads through a function of the database that gives away tenant ids only.
    """
    which = "urgent" if urgent_only else "due"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT portward_outbox_{which}_tenants()")
        return [row[0] for row in cursor.fetchall()]


def lease_messages(
    *, tenant_id: uuid.UUID, limit: int = 20, lanes: Collection[Lane] = tuple(Lane)
) -> list[MessageEnvelope]:
    """Lease due messages of a tenant, so that nobody else delivers them meanwhile.

    Messages of the urgent lane go first, then the oldest. What an urgent message of the
    same ordering key has to wait for counts as urgent itself.
    """
    with tenant_scope(tenant_id):
        earlier = OutboxMessage.objects.filter(
            tenant_id=tenant_id,
            ordering_key=OuterRef("ordering_key"),
            number__lt=OuterRef("number"),
            state__in=[MessageState.PENDING, MessageState.LEASED],
        )
        due = (
            OutboxMessage.objects.select_for_update(skip_locked=True)
            .filter(
                Q(state=MessageState.PENDING, due_at__lte=Now())
                | Q(state=MessageState.LEASED, leased_until__lte=Now())
            )
            .filter(Q(ordering_key="") | ~Exists(earlier))
            .filter(_in_lanes(lanes))
            .alias(is_urgent=Q(lane=Lane.URGENT))
            .order_by(F("is_urgent").desc(), "number")[:limit]
        )
        leased = list(due)
        for message in leased:
            message.state = MessageState.LEASED
            message.lease = uuid.uuid4()
            message.leased_until = Now() + lease_of(Lane(message.lane))
            message.attempts += 1
            message.save(update_fields=["state", "lease", "leased_until", "attempts"])
        return [_envelope(message) for message in leased]


def deliver(envelope: MessageEnvelope) -> bool:
    """Run the handler of a leased message and settle the message; True if delivered."""
    try:
        handler = _handlers[envelope.topic]
        handler(envelope)
    except Exception as error:  # any failure must be settled, not lost
        logger.warning("delivery of %s failed", envelope.topic, exc_info=True)
        _settle(envelope, error=f"{type(error).__name__}: {error}")
        return False
    _settle(envelope, error="")
    return True


def drain(
    limit: int = 10_000, *, patience: float = math.inf, urgent_only: bool = False
) -> int:
    """Deliver everything that is due, also what deliveries cause; return how many.

    No message is begun after `limit` deliveries or after `patience` seconds.
    """
    begun = time.monotonic()
    delivered, progress = 0, True
    while progress:
        progress = False
        for tenant_id in due_tenants(urgent_only=urgent_only):
            for envelope in _one_by_one(tenant_id, urgent_only=urgent_only):
                deliver(envelope)
                delivered, progress = delivered + 1, True
                if delivered >= limit or time.monotonic() - begun >= patience:
                    return delivered
    return delivered


def announce_relay(*, urgent_only: bool = False) -> None:
    """Tell the listeners that a relay has begun, so that they may ask for the next.

    Whatever was committed before this will be found by the relay that says it.
    """
    with transaction.atomic():
        _notify(RELAY_CHANNEL, URGENT if urgent_only else "")


@transaction.atomic
def retry_dead_letter(*, actor: Actor, message_id: uuid.UUID) -> OutboxMessage:
    """Put a dead letter back in line.

    A newer message of the same coalescing key says all that this one would; then it
    is closed instead of delivered. A retried message does not get its place in the
    order back: what came after it has been delivered meanwhile.

    Raises MessageNotFoundError and NotADeadLetterError.
    """
    message = OutboxMessage.objects.select_for_update().filter(pk=message_id).first()
    if message is None:
        raise MessageNotFoundError
    if message.state != MessageState.DEAD:
        raise NotADeadLetterError
    message.attempts = 0
    _return_to_line(message, now=timezone.now(), pause=dt.timedelta(0))
    message.save()
    audit.append(
        actor=actor,
        action=OutboxAction.RETRIED,
        target_type="outbox_message",
        target_id=str(message.pk),
        after={"topic": message.topic, "state": str(message.state)},
    )
    _wake(message)
    return message


def purge_done(*, older_than: dt.timedelta) -> int:
    """Remove old delivered messages of the current tenant; return how many."""
    limit = timezone.now() - older_than
    count, _ = OutboxMessage.objects.filter(
        state=MessageState.DONE, done_at__lt=limit
    ).delete()
    return count


def _one_by_one(
    tenant_id: uuid.UUID, *, urgent_only: bool
) -> Iterator[MessageEnvelope]:
    """Lease a message only when its turn has come, or its lease would run out waiting.

    Stops after a few, so that a busy tenant does not keep the others waiting.
    """
    every: tuple[Lane, ...] = (Lane.URGENT,) if urgent_only else tuple(Lane)
    for turn in range(_TURNS):
        lanes = every if urgent_only else lanes_of_turn(turn)
        envelopes = lease_messages(tenant_id=tenant_id, limit=1, lanes=lanes)
        if not envelopes and lanes != every:
            envelopes = lease_messages(tenant_id=tenant_id, limit=1, lanes=every)
        if not envelopes:
            return
        yield from envelopes


def _in_lanes(lanes: Collection[Lane]) -> Q:
    wanted = Q(lane__in=lanes)
    if Lane.URGENT not in lanes:
        return wanted
    behind = OutboxMessage.objects.filter(
        ordering_key=OuterRef("ordering_key"),
        lane=Lane.URGENT,
        state=MessageState.PENDING,
    )
    return wanted | Q(~Q(ordering_key=""), Exists(behind))


def _settle(envelope: MessageEnvelope, *, error: str) -> None:
    now = timezone.now()
    with tenant_scope(envelope.tenant_id):
        # Whose lease ran out does not decide what became of the message.
        message = (
            OutboxMessage.objects.select_for_update()
            .filter(pk=envelope.id, lease=envelope.lease)
            .first()
        )
        if message is None:
            return
        message.lease = None
        message.leased_until = None
        message.last_error = error[:_LONGEST_ERROR]
        if not error:
            message.state, message.done_at = MessageState.DONE, now
        elif is_dead(message.attempts, Lane(message.lane)):
            message.state = MessageState.DEAD
        else:
            # The jitter only spreads load.
            pause = pause_after(
                message.attempts,
                random.random(),  # noqa: S311
                Lane(message.lane),
            )
            _return_to_line(message, now=now, pause=pause)
        message.save()


def _return_to_line(
    message: OutboxMessage, *, now: dt.datetime, pause: dt.timedelta
) -> None:
    _take_turns(message.topic, message.coalesce_key, "")
    if _waiting(message.topic, message.coalesce_key, Lane(message.lane)).exists():
        # A newer message of the same key says all that this one would.
        message.state, message.done_at = MessageState.DONE, now
        return
    message.state, message.due_at = MessageState.PENDING, now + pause


def _waiting(topic: str, coalesce_key: str, lane: Lane) -> QuerySet[OutboxMessage]:
    """Return the message that a new one of the same key takes the place of, if any."""
    if not coalesce_key:
        return OutboxMessage.objects.none()
    return OutboxMessage.objects.filter(
        topic=topic, coalesce_key=coalesce_key, lane=lane, state=MessageState.PENDING
    )


def _take_turns(topic: str, coalesce_key: str, ordering_key: str) -> None:
    """Let one transaction at a time write messages of a key.

    Without this, two writers of one coalescing key would both find nobody waiting and
    the slower one would fail. Numbers of one ordering key would not follow the order
    of commits. Locks are taken in the order of their numbers, against deadlocks.
    """
    names = []
    if coalesce_key:
        names.append(f"outbox/coalesce/{require_tenant_id()}/{topic}/{coalesce_key}")
    if ordering_key:
        names.append(f"outbox/order/{require_tenant_id()}/{ordering_key}")
    locks = sorted(_lock_number(name) for name in names)
    with connection.cursor() as cursor:
        for number in locks:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _lock_number(name: str) -> int:
    found = hashlib.sha256(name.encode()).digest()[:8]
    return int.from_bytes(found, "big", signed=True)


def _number_and_time() -> tuple[int, dt.datetime]:
    """Return the next number, and the database's time.

    Due times are the database's, so that hosts whose clocks differ agree on them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('outbox_message_number'), statement_timestamp()")
        number, now = cursor.fetchone()
    return number, now


def _envelope(message: OutboxMessage) -> MessageEnvelope:
    if message.lease is None:
        raise ValueError("the message is not leased")
    return MessageEnvelope(
        *(message.pk, message.tenant_id, message.topic, message.payload),
        lease=message.lease,
        lane=Lane(message.lane),
    )


def _wake(message: OutboxMessage) -> None:
    is_urgent = message.lane == Lane.URGENT
    _notify(CHANNEL, URGENT if is_urgent else str(message.tenant_id))


def _notify(channel: str, payload: str) -> None:
    """Wake who listens when (and only if) the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])
