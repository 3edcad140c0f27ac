"""Roles that are kept apart, exceptions from that, and who holds too much."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.roles import selectors, services
from apps.roles.admin.registry import entity, reference
from apps.roles.errors import SeparationNotFoundError
from apps.roles.forms import ExceptionForm, SeparationForm
from apps.roles.models import SeparationException, SeparationSet
from apps.roles.rules import SeparationSpec

_PILL = '<span class="pw-pill pw-pill--{}">{}</span>'


@admin.register(SeparationSet)
class SeparationSetAdmin(ServiceAdmin[SeparationSet]):
    """Sets of roles of which one principal has only so many."""

    list_display = ["name", "kind", "role_names", "limit", "owner", "state_pill"]
    list_filter = ["kind", "is_active"]
    search_fields = ["name", "slug", "roles__slug", "owner__key"]
    page_form = SeparationForm
    page_template = "admin/roles/separation.html"
    change_list_template = "admin/roles/separations.html"
    lead = "Nodes keep to it too: who holds too much can use none of it."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[SeparationSet]:
        return selectors.separations()

    @override
    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(require_safe(self.violations_view))
        own = path("violations/", page, name="roles_separationset_violations")
        return [own, *super().get_urls()]

    @admin.display(description="Roles")
    def role_names(self, row: SeparationSet) -> str:
        """Show the roles."""
        return ", ".join(role.slug for role in row.roles.all())

    @admin.display(description="State", ordering="is_active")
    def state_pill(self, row: SeparationSet) -> SafeString:
        """Show whether the set is in force."""
        tone, text = ("ok", "In force") if row.is_active else ("muted", "Off")
        return format_html(_PILL, tone, text)

    @override
    def initial(self, row: SeparationSet) -> dict[str, Any]:
        names = ("slug", "name", "kind", "limit", "is_active")
        return {name: getattr(row, name) for name in names} | {
            "roles": [role.slug for role in row.roles.all()],
            "owner": reference(row.owner),
        }

    @override
    def save(
        self, request: HttpRequest, form: Form, row: SeparationSet | None
    ) -> SeparationSet:
        values = dict(form.cleaned_data)
        owner = entity(values.pop("owner"))
        spec = SeparationSpec(roles=tuple(values.pop("roles")), **values)
        return services.save_separation(
            actor=actor_of(request),
            spec=spec,
            owner=owner,
            separation_id=row.pk if row else None,
        )

    @override
    def details(self, request: HttpRequest, row: SeparationSet) -> dict[str, Any]:
        now = timezone.now()
        found = selectors.violations(now)
        return {
            "violations": [one for one in found if one.separation == row],
            "exceptions": selectors.open_exceptions(now).filter(separation=row),
        }

    def violations_view(self, request: HttpRequest) -> HttpResponse:
        """List who holds more than a set allows, and what excuses them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = selectors.violations(timezone.now())
        context = {
            **self.admin_site.each_context(request),
            "title": "Violations of separation",
            "opts": self.opts,
            "open": [one for one in found if one.exception is None],
            "excused": [one for one in found if one.exception is not None],
            "may_except": self.has_add_permission(request),
        }
        return TemplateResponse(request, "admin/roles/violations.html", context)


@admin.register(SeparationException)
class SeparationExceptionAdmin(ServiceAdmin[SeparationException]):
    """Who need not keep to a set, until when, and who answers for it."""

    list_display = ["principal", "separation", "owner", "until", "state_pill"]
    list_filter = ["separation"]
    list_select_related = ["principal", "separation", "owner"]
    search_fields = ["principal__key", "principal__name", "separation__name", "reason"]
    page_form = ExceptionForm
    page_template = "admin/roles/exception.html"
    lead = "An exception always ends. A new one for the same principal replaces it."

    @override
    def get_urls(self) -> list[URLPattern]:
        end = self.admin_site.admin_view(require_POST(self.end_view))
        own = path("<uuid:pk>/end/", end, name="roles_separationexception_end")
        return [own, *super().get_urls()]

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: SeparationException | None = None
    ) -> bool:
        """Show exceptions for reading only."""
        return False

    @admin.display(description="State")
    def state_pill(self, row: SeparationException) -> SafeString:
        """Show whether the exception holds now."""
        holds = row.ended_at is None and row.until > timezone.now()
        return format_html(_PILL, *(("ok", "Holds") if holds else ("muted", "Over")))

    @override
    def initial(self, row: SeparationException) -> dict[str, Any]:
        return {"reason": row.reason, "until": row.until}

    @override
    def make_form(self, request: HttpRequest, row: SeparationException | None) -> Form:
        """Fill in what a link from the violations names."""
        bound = request.POST if request.method == "POST" else None
        named = ("separation", "principal")
        asked = {name: request.GET[name] for name in named if name in request.GET}
        return ExceptionForm(bound, initial=asked if row is None else self.initial(row))

    @override
    def save(
        self, request: HttpRequest, form: Form, row: SeparationException | None
    ) -> SeparationException:
        values = form.cleaned_data
        return services.grant_exception(
            actor=actor_of(request),
            separation_id=uuid.UUID(values["separation"]),
            principal=entity(values["principal"]),
            owner=entity(values["owner"]),
            reason=values["reason"],
            until=values["until"],
        )

    @override
    def details(self, request: HttpRequest, row: SeparationException) -> dict[str, Any]:
        is_open = row.ended_at is None and row.until > timezone.now()
        return {
            "state_pill": self.state_pill(row),
            "may_end": is_open and self.has_add_permission(request),
        }

    def end_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """End an exception."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            row = services.end_exception(actor=actor_of(request), exception_id=pk)
        except SeparationNotFoundError as error:
            raise Http404 from error
        messages.success(request, f"The exception of {row.principal} is over.")
        return redirect("admin:roles_separationexception_changelist")
