"""What nodes report, and how consistent the fleet was over time."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
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
    # What became of the tests of the release last offered: passed, failed and names.
    self_test = models.JSONField(null=True, blank=True)
    lag_ms = models.PositiveIntegerField(null=True)
    boot_id = models.CharField(max_length=64, blank=True)
    counter = models.PositiveBigIntegerField(default=0)
    # Decisions that found no room in the node's log: the gap is known to be one.
    decisions_dropped = models.PositiveBigIntegerField(default=0)

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


class DecisionRecord(TenantModel):
    """One question that a node answered, and how often it did so the same way.

    Nodes sum up what repeats within a second or so; the columns hold no attributes and
    no context. `grants` names the assignments that the answer rests on.
    """

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="decisions")
    evaluation_id = models.UUIDField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.PositiveIntegerField()
    principal_type = models.CharField(max_length=255)
    principal_key = models.CharField(max_length=255)
    action = models.CharField(max_length=255)
    resource_type = models.CharField(max_length=255)
    resource_key = models.CharField(max_length=255)
    is_allowed = models.BooleanField()
    reason = models.CharField(max_length=255)
    determining = models.JSONField(default=list)
    grants = ArrayField(models.UUIDField(), default=list)
    revision = models.PositiveBigIntegerField(null=True)

    class Meta:
        verbose_name = "decision"
        ordering = ["-last_at"]
        indexes = [
            models.Index(fields=["tenant", "-last_at"]),
            models.Index(fields=["tenant", "principal_type", "principal_key"]),
            GinIndex(fields=["grants"], name="distribution_decision_grants"),
        ]
        constraints = [
            # A chunk that is delivered twice is recorded once.
            models.UniqueConstraint(
                fields=["node", "evaluation_id"], name="distribution_decision_once"
            )
        ]

    @override
    def __str__(self) -> str:
        verdict = "may" if self.is_allowed else "may not"
        return f"{self.principal_key} {verdict} {self.action} {self.resource_key}"


class GrantUse(TenantModel):
    """When an assignment was last what a permit rested on; kept for as long as it is.

    Reviews ask for it long after the decisions themselves are gone.
    """

    assignment_id = models.UUIDField()
    last_at = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "assignment_id"], name="distribution_use_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.assignment_id}: {self.last_at:%Y-%m-%d}"
