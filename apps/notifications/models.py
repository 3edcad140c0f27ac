"""What people were told, where else it goes, and what became of it."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.accounts.models import User
from apps.core.models import TimestampedModel
from apps.notifications.choices import (
    ChannelKind,
    DeliveryKind,
    DeliveryState,
    Event,
    Mail,
)
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
    mail = models.CharField(max_length=8, choices=Mail, default=Mail.OFF)
    # The digest that told it by mail, once there is one.
    digest = models.ForeignKey(
        "Delivery", on_delete=models.SET_NULL, null=True, related_name="told"
    )

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
            models.Index(
                fields=["tenant", "user"],
                condition=models.Q(mail="digest", digest__isnull=True),
                name="notification_for_digest",
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


class Preference(TenantModel):
    """How a person wants to be mailed about an event; without a row, by default."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    event = models.CharField(max_length=40, choices=Event)
    mail = models.CharField(max_length=8, choices=Mail)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user", "event"], name="notification_preference_one"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user}: {self.event} {self.mail}"


class Channel(TenantModel, TimestampedModel):
    """Where else a tenant's notifications go: a webhook, Slack or Teams.

    The address is sealed too: whoever knows that of a chat may write into it.
    """

    NAME_LENGTH = 80

    name = models.CharField(max_length=NAME_LENGTH)
    kind = models.CharField(max_length=8, choices=ChannelKind)
    sealed_url = models.BinaryField()
    # What may be shown: the whole address of a webhook, the host of a chat.
    shown_url = models.CharField(max_length=2000)
    # An empty list means every event.
    events = models.JSONField(default=list)
    sealed_secret = models.BinaryField(default=b"")
    sealed_old_secret = models.BinaryField(default=b"")
    old_secret_until = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "notification channel"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="notifications_channel_name_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(events__contained_by=Event.values),
                name="notifications_channel_known_events",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name

    @property
    def dependency(self) -> str:
        """Return the key of its circuit breaker."""
        return f"channel/{self.pk}"


class Delivery(TenantModel):
    """One thing on its way to one mailbox or channel, and what became of it."""

    kind = models.CharField(max_length=8, choices=DeliveryKind)
    channel = models.ForeignKey(
        Channel, on_delete=models.SET_NULL, null=True, related_name="deliveries"
    )
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    batch = models.UUIDField(editable=False)
    event = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    # To whom, as the log shows it when the channel is gone.
    target = models.CharField(max_length=200)
    content = models.JSONField(default=dict)
    state = models.CharField(
        max_length=8, choices=DeliveryState, default=DeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(default=0)
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    tried_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "notification delivery"
        verbose_name_plural = "notification deliveries"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["tenant", "-created_at"], name="notification_delivery_log"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "channel"],
                condition=models.Q(channel__isnull=False),
                name="notification_once_a_channel",
            ),
            models.UniqueConstraint(
                fields=["batch", "user"],
                condition=models.Q(kind__in=["mail", "digest"], user__isnull=False),
                name="notification_once_a_mailbox",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.title} to {self.target}"
