"""What people were told."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.accounts.models import User
from apps.notifications.choices import Event
from apps.tenants.models import TenantModel


class Notification(TenantModel):
    """Tells one person one thing, in the application and by the ways they chose.

    Those that were written together share their `batch`.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    batch = models.UUIDField(editable=False)
    event = models.CharField(max_length=40, choices=Event)
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=4000, blank=True)
    # Where to act upon it: a path of ours, never an act by itself.
    path = models.CharField(max_length=500, blank=True)
    data = models.JSONField(default=dict)
    is_urgent = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["tenant", "user", "-created_at"], name="notification_inbox"
            ),
            models.Index(
                fields=["tenant", "user"],
                condition=models.Q(read_at__isnull=True),
                name="notification_unread",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "user"], name="notification_once_a_person"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.title
