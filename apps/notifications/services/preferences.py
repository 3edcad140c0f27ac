"""What people choose about mail, and the digest."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.db import transaction

from apps.accounts.models import User
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.notifications.choices import DeliveryKind, Event, Mail
from apps.notifications.errors import NotificationInvalidError
from apps.notifications.events import NotificationAction
from apps.notifications.models import Delivery, Notification, Preference
from apps.notifications.rules.preferences import FORCED, default_of
from apps.notifications.services.deliveries import as_content, send_later
from apps.tenants.services import require_tenant_id

_MOST_IN_A_DIGEST = 200


@transaction.atomic
def set_preferences(*, actor: Actor, user: User, chosen: Mapping[Event, Mail]) -> None:
    """Keep how a person wants to be mailed in the open tenant.

    Raises NotificationInvalidError for what cannot be chosen.
    """
    for event, mail in chosen.items():
        if event in FORCED and mail is not Mail.AT_ONCE:
            raise NotificationInvalidError(
                f"“{event.label}” is always mailed at once.", field=event
            )
    before = {row.event: row.mail for row in Preference.objects.filter(user=user)}
    for event, mail in chosen.items():
        if event in FORCED:
            continue
        Preference.objects.update_or_create(
            tenant_id=require_tenant_id(),
            user=user,
            event=event,
            defaults={"mail": mail},
        )
    changed = {
        str(event): str(mail)
        for event, mail in chosen.items()
        if before.get(event, default_of(event)) != mail
    }
    if changed:
        audit.append(
            actor=actor,
            action=NotificationAction.PREFERENCES_CHANGED,
            target_type="User",
            target_id=user.username,
            before={name: str(before.get(name, "")) for name in changed},
            after=changed,
        )


@transaction.atomic
def write_digests() -> int:
    """Write one mail for each member whom something waits for; return how many."""
    waiting = Notification.objects.filter(mail=Mail.DIGEST, digest__isnull=True)
    people = User.objects.filter(
        pk__in=waiting.values("user_id"), is_active=True
    ).exclude(email="")
    return sum(_write_digest(user) for user in people)


def _write_digest(user: User) -> bool:
    rows = list(
        Notification.objects.select_for_update(skip_locked=True)
        .filter(user=user, mail=Mail.DIGEST, digest__isnull=True)
        .order_by("created_at")[:_MOST_IN_A_DIGEST]
    )
    # What was read in the application meanwhile needs no mail.
    unread = [row for row in rows if row.read_at is None]
    Notification.objects.filter(
        pk__in=[row.pk for row in rows if row.read_at is not None]
    ).update(mail=Mail.OFF)
    if not unread:
        return False
    delivery = Delivery.objects.create(
        tenant_id=require_tenant_id(),
        kind=DeliveryKind.DIGEST,
        user=user,
        batch=uuid.uuid4(),
        event="digest",
        title=f"Digest of {len(unread)}",
        target=user.email,
        content={"all": [as_content(row) for row in unread]},
    )
    Notification.objects.filter(pk__in=[row.pk for row in unread]).update(
        digest=delivery
    )
    send_later(delivery)
    return True
