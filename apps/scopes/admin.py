"""Windows and locations in the admin."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.contrib import admin
from django.forms import Form
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override

from apps.audit.events import Actor
from apps.core.admin import ServiceAdmin
from apps.scopes import selectors, services
from apps.scopes.choices import Weekday
from apps.scopes.forms import LocationForm, WindowForm
from apps.scopes.models import Location, TimeWindow
from apps.scopes.rules import LocationSpec, WindowSpec, parse_minute, time_text
from engine.calendar import next_transitions
from protocol.zones import zone_transitions

_SEPARATORS = re.compile(r"[\s,;]+")


@admin.register(TimeWindow)
class TimeWindowAdmin(ServiceAdmin[TimeWindow]):
    """Time windows, with the next moments at which they open and close."""

    list_display = ["name", "slug", "zone", "days", "hours", "dates"]
    list_filter = ["zone"]
    search_fields = ["name", "slug", "zone"]
    page_form = WindowForm
    lead = "Live policies keep the window they were approved with; save and propose "
    lead += "them again to use a changed one."

    @admin.display(description="Days")
    def days(self, window: TimeWindow) -> str:
        """Show the weekdays."""
        return ", ".join(str(Weekday(day).label)[:3] for day in window.weekdays)

    @admin.display(description="Hours", ordering="start_minute")
    def hours(self, window: TimeWindow) -> str:
        """Show the time of day."""
        text = f"{time_text(window.start_minute)}-{time_text(window.end_minute)}"
        return f"{text} overnight" if window.is_overnight else text

    @admin.display(description="Dates", ordering="date_from")
    def dates(self, window: TimeWindow) -> str:
        """Show the first and last date."""
        if not window.date_from and not window.date_until:
            return "always"
        return f"{window.date_from or '…'} to {window.date_until or '…'}"

    @override
    def initial(self, row: TimeWindow) -> dict[str, Any]:
        names = ("slug", "name", "zone", "weekdays", "date_from", "date_until")
        return {name: getattr(row, name) for name in names} | {
            "start": time_text(row.start_minute),
            "end": time_text(row.end_minute),
            "is_overnight": row.is_overnight,
        }

    @override
    def save(
        self, request: HttpRequest, form: Form, row: TimeWindow | None
    ) -> TimeWindow:
        values = dict(form.cleaned_data)
        spec = WindowSpec(
            start_minute=parse_minute(values.pop("start"), field="start"),
            end_minute=parse_minute(values.pop("end"), field="end"),
            weekdays=tuple(values.pop("weekdays")),
            **values,
        )
        return services.save_window(
            actor=_actor(request), spec=spec, window_id=row.pk if row else None
        )

    @override
    def details(self, request: HttpRequest, row: TimeWindow) -> dict[str, Any]:
        now = timezone.now()
        moments = next_transitions(
            selectors.window_record(row),
            now,
            zone_transitions(row.zone, int(now.timestamp())),
        )
        return {
            "table_title": "Next opens and closes",
            "table_head": ["When (UTC)", "What"],
            "table": [
                (f"{moment.astimezone(dt.UTC):%a %Y-%m-%d %H:%M}", _turn(opens=opens))
                for moment, opens in moments
            ],
        }


@admin.register(Location)
class LocationAdmin(ServiceAdmin[Location]):
    """Locations."""

    list_display = ["name", "slug", "ranges", "country_codes"]
    search_fields = ["name", "slug"]
    page_form = LocationForm
    lead = "A request comes from here when its address or its country matches."

    @admin.display(description="Address ranges")
    def ranges(self, location: Location) -> str:
        """Show the address ranges."""
        return ", ".join(location.cidrs) or "-"

    @admin.display(description="Countries")
    def country_codes(self, location: Location) -> str:
        """Show the countries."""
        return ", ".join(location.countries) or "-"

    @override
    def initial(self, row: Location) -> dict[str, Any]:
        return {
            "slug": row.slug,
            "name": row.name,
            "cidrs": "\n".join(row.cidrs),
            "countries": ", ".join(row.countries),
        }

    @override
    def save(self, request: HttpRequest, form: Form, row: Location | None) -> Location:
        values = form.cleaned_data
        spec = LocationSpec(
            slug=values["slug"],
            name=values["name"],
            cidrs=_words(values["cidrs"]),
            countries=_words(values["countries"]),
        )
        return services.save_location(
            actor=_actor(request), spec=spec, location_id=row.pk if row else None
        )


def _actor(request: HttpRequest) -> Actor:
    # Accounts stands beside this app, so its helper is out of reach.
    return Actor(kind="user", id=str(request.user.pk), name=request.user.get_username())


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in _SEPARATORS.split(text) if word)


def _turn(*, opens: bool) -> str:
    return "opens" if opens else "closes"
