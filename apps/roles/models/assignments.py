"""Who holds which role."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.core.models import TimestampedModel
from apps.roles.choices import AssignmentSource, Workflow
from apps.roles.models.catalogue import Role
from apps.roles.models.registry import Principal, Resource
from apps.tenants.models import TenantModel


class Assignment(TenantModel, TimestampedModel):
    """A principal holds a role: on one resource or everywhere, for a time or always.

    Overlapping assignments are independent of each other, and their union counts.
    `workflow` and `workflow_id` name the way by which it came about; a trigger sets
    `is_out_of_band` for good on a row that names none. `delegator` lends what they
    hold: the assignment counts only while they hold the role themselves.
    """

    principal = models.ForeignKey(
        Principal, on_delete=models.PROTECT, related_name="assignments"
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="assignments")
    scope = models.ForeignKey(
        Resource,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="assignments",
    )
    start = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    source = models.CharField(
        max_length=16,
        choices=AssignmentSource.choices,
        default=AssignmentSource.STANDING,
    )
    reason = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=200, blank=True)
    delegator = models.ForeignKey(
        Principal,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="lent_assignments",
    )
    workflow = models.CharField(max_length=16, choices=Workflow.choices, blank=True)
    workflow_id = models.UUIDField(null=True, blank=True)
    is_out_of_band = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["principal__key", "role__slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "role", "scope"],
                condition=Q(source=AssignmentSource.STANDING, revoked_at__isnull=True),
                nulls_distinct=False,
                name="roles_assignment_standing_unique",
            ),
            models.CheckConstraint(
                condition=Q(source__in=AssignmentSource.values),
                name="roles_assignment_source_known",
            ),
            models.CheckConstraint(
                condition=Q(start__isnull=True)
                | Q(end__isnull=True)
                | Q(start__lt=F("end")),
                name="roles_assignment_end_after_start",
            ),
            models.CheckConstraint(
                condition=Q(source=AssignmentSource.STANDING) | Q(end__isnull=False),
                name="roles_assignment_temporary_ends",
            ),
            models.CheckConstraint(
                condition=Q(workflow__in=["", *Workflow.values]),
                name="roles_assignment_workflow_known",
            ),
            models.CheckConstraint(
                condition=Q(source=AssignmentSource.DELEGATION, delegator__isnull=False)
                | (~Q(source=AssignmentSource.DELEGATION) & Q(delegator__isnull=True)),
                name="roles_assignment_delegator_of_delegation",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.principal} is {self.role}"
