"""Pages of flows: the list, the editor, the same as JSON, and who covers which hour."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.approvals import rules, selectors, services
from apps.approvals.admin import coverage
from apps.approvals.errors import FlowNotFoundError
from apps.approvals.forms import FlowForm, FlowTextForm
from apps.approvals.models import ApprovalFlow
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError


@admin.register(ApprovalFlow)
class ApprovalFlowAdmin(ServiceAdmin[ApprovalFlow]):
    """Who decides on which requests."""

    list_display = ["name", "kind", "order", "fits", "stage_names", "state_pill"]
    list_filter = ["kind", "is_active"]
    search_fields = ["name"]
    page_form = FlowForm
    page_template = "admin/approvals/approvalflow/flow.html"
    change_list_template = "admin/approvals/approvalflow/change_list.html"
    lead = (
        "A new request passes the first active flow that fits it. Open requests keep "
        "the flow they were opened with."
    )

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("coverage/", wrap(self.coverage_view), name="approvals_coverage"),
            path("<uuid:pk>/json/", wrap(self.text_view), name="approvals_flow_text"),
            path(
                "<uuid:pk>/remove/",
                wrap(require_POST(self.remove_view)),
                name="approvals_flow_remove",
            ),
        ]
        return own + super().get_urls()

    @admin.display(description="For")
    def fits(self, row: ApprovalFlow) -> str:
        """Say which requests pass it."""
        match = selectors.spec_of(row).match
        parts = [
            f"tier {', '.join(match.tiers)}" if match.tiers else "",
            f"risk from {match.min_risk}" if match.min_risk else "",
            f"{match.min_blast_radius} or more touched"
            if match.min_blast_radius
            else "",
            f"role {', '.join(match.roles)}" if match.roles else "",
        ]
        return "; ".join(part for part in parts if part) or "all"

    @admin.display(description="Stages")
    def stage_names(self, row: ApprovalFlow) -> str:
        """Name the stages in order."""
        return " → ".join(stage.name for stage in selectors.spec_of(row).stages)

    @admin.display(description="State", ordering="is_active")
    def state_pill(self, row: ApprovalFlow) -> SafeString:
        """Show whether new requests pass it."""
        tone, text = ("ok", "Active") if row.is_active else ("muted", "Off")
        return format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, text)

    @override
    def initial(self, row: ApprovalFlow) -> dict[str, Any]:
        return FlowForm.values_of(selectors.spec_of(row))

    @override
    def save(
        self, request: HttpRequest, form: Form, row: ApprovalFlow | None
    ) -> ApprovalFlow:
        if not isinstance(form, FlowForm):
            raise TypeError("flows are saved from their own form")
        return services.save_flow(
            actor=actor_of(request),
            flow_id=row.pk if row else None,
            spec=rules.parse_spec(form.document()),
        )

    @override
    def details(self, request: HttpRequest, row: ApprovalFlow) -> dict[str, Any]:
        found = selectors.week_ahead().findings()
        return {
            "findings": [one for one in found if one.flow_id == row.pk],
            "text_url": reverse("admin:approvals_flow_text", args=[row.pk]),
            "remove_url": reverse("admin:approvals_flow_remove", args=[row.pk]),
        }

    def text_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show a flow as JSON, and save what was written there."""
        row = self._find(request, pk)
        shown = {"text": FlowTextForm.text_of(selectors.spec_of(row))}
        form = FlowTextForm(request.POST or None, initial=shown, label_suffix="")
        if request.method == "POST":
            if not self.has_change_permission(request, row):
                raise PermissionDenied
            if form.is_valid() and self._save_text(request, form, row):
                return redirect(reverse("admin:approvals_flow_text", args=[pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{row} as JSON",
            "form": form,
            "row": row,
            "lead": "The same flow as in the editor; nothing is lost either way.",
            "list_url": reverse("admin:approvals_approvalflow_change", args=[pk]),
            "may_change": self.has_change_permission(request, row),
        }
        return TemplateResponse(request, "admin/service_form.html", context)

    def remove_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Remove a flow."""
        row = self._find(request, pk)
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        services.remove_flow(actor=actor_of(request), flow_id=pk)
        messages.success(request, f"“{row}” is removed. Open requests keep it.")
        return redirect("admin:approvals_approvalflow_changelist")

    def coverage_view(self, request: HttpRequest) -> HttpResponse:
        """Show how many people could decide, for each tier and hour of the week."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Who could decide when",
            **coverage.describe(request.GET.get("kind", "")),
        }
        return TemplateResponse(
            request, "admin/approvals/approvalflow/coverage.html", context
        )

    def _save_text(
        self, request: HttpRequest, form: FlowTextForm, row: ApprovalFlow
    ) -> bool:
        try:
            spec = rules.parse_spec(form.cleaned_data["text"])
            self.save_within(
                request,
                row,
                lambda: services.save_flow(
                    actor=actor_of(request), flow_id=row.pk, spec=spec
                ),
            )
        except PortwardError as error:
            where = f"{error.field}: " if error.field else ""
            form.add_error("text", f"{where}{error.message} {error.remedy}".strip())
            return False
        messages.success(request, f"“{row}” is saved.")
        return True

    def _find(self, request: HttpRequest, pk: uuid.UUID) -> ApprovalFlow:
        try:
            row = selectors.flow_by_id(pk)
        except FlowNotFoundError as error:
            raise Http404 from error
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row
