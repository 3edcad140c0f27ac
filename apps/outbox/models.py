"""Messages: facts written in the transaction of the change that caused them."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.outbox.choices import Lane, MessageState
from apps.tenants.models import TenantModel


class OutboxMessage(TenantModel):
    """A fact to be delivered at least once.

    `ordering_key` puts messages of the same key in order, one at a time.
    `coalesce_key` lets a newer message take the place of an older one still waiting in
    the same lane, so that what is urgent never waits inside what is not.
    """

    topic = models.CharField(max_length=80)
    payload = models.JSONField(default=dict)
    ordering_key = models.CharField(max_length=200, blank=True)
    coalesce_key = models.CharField(max_length=200, blank=True)
    lane = models.PositiveSmallIntegerField(choices=Lane, default=Lane.DEFAULT)
    state = models.CharField(
        max_length=10, choices=MessageState, default=MessageState.PENDING
    )
    number = models.BigIntegerField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state__in=["pending", "leased"]),
                name="outbox_message_due",
            ),
            models.Index(
                fields=["tenant", "lane", "number"],
                condition=models.Q(state__in=["pending", "leased"]),
                name="outbox_message_lane",
            ),
            models.Index(fields=["tenant", "topic", "coalesce_key"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "topic", "coalesce_key", "lane"],
                condition=models.Q(state="pending") & ~models.Q(coalesce_key=""),
                name="outbox_message_one_waiting_per_coalesce_key",
            ),
            models.CheckConstraint(
                condition=models.Q(lane__in=Lane.values),
                name="outbox_message_lane_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state="leased")
                | models.Q(lease__isnull=True, leased_until__isnull=True),
                name="outbox_message_lease_only_while_leased",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.topic} #{self.number}"
