"""Deleting what nothing refers to, with a page address of its own."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
from apps.scopes.selectors import usage

Row = TypeVar("Row", TimeWindow, HolidayCalendar, Location)


class RemovableAdmin(ServiceAdmin[Row]):
    """A page that shows what refers to its row, and deletes it when nothing does."""

    kind: ClassVar[usage.Kind]

    def remove(self, request: HttpRequest, row: Row) -> None:
        """Call the service that deletes."""
        raise NotImplementedError

    @override
    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_remove"
        view = require_POST(self.remove_view)
        address = path("<uuid:pk>/remove/", self.admin_site.admin_view(view), name=name)
        return [address, *super().get_urls()]

    def remove_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Delete a row that nothing refers to."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        try:
            self.remove(request, row)
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
            return redirect(self._address("change", pk))
        messages.success(request, f"“{row}” is deleted.")
        return redirect(self._address("changelist"))

    @override
    def details(self, request: HttpRequest, row: Row) -> dict[str, Any]:
        return {
            "uses": usage.uses_of(self.kind, row.slug),
            "remove_url": self._address("remove", row.pk),
            "noun": self.kind.value,
        }
