"""Sessions and freezes of a tenant's people, in the console."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts import services as accounts
from apps.accounts.errors import FreezeNotFoundError
from apps.accounts.forms import SignInPolicyForm
from apps.accounts.models import Freeze, SignInPolicy
from apps.accounts.permissions import actor_of
from apps.accounts.selectors import models_in_use
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.signin import selectors, services
from apps.signin.choices import EndReason
from apps.signin.forms import FreezeForm, ReasonForm
from apps.signin.models import SignIn
from apps.tenants.services import current_tenant_id


class _Liveness(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "Live"), ("over", "Over")]

    @override
    def queryset(
        self, request: HttpRequest, queryset: QuerySet[SignIn]
    ) -> QuerySet[SignIn]:
        live = selectors.live_sign_ins().values("pk")
        match self.value():
            case "live":
                return queryset.filter(pk__in=live)
            case "over":
                return queryset.exclude(pk__in=live)
            case _:
                return queryset


@admin.register(SignIn)
class SignInAdmin(admin.ModelAdmin[SignIn]):
    """Who is signed in, from where, with what, and how unusual that is."""

    list_display = ["person", "state", "place", "label", "proof", "risk_pill", "seen"]
    list_filter = [_Liveness]
    search_fields = ["user__username", "user__display_name", "address", "label"]
    list_per_page = 50
    ordering = ["-last_seen_at"]
    actions = None
    change_form_template = "admin/signin/signin/detail.html"

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[SignIn]:
        """Return the sessions of the tenant's members only."""
        return selectors.sign_ins_of_members()

    @override
    def has_view_permission(
        self, request: HttpRequest, obj: SignIn | None = None
    ) -> bool:
        return request.user.has_perm("accounts.view_membership")

    @override
    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: SignIn | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: SignIn | None = None
    ) -> bool:
        return False

    @admin.display(description="Person", ordering="user__display_name")
    def person(self, row: SignIn) -> str:
        """Show whose session it is."""
        return row.user.display_name

    @admin.display(description="State")
    def state(self, row: SignIn) -> SafeString:
        """Show whether it lives, and why not."""
        return _pills([_state(row)])

    @admin.display(description="Place", ordering="address")
    def place(self, row: SignIn) -> str:
        """Show where it comes from."""
        where = ", ".join(part for part in (row.city, row.country) if part)
        return f"{row.address} ({where})" if where else row.address

    @admin.display(description="Proof")
    def proof(self, row: SignIn) -> str:
        """Show what the person proved themselves with."""
        return ", ".join(factor.method.value for factor in row.proofs())

    @admin.display(description="Risk", ordering="risk")
    def risk_pill(self, row: SignIn) -> SafeString:
        """Show the risk, with its reasons."""
        context = {"risk": row.risk, "reasons": row.risk_reasons}
        return render_to_string("signin/risk.html", context)

    @admin.display(description="Last seen", ordering="last_seen_at")
    def seen(self, row: SignIn) -> str:
        """Show when it was last used."""
        return f"{row.last_seen_at:%Y-%m-%d %H:%M}"

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add ending a session."""
        view = self.admin_site.admin_view(require_POST(self.end_view))
        return [
            path("<uuid:pk>/end/", view, name="signin_signin_end"),
            *super().get_urls(),
        ]

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show one session."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        extra = {
            "title": f"{row.user.display_name}: {row.label}",
            "row": row,
            "state_pill": _pills([_state(row)]),
            "is_live": selectors.live_sign_ins().filter(pk=row.pk).exists(),
            "may_end": request.user.has_perm("accounts.change_membership"),
        }
        return super().change_view(request, object_id, form_url, extra)

    def end_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """End a session of a member."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if not request.user.has_perm("accounts.change_membership"):
            raise PermissionDenied
        services.end_session(
            actor=actor_of(request), sign_in_id=row.pk, reason=EndReason.KILLED
        )
        messages.success(request, "The session is over; its next request fails.")
        return redirect("admin:signin_signin_changelist")


