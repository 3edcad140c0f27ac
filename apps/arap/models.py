"""Requests for access that programs have sent."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.arap.choices import TaskStatus
from apps.elevations.models import Elevation
from apps.tenants.models import TenantModel


class AccessRequest(TenantModel):
    """One request: whose denial it answers, and the elevation that decides on it.

    The id is the task's. A denial is answered once, so its id is unique.
    """

    elevation = models.OneToOneField(
        Elevation, on_delete=models.PROTECT, related_name="+"
    )
    denial_id = models.UUIDField()
    node_id = models.UUIDField()
    # Who asked, and so who may look: a person or a client.
    holder = models.CharField(max_length=200)
    question = models.JSONField()
    is_emergency = models.BooleanField(default=False)
    # Whether what was granted begins by itself, as the requester proved themselves.
    activates = models.BooleanField(default=False)
    callback_url = models.CharField(max_length=2000, blank=True)
    callback_state = models.CharField(max_length=500, blank=True)
    callback_events = models.JSONField(default=list)
    status = models.CharField(
        max_length=10, choices=TaskStatus, default=TaskStatus.PENDING
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["tenant"],
                condition=models.Q(status="pending"),
                name="arap_pending",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "denial_id"], name="arap_denial_answered_once"
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.pk)
