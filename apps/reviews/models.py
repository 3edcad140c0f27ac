"""Campaigns, their runs, and what is asked about each assignment."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.accounts.models import User
from apps.core.models import TimestampedModel
from apps.reviews.choices import (
    Advice,
    Outcome,
    Recurrence,
    Reviewers,
    RunState,
    Silence,
    Verdict,
)
from apps.reviews.rules import LONGEST_DAYS, MOST_REVOKED
from apps.roles.models import Assignment
from apps.tenants.models import TenantModel


class Campaign(TenantModel, TimestampedModel):
    """What is reviewed again and again. Empty lists mean all there is."""

    name = models.CharField(max_length=120)
    roles = models.JSONField(default=list, blank=True)
    tiers = models.JSONField(default=list, blank=True)
    sources = models.JSONField(default=list, blank=True)
    scopes = models.JSONField(default=list, blank=True)
    reviewers = models.CharField(max_length=16, choices=Reviewers.choices)
    named = models.ManyToManyField(User, through="NamedReviewer", related_name="+")
    recurrence = models.PositiveSmallIntegerField(choices=Recurrence.choices)
    days = models.PositiveSmallIntegerField("days to answer", default=14)
    silence = models.CharField(
        max_length=16, choices=Silence.choices, default=Silence.KEEP
    )
    cap = models.PositiveIntegerField("revoked at most", default=50)
    is_active = models.BooleanField("active", default=True)
    opens_at = models.DateTimeField("opens next", null=True, blank=True)

    class Meta:
        verbose_name = "review campaign"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="reviews_campaign_name_unique"
            ),
            models.CheckConstraint(
                condition=Q(reviewers__in=Reviewers.values)
                & Q(silence__in=Silence.values)
                & Q(recurrence__in=Recurrence.values),
                name="reviews_campaign_words_known",
            ),
            models.CheckConstraint(
                condition=Q(days__range=(1, LONGEST_DAYS), cap__lte=MOST_REVOKED),
                name="reviews_campaign_within_limits",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class NamedReviewer(TenantModel):
    """Somebody a campaign asks by name."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="named_links"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "user"], name="reviews_named_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user_id} in {self.campaign_id}"


class Run(TenantModel, TimestampedModel):
    """One time that a campaign asks. What counted when it opened is kept."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="runs"
    )
    state = models.CharField(
        max_length=16, choices=RunState.choices, default=RunState.OPEN
    )
    opened_at = models.DateTimeField()
    closes_at = models.DateTimeField("answers until")
    opened_by = models.CharField(max_length=200)
    silence = models.CharField(max_length=16, choices=Silence.choices)
    cap = models.PositiveIntegerField()
    is_self_review = models.BooleanField(default=False)
    reminders = models.PositiveSmallIntegerField(default=0)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True)
    closed_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "review"
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(state__in=[RunState.OPEN, RunState.HELD]),
                name="reviews_run_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RunState.values), name="reviews_run_state_known"
            ),
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opened_at")),
                name="reviews_run_closes_after_opening",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.campaign} of {self.opened_at:%Y-%m-%d}"


class Item(TenantModel):
    """One assignment that somebody is asked about, and what became of it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="items")
    assignment = models.ForeignKey(
        Assignment, on_delete=models.PROTECT, related_name="+"
    )
    reviewers = models.ManyToManyField(User, through="ItemReviewer", related_name="+")
    advice = models.CharField(max_length=16, choices=Advice.choices)
    last_use = models.DateTimeField("last used", null=True, blank=True)
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)

    class Meta:
        verbose_name = "reviewed assignment"
        ordering = ["assignment__principal__key", "assignment__role__slug", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "assignment"], name="reviews_item_unique"
            ),
            models.CheckConstraint(
                condition=Q(advice__in=Advice.values)
                & Q(verdict__in=["", *Verdict.values])
                & Q(outcome__in=["", *Outcome.values]),
                name="reviews_item_words_known",
            ),
            models.CheckConstraint(
                condition=Q(verdict="") | Q(decided_by__isnull=False),
                name="reviews_item_decided_by_somebody",
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.assignment)


class ItemReviewer(TenantModel):
    """Somebody who is asked about an assignment."""

    item = models.ForeignKey(
        Item, on_delete=models.CASCADE, related_name="reviewer_links"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "user"], name="reviews_itemreviewer_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user_id} on {self.item_id}"
