"""Write messages, lease them, and settle what became of them.

Delivery is at least once. A message is leased in one short transaction, its handler
runs outside any transaction, and a second short transaction settles it. A worker that
dies in between leaves a lease that runs out, and the message is delivered again; hence
handlers are idempotent.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.outbox.choices import MessageState
from apps.outbox.errors import NotADeadLetterError
from apps.outbox.models import OutboxMessage
from apps.outbox.rules import LEASE, is_dead, pause_after
from apps.tenants.services import require_tenant_id, tenant_scope

CHANNEL = "portward_outbox"
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
) -> OutboxMessage:
    """Write a message in the caller's transaction and wake the relay at its commit.

    With a coalescing key, a waiting message of the same topic and key takes the new
    payload instead of a second one being written.
    """
    tenant_id = require_tenant_id()
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('outbox_message_number')")
        (number,) = cursor.fetchone()
    values = {"payload": dict(payload), "due_at": timezone.now(), "number": number}
    message = None
    if coalesce_key:
        message = (
            OutboxMessage.objects.select_for_update()
            .filter(topic=topic, coalesce_key=coalesce_key, state=MessageState.PENDING)
            .first()
        )
    if message is None:
        message = OutboxMessage(
            tenant_id=tenant_id,
            topic=topic,
            coalesce_key=coalesce_key,
            ordering_key=ordering_key,
            **values,
        )
    else:
        for name, value in values.items():
            setattr(message, name, value)
    message.save()
    _notify(str(tenant_id))
    return message


def due_tenants() -> list[uuid.UUID]:
    """Return the tenants with messages that are due, across all tenants.

    Reads through a function of the database that gives away tenant ids only.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT portward_outbox_due_tenants()")
        return [row[0] for row in cursor.fetchall()]


def lease_messages(*, tenant_id: uuid.UUID, limit: int = 20) -> list[MessageEnvelope]:
    """Lease due messages of a tenant, so that nobody else delivers them meanwhile."""
    now = timezone.now()
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
                Q(state=MessageState.PENDING, due_at__lte=now)
                | Q(state=MessageState.LEASED, leased_until__lte=now)
            )
            .filter(Q(ordering_key="") | ~Exists(earlier))
            .order_by("number")[:limit]
        )
        leased = list(due)
        for message in leased:
            message.state = MessageState.LEASED
            message.lease = uuid.uuid4()
            message.leased_until = now + LEASE
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


def drain(limit: int = 10_000) -> int:
    """Deliver everything that is due, also what deliveries cause; return how many."""
    delivered = 0
    while delivered < limit:
        envelopes = list(_leased_everywhere())
        if not envelopes:
            break
        for envelope in envelopes:
            deliver(envelope)
        delivered += len(envelopes)
    return delivered


@transaction.atomic
def retry_dead_letter(*, actor: Actor, message_id: uuid.UUID) -> OutboxMessage:
    """Put a dead letter back in line; raises NotADeadLetterError."""
    message = OutboxMessage.objects.select_for_update().get(pk=message_id)
    if message.state != MessageState.DEAD:
        raise NotADeadLetterError
    message.state = MessageState.PENDING
    message.attempts = 0
    message.due_at = timezone.now()
    message.save(update_fields=["state", "attempts", "due_at"])
    audit.append(
        actor=actor,
        action="outbox.retried",
        target_type="outbox_message",
        target_id=str(message.pk),
        after={"topic": message.topic},
    )
    _notify(str(message.tenant_id))
    return message


def purge_done(*, older_than: dt.timedelta) -> int:
    """Remove old delivered messages of the current tenant; return how many."""
    limit = timezone.now() - older_than
    count, _ = OutboxMessage.objects.filter(
        state=MessageState.DONE, done_at__lt=limit
    ).delete()
    return count


def _leased_everywhere() -> Iterator[MessageEnvelope]:
    for tenant_id in due_tenants():
        yield from lease_messages(tenant_id=tenant_id)


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
        elif is_dead(message.attempts):
            message.state = MessageState.DEAD
        else:
            _return_to_line(message, now)
        message.save()


def _return_to_line(message: OutboxMessage, now: dt.datetime) -> None:
    newer = OutboxMessage.objects.filter(
        topic=message.topic,
        coalesce_key=message.coalesce_key,
        state=MessageState.PENDING,
    )
    if message.coalesce_key and newer.exists():
        # A newer message of the same key says all that this one would.
        message.state, message.done_at = MessageState.DONE, now
        return
    message.state = MessageState.PENDING
    # The jitter only spreads load.
    message.due_at = now + pause_after(message.attempts, random.random())  # noqa: S311


def _envelope(message: OutboxMessage) -> MessageEnvelope:
    if message.lease is None:
        raise ValueError("the message is not leased")
    return MessageEnvelope(
        message.pk, message.tenant_id, message.topic, message.payload, message.lease
    )


def _notify(payload: str) -> None:
    """Wake the listener when (and only if) the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
