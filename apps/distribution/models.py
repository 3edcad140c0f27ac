"""What nodes report, and how consistent the fleet was over time."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.nodes.models import Node
from apps.tenants.models import TenantModel


class NodeReport(TenantModel):
    """The newest word of a node: one row each, overwritten."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="report")
    revision = models.PositiveBigIntegerField(null=True)
    fingerprint = models.CharField(max_length=80, blank=True)
    error = models.CharField(max_length=120, blank=True)
    seen_at = models.DateTimeField()
    received_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    lag_ms = models.PositiveIntegerField(null=True)
    boot_id = models.CharField(max_length=64, blank=True)
    counter = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(counter__gte=0), name="node_report_counter"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"report of {self.node_id}"


class ConsistencySample(TenantModel):
    """How many nodes ran the right release at a moment."""

    at = models.DateTimeField()
    revision = models.PositiveBigIntegerField(null=True)
    nodes = models.PositiveIntegerField()
    in_sync = models.PositiveIntegerField()

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["tenant", "-at"])]

    @override
    def __str__(self) -> str:
        return f"{self.in_sync} of {self.nodes} at {self.at:%H:%M:%S}"
