"""Deliver what was told: split it up, prepare each part, and record what became of it.

`prepare` and `record` are short transactions; between them the adapter talks to the
world with no lock held. A delivery may happen twice, under the same id.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.notifications.choices import DeliveryKind, DeliveryState, Mail
from apps.notifications.errors import ChannelNotFoundError
from apps.notifications.events import NotificationAction, Topic
from apps.notifications.models import Channel, Delivery, Notification
from apps.notifications.rules import messages
from apps.notifications.rules.messages import Content
from apps.notifications.rules.signing import signature_headers
from apps.notifications.services import sealing
from apps.outbox.choices import Lane
from apps.outbox.rules import MOST_ATTEMPTS
from apps.outbox.services import enqueue
from apps.tenants.services import require_tenant_id

GONE = 410
TEST_EVENT = "channel.test"
MAIL_DEPENDENCY = "mail"


@dataclass(frozen=True)
class Parcel:
    """What goes to one mailbox or address, ready to be sent."""

    delivery_id: uuid.UUID
    dependency: str
    label: str
    tenant_id: uuid.UUID | None
    address: str
    subject: str = ""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_mail(self) -> bool:
        """Say whether it goes by mail."""
        return self.dependency == MAIL_DEPENDENCY


@dataclass(frozen=True)
class Outcome:
    """How one attempt went; an empty error is a success."""

    error: str = ""
    status_code: int | None = None
    milliseconds: int | None = None
    # The address was not even called.
    is_refused: bool = False


@transaction.atomic
def fan_out(*, batch: uuid.UUID, content: Mapping[str, Any]) -> int:
    """Write a delivery for each mailbox and channel; return how many are new."""
    rows = [*_mails(batch), *_to_channels(batch, content)]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    new = Delivery.objects.filter(pk__in=[row.pk for row in rows])
    for pk in new.values_list("pk", flat=True):
        _send(pk)
    return new.count()


@transaction.atomic
def send_test(*, actor: Actor, channel_id: uuid.UUID) -> Delivery:
    """Send a channel a message that says it is a test; the log shows what came of it.

    Raises ChannelNotFoundError.
    """
    channel = Channel.objects.filter(pk=channel_id).first()
    if channel is None:
        raise ChannelNotFoundError
    content = {
        "event": TEST_EVENT,
        "title": "This is a test of Portward",
        "body": f"The channel “{channel.name}” works. Nothing needs to be done.",
        "path": "/account/notifications/",
        "data": {"who": actor.name},
        "at": timezone.now().isoformat(),
        "urgent": False,
    }
    row = _to_channel(uuid.uuid4(), channel, content)
    row.save()
    _send(row.pk)
    audit.append(
        actor=actor,
        action=NotificationAction.TESTED,
        target_type="Channel",
        target_id=str(channel.pk),
    )
    return row


@transaction.atomic
def prepare(*, delivery_id: uuid.UUID) -> Parcel | None:
    """Return what to send now, or None if nothing is left to do.

    Raises SecretUnreadableError.
    """
    row = (
        Delivery.objects.select_related("tenant", "user", "channel")
        .filter(pk=delivery_id)
        .exclude(state__in=[DeliveryState.SENT, DeliveryState.FAILED])
        .first()
    )
    if row is None:
        return None
    if row.kind in {DeliveryKind.MAIL, DeliveryKind.DIGEST}:
        return _mail_parcel(row)
    return _channel_parcel(row)


@transaction.atomic
def record(*, delivery_id: uuid.UUID, outcome: Outcome) -> DeliveryState:
    """Write down how an attempt went, and return where the delivery stands."""
    row = Delivery.objects.select_for_update().get(pk=delivery_id)
    now = timezone.now()
    row.attempts, row.tried_at = row.attempts + 1, now
    row.error = outcome.error[:300]
    row.status_code, row.milliseconds = outcome.status_code, outcome.milliseconds
    if not outcome.error:
        row.state, row.sent_at = DeliveryState.SENT, now
    elif outcome.status_code == GONE and row.channel is not None:
        # Standard Webhooks: who answers 410 wants nothing more.
        row.state = DeliveryState.FAILED
        Channel.objects.filter(pk=row.channel.pk, paused_at=None).update(
            paused_at=now, paused_reason="The other end answered 410 Gone."
        )
    elif row.attempts >= MOST_ATTEMPTS:
        row.state = DeliveryState.FAILED
    else:
        row.state = DeliveryState.RETRYING
    row.save()
    return DeliveryState(row.state)


def forget_deliveries(*, older_than: dt.timedelta) -> int:
    """Remove old deliveries of the open tenant from the log; return how many."""
    limit = timezone.now() - older_than
    count, _ = Delivery.objects.filter(created_at__lt=limit).delete()
    return count


def send_later(row: Delivery) -> None:
    """Put a delivery that was written into the outbox."""
    _send(row.pk)


def _send(delivery_id: uuid.UUID) -> None:
    # What talks to strangers never keeps revocations and releases waiting.
    enqueue(topic=Topic.DELIVER, payload={"delivery": str(delivery_id)}, lane=Lane.BULK)


def _mails(batch: uuid.UUID) -> list[Delivery]:
    rows = Notification.objects.filter(batch=batch, mail=Mail.AT_ONCE)
    return [
        Delivery(
            tenant_id=row.tenant_id,
            kind=DeliveryKind.MAIL,
            user_id=row.user_id,
            batch=batch,
            event=row.event,
            title=row.title,
            target=row.user.email,
            content=as_content(row),
        )
        for row in rows.select_related("user")
        if row.user.email
    ]


def _to_channels(batch: uuid.UUID, content: Mapping[str, Any]) -> list[Delivery]:
    rows = Channel.objects.filter(paused_at__isnull=True)
    return [
        _to_channel(batch, channel, content)
        for channel in rows
        if not channel.events or content["event"] in channel.events
    ]


def _to_channel(
    batch: uuid.UUID, channel: Channel, content: Mapping[str, Any]
) -> Delivery:
    return Delivery(
        tenant_id=require_tenant_id(),
        kind=DeliveryKind(channel.kind),
        channel=channel,
        batch=batch,
        event=content["event"],
        title=content["title"],
        target=channel.name,
        content=dict(content),
    )


def as_content(row: Notification) -> dict[str, Any]:
    """Return what a notification says, as it is kept with its deliveries."""
    return {
        "event": row.event,
        "title": row.title,
        "body": row.body,
        "path": row.path,
        "data": row.data,
        "at": row.created_at.isoformat(),
        "urgent": row.is_urgent,
    }


def _content(row: Delivery, said: Mapping[str, Any]) -> Content:
    return Content(
        id=str(row.pk),
        event=said["event"],
        tenant=row.tenant.slug,
        tenant_name=row.tenant.name,
        title=said["title"],
        body=said["body"],
        url=f"{settings.PORTWARD_WEB_URL}{said['path'] or '/account/notifications/'}",
        at=dt.datetime.fromisoformat(said["at"]),
        is_urgent=said["urgent"],
        data=said["data"],
    )


def _mail_parcel(row: Delivery) -> Parcel | None:
    if row.user is None or not row.user.email or not row.user.is_active:
        row.state, row.error = DeliveryState.FAILED, "There is no mailbox any more."
        row.save()
        return None
    if row.kind == DeliveryKind.DIGEST:
        subject, text = messages.digest_text(
            [_content(row, said) for said in row.content["all"]],
            tenant_name=row.tenant.name,
            url=f"{settings.PORTWARD_WEB_URL}/account/notifications/",
        )
    else:
        subject, text = messages.mail_text(_content(row, row.content))
    return Parcel(
        row.pk, MAIL_DEPENDENCY, "E-mail", None, row.user.email, subject, text
    )


def _channel_parcel(row: Delivery) -> Parcel | None:
    channel = row.channel
    if channel is None or (channel.paused_at and row.event != TEST_EVENT):
        row.state = DeliveryState.FAILED
        row.error = "The channel is paused or was removed."
        row.save()
        return None
    content = _content(row, row.content)
    match row.kind:
        case DeliveryKind.SLACK:
            message, media = messages.slack_message(content), "application/json"
        case DeliveryKind.TEAMS:
            message, media = messages.teams_message(content), "application/json"
        case _:
            source = f"{settings.PORTWARD_WEB_URL}/tenants/{row.tenant.slug}"
            message = messages.cloud_event(content, source=source)
            media = "application/cloudevents+json; charset=utf-8"
    body = json.dumps(message, ensure_ascii=True, separators=(",", ":"))
    return Parcel(
        row.pk,
        channel.dependency,
        channel.name,
        row.tenant_id,
        sealing.unseal(bytes(channel.sealed_url), owner=channel.pk).decode(),
        "",
        body,
        {"content-type": media, **_signatures(row, channel, body)},
    )


def _signatures(row: Delivery, channel: Channel, body: str) -> dict[str, str]:
    now = timezone.now()
    sealed = [bytes(channel.sealed_secret)]
    if channel.old_secret_until and channel.old_secret_until > now:
        sealed.append(bytes(channel.sealed_old_secret))
    secrets = [sealing.unseal(one, owner=channel.pk) for one in sealed if one]
    if not secrets:
        return {}
    return signature_headers(
        message_id=str(row.pk),
        timestamp=int(now.timestamp()),
        body=body.encode(),
        secrets=secrets,
    )
