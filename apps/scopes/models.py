"""Named times and places that policies refer to."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.core.models import TimestampedModel
from apps.tenants.models import TenantModel

MINUTES_A_DAY = 1440
_SLUG_SHAPE = r"^[a-z][a-z0-9-]{0,62}$"


class TimeWindow(TenantModel, TimestampedModel):
    """A recurring time in one zone. An end at or before the start runs overnight."""

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    zone = models.CharField("time zone", max_length=64)
    weekdays = models.JSONField(help_text="1 (Monday) to 7 (Sunday), ascending.")
    start_minute = models.PositiveSmallIntegerField()
    end_minute = models.PositiveSmallIntegerField()
    date_from = models.DateField(null=True, blank=True)
    date_until = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "slug"], name="scopes_window_slug_unique"
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=_SLUG_SHAPE), name="scopes_window_slug_shape"
            ),
            models.CheckConstraint(
                condition=Q(start_minute__lt=MINUTES_A_DAY)
                & Q(end_minute__lte=MINUTES_A_DAY),
                name="scopes_window_minutes_in_day",
            ),
            models.CheckConstraint(
                condition=~Q(start_minute=F("end_minute")),
                name="scopes_window_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(date_from__isnull=True)
                | Q(date_until__isnull=True)
                | Q(date_from__lte=F("date_until")),
                name="scopes_window_dates_ordered",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name

    @property
    def is_overnight(self) -> bool:
        """Say whether the window runs past midnight."""
        return self.end_minute <= self.start_minute


class Location(TenantModel, TimestampedModel):
    """A place: address ranges in normal form, and countries (ISO 3166-1 alpha-2)."""

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    cidrs = models.JSONField("address ranges", default=list)
    countries = models.JSONField(default=list)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "slug"], name="scopes_location_slug_unique"
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=_SLUG_SHAPE), name="scopes_location_slug_shape"
            ),
            models.CheckConstraint(
                condition=~(Q(cidrs=[]) & Q(countries=[])),
                name="scopes_location_not_empty",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name
