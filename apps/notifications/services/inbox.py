"""Tell people, and note what they have read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.selectors import members
from apps.notifications.choices import Event
from apps.notifications.errors import NotificationInvalidError
from apps.notifications.models import Notification
from apps.notifications.rules import is_own_path
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
    tenant_id, batch = require_tenant_id(), uuid.uuid4()
    people = members().filter(user_id__in=set(recipients), user__is_active=True)
    Notification.objects.bulk_create(
        Notification(
            tenant_id=tenant_id,
            user_id=user_id,
            batch=batch,
            event=event,
            title=title[:_LONGEST_TITLE],
            body=body[:_LONGEST_BODY],
            path=path,
            data=dict(data or {}),
            is_urgent=urgent,
        )
        for user_id in people.values_list("user_id", flat=True)
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


def _check(event: str, path: str) -> None:
    if event not in Event.values:
        raise NotificationInvalidError(f"There is no event {event}.", field="event")
    if path and not is_own_path(path):
        raise NotificationInvalidError(
            "A notification leads to a page of the portal.", field="path"
        )
