"""What windows, calendars and locations look like over REST."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rest_framework import serializers
from typing_extensions import override

from apps.scopes import selectors
from apps.scopes.choices import WindowKind
from apps.scopes.errors import InstantsInvalidError
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
from apps.scopes.rules import (
    CalendarSpec,
    Day,
    LocationSpec,
    WindowSpec,
    parse_minute,
    time_text,
)
from apps.scopes.rules.sentences import location_sentence, window_sentence
from protocol.records import City, Fence

_MICRO = 10**6


class WindowSerializer(serializers.ModelSerializer[TimeWindow]):
    """A time window, and what it says in words."""

    weekdays = serializers.ListField(child=serializers.IntegerField())
    start = serializers.SerializerMethodField()
    end = serializers.SerializerMethodField()
    is_overnight = serializers.BooleanField()
    closed_dates = serializers.ListField(child=serializers.DateField())
    open_dates = serializers.ListField(child=serializers.DateField())
    closed_calendars = serializers.ListField(child=serializers.CharField())
    open_calendars = serializers.ListField(child=serializers.CharField())
    sentence = serializers.SerializerMethodField()

    class Meta:
        model = TimeWindow
        fields = [
            *("id", "slug", "name", "zone", "kind", "weekdays", "start", "end"),
            *("is_overnight", "date_from", "date_until", "opens_at", "closes_at"),
            *("closed_dates", "open_dates", "closed_calendars", "open_calendars"),
            *("sentence", "created_at", "updated_at"),
        ]

    def get_start(self, row: TimeWindow) -> str:
        """Return the time of day at which it opens."""
        return time_text(row.start_minute)

    def get_end(self, row: TimeWindow) -> str:
        """Return the time of day at which it closes."""
        return time_text(row.end_minute)

    def get_sentence(self, row: TimeWindow) -> str:
        """Return what it says in words."""
        return window_sentence(selectors.window_spec(row))


class WindowRequestSerializer(serializers.Serializer[Any]):
    """What a window shall be; what is left out is empty."""

    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)
    zone = serializers.CharField(max_length=64)
    kind = serializers.ChoiceField(
        choices=WindowKind.choices, default=WindowKind.WEEKLY
    )
    weekdays = serializers.ListField(
        child=serializers.IntegerField(), default=list, max_length=7
    )
    start = serializers.CharField(max_length=5, default="00:00")
    end = serializers.CharField(max_length=5, default="24:00")
    is_overnight = serializers.BooleanField(default=False)
    date_from = serializers.DateField(default=None, allow_null=True)
    date_until = serializers.DateField(default=None, allow_null=True)
    opens_at = serializers.CharField(
        max_length=40,
        default=None,
        allow_null=True,
        help_text="Local time of the zone, or an instant with its offset.",
    )
    closes_at = serializers.CharField(max_length=40, default=None, allow_null=True)
    closed_dates = serializers.ListField(
        child=serializers.DateField(), default=list, max_length=500
    )
    open_dates = serializers.ListField(
        child=serializers.DateField(), default=list, max_length=500
    )
    closed_calendars = serializers.ListField(
        child=serializers.CharField(max_length=63), default=list, max_length=50
    )
    open_calendars = serializers.ListField(
        child=serializers.CharField(max_length=63), default=list, max_length=50
    )

    def spec(self) -> WindowSpec:
        """Return what was asked for."""
        values = dict(self.validated_data)
        start, end = values.pop("start"), values.pop("end")
        lists = ("closed_dates", "open_dates", "closed_calendars", "open_calendars")
        for name in ("weekdays", *lists):
            values[name] = tuple(values[name])
        for name in ("opens_at", "closes_at"):
            values[name] = _moment(values[name], name)
        return WindowSpec(
            **values,
            start_minute=parse_minute(start, field="start"),
            end_minute=parse_minute(end, field="end"),
        )


class TransitionSerializer(serializers.Serializer[Any]):
    """A moment at which a window opens or closes."""

    at = serializers.DateTimeField()
    local = serializers.CharField(help_text="The same on the clock of its zone.")
    opens = serializers.BooleanField()


class TransitionsSerializer(serializers.Serializer[Any]):
    """What a window does after a moment."""

    zone = serializers.CharField()
    after = serializers.DateTimeField()
    is_open = serializers.BooleanField(help_text="Whether it is open at that moment.")
    transitions = TransitionSerializer(many=True)


class TransitionsQuery(serializers.Serializer[Any]):
    """From when on, and how many."""

    after = serializers.DateTimeField(required=False, help_text="By default now.")
    count = serializers.IntegerField(min_value=1, max_value=100, default=10)

    def validate_after(self, value: dt.datetime) -> dt.datetime:
        """Keep to years for which zones mean something."""
        if not 1970 <= value.year < 2100:  # noqa: PLR2004  # years
            raise serializers.ValidationError("From 1970 to 2099.")
        return value


class DaySerializer(serializers.Serializer[Any]):
    """A date and what it is called."""

    date = serializers.DateField()
    name = serializers.CharField(max_length=80, allow_blank=True, default="")


class CalendarSerializer(serializers.ModelSerializer[HolidayCalendar]):
    """A calendar of named days."""

    days = DaySerializer(many=True)

    class Meta:
        model = HolidayCalendar
        fields = ["id", "slug", "name", "days", "created_at", "updated_at"]


class CalendarRequestSerializer(serializers.Serializer[Any]):
    """What a calendar shall be."""

    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)
    days = DaySerializer(many=True)

    def spec(self) -> CalendarSpec:
        """Return what was asked for."""
        values = self.validated_data
        days = tuple(Day(day["date"], day["name"]) for day in values["days"])
        return CalendarSpec(values["slug"], values["name"], days)


class CitySerializer(serializers.Serializer[Any]):
    """A city, by its English name."""

    country = serializers.CharField(max_length=2)
    name = serializers.CharField(max_length=100)


class CircleSerializer(serializers.Serializer[Any]):
    """A circle on the globe, in degrees and kilometers."""

    latitude = serializers.FloatField(min_value=-90, max_value=90)
    longitude = serializers.FloatField(min_value=-180, max_value=180)
    radius_km = serializers.FloatField(min_value=0.1, max_value=20_000)


class LocationSerializer(serializers.Serializer[Any]):
    """A location, and what it says in words."""

    id = serializers.UUIDField(read_only=True)
    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)
    cidrs = serializers.ListField(
        child=serializers.CharField(max_length=50), default=list, max_length=500
    )
    countries = serializers.ListField(
        child=serializers.CharField(max_length=2), default=list, max_length=300
    )
    cities = CitySerializer(many=True, default=list)
    fence = CircleSerializer(default=None, allow_null=True)
    node_groups = serializers.ListField(
        child=serializers.CharField(max_length=63), default=list, max_length=500
    )
    unknown_matches = serializers.BooleanField(default=False)
    sentence = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    @override
    def to_representation(self, instance: Location) -> dict[str, Any]:
        spec = selectors.location_spec(instance)
        fence = spec.fence
        return {
            "id": str(instance.pk),
            "slug": spec.slug,
            "name": spec.name,
            "cidrs": list(spec.cidrs),
            "countries": list(spec.countries),
            "cities": [{"country": c.country, "name": c.name} for c in spec.cities],
            "fence": {
                "latitude": fence.latitude / _MICRO,
                "longitude": fence.longitude / _MICRO,
                "radius_km": fence.radius / 1000,
            }
            if fence
            else None,
            "node_groups": list(spec.node_groups),
            "unknown_matches": spec.unknown_matches,
            "sentence": location_sentence(spec),
            "created_at": instance.created_at.isoformat(),
            "updated_at": instance.updated_at.isoformat(),
        }

    def spec(self) -> LocationSpec:
        """Return what was asked for."""
        values = dict(self.validated_data)
        circle = values.pop("fence")
        fence = None
        if circle is not None:
            fence = Fence(
                round(circle["latitude"] * _MICRO),
                round(circle["longitude"] * _MICRO),
                round(circle["radius_km"] * 1000),
            )
        cities = tuple(City(c["country"], c["name"]) for c in values.pop("cities"))
        for name in ("cidrs", "countries", "node_groups"):
            values[name] = tuple(values[name])
        return LocationSpec(**values, cities=cities, fence=fence)


def _moment(text: str | None, field: str) -> dt.datetime | None:
    try:
        return None if text is None else dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InstantsInvalidError(f"“{text}” is no time.", field=field) from error
