"""Assignments: made and revoked, never edited."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
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
from apps.roles import rules, selectors, services
from apps.roles.choices import AssignmentState
from apps.roles.errors import AssignmentNotFoundError
from apps.roles.forms import AssignmentForm, RevokeForm
from apps.roles.models import Assignment

LIST = "admin:roles_assignment_changelist"
_ALL = "all"
_TONES = {
    AssignmentState.NOW: "ok",
    AssignmentState.LATER: "warn",
    AssignmentState.EXPIRED: "muted",
    AssignmentState.REVOKED: "muted",
}


class StateFilter(admin.SimpleListFilter):
    """Show what holds now or later, unless something else is asked for."""

    title = "state"
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*AssignmentState.choices, (_ALL, "All")]

    @override
    def choices(self, changelist: Any) -> Iterator[Any]:  # Django's signature
        first, *rest = super().choices(changelist)
        yield first | {"display": "Now or later"}
        yield from rest

    @override
    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Assignment]
    ) -> QuerySet[Assignment]:
        now, value = timezone.now(), self.value()
        if value == _ALL:
            return queryset
        if value in AssignmentState.values:
            return queryset.filter(selectors.assignments_in(str(value), now))
        holds = selectors.assignments_in(AssignmentState.NOW, now)
        return queryset.filter(
            holds | selectors.assignments_in(AssignmentState.LATER, now)
        )


@admin.register(Assignment)
class AssignmentAdmin(ServiceAdmin[Assignment]):
    """Who holds which role, where and for how long."""

    list_display = ["principal", "role", "place", "until", "origin", "state_pill"]
    list_filter = [StateFilter, "source", "is_out_of_band", "role"]
    search_fields = [
        *("principal__key", "principal__name", "role__slug", "role__name"),
        *("scope__key", "reason"),
    ]
    page_form = AssignmentForm
    page_template = "admin/roles/assignment.html"
    lead = "An assignment is not edited: revoke it and make another."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Assignment]:
        return selectors.all_assignments()

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

    @admin.display(description="Source", ordering="source")
    def origin(self, assignment: Assignment) -> SafeString:
        """Show the source, and whether it came past every workflow."""
        label = assignment.get_source_display()
        if not assignment.is_out_of_band:
            return format_html("{}", label)
        return format_html(
            '{} <span class="pw-pill pw-pill--bad">Out of band</span>', label
        )

    @admin.display(description="State")
    def state_pill(self, assignment: Assignment) -> SafeString:
        """Show whether the assignment holds now."""
        state = _state(assignment)
        return format_html(
            '<span class="pw-pill pw-pill--{}">{}</span>', _TONES[state], state.label
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
        is_over = _state(row) in {AssignmentState.EXPIRED, AssignmentState.REVOKED}
        return {
            "state_pill": self.state_pill(row),
            "origin": self.origin(row),
            "may_revoke": self.has_add_permission(request) and not is_over,
            "revoke_form": RevokeForm(),
        }

    def revoke_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Revoke an assignment."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = RevokeForm(request.POST)
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        try:
            row = services.revoke_assignment(
                actor=actor_of(request), assignment_id=pk, reason=reason
            )
        except AssignmentNotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        else:
            messages.success(request, f"“{row}” is revoked.")
        return redirect(LIST)


def _state(row: Assignment) -> AssignmentState:
    now = timezone.now()
    return rules.assignment_state(row.start, row.end, row.revoked_at, now)
