"""Assignments: made and revoked, never edited."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.roles import selectors, services
from apps.roles.errors import AssignmentNotFoundError
from apps.roles.forms import AssignmentForm
from apps.roles.models import Assignment

LIST = "admin:roles_assignment_changelist"


@admin.register(Assignment)
class AssignmentAdmin(ServiceAdmin[Assignment]):
    """Who holds which role, where and for how long."""

    list_display = ["principal", "role", "place", "until", "source", "state_pill"]
    list_filter = ["source", "is_out_of_band", "role"]
    search_fields = ["principal__key", "principal__name", "role__slug", "role__name"]
    page_form = AssignmentForm
    page_template = "admin/roles/assignment.html"
    lead = "An assignment is not edited: revoke it and make another."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Assignment]:
        return selectors.assignments()

    @override
    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        own = path("<uuid:pk>/revoke/", revoke, name="roles_assignment_revoke")
        return [own, *super().get_urls()]

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: Assignment | None = None
    ) -> bool:
        """Show assignments for reading only."""
        return False

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Lead to the page that asks for one: nobody assigns a role alone."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return redirect("admin:approvals_request_assignment")

    @admin.display(description="Where")
    def place(self, assignment: Assignment) -> str:
        """Show where the role counts."""
        return str(assignment.scope or "everywhere")

    @admin.display(description="Until", ordering="end")
    def until(self, assignment: Assignment) -> str:
        """Show the end."""
        return f"{assignment.end:%Y-%m-%d %H:%M} UTC" if assignment.end else "revoked"

    @admin.display(description="State")
    def state_pill(self, assignment: Assignment) -> SafeString:
        """Show whether the assignment holds now."""
        now = timezone.now()
        if assignment.end and assignment.end <= now:
            tone, text = "muted", "Ended"
        elif assignment.start and assignment.start > now:
            tone, text = "warn", "Later"
        else:
            tone, text = "ok", "Holds"
        pill = format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, text)
        if not assignment.is_out_of_band:
            return pill
        return format_html(
            '{} <span class="pw-pill pw-pill--bad">Out of band</span>', pill
        )

    @override
    def initial(self, row: Assignment) -> dict[str, Any]:
        scope = f"{row.scope.type}::{row.scope.key}" if row.scope else ""
        return {
            "principal": f"{row.principal.type}::{row.principal.key}",
            "role": row.role.slug,
            "scope": scope,
            "start": row.start,
            "end": row.end,
            "reason": row.reason,
        }

    @override
    def details(self, request: HttpRequest, row: Assignment) -> dict[str, Any]:
        return {
            "state_pill": self.state_pill(row),
            "may_revoke": self.has_add_permission(request),
        }

    def revoke_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Revoke an assignment."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            row = services.revoke_assignment(actor=actor_of(request), assignment_id=pk)
        except AssignmentNotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        else:
            messages.success(request, f"“{row}” is revoked.")
        return redirect(LIST)
