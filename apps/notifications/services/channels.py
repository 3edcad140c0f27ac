"""Create, change, pause and remove channels. Nothing here talks to them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.limits.services import forget_breaker
from apps.notifications.choices import ChannelKind, Event
from apps.notifications.errors import (
    AddressRefusedError,
    ChannelInvalidError,
    ChannelNotFoundError,
    ChannelStateError,
)
from apps.notifications.events import NotificationAction
from apps.notifications.models import Channel
from apps.notifications.rules.addresses import check_url, may_connect, networks
from apps.notifications.rules.signing import SECRET_BYTES, secret_text
from apps.notifications.services import sealing
from apps.tenants.services import require_tenant_id

# How long the secret before the newest one still signs.
OVERLAP = dt.timedelta(hours=24)


@dataclass(frozen=True)
class ChannelSpec:
    """What an admin says about a channel; an empty address keeps the old one."""

    name: str
    url: str = ""
    events: Sequence[str] = ()


@transaction.atomic
def create_channel(
    *, actor: Actor, kind: ChannelKind, spec: ChannelSpec
) -> tuple[Channel, str]:
    """Let the open tenant's notifications go to another place.

    Returns the channel and, for a webhook, its secret, which is not shown again. Raises
    AddressRefusedError and ChannelInvalidError.
    """
    row = Channel(tenant_id=require_tenant_id(), kind=kind)
    if not spec.url:
        raise ChannelInvalidError("An address is needed.", field="url")
    _write(row, spec)
    secret = _new_secret(row) if kind is ChannelKind.WEBHOOK else ""
    _save(row)
    _audit(actor, NotificationAction.CHANNEL_CREATED, row, after=_public(row))
    return row, secret


@transaction.atomic
def change_channel(
    *, actor: Actor, channel_id: uuid.UUID, spec: ChannelSpec
) -> Channel:
    """Change where a channel leads, or what goes there. Raises as `create_channel`."""
    row = _locked(channel_id)
    before = _public(row)
    _write(row, spec)
    _save(row)
    after = _public(row) | {"address_changed": bool(spec.url)}
    _audit(actor, NotificationAction.CHANNEL_CHANGED, row, before=before, after=after)
    return row


@transaction.atomic
def rotate_secret(*, actor: Actor, channel_id: uuid.UUID) -> str:
    """Return a new secret of a webhook; the one before signs for another day.

    Raises ChannelNotFoundError and ChannelStateError.
    """
    row = _locked(channel_id)
    if row.kind != ChannelKind.WEBHOOK:
        raise ChannelStateError("Only a webhook has a secret.")
    row.sealed_old_secret = row.sealed_secret
    row.old_secret_until = timezone.now() + OVERLAP
    secret = _new_secret(row)
    row.save()
    _audit(
        actor,
        NotificationAction.SECRET_ROTATED,
        row,
        after={"old_until": row.old_secret_until.isoformat()},
    )
    return secret


@transaction.atomic
def set_paused(
    *, actor: Actor, channel_id: uuid.UUID, is_paused: bool, reason: str = ""
) -> Channel:
    """Send nothing to a channel for now, or let it work again."""
    row = _locked(channel_id)
    row.paused_at = timezone.now() if is_paused else None
    row.paused_reason = reason[:200] if is_paused else ""
    row.save()
    action = (
        NotificationAction.CHANNEL_PAUSED
        if is_paused
        else NotificationAction.CHANNEL_RESUMED
    )
    _audit(actor, action, row, after={"reason": reason})
    return row


@transaction.atomic
def remove_channel(*, actor: Actor, channel_id: uuid.UUID) -> None:
    """Delete a channel; the log keeps what was sent there."""
    row = _locked(channel_id)
    _audit(actor, NotificationAction.CHANNEL_REMOVED, row, before=_public(row))
    forget_breaker(key=row.dependency)
    row.delete()


def _locked(channel_id: uuid.UUID) -> Channel:
    row = Channel.objects.select_for_update().filter(pk=channel_id).first()
    if row is None:
        raise ChannelNotFoundError
    return row


def _check_address(url: str) -> None:
    """Refuse what could never be sent to; names are judged again when they are sent."""
    may_be_loopback = settings.PORTWARD_OUTGOING_ALLOW_LOOPBACK
    check_url(url, may_be_loopback=may_be_loopback, field="url")
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    allowed = networks(settings.PORTWARD_OUTGOING_ALLOW)
    if not may_connect(host, allowed=allowed, may_be_loopback=may_be_loopback):
        raise AddressRefusedError(field="url")


def _write(row: Channel, spec: ChannelSpec) -> None:
    unknown = set(spec.events) - set(Event.values)
    if unknown:
        raise ChannelInvalidError(f"There is no event {min(unknown)}.", field="events")
    row.name = spec.name.strip()
    if not row.name or len(row.name) > Channel.NAME_LENGTH:
        raise ChannelInvalidError("A name is needed.", field="name")
    row.events = sorted(set(spec.events))
    if spec.url:
        _check_address(spec.url)
        row.sealed_url = sealing.seal(spec.url.encode(), owner=row.pk)
        parts = urlsplit(spec.url)
        # The path of a chat's webhook is its password.
        is_secret = row.kind != ChannelKind.WEBHOOK
        row.shown_url = f"{parts.scheme}://{parts.netloc}/…" if is_secret else spec.url


def _new_secret(row: Channel) -> str:
    secret = secrets.token_bytes(SECRET_BYTES)
    row.sealed_secret = sealing.seal(secret, owner=row.pk)
    return secret_text(secret)


def _save(row: Channel) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise ChannelInvalidError(
            "Another channel has this name.", field="name"
        ) from error


def _public(row: Channel) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": str(row.kind),
        "address": row.shown_url,
        "events": row.events,
    }


def _audit(
    actor: Actor,
    action: NotificationAction,
    row: Channel,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="Channel",
        target_id=str(row.pk),
        before=before,
        after=after,
    )
