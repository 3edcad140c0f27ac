"""What may be asked for, and what was asked for, granted and ended."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.core.models import TimestampedModel
from apps.elevations.choices import ElevationState
from apps.elevations.rules import Clocks, Terms
from apps.roles.choices import Tier
from apps.roles.models import Assignment, Principal, PrincipalGroup, Resource, Role
from apps.tenants.models import TenantModel

_LONGEST = dt.timedelta(hours=2)


class Eligibility(TenantModel, TimestampedModel):
    """A role that some may ask to hold for minutes, in words that say what for."""

    purpose = models.CharField(max_length=120)
    role = models.ForeignKey(
        Role, on_delete=models.PROTECT, related_name="eligibilities"
    )
    scope = models.ForeignKey(
        Resource, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    principal = models.ForeignKey(
        Principal, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    group = models.ForeignKey(
        PrincipalGroup,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    holders = models.ForeignKey(
        Role, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    max_minutes = models.PositiveSmallIntegerField()
    ticket_pattern = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "eligibilities"
        ordering = ["purpose"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    principal__isnull=False, group__isnull=True, holders__isnull=True
                )
                | Q(principal__isnull=True, group__isnull=False, holders__isnull=True)
                | Q(principal__isnull=True, group__isnull=True, holders__isnull=False),
                name="elevations_eligibility_for_one_kind",
            ),
            models.CheckConstraint(
                condition=Q(max_minutes__gte=1, max_minutes__lte=120),
                name="elevations_eligibility_minutes",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.purpose

    @property
    def terms(self) -> Terms:
        """Return its limits, as the rules see them."""
        return Terms(self.role.tier, self.max_minutes, self.ticket_pattern)

    @property
    def offered_to(self) -> str:
        """Say who may ask."""
        if self.principal:
            return str(self.principal)
        return f"group {self.group}" if self.group else f"whoever is {self.holders}"


class Elevation(TenantModel):
    """One person's wish to hold a role for minutes, and what became of it.

    People are named by id and name without a foreign key, so that history outlives
    accounts. The state lags behind the clocks; `clocks` and the rules say what is true.
    """

    eligibility = models.ForeignKey(
        Eligibility, on_delete=models.PROTECT, related_name="elevations"
    )
    principal = models.ForeignKey(
        Principal, on_delete=models.PROTECT, related_name="elevations"
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="elevations")
    scope = models.ForeignKey(
        Resource, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    tier = models.CharField(max_length=16, choices=Tier.choices)
    minutes = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=500)
    ticket = models.CharField(max_length=64, blank=True)
    extends = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="extensions",
    )
    state = models.CharField(
        max_length=16, choices=ElevationState.choices, default=ElevationState.PENDING
    )
    requester_id = models.UUIDField()
    requester_name = models.CharField(max_length=150)
    request_id = models.UUIDField(null=True)
    approver_ids = models.JSONField(default=list)
    requested_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)
    end_reason = models.CharField(max_length=500, blank=True)
    assignment = models.OneToOneField(
        Assignment, null=True, on_delete=models.PROTECT, related_name="elevation"
    )

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["tenant", "state"], name="elevations_state"),
            models.Index(fields=["tenant", "requester_id", "-requested_at"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "eligibility", "requester_id"],
                condition=Q(state__in=["pending", "approved"]),
                name="elevations_one_waiting",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ElevationState.values),
                name="elevations_state_known",
            ),
            models.CheckConstraint(
                condition=Q(minutes__gte=1, minutes__lte=120),
                name="elevations_minutes",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(approved_at__isnull=False, request_id__isnull=False),
                name="elevations_approved_by_a_request",
            ),
            models.CheckConstraint(
                condition=~Q(state="active")
                | Q(
                    approved_at__isnull=False,
                    assignment__isnull=False,
                    ends_at__isnull=False,
                ),
                name="elevations_active_was_approved",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True)
                | Q(ends_at__gt=F("starts_at"), ends_at__lte=F("starts_at") + _LONGEST),
                name="elevations_at_most_two_hours",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "approved", "active"])
                | Q(ended_at__isnull=False),
                name="elevations_over_has_time",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.eligibility.purpose} for {self.requester_name}"

    @property
    def clocks(self) -> Clocks:
        """Return its times, as the rules see them."""
        return Clocks(
            state=ElevationState(self.state),
            minutes=self.minutes,
            requested_at=self.requested_at,
            approved_at=self.approved_at,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )

    @property
    def approvers(self) -> frozenset[uuid.UUID]:
        """Return the people whose votes granted it."""
        return frozenset(uuid.UUID(text) for text in self.approver_ids)
