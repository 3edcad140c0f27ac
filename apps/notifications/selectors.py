"""Questions about notifications in the open tenant."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.notifications.models import Notification
from apps.tenants.services import current_tenant_id


def inbox(user: User) -> QuerySet[Notification]:
    """Return what a person was told, the newest first."""
    return Notification.objects.filter(user=user)


def unread_count(user: User) -> int:
    """Return how many of a person's notifications are unread; none without a tenant."""
    if current_tenant_id() is None:
        return 0
    return Notification.objects.filter(user=user, read_at__isnull=True).count()
