"""Forms about windows, calendars and locations. What is valid, the rules say."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from typing_extensions import override

from apps.scopes import rules
from apps.scopes.choices import ImportMode, Weekday, WindowKind
from apps.scopes.models import HolidayCalendar
from apps.scopes.rules import CalendarSpec, Day, LocationSpec, WindowSpec, icalendar
from protocol.records import City, Fence

_SEPARATORS = re.compile(r"[\s,;]+")
_SLUG_HELP = "Others refer to it by this name, so it never changes."
_LONGEST_LIST = 60_000
_LOCAL_TIME = "%Y-%m-%d %H:%M"
_TEXTAREA = {"rows": 4, "spellcheck": "false"}


class _SlugForm(forms.Form):
    slug = forms.CharField(label="Short name", max_length=63, help_text=_SLUG_HELP)
    name = forms.CharField(max_length=120)

    def _add(self, field: str, problems: Iterable[str]) -> None:
        for problem in problems:
            self.add_error(field, problem)


class LocalTimeField(forms.Field):
    """A local time of a zone that another field names: Django's own has no say."""

    @override
    def to_python(self, value: Any) -> dt.datetime | None:
        text = str(value or "").strip().replace("T", " ")
        if not text:
            return None
        try:
            return dt.datetime.strptime(text, _LOCAL_TIME)  # noqa: DTZ007  # local
        except ValueError as error:
            raise forms.ValidationError("Write it as 2026-12-18 18:00.") from error


