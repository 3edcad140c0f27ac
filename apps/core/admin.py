"""The base of admin pages whose changes go through a service.

`save_model` is not used: Django would log and announce success for a row that the
service may have refused. The page validates the form, calls the service once, and shows
what the service refuses beside the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from typing_extensions import override

from apps.core.errors import OutOfScopeError, PortwardError

M = TypeVar("M", bound=Model)
_FIELD_NAME = re.compile(r"^[a-z_]+")


class NarrowedList(ChangeList):
    """A list of the rows that the person may see, and of no others."""

    @override
    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Model]:
        """Leave out what is not the person's before anything is counted."""
        admin_of_list: Any = self.model_admin
        self.root_queryset = admin_of_list.narrowed(request, self.root_queryset)
        return super().get_queryset(request, exclude_parameters)


class Detour(Protocol):
    """Another way for what is filled in on a page than to be saved at once."""

    def answer(
        self, page: ServiceAdmin[Any], request: HttpRequest, row: Model | None
    ) -> HttpResponse | None:
        """Answer instead of the page, or return None."""

    def context(
        self, page: ServiceAdmin[Any], request: HttpRequest, row: Model | None
    ) -> dict[str, Any]:
        """Return what the page shows to offer the way."""


_detours: list[Detour] = []


def offer_detour(detour: Detour) -> None:
    """Let all pages of this kind offer another way from now on."""
    _detours.append(detour)


class ServiceAdmin(admin.ModelAdmin[M]):
    """List rows, show one in a form of ours, save it through a service.

    Who may do something to single objects only sees these in the list, and what they
    save is looked at again afterwards. Asked without an object, the permissions mean
    all of them: a page that shows more than one object is closed to them.
    """

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

    def is_to_save(self, request: HttpRequest) -> bool:
        """Say whether what was posted shall be saved, not only shown in another way."""
        return request.method == "POST"

    def more(
        self, request: HttpRequest, form: forms.Form, row: M | None
    ) -> dict[str, Any]:
        """Return what the page shows about its form."""
        del request, form, row
        return {}

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Ask for a new row, and create it."""
        if not self.may_add(request):
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
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Show the rows that the person may see."""
        return NarrowedList

    @override
    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer no filter that would name what the person may not see."""
        if self.has_view_permission(request):
            return super().get_list_filter(request)
        return ()

    @override
    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        """Return a row; to who may see some only, the others are not there."""
        row = super().get_object(request, object_id, from_field)
        if row is None or self.has_view_permission(request, row):
            return row
        return None if self.has_view_or_change_permission(request) else row

    @override
    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Say whether a row, or without one every row, may be seen."""
        return self._may(request, "view", obj) or self._may(request, "change", obj)

    @override
    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Say whether a row, or without one every row, may be changed."""
        return self._may(request, "change", obj)

    @override
    def has_view_or_change_permission(
        self, request: HttpRequest, obj: M | None = None
    ) -> bool:
        """Open the list to who may see any of its rows."""
        if super().has_view_or_change_permission(request, obj):
            return True
        return obj is None and self._has_some(request, "view")

    @override
    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """Link the list from the rail for who may see any of its rows."""
        return super().get_model_perms(request) | {
            "add": self.may_add(request),
            "view": self.has_view_or_change_permission(request),
        }

    def may_add(self, request: HttpRequest) -> bool:
        """Say whether a row may be added, be it of a certain kind only."""
        if self.has_add_permission(request):
            return True
        # A page that closes itself to those who may add anywhere is closed to all.
        return not self._may(request, "add", None) and self._has_some(request, "add")

    def narrowed(self, request: HttpRequest, rows: QuerySet[M]) -> QuerySet[M]:
        """Return the rows that the person may see."""
        if self.has_view_permission(request) or not request.user.is_authenticated:
            return rows
        return request.user.narrowed(self._permission("view"), rows)

    def _has_some(self, request: HttpRequest, action: str) -> bool:
        return request.user.is_authenticated and request.user.has_some(
            self._permission(action)
        )

    def _may(self, request: HttpRequest, action: str, obj: M | None) -> bool:
        return request.user.has_perm(self._permission(action), obj)

    def _permission(self, action: str) -> str:
        name = get_permission_codename(action, self.opts)
        return f"{self.opts.app_label}.{name}"

    @override
    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse: what policies and history refer to stays."""
        return False

    def _page(self, request: HttpRequest, row: M | None) -> HttpResponse:
        for detour in _detours:
            answer = detour.answer(self, request, row)
            if answer is not None:
                return answer
        form = self.make_form(request, row)
        if self.is_to_save(request) and form.is_valid():
            try:
                saved = self.save_within(
                    request, row, lambda: self.save(request, form, row)
                )
            except PortwardError as error:
                self.show_refusal(form, error)
            else:
                messages.success(request, f"“{saved}” is saved.")
                return redirect(self._address("change", saved.pk))
        return self.shown(request, form, row)

    def shown(
        self, request: HttpRequest, form: forms.Form, row: M | None
    ) -> TemplateResponse:
        """Show the form, with what stands beside it."""
        may_change = (
            self.has_change_permission(request, row) if row else self.may_add(request)
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
            **self.more(request, form, row),
        }
        for detour in _detours:
            context |= detour.context(self, request, row)
        return TemplateResponse(request, self.page_template, context)

    @transaction.atomic
    def save_within(
        self, request: HttpRequest, row: M | None, save: Callable[[], M]
    ) -> M:
        """Save, and refuse what was, or would be, outside of the person's scope.

        Raises OutOfScopeError. What a role lets somebody change is never outside.
        """
        action = "change" if row else "add"
        rows = self.model._default_manager  # noqa: SLF001  # Django's documented model API
        is_limited = not self._may(request, action, None) and self._has_some(
            request, action
        )
        if is_limited and row is not None:
            seen = rows.select_for_update(of=("self",)).get(pk=row.pk)
            if not self._may(request, action, seen):
                raise PermissionDenied
        saved = save()
        if is_limited and not self._may(request, action, rows.get(pk=saved.pk)):
            raise OutOfScopeError
        return saved

    def show_refusal(self, form: forms.Form, error: PortwardError) -> None:
        """Put the reason and the remedy beside the field that the error names."""
        found = _FIELD_NAME.match(error.field)
        name = found[0] if found and found[0] in form.fields else None
        form.add_error(name, f"{error.message} {error.remedy}".strip())

    def _address(self, page: str, *args: object) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
        return reverse(name, args=args)
