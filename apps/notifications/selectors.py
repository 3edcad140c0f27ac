"""Questions about notifications in the open tenant."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.notifications.models import Channel, Delivery, Notification, Preference
from apps.tenants.services import current_tenant_id


def inbox(user: User) -> QuerySet[Notification]:
    """Return what a person was told, the newest first."""
    return Notification.objects.filter(user=user)


def unread_count(user: User) -> int:
    """Return how many of a person's notifications are unread; none without a tenant."""
    if current_tenant_id() is None:
        return 0
    return Notification.objects.filter(user=user, read_at__isnull=True).count()


def chosen_by(user: User) -> dict[str, str]:
    """Return what a person chose about mail in the open tenant, by event."""
    rows = Preference.objects.filter(user=user)
    return dict(rows.values_list("event", "mail"))


def channels() -> QuerySet[Channel]:
    """Return the tenant's channels."""
    return Channel.objects.order_by("name")


def deliveries() -> QuerySet[Delivery]:
    """Return the log of deliveries, the newest first."""
    return Delivery.objects.select_related("channel", "user")


def latest_deliveries(channel: Channel, number: int = 10) -> list[Delivery]:
    """Return what went to a channel last."""
    return list(Delivery.objects.filter(channel=channel)[:number])