class WindowForm(_SlugForm):
    """A time window."""

    zone = forms.CharField(
        label="Time zone", max_length=64, help_text="IANA name, such as Europe/Berlin."
    )
    kind = forms.ChoiceField(
        label="Opens",
        choices=WindowKind.choices,
        initial=WindowKind.WEEKLY,
        widget=forms.RadioSelect,
        required=False,
    )
    weekdays = forms.TypedMultipleChoiceField(
        choices=Weekday.choices,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    start = forms.CharField(max_length=5, required=False, help_text="From 00:00.")
    end = forms.CharField(
        max_length=5, required=False, help_text="Up to 24:00; not included."
    )
    is_overnight = forms.BooleanField(label="Runs past midnight", required=False)
    date_from = forms.DateField(
        label="First date", required=False, help_text="Such as 2026-12-31, or empty."
    )
    date_until = forms.DateField(label="Last date", required=False)
    opens_at = LocalTimeField(
        label="From",
        required=False,
        help_text="Such as 2026-12-18 18:00, local time of the zone.",
    )
    closes_at = LocalTimeField(label="Until", required=False, help_text="Not included.")
    closed_dates = forms.CharField(
        required=False,
        max_length=_LONGEST_LIST,
        widget=forms.Textarea(attrs=_TEXTAREA),
        help_text="One a line. A night that began the day before still ends.",
    )
    closed_calendars = forms.MultipleChoiceField(
        label="Closed on the days of",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    open_dates = forms.CharField(
        label="Additional dates",
        required=False,
        max_length=_LONGEST_LIST,
        widget=forms.Textarea(attrs=_TEXTAREA),
        help_text="One a line. Open at the same hours, whatever the weekday.",
    )
    open_calendars = forms.MultipleChoiceField(
        label="Also open on the days of",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        initial: dict[str, Any] | None = None,
        calendars: Iterable[HolidayCalendar] = (),
    ) -> None:
        super().__init__(data, initial=initial)
        choices = [(row.slug, row.name) for row in calendars]
        for name in ("closed_calendars", "open_calendars"):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  # as declared
            field.choices = choices

    @override
    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        for name in ("closed_dates", "open_dates"):
            dates, problems = rules.parse_dates(values.get(name, ""))
            self._add(name, problems)
            values[name] = tuple(dates)
        return values

    def spec(self) -> WindowSpec:
        """Return what was asked for. Raises InvalidError that names the field."""
        values = dict(self.cleaned_data)
        start, end = values.pop("start"), values.pop("end")
        values["kind"] = values["kind"] or WindowKind.WEEKLY
        if values["kind"] == WindowKind.WEEKLY:
            values |= {
                "start_minute": rules.parse_minute(start, field="start"),
                "end_minute": rules.parse_minute(end, field="end"),
            }
        else:
            values |= {"is_overnight": False, "weekdays": ()}
        for name in ("weekdays", "closed_calendars", "open_calendars"):
            values[name] = tuple(values[name])
        return WindowSpec(**values)


class CalendarForm(_SlugForm):
    """A calendar and its days."""

    days = forms.CharField(
        max_length=_LONGEST_LIST,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false"}),
        help_text="One a line, such as 2026-12-25 Christmas Day.",
    )

    @override
    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        days, problems = rules.parse_days(values.get("days", ""))
        self._add("days", problems)
        values["days"] = tuple(days)
        return values

    def spec(self) -> CalendarSpec:
        """Return what was asked for."""
        values = self.cleaned_data
        return CalendarSpec(values["slug"], values["name"], values["days"])


class ImportForm(forms.Form):
    """An iCalendar file, and which of its years count."""

    file = forms.FileField(
        label="iCalendar file",
        help_text=f"A .ics file of at most {icalendar.LARGEST // 1024} KiB.",
        widget=forms.FileInput(attrs={"accept": ".ics,text/calendar"}),
    )
    first_year = forms.IntegerField(min_value=1970, max_value=2199)
    last_year = forms.IntegerField(
        min_value=1970,
        max_value=2199,
        help_text="Days that come back every year are spelled out up to then.",
    )
    mode = forms.ChoiceField(
        label="Do what", choices=ImportMode.choices, initial=ImportMode.ADD
    )

    def read(self) -> icalendar.Found:
        """Return the days of the file. Raises CalendarFileError."""
        values = self.cleaned_data
        # One byte more than is read tells that there is more.
        raw: bytes = values["file"].read(icalendar.LARGEST + 1)
        return icalendar.read_calendar(
            raw.decode("utf-8-sig", errors="replace"),
            first_year=values["first_year"],
            last_year=values["last_year"],
        )

    def merged(self, found: Iterable[Day], current: Iterable[Day]) -> tuple[Day, ...]:
        """Return the days that the calendar would have."""
        if self.cleaned_data["mode"] == ImportMode.REPLACE:
            return tuple(found)
        known = {day.date for day in current}
        return tuple(sorted([*current, *(d for d in found if d.date not in known)]))


class LocationForm(_SlugForm):
    """A location."""

    cidrs = forms.CharField(
        label="Address ranges",
        required=False,
        max_length=_LONGEST_LIST,
        widget=forms.Textarea(attrs=_TEXTAREA),
        help_text="One a line, such as 10.1.0.0/16 or 2001:db8::/32. 0.0.0.0/0 is "
        "every IPv4 address and ::/0 every IPv6 address; neither holds the other.",
    )
    countries = forms.CharField(
        required=False,
        max_length=2000,
        help_text="Two-letter codes, such as DE, FR.",
    )
    cities = forms.CharField(
        required=False,
        max_length=_LONGEST_LIST,
        widget=forms.Textarea(attrs=_TEXTAREA),
        help_text="One a line: country code and English name, such as DE Berlin.",
    )
    latitude = forms.CharField(
        required=False, max_length=20, help_text="Degrees north, such as 52.52."
    )
    longitude = forms.CharField(
        required=False, max_length=20, help_text="Degrees east, such as 13.405."
    )
    radius = forms.DecimalField(
        label="Radius in kilometers",
        required=False,
        min_value=0,
        max_value=20_000,
        decimal_places=3,
        help_text="From 0.1. Databases of addresses are rarely exact to 25 km.",
    )
    node_groups = forms.CharField(
        required=False,
        max_length=5000,
        help_text="Short names of node groups: requests that such a node answers.",
    )
    unknown_matches = forms.BooleanField(
        label="What is unknown counts as from here",
        required=False,
        help_text="Widens permits. For a forbid the unknown always counts.",
    )

    @override
    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        cities, problems = rules.parse_cities(values.get("cities", ""))
        self._add("cities", problems)
        values["cities"] = tuple(cities)
        circle = ("latitude", "longitude", "radius")
        given = [name for name in circle if values.get(name) not in ("", None)]
        for name in circle:
            if given and name not in given and name not in self.errors:
                self.add_error(name, "A circle needs all three.")
        return values

    def spec(self) -> LocationSpec:
        """Return what was asked for. Raises InvalidError that names the field."""
        values = self.cleaned_data
        return LocationSpec(
            slug=values["slug"],
            name=values["name"],
            cidrs=_words(values["cidrs"]),
            countries=_words(values["countries"]),
            cities=values["cities"],
            fence=self._fence(),
            node_groups=_words(values["node_groups"]),
            unknown_matches=values["unknown_matches"],
        )

    def _fence(self) -> Fence | None:
        values = self.cleaned_data
        if values["radius"] is None:
            return None
        return Fence(
            rules.micro_degrees(values["latitude"], field="latitude"),
            rules.micro_degrees(values["longitude"], field="longitude"),
            int(values["radius"] * 1000),
        )


class PlaceForm(forms.Form):
    """An address to look up."""

    address = forms.GenericIPAddressField(
        label="Address", help_text="IPv4 or IPv6.", unpack_ipv4=True
    )


def city_lines(cities: Iterable[City]) -> str:
    """Return cities as people write them, one a line."""
    return "\n".join(f"{city.country} {city.name}" for city in cities)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in _SEPARATORS.split(text) if word)
