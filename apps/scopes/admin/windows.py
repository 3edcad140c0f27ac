"""Time windows: the editor, what it says, and pictures of what it does."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.forms import Form
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.scopes import selectors, services
from apps.scopes.admin.removing import RemovableAdmin
from apps.scopes.choices import Weekday, WindowKind
from apps.scopes.forms import WindowForm
from apps.scopes.models import TimeWindow
from apps.scopes.rules import pictures, time_text
from apps.scopes.rules.sentences import window_sentence
from apps.scopes.selectors.usage import Kind
from engine.calendar import is_open, next_transitions
from protocol.records import WindowRecord
from protocol.zones import zone_transitions

_LOCAL = "%Y-%m-%d %H:%M"


@admin.register(TimeWindow)
class TimeWindowAdmin(RemovableAdmin[TimeWindow]):
    """Time windows, with the next moments at which they open and close."""

    list_display = ["name", "slug", "zone", "days", "hours", "dates"]
    list_filter = ["kind", "zone"]
    search_fields = ["name", "slug", "zone"]
    page_form = WindowForm
    page_template = "admin/scopes/window.html"
    kind = Kind.WINDOW
    lead = "Live policies keep the window they were approved with; save and propose "
    lead += "them again to use a changed one."

    @admin.display(description="Days")
    def days(self, window: TimeWindow) -> str:
        """Show the weekdays."""
        if window.kind == WindowKind.ABSOLUTE:
            return "once"
        return ", ".join(str(Weekday(day).label)[:3] for day in window.weekdays)

    @admin.display(description="Hours", ordering="start_minute")
    def hours(self, window: TimeWindow) -> str:
        """Show the time of day."""
        if window.kind == WindowKind.ABSOLUTE:
            return "-"
        text = f"{time_text(window.start_minute)}-{time_text(window.end_minute)}"
        return f"{text} overnight" if window.is_overnight else text

    @admin.display(description="Dates", ordering="date_from")
    def dates(self, window: TimeWindow) -> str:
        """Show the first and last date, and that there are exceptions."""
        if window.opens_at and window.closes_at:
            zone = ZoneInfo(window.zone)
            first, last = (
                f"{moment.astimezone(zone):{_LOCAL}}"
                for moment in (window.opens_at, window.closes_at)
            )
            return f"{first} to {last}"
        has_exceptions = any(
            (
                *(window.closed_dates, window.open_dates),
                *(window.closed_calendars, window.open_calendars),
            )
        )
        text = "always"
        if window.date_from or window.date_until:
            text = f"{window.date_from or '…'} to {window.date_until or '…'}"
        return f"{text}, with exceptions" if has_exceptions else text

    @override
    def make_form(self, request: HttpRequest, row: TimeWindow | None) -> Form:
        return WindowForm(
            request.POST if request.method == "POST" else None,
            initial=self.initial(row) if row else None,
            calendars=selectors.calendars(),
        )

    @override
    def initial(self, row: TimeWindow) -> dict[str, Any]:
        names = (
            *("slug", "name", "zone", "kind", "weekdays", "date_from", "date_until"),
            *("closed_calendars", "open_calendars", "is_overnight"),
        )
        once = row.kind == WindowKind.ABSOLUTE
        return {name: getattr(row, name) for name in names} | {
            "start": "" if once else time_text(row.start_minute),
            "end": "" if once else time_text(row.end_minute),
            "weekdays": [] if once else row.weekdays,
            "opens_at": _local(row.opens_at, row.zone),
            "closes_at": _local(row.closes_at, row.zone),
            "closed_dates": "\n".join(row.closed_dates),
            "open_dates": "\n".join(row.open_dates),
        }

    @override
    def save(
        self, request: HttpRequest, form: Form, row: TimeWindow | None
    ) -> TimeWindow:
        assert isinstance(form, WindowForm)  # noqa: S101  # made above
        return services.save_window(
            actor=actor_of(request),
            spec=form.spec(),
            window_id=row.pk if row else None,
        )

    @override
    def remove(self, request: HttpRequest, row: TimeWindow) -> None:
        services.delete_window(actor=actor_of(request), window_id=row.pk)

    @override
    def details(self, request: HttpRequest, row: TimeWindow) -> dict[str, Any]:
        now = timezone.now()
        record = selectors.window_record(row)
        start = pictures.picture_start(row.zone, now)
        transitions = zone_transitions(row.zone, int(start.timestamp()))
        days = pictures.picture_days(record, now, transitions, _notes(row, record))
        return super().details(request, row) | {
            "sentence": window_sentence(selectors.window_spec(row)),
            "is_open": is_open(record, now, transitions),
            "turns": [
                (opens, _shown(moment, ZoneInfo(row.zone)), _shown(moment, dt.UTC))
                for moment, opens in next_transitions(record, now, transitions)
            ],
            "week": pictures.week_strip(days),
            "hours": pictures.hour_marks(),
            "month": pictures.month_grid(days),
            "weekday_names": [
                (25 + 51 * n, str(day.label)[:2]) for n, day in enumerate(Weekday)
            ],
        }


def _local(moment: dt.datetime | None, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):{_LOCAL}}" if moment else ""


def _shown(moment: dt.datetime, zone: dt.tzinfo) -> str:
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _notes(row: TimeWindow, record: WindowRecord) -> dict[dt.date, str]:
    """Return what makes a date special: the name of a holiday, or the exception."""
    named = {
        day.date: day.name
        for calendar in selectors.calendars()
        if calendar.slug in (*row.closed_calendars, *row.open_calendars)
        for day in selectors.calendar_spec(calendar).days
    }
    found = {}
    for dates, word in ((record.closed_on, "closed"), (record.open_on, "additional")):
        for text in dates:
            date = dt.date.fromisoformat(text)
            found[date] = named.get(date) or f"{word} date"
    return found
