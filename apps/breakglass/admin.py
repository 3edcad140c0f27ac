"""Break-glass accounts and their reviews in the console."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.permissions import actor_of, user_of
from apps.breakglass import rules, selectors, services
from apps.breakglass.choices import AccountState
from apps.breakglass.forms import ReviewForm, SealForm
from apps.breakglass.models import Activation, BreakGlassAccount
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError

_KINDS = {
    AccountState.SEALED: "ok",
    AccountState.OPEN: "bad",
    AccountState.REVIEW: "warn",
    AccountState.LOCKED: "bad",
    AccountState.RETIRED: "muted",
}
_TABLE = ["When", "Action", "Target"]


@admin.register(BreakGlassAccount)
class BreakGlassAccountAdmin(ServiceAdmin[BreakGlassAccount]):
    """Accounts for the day when nothing else works."""

    list_display = ["user", "state", "sealed_by", "sealed_at", "drilled_at"]
    list_select_related = ["user"]
    page_form = SealForm
    page_template = "admin/breakglass/account.html"
    lead = (
        "Keep two, with hardware keys in two safes. A sealed account can do nothing "
        "until its holder breaks the glass, which tells every security admin."
    )

    @admin.display(description="State")
    def state(self, row: BreakGlassAccount) -> SafeString:
        """Show where the account stands."""
        return _pill(row)

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: BreakGlassAccount | None = None
    ) -> bool:
        return False

    @override
    def make_form(
        self, request: HttpRequest, row: BreakGlassAccount | None
    ) -> forms.Form:
        return SealForm(request.POST if request.method == "POST" else None)

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: BreakGlassAccount | None
    ) -> BreakGlassAccount:
        assert isinstance(form, SealForm)  # noqa: S101  # made above
        return services.seal(actor=actor_of(request), user=form.person())

    @override
    def details(self, request: HttpRequest, row: BreakGlassAccount) -> dict[str, Any]:
        now = timezone.now()
        return {
            "state_pill": _pill(row),
            "uses": row.activations.all(),
            "may_seal": selectors.may_seal_again(row)
            and request.user.has_perm("breakglass.change_breakglassaccount"),
            "may_retire": selectors.state_of(row) is AccountState.SEALED
            and request.user.has_perm("breakglass.change_breakglassaccount"),
            "is_drill_due": rules.is_drill_due(
                sealed_at=row.sealed_at, drilled_at=row.drilled_at, now=now
            ),
        }

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add retiring an account, and sealing it again."""
        wrap = self.admin_site.admin_view
        retire, seal = require_POST(self.retire_view), require_POST(self.seal_view)
        name = "breakglass_breakglassaccount"
        return [
            path("<uuid:pk>/retire/", wrap(retire), name=f"{name}_retire"),
            path("<uuid:pk>/seal/", wrap(seal), name=f"{name}_seal"),
            *super().get_urls(),
        ]

    def seal_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Seal an account again that a late review left locked, or that was retired."""
        if not request.user.has_perm("breakglass.change_breakglassaccount"):
            raise PermissionDenied
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        try:
            services.seal(actor=actor_of(request), user=row.user)
            messages.success(request, f"“{row}” is sealed again.")
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        return redirect("admin:breakglass_breakglassaccount_change", pk)

    def retire_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Let an account be a break-glass account no more."""
        if not request.user.has_perm("breakglass.change_breakglassaccount"):
            raise PermissionDenied
        try:
            services.retire(actor=actor_of(request), account_id=pk)
            messages.success(request, "It is an ordinary account now, an auditor's.")
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        return redirect("admin:breakglass_breakglassaccount_changelist")


@admin.register(Activation)
class ActivationAdmin(ServiceAdmin[Activation]):
    """Every time the glass was broken, and what came of it."""

    list_display = ["account", "opened_at", "ends_at", "is_drill", "review"]
    list_select_related = ["account__user"]
    page_form = ReviewForm
    page_template = "admin/breakglass/activation.html"

    @admin.display(description="Review")
    def review(self, row: Activation) -> str:
        """Show who closed the review."""
        return row.closed_by or "due"

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def initial(self, row: Activation) -> dict[str, Any]:
        return {"findings": row.findings}

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: Activation | None
    ) -> Activation:
        assert row is not None  # noqa: S101  # nothing is added here
        services.close_review(
            actor=actor_of(request),
            activation_id=row.pk,
            findings=form.cleaned_data["findings"],
        )
        return row

    @override
    def details(self, request: HttpRequest, row: Activation) -> dict[str, Any]:
        acts = selectors.acts_during(row)
        is_over = rules.end_of(row.facts()) <= timezone.now()
        is_own = row.account.user_id == user_of(request).pk
        return {
            "may_review": is_over and row.closed_at is None and not is_own,
            "is_over": is_over,
            "table_title": f"{acts.count()} acts while it was open",
            "table_head": _TABLE,
            "table": [
                (f"{a.at:%H:%M:%S}", a.action, f"{a.target_type} {a.target_id}")
                for a in acts[:500]
            ],
        }


def _pill(row: BreakGlassAccount) -> SafeString:
    state = selectors.state_of(row)
    pills = [(state.value, _KINDS[state])]
    return render_to_string("portal/pills.html", {"pills": pills})
