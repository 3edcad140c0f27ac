"""Campaigns, and what their runs ask, in the console."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from typing_extensions import override

from apps.accounts.permissions import actor_of, user_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import NotFoundError, PortwardError
from apps.reviews import adapters, selectors, services
from apps.reviews.choices import RunState
from apps.reviews.forms import ApplyForm, CampaignForm, ReasonForm
from apps.reviews.models import Campaign, Run

_PAGE = 100
_KINDS = {
    RunState.OPEN: "accent",
    RunState.HELD: "warn",
    RunState.APPLIED: "ok",
    RunState.CANCELLED: "muted",
}


@admin.register(Campaign)
class CampaignAdmin(ServiceAdmin[Campaign]):
    """What is asked again and again."""

    list_display = ["name", "reviewers", "recurrence", "silence", "opens_at"]
    search_fields = ["name"]
    page_form = CampaignForm
    page_template = "admin/reviews/campaign/page.html"
    lead = "Ask again and again who still needs what they hold."

    @override
    def initial(self, row: Campaign) -> dict[str, Any]:
        names = CampaignForm.base_fields
        values = {name: getattr(row, name) for name in names if name != "named"}
        return values | {"named": [str(user.pk) for user in row.named.all()]}

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: Campaign | None
    ) -> Campaign:
        assert isinstance(form, CampaignForm)  # noqa: S101  # made from page_form
        return services.save_campaign(
            actor=actor_of(request),
            spec=form.spec(),
            campaign_id=row.pk if row else None,
        )

    @override
    def details(self, request: HttpRequest, row: Campaign) -> dict[str, Any]:
        runs = selectors.runs().filter(campaign=row)
        return {
            "runs": [(run, _pill(run)) for run in runs[:10]],
            "matching": selectors.matching(row, timezone.now()).count(),
            "may_open": request.user.has_perm("reviews.change_campaign")
            and not runs.filter(state__in=[RunState.OPEN, RunState.HELD]).exists(),
        }

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add opening a run by hand."""
        view = self.admin_site.admin_view(require_POST(self.open_view))
        return [
            path("<uuid:pk>/open/", view, name="reviews_campaign_open"),
            *super().get_urls(),
        ]

    def open_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Open a run by hand."""
        if not request.user.has_perm("reviews.change_campaign"):
            raise PermissionDenied
        try:
            run = services.open_run(actor=actor_of(request), campaign_id=pk)
        except NotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
            return redirect("admin:reviews_campaign_change", pk)
        messages.success(request, "The review is open; everybody asked was told.")
        return redirect("admin:reviews_run_change", run.pk)


@admin.register(Run)
class RunAdmin(ServiceAdmin[Run]):
    """One time that a campaign asks: how far it is, and its effect."""

    list_display = ["campaign", "state_pill", "opened_at", "closes_at", "answers"]
    list_filter = ["state"]
    page_form = ReasonForm
    page_template = "admin/reviews/run/page.html"

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return selectors.runs()

    @admin.display(description="State")
    def state_pill(self, row: Run) -> SafeString:
        """Show where it stands."""
        return _pill(row)

    @admin.display(description="Answered")
    def answers(self, row: Run) -> str:
        """Show how far it is."""
        done = selectors.progress(row, selectors.items_of(row))
        return f"{done.answered} of {done.total}"

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: Run | None = None
    ) -> bool:
        return False

    @override
    def initial(self, row: Run) -> dict[str, Any]:
        return {}

    @override
    def details(self, request: HttpRequest, row: Run) -> dict[str, Any]:
        items = list(selectors.items_of(row))
        ending = selectors.to_revoke(row, items)
        is_live = row.state in {RunState.OPEN, RunState.HELD}
        return {
            "pill": _pill(row),
            "is_live": is_live,
            "progress": selectors.progress(row, items),
            "ending": ending if is_live else [],
            "losses": selectors.preview(ending, timezone.now()) if is_live else [],
            "page": Paginator(items, _PAGE).get_page(request.GET.get("page")),
            "may_apply": is_live and request.user.has_perm("reviews.change_campaign"),
        }

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add applying, cancelling, and the report."""
        wrap = self.admin_site.admin_view
        return [
            path(
                "<uuid:pk>/apply/",
                wrap(require_POST(self.apply_view)),
                name="reviews_run_apply",
            ),
            path(
                "<uuid:pk>/cancel/",
                wrap(require_POST(self.cancel_view)),
                name="reviews_run_cancel",
            ),
            path(
                "<uuid:pk>/report.csv",
                wrap(require_safe(self.report_view)),
                name="reviews_run_report",
            ),
            *super().get_urls(),
        ]

    def apply_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Carry out what was decided, if the number is the one that was shown."""
        self._require(request)
        form = ApplyForm(request.POST)
        try:
            services.apply_run(
                actor=actor_of(request),
                user=user_of(request),
                run_id=pk,
                confirmed=form.cleaned_data["confirmed"] if form.is_valid() else None,
            )
            messages.success(request, "Applied: the nodes get one release with it.")
        except NotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        return redirect("admin:reviews_run_change", pk)

    def cancel_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """End a review without any effect."""
        self._require(request)
        try:
            services.cancel_run(
                actor=actor_of(request),
                user=user_of(request),
                run_id=pk,
                reason=request.POST.get("reason", ""),
            )
            messages.success(request, "Cancelled: nothing has changed.")
        except NotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        return redirect("admin:reviews_run_change", pk)

    def report_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Return the report as a file."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        name = f"review-{row.opened_at:%Y-%m-%d}-{row.pk}.csv"
        return HttpResponse(
            adapters.report(selectors.items_of(row)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _require(self, request: HttpRequest) -> None:
        if not request.user.has_perm("reviews.change_campaign"):
            raise PermissionDenied


def _pill(row: Run) -> SafeString:
    state = RunState(row.state)
    pills = [(str(state.label), _KINDS[state])]
    return render_to_string("portal/pills.html", {"pills": pills})
