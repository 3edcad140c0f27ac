"""The base of admin pages whose changes go through a service.

`save_model` is not used: Django would log and announce success for a row that the
service may have refused. The page validates the form, calls the service once, and shows
what the service refuses beside the field.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from typing_extensions import override

from apps.core.errors import PortwardError

M = TypeVar("M", bound=Model)
_FIELD_NAME = re.compile(r"^[a-z_]+")


class ServiceAdmin(admin.ModelAdmin[M]):
    """List rows, show one in a form of ours, save it through a service."""

    page_template = "admin/service_form.html"
    page_form: ClassVar[type[forms.Form]]
    lead: ClassVar[str] = ""
    list_per_page = 50
    show_full_result_count = False
    actions: Any = None

    def make_form(self, request: HttpRequest, row: M | None) -> forms.Form:
        """Return the form, bound when something was posted."""
        bound = request.POST if request.method == "POST" else None
        return self.page_form(bound, initial=self.initial(row) if row else None)

    def initial(self, row: M) -> dict[str, Any]:
        """Return what the form shows for a row."""
        raise NotImplementedError

    def save(self, request: HttpRequest, form: forms.Form, row: M | None) -> M:
        """Call the service; PortwardError is shown beside the field it names."""
        raise NotImplementedError

    def details(self, request: HttpRequest, row: M) -> dict[str, Any]:
        """Return what the page shows besides the form."""
        del request, row
        return {}

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Ask for a new row, and create it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._page(request, None)

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show a row, and change it."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if request.method == "POST" and not self.has_change_permission(request, row):
            raise PermissionDenied
        return self._page(request, row)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse: what policies and history refer to stays."""
        return False

    def _page(self, request: HttpRequest, row: M | None) -> HttpResponse:
        form = self.make_form(request, row)
        if request.method == "POST" and form.is_valid():
            try:
                saved = self.save(request, form, row)
            except PortwardError as error:
                self.show_refusal(form, error)
            else:
                messages.success(request, f"“{saved}” is saved.")
                return redirect(self._address("change", saved.pk))
        may_change = (
            self.has_change_permission(request, row)
            if row
            else self.has_add_permission(request)
        )
        context = {
            **self.admin_site.each_context(request),
            "title": str(row) if row else f"Add {self.opts.verbose_name}",
            "opts": self.opts,
            "form": form,
            "row": row,
            "lead": self.lead,
            "list_url": self._address("changelist"),
            "may_change": may_change,
            **(self.details(request, row) if row else {}),
        }
        return TemplateResponse(request, self.page_template, context)

    def show_refusal(self, form: forms.Form, error: PortwardError) -> None:
        """Put the reason and the remedy beside the field that the error names."""
        found = _FIELD_NAME.match(error.field)
        name = found[0] if found and found[0] in form.fields else None
        form.add_error(name, f"{error.message} {error.remedy}".strip())

    def _address(self, page: str, *args: object) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
        return reverse(name, args=args)
