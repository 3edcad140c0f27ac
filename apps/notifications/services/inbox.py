"""Tell people, and note what they have read."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.selectors import members
from apps.notifications.choices import Event
from apps.notifications.errors import NotificationInvalidError
from apps.notifications.events import Topic
from apps.notifications.models import Notification, Preference
from apps.notifications.rules.paths import is_own_path
from apps.notifications.rules.preferences import mail_for
from apps.outbox.choices import Lane
from apps.outbox.services import enqueue
from apps.tenants.services import require_tenant_id

_LONGEST_TITLE = 200
_LONGEST_BODY = 4000


@transaction.atomic
def notify(  # a caller names each part of what is told
    *,
    event: str,
    recipients: Iterable[uuid.UUID],
    title: str,
    body: str,
    path: str,
    data: Mapping[str, Any] | None = None,
    urgent: bool = False,
) -> None:
    """Tell members of the open tenant something, in the caller's transaction.

    `path` is the page on which they act upon it. `data` holds what a message is made
    actionable by: `who`, `what`, `risk` (0-100), `ttl` (minutes) and `deadline`.
    Whoever is no active member of the tenant is left out. Raises
    NotificationInvalidError.
    """
    _check(event, path)
    batch = uuid.uuid4()
    said = {
        "event": event,
        "title": " ".join(title.split())[:_LONGEST_TITLE],
        "body": body[:_LONGEST_BODY],
        "path": path,
        "data": {name: _as_json(value) for name, value in (data or {}).items()},
    }
    _write(batch, said, recipients, is_urgent=urgent)
    enqueue(
        topic=Topic.TOLD,
        payload={
            "batch": str(batch),
            "content": {**said, "at": timezone.now().isoformat(), "urgent": urgent},
        },
        lane=Lane.BULK,
    )


@transaction.atomic
def mark_read(*, user: User, notification_id: uuid.UUID) -> bool:
    """Note that a person has read one of their notifications; say if there is one."""
    own = Notification.objects.filter(pk=notification_id, user=user)
    own.filter(read_at__isnull=True).update(read_at=timezone.now())
    return own.exists()


@transaction.atomic
def mark_all_read(*, user: User) -> int:
    """Note that a person has read everything; return how many were unread."""
    return Notification.objects.filter(user=user, read_at__isnull=True).update(
        read_at=timezone.now()
    )


def _write(
    batch: uuid.UUID,
    said: Mapping[str, Any],
    recipients: Iterable[uuid.UUID],
    *,
    is_urgent: bool,
) -> None:
    people = members().filter(user_id__in=set(recipients), user__is_active=True)
    ids = list(people.values_list("user_id", flat=True))
    chosen = {
        row.user_id: row.mail
        for row in Preference.objects.filter(user_id__in=ids, event=said["event"])
    }
    Notification.objects.bulk_create(
        Notification(
            tenant_id=require_tenant_id(),
            user_id=user_id,
            batch=batch,
            is_urgent=is_urgent,
            mail=mail_for(
                Event(said["event"]),
                {said["event"]: chosen[user_id]} if user_id in chosen else {},
                is_urgent=is_urgent,
            ),
            **said,
        )
        for user_id in ids
    )


def _as_json(value: object) -> object:
    match value:
        case dt.datetime():
            return value.isoformat(timespec="seconds")
        case uuid.UUID():
            return str(value)
        case _:
            return value


def _check(event: str, path: str) -> None:
    if event not in Event.values:
        raise NotificationInvalidError(f"There is no event {event}.", field="event")
    if path and not is_own_path(path):
        raise NotificationInvalidError(
            "A notification leads to a page of the portal.", field="path"
        )