@admin.register(Freeze)
class FreezeAdmin(ServiceAdmin[Freeze]):
    """Who is kept from working, why and until when."""

    list_display = ["user", "state", "reason", "expires_at", "created_by", "appealed"]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__display_name", "reason"]
    ordering = ["-created_at"]
    page_form = FreezeForm
    page_template = "admin/accounts/freeze/page.html"
    lead = (
        "A frozen person keeps their account but can do nothing in this tenant. They "
        "read why, and may appeal. Another person lifts it, or it ends by itself."
    )

    @admin.display(description="State")
    def state(self, row: Freeze) -> SafeString:
        """Show whether it still holds."""
        return _pills([_freeze_state(row)])

    @admin.display(description="Appeal", boolean=True)
    def appealed(self, row: Freeze) -> bool:
        """Show whether the person appealed."""
        return row.appealed_at is not None

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: Freeze | None = None
    ) -> bool:
        return False

    @override
    def make_form(self, request: HttpRequest, row: Freeze | None) -> forms.Form:
        return FreezeForm(
            request.POST if request.method == "POST" else None,
            initial={"username": request.GET.get("person", "")},
        )

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: Freeze | None
    ) -> Freeze:
        assert isinstance(form, FreezeForm)  # noqa: S101  # made above
        return accounts.freeze(
            actor=actor_of(request),
            user=form.person(),
            reason=form.cleaned_data["reason"],
            instructions=form.cleaned_data["instructions"],
            lifetime=dt.timedelta(hours=form.cleaned_data["hours"]),
        )

    @override
    def details(self, request: HttpRequest, row: Freeze) -> dict[str, Any]:
        holds = row.lifted_at is None and row.expires_at > timezone.now()
        return {
            "state_pill": _pills([_freeze_state(row)]),
            "may_lift": holds and request.user.has_perm("accounts.change_freeze"),
            "lift_form": ReasonForm(),
        }

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add lifting a freeze."""
        view = self.admin_site.admin_view(require_POST(self.lift_view))
        return [
            path("<uuid:pk>/lift/", view, name="accounts_freeze_lift"),
            *super().get_urls(),
        ]

    def lift_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Lift a freeze before its time."""
        if not request.user.has_perm("accounts.change_freeze"):
            raise PermissionDenied
        try:
            row = accounts.lift_freeze(
                actor=actor_of(request),
                freeze_id=pk,
                reason=request.POST.get("reason", ""),
            )
            messages.success(request, f"{row.user} can work again.")
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
            if isinstance(error, FreezeNotFoundError):
                raise Http404 from error
        return redirect("admin:accounts_freeze_change", pk)


@admin.register(SignInPolicy)
class SignInPolicyAdmin(ServiceAdmin[SignInPolicy]):
    """The one page of a tenant's sign-in settings."""

    page_form = SignInPolicyForm
    lead = (
        "Passkeys are always accepted. What else is, which authenticators may be "
        "registered, and how much risk is too much."
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
        row = accounts.sign_in_policy_row()
        return redirect("admin:accounts_signinpolicy_change", row.pk)

    @override
    def initial(self, row: SignInPolicy) -> dict[str, Any]:
        return {
            "accepted": row.accepted,
            "attestation": row.attestation,
            "aaguids": "\n".join(row.aaguids),
            "risk_step_up": row.risk_step_up,
            "risk_block": row.risk_block,
        }

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: SignInPolicy | None
    ) -> SignInPolicy:
        chosen = form.cleaned_data
        return accounts.set_sign_in_policy(
            actor=actor_of(request),
            values=accounts.SignInValues(
                accepted=chosen["accepted"],
                attestation=chosen["attestation"],
                aaguids=chosen["aaguids"].split(),
                risk_step_up=chosen["risk_step_up"],
                risk_block=chosen["risk_block"],
            ),
        )

    @override
    def details(self, request: HttpRequest, row: SignInPolicy) -> dict[str, Any]:
        return {
            "table_title": "Models that members use",
            "table_head": ["AAGUID", "Passkeys", "Accepted"],
            "table": [
                (aaguid, number, _is_listed(aaguid, row))
                for aaguid, number in models_in_use().items()
            ],
        }


def _is_listed(aaguid: str, row: SignInPolicy) -> str:
    return "yes" if not row.aaguids or aaguid in row.aaguids else "no"


def _state(row: SignIn) -> tuple[str, str]:
    if row.ended_at is not None:
        return (EndReason(row.end_reason).value.replace("_", " "), "muted")
    if selectors.is_live(row):
        return ("must confirm", "warn") if row.must_prove_since else ("live", "ok")
    return ("idle", "muted")


def _freeze_state(row: Freeze) -> tuple[str, str]:
    if row.lifted_at is not None:
        return ("lifted", "muted")
    return ("frozen", "bad") if row.expires_at > timezone.now() else ("over", "muted")


def _pills(pills: list[tuple[str, str]]) -> SafeString:
    return render_to_string("portal/pills.html", {"pills": pills})
