"""Calendars: their days, and the import of iCalendar files."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.errors import PortwardError
from apps.scopes import selectors, services
from apps.scopes.admin.removing import RemovableAdmin
from apps.scopes.forms import CalendarForm, ImportForm
from apps.scopes.models import HolidayCalendar
from apps.scopes.rules import Day, days_text
from apps.scopes.rules.icalendar import Found
from apps.scopes.selectors.usage import Kind

_YEARS_AHEAD = 2
_MOST_NEXT = 10


@admin.register(HolidayCalendar)
class HolidayCalendarAdmin(RemovableAdmin[HolidayCalendar]):
    """Calendars of named days."""

    list_display = ["name", "slug", "day_count", "first_day", "last_day"]
    search_fields = ["name", "slug"]
    page_form = CalendarForm
    page_template = "admin/scopes/calendar.html"
    kind = Kind.CALENDAR
    lead = "Windows refer to a calendar as closed or as additional days, and take its "
    lead += "dates along into the policies that are approved with them."

    @admin.display(description="Days")
    def day_count(self, calendar: HolidayCalendar) -> str:
        """Show how many days there are."""
        return str(len(calendar.days))

    @admin.display(description="First")
    def first_day(self, calendar: HolidayCalendar) -> str:
        """Show the first date."""
        return str(calendar.days[0]["date"])

    @admin.display(description="Last")
    def last_day(self, calendar: HolidayCalendar) -> str:
        """Show the last date, after which the calendar says nothing."""
        return str(calendar.days[-1]["date"])

    @override
    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<uuid:pk>/import/",
                self.admin_site.admin_view(self.import_view),
                name="scopes_holidaycalendar_import",
            ),
            *super().get_urls(),
        ]

    @override
    def initial(self, row: HolidayCalendar) -> dict[str, Any]:
        spec = selectors.calendar_spec(row)
        return {"slug": row.slug, "name": row.name, "days": days_text(spec.days)}

    @override
    def save(
        self, request: HttpRequest, form: Form, row: HolidayCalendar | None
    ) -> HolidayCalendar:
        assert isinstance(form, CalendarForm)  # noqa: S101  # the page's form
        return services.save_calendar(
            actor=actor_of(request),
            spec=form.spec(),
            calendar_id=row.pk if row else None,
        )

    @override
    def remove(self, request: HttpRequest, row: HolidayCalendar) -> None:
        services.delete_calendar(actor=actor_of(request), calendar_id=row.pk)

    @override
    def details(self, request: HttpRequest, row: HolidayCalendar) -> dict[str, Any]:
        today = timezone.now().date()
        days = selectors.calendar_spec(row).days
        return super().details(request, row) | {
            "next_days": [day for day in days if day.date >= today][:_MOST_NEXT],
            "is_over": days[-1].date < today,
            "last_day": days[-1].date,
            "import_url": self._address("import", row.pk),
        }

    def import_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Read a file and show what the calendar would be; saving is another step."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        year = timezone.now().year
        is_sent = request.method == "POST"
        form = ImportForm(
            request.POST if is_sent else None,
            request.FILES if is_sent else None,
            initial={"first_year": year, "last_year": year + _YEARS_AHEAD},
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"Import into {row.name}",
            "opts": self.opts,
            "row": row,
            "form": form,
            "list_url": self._address("changelist"),
            "page_url": self._address("change", row.pk),
        }
        if is_sent and form.is_valid():
            try:
                context |= _preview(form, form.read(), row)
            except PortwardError as error:
                self.show_refusal(form, error)
        return TemplateResponse(request, "admin/scopes/import.html", context)


def _preview(form: ImportForm, found: Found, row: HolidayCalendar) -> dict[str, Any]:
    """Return what an import would change. Nothing is saved here."""
    current = selectors.calendar_spec(row).days
    merged = form.merged(found.days, current)
    before = {day.date: day for day in current}
    after: dict[Any, Day] = {}
    for day in merged:
        after.setdefault(day.date, day)
    draft = CalendarForm(
        initial={
            "slug": row.slug,
            "name": row.name,
            "days": days_text(after[date] for date in sorted(after)),
        }
    )
    return {
        "found": found,
        "draft": draft,
        "added": [after[date] for date in sorted(after.keys() - before.keys())],
        "removed": [before[date] for date in sorted(before.keys() - after.keys())],
        "kept": len(before.keys() & after.keys()),
    }
