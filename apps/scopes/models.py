"""Named times and places that policies refer to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.core.models import TimestampedModel
from apps.scopes.choices import WindowKind
from apps.tenants.models import TenantModel

MINUTES_A_DAY = 1440
_SLUG_SHAPE = r"^[a-z][a-z0-9-]{0,62}$"


class HolidayCalendar(TenantModel, TimestampedModel):
    """Named days that windows refer to as closed or open."""

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    days = models.JSONField(help_text="Objects with date and name, by date.")

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "slug": "slug",
        "name": "name",
    }

    class Meta:
        ordering = ["slug"]
        verbose_name = "calendar"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "slug"], name="scopes_calendar_slug_unique"
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=_SLUG_SHAPE), name="scopes_calendar_slug_shape"
            ),
            models.CheckConstraint(
                condition=~Q(days=[]), name="scopes_calendar_not_empty"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class TimeWindow(TenantModel, TimestampedModel):
    """A time in one zone that comes back every week, or is open once.

    An end at or before the start runs overnight.
    """

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    zone = models.CharField("time zone", max_length=64)
    kind = models.CharField(max_length=8, choices=WindowKind, default=WindowKind.WEEKLY)
    weekdays = models.JSONField(help_text="1 (Monday) to 7 (Sunday), ascending.")
    start_minute = models.PositiveSmallIntegerField()
    end_minute = models.PositiveSmallIntegerField()
    date_from = models.DateField(null=True, blank=True)
    date_until = models.DateField(null=True, blank=True)
    opens_at = models.DateTimeField(null=True, blank=True)
    closes_at = models.DateTimeField(null=True, blank=True)
    closed_dates = models.JSONField(default=list, blank=True)
    open_dates = models.JSONField(default=list, blank=True)
    closed_calendars = models.JSONField(default=list, blank=True)
    open_calendars = models.JSONField(default=list, blank=True)

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "slug": "slug",
        "name": "name",
    }

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
            models.CheckConstraint(
                condition=Q(
                    kind=WindowKind.WEEKLY,
                    opens_at__isnull=True,
                    closes_at__isnull=True,
                )
                | Q(
                    kind=WindowKind.ABSOLUTE,
                    opens_at__isnull=False,
                    closes_at__isnull=False,
                    opens_at__lt=F("closes_at"),
                ),
                name="scopes_window_kind_bounds",
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
    """A place: the union of everything it lists, in normal form.

    Countries are ISO 3166-1 alpha-2, cities pairs of country and name. The circle is in
    micro-degrees and meters.
    """

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    cidrs = models.JSONField("address ranges", default=list)
    countries = models.JSONField(default=list)
    cities = models.JSONField(default=list, blank=True)
    latitude = models.IntegerField(null=True, blank=True)
    longitude = models.IntegerField(null=True, blank=True)
    radius = models.PositiveIntegerField(null=True, blank=True)
    node_groups = models.JSONField(default=list, blank=True)
    unknown_matches = models.BooleanField(default=False)

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "slug": "slug",
        "name": "name",
    }

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
                condition=~(
                    Q(cidrs=[], countries=[], cities=[], node_groups=[])
                    & Q(radius__isnull=True)
                ),
                name="scopes_location_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(
                    latitude__isnull=True, longitude__isnull=True, radius__isnull=True
                )
                | Q(
                    latitude__gte=-90_000_000,
                    latitude__lte=90_000_000,
                    longitude__gte=-180_000_000,
                    longitude__lte=180_000_000,
                    radius__gt=0,
                ),
                name="scopes_location_circle_whole",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name
