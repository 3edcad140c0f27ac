"""What is lent to whom, who stands in for whom, and what the tenant allows."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.accounts.models import User
from apps.core.models import TimestampedModel
from apps.delegations import rules
from apps.delegations.choices import LoanState
from apps.delegations.rules import LONGEST, LONGEST_ABSENCE, MOST_DAYS, MOST_DEPTH
from apps.roles.models import Assignment, Principal, Resource, Role
from apps.tenants.models import TenantModel

_STORED = [state for state in LoanState.values if state != LoanState.EXPIRED]


class DelegationPolicy(TenantModel):
    """What a tenant allows to be lent. Without a row, nothing."""

    is_allowed = models.BooleanField("delegation is allowed", default=False)
    max_days = models.PositiveSmallIntegerField("at most days", default=MOST_DAYS)
    max_depth = models.PositiveSmallIntegerField("lent at most so often", default=1)

    class Meta:
        verbose_name = "delegation settings"
        verbose_name_plural = "delegation settings"
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="delegations_policy_one"),
            models.CheckConstraint(
                condition=Q(
                    max_days__range=(1, MOST_DAYS), max_depth__range=(1, MOST_DEPTH)
                ),
                name="delegations_policy_within_limits",
            ),
        ]

    @override
    def __str__(self) -> str:
        return "Delegation settings"

    @property
    def limits(self) -> rules.Limits:
        """Return what the rules judge by."""
        return rules.Limits(self.is_allowed, self.max_days, self.max_depth)


class Loan(TenantModel, TimestampedModel):
    """What delegations and absences share: a time, a reason, an answer, an end."""

    start = models.DateTimeField("from")
    end = models.DateTimeField("until")
    reason = models.CharField(max_length=200)
    state = models.CharField(
        max_length=16,
        choices=[(s.value, s.label) for s in LoanState if s != LoanState.EXPIRED],
        default=LoanState.OFFERED,
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=200, blank=True)
    ended_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True

    def state_at(self, now: dt.datetime) -> LoanState:
        """Return where it stands at an instant."""
        return rules.state_at(self.state, self.end, now)


def _loan_constraints(name: str, longest: dt.timedelta) -> list[models.CheckConstraint]:
    return [
        models.CheckConstraint(
            condition=Q(state__in=_STORED), name=f"{name}_state_known"
        ),
        models.CheckConstraint(
            condition=Q(end__gt=F("start")), name=f"{name}_ends_after_start"
        ),
        models.CheckConstraint(
            condition=Q(end__lte=F("start") + longest), name=f"{name}_not_too_long"
        ),
        models.CheckConstraint(condition=~Q(reason=""), name=f"{name}_has_reason"),
    ]


class Delegation(Loan):
    """A principal lends a role to another; it counts while they hold it themselves.

    `parent` is the delegation that the delegator has it from, when it is passed on.
    `assignment` is what the delegate holds since they accepted.
    """

    delegator = models.ForeignKey(
        Principal, on_delete=models.PROTECT, related_name="lent"
    )
    delegate = models.ForeignKey(
        Principal, on_delete=models.PROTECT, related_name="borrowed"
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    scope = models.ForeignKey(
        Resource, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    may_redelegate = models.BooleanField("may be passed on", default=False)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
    )
    depth = models.PositiveSmallIntegerField(default=1)
    assignment = models.OneToOneField(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    # When people were told that its time is over.
    expiry_told_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["tenant", "state", "end"], name="delegations_state_end_idx"
            )
        ]
        constraints = [
            *_loan_constraints("delegations_delegation", LONGEST),
            models.CheckConstraint(
                condition=~Q(delegator=F("delegate")),
                name="delegations_delegation_to_another",
            ),
            models.CheckConstraint(
                condition=Q(depth=1, parent__isnull=True)
                | Q(depth__range=(2, MOST_DEPTH), parent__isnull=False),
                name="delegations_delegation_depth",
            ),
            models.CheckConstraint(
                condition=~Q(state=LoanState.ACCEPTED) | Q(assignment__isnull=False),
                name="delegations_delegation_accepted_assigned",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.role} from {self.delegator} to {self.delegate}"


class ApproverAbsence(Loan):
    """An approver is away, and another approver stands in for them."""

    approver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    stand_in = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "absence of an approver"
        verbose_name_plural = "absences of approvers"
        ordering = ["-start"]
        constraints = [
            *_loan_constraints("delegations_absence", LONGEST_ABSENCE),
            models.CheckConstraint(
                condition=~Q(approver=F("stand_in")),
                name="delegations_absence_another",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.stand_in} for {self.approver}"
