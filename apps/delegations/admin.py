"""What is lent in the tenant, who stands in for whom, and the settings."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.permissions import actor_of, user_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import NotFoundError, PortwardError
from apps.delegations import selectors, services
from apps.delegations.choices import LoanState
from apps.delegations.forms import EndForm, PolicyForm
from apps.delegations.models import ApproverAbsence, Delegation, DelegationPolicy
from apps.tenants.services import current_tenant_id

_PAGE = 50
_KINDS = {
    LoanState.OFFERED: "accent",
    LoanState.ACCEPTED: "ok",
    LoanState.DECLINED: "muted",
    LoanState.REVOKED: "muted",
    LoanState.EXPIRED: "muted",
}
_OPEN = {LoanState.OFFERED, LoanState.ACCEPTED}


class _LoanAdmin(ServiceAdmin[Any]):
    """Rows that members make by themselves; here they are read, and ended."""

    page_form = EndForm

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @override
    def initial(self, row: Any) -> dict[str, Any]:
        return {}

    def may_end(self, request: HttpRequest) -> bool:
        """Say whether the person may end what others lend."""
        return request.user.has_perm("delegations.change_delegationpolicy")


@admin.register(Delegation)
class DelegationAdmin(_LoanAdmin):
    """All that is lent, as a tree of what depends on what."""

    page_template = "admin/delegations/delegation/page.html"

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Delegation]:
        return selectors.delegations()

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """Show the trees of what runs, and what has ended below."""
        if not self.has_view_permission(request) or current_tenant_id() is None:
            raise PermissionDenied
        now, query = timezone.now(), request.GET.get("q", "").strip()
        found = selectors.delegations()
        for word in query.split():
            found = found.filter(
                Q(delegator__key__icontains=word)
                | Q(delegate__key__icontains=word)
                | Q(role__slug__icontains=word)
            )
        running = found.filter(state__in=_OPEN, end__gt=now)
        over = found.exclude(pk__in=running.values("pk"))
        page = Paginator(over, _PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Delegations",
            "opts": self.opts,
            "trees": selectors.trees(running, now),
            "page": page,
            "over": [(row, _pill(row)) for row in page],
            "q": query,
            "limits": selectors.limits(),
            "now": now,
        }
        return render(request, "admin/delegations/delegation/trees.html", context)

    @override
    def details(self, request: HttpRequest, row: Delegation) -> dict[str, Any]:
        now = timezone.now()
        return {
            "title": f"{row.role} of {row.delegate}",
            "state_pill": _pill(row),
            "trees": selectors.trees([row.parent or row], now),
            "is_idle": row.pk in selectors.idle([row], now),
            "may_end": row.state_at(now) in _OPEN and self.may_end(request),
            "now": now,
        }

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add ending a delegation."""
        view = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [
            path("<uuid:pk>/revoke/", view, name="delegations_delegation_revoke"),
            *super().get_urls(),
        ]

    def revoke_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """End a delegation, and all that was passed on from it."""
        if not self.may_end(request):
            raise PermissionDenied
        try:
            ended = services.revoke(
                actor=actor_of(request),
                user=user_of(request),
                delegation_id=pk,
                reason=request.POST.get("reason", ""),
            )
            messages.success(request, f"Ended: {len(ended)}.")
        except NotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        return redirect("admin:delegations_delegation_change", pk)


@admin.register(ApproverAbsence)
class ApproverAbsenceAdmin(_LoanAdmin):
    """When approvers are away, and who votes in their place."""

    list_display = ["approver", "stand_in", "start", "end", "answer", "reason"]
    list_select_related = ["approver", "stand_in"]
    search_fields = ["approver__username", "stand_in__username", "reason"]
    page_template = "admin/delegations/approverabsence/page.html"

    @admin.display(description="State")
    def answer(self, row: ApproverAbsence) -> SafeString:
        """Show where it stands."""
        return _pill(row)

    @override
    def details(self, request: HttpRequest, row: ApproverAbsence) -> dict[str, Any]:
        return {
            "state_pill": _pill(row),
            "may_end": row.state_at(timezone.now()) in _OPEN and self.may_end(request),
        }

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add ending an absence."""
        view = self.admin_site.admin_view(require_POST(self.end_view))
        return [
            path("<uuid:pk>/end/", view, name="delegations_approverabsence_end"),
            *super().get_urls(),
        ]

    def end_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """End an absence before its time."""
        if not self.may_end(request):
            raise PermissionDenied
        try:
            services.end_absence(
                actor=actor_of(request),
                user=user_of(request),
                absence_id=pk,
                reason=request.POST.get("reason", ""),
            )
            messages.success(request, "The absence has ended.")
        except NotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        return redirect("admin:delegations_approverabsence_change", pk)


@admin.register(DelegationPolicy)
class DelegationPolicyAdmin(ServiceAdmin[DelegationPolicy]):
    """The one page of what may be lent."""

    page_form = PolicyForm
    lead = (
        "Whether members may lend what they hold. A delegate never holds more than "
        "the delegator, in role, place and time; elevations are never lent."
    )

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """Lead to the one page there is."""
        if not self.has_view_permission(request) or current_tenant_id() is None:
            raise PermissionDenied
        row = services.delegation_policy_row()
        return redirect("admin:delegations_delegationpolicy_change", row.pk)

    @override
    def initial(self, row: DelegationPolicy) -> dict[str, Any]:
        return {
            "is_allowed": row.is_allowed,
            "max_days": row.max_days,
            "max_depth": row.max_depth,
        }

    @override
    def save(
        self, request: HttpRequest, form: Any, row: DelegationPolicy | None
    ) -> DelegationPolicy:
        assert isinstance(form, PolicyForm)  # noqa: S101  # made from page_form
        return services.set_policy(actor=actor_of(request), limits=form.limits())

    @override
    def details(self, request: HttpRequest, row: DelegationPolicy) -> dict[str, Any]:
        running = selectors.open_delegations(timezone.now())
        return {
            "facts_title": "Now",
            "facts": [
                ("Running", running.filter(state=LoanState.ACCEPTED).count()),
                ("Offered", running.filter(state=LoanState.OFFERED).count()),
            ],
        }


def _pill(row: Delegation | ApproverAbsence) -> SafeString:
    state = row.state_at(timezone.now())
    pills = [(str(state.label), _KINDS[state])]
    return render_to_string("portal/pills.html", {"pills": pills})
