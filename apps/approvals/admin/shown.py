"""What the pages of requests and of sets of changes have in common."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import Http404, HttpRequest
from typing_extensions import override

from apps.core.errors import NotFoundError

RowT = TypeVar("RowT", bound=Model)


class ShownAdmin(admin.ModelAdmin[RowT]):
    """Show rows; every act on one is a view of its own that calls a service."""

    list_per_page = 50

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: RowT | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: RowT | None = None
    ) -> bool:
        return False

    def read(self, row_id: uuid.UUID) -> RowT:
        """Return a row, or raise the error that says that there is none."""
        raise NotImplementedError  # abstract: each kind says its own

    def find(self, request: HttpRequest, row_id: uuid.UUID) -> RowT:
        """Return a row that the person may see, or answer 404."""
        try:
            found = self.read(row_id)
        except NotFoundError as error:
            raise Http404 from error
        if not self.has_view_permission(request, found):
            raise Http404
        return found

    def page(
        self,
        request: HttpRequest,
        title: str,
        **context: Any,  # noqa: ANN401  # what the templates show
    ) -> dict[str, Any]:
        """Return what every page of the console shows, and this."""
        shared = self.admin_site.each_context(request)
        return {**shared, "opts": self.opts, "title": title, **context}
