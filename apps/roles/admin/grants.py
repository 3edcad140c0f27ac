"""Delegated rights: what is given to whom, giving it, and taking it back."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.permissions import actor_of, user_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.roles import rules, selectors, services
from apps.roles.choices import GrantState
from apps.roles.errors import GrantInvalidError, GrantNotFoundError
from apps.roles.forms import GrantForm, RevokeForm
from apps.roles.models import ObjectGrant
from apps.roles.rules import GrantSpec

_ALL = "all"
_SHOWN = 10
_LIFETIME = dt.timedelta(days=30)
_TONES = {
    GrantState.NOW: "ok",
    GrantState.EXPIRED: "muted",
    GrantState.REVOKED: "muted",
}


class GrantStateFilter(admin.SimpleListFilter):
    """Show what holds now, unless something else is asked for."""

    title = "state"
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        over = [GrantState.EXPIRED, GrantState.REVOKED]
        return [*((s.value, str(s.label)) for s in over), (_ALL, "All")]

    @override
    def choices(self, changelist: Any) -> Iterator[Any]:  # Django's signature
        first, *rest = super().choices(changelist)
        yield first | {"display": GrantState.NOW.label}
        yield from rest

    @override
    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ObjectGrant]
    ) -> QuerySet[ObjectGrant]:
        if self.value() == _ALL:
            return queryset
        state = self.value() or GrantState.NOW
        if state not in GrantState.values:
            return queryset.none()
        return queryset.filter(selectors.grants_in(str(state), timezone.now()))


@admin.register(ObjectGrant)
class ObjectGrantAdmin(ServiceAdmin[ObjectGrant]):
    """Who may do what to single objects. A right is given and revoked, never edited."""

    list_display = ["holder", "may", "what", "until_text", "granted_by_name", "pill"]
    list_display_links = ["holder"]
    list_filter = [GrantStateFilter]
    search_fields = [
        *("user__username", "user__display_name", "group__slug", "group__name"),
        *("reason", "granted_by_name"),
    ]
    page_form = GrantForm
    page_template = "admin/roles/grant.html"
    lead = "A right is not edited: revoke it and give another."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[ObjectGrant]:
        return selectors.grants().prefetch_related("content_object")

    @override
    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        own = path("<uuid:pk>/revoke/", revoke, name="roles_objectgrant_revoke")
        return [own, *super().get_urls()]

    @override
    def has_view_permission(
        self, request: HttpRequest, obj: ObjectGrant | None = None
    ) -> bool:
        """Show people what they hold and what they gave, besides who sees all."""
        if super().has_view_permission(request):
            return True
        return (
            obj is not None
            and self.narrowed(request, ObjectGrant.objects.filter(pk=obj.pk)).exists()
        )

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: ObjectGrant | None = None
    ) -> bool:
        """Show rights for reading only."""
        return False

    @override
    def has_view_or_change_permission(
        self, request: HttpRequest, obj: ObjectGrant | None = None
    ) -> bool:
        """Open the list to who holds or gave something."""
        return self.has_view_permission(request, obj) or (
            obj is None and selectors.holds_any(user_of(request))
        )

    @override
    def narrowed(
        self, request: HttpRequest, rows: QuerySet[ObjectGrant]
    ) -> QuerySet[ObjectGrant]:
        """Leave what concerns the person, unless they may see all."""
        user = user_of(request)
        if super().has_view_permission(request):
            return rows
        return rows.filter(selectors.concerning(user.pk))

    @override
    def may_add(self, request: HttpRequest) -> bool:
        """Let security admins in, and who may pass something on."""
        return self.has_add_permission(request) or any(
            row.may_pass_on for row in selectors.held(user_of(request), timezone.now())
        )

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Ask of what kind the objects are, and then for the rest."""
        if not self.may_add(request):
            raise PermissionDenied
        if _model_in(request):
            return super().add_view(request, form_url, extra_context)
        offered = selectors.grantable_models()
        if not self.has_add_permission(request):
            held = selectors.held(user_of(request), timezone.now())
            passable = {row.model_name for row in held if row.may_pass_on}
            offered = {name: offered[name] for name in offered if name in passable}
        context = {
            **self.admin_site.each_context(request),
            "title": "Delegate a right",
            "opts": self.opts,
            "offered": [
                (name, model._meta.verbose_name_plural, selectors.scope_fields(model))  # noqa: SLF001  # Django's documented model API
                for name, model in offered.items()
            ],
        }
        return TemplateResponse(request, "admin/roles/grant_kind.html", context)

    @override
    def make_form(self, request: HttpRequest, row: ObjectGrant | None) -> forms.Form:
        bound = request.POST if request.method == "POST" and row is None else None
        name = row.model_name if row else _model_in(request)
        names = ("holder", "object_id", "action")
        asked = {name: request.GET[name] for name in names if name in request.GET}
        until = f"{timezone.now() + _LIFETIME:%Y-%m-%d %H:%M}"
        try:
            rows = selectors.grantable_model(name)._default_manager.all()  # noqa: SLF001  # Django's documented model API
        except GrantInvalidError as error:
            raise Http404 from error
        app, _, model = name.lower().partition(".")
        rows = user_of(request).narrowed(f"{app}.view_{model}", rows)
        initial = {"until": until, "model": name} | asked
        return GrantForm(bound, rows=rows, initial=initial)

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: ObjectGrant | None
    ) -> ObjectGrant:
        values = dict(form.cleaned_data)
        kind, _, key = values.pop("holder").partition(":")
        values[f"{kind}_id"] = uuid.UUID(key)
        return services.grant_object(actor=actor_of(request), spec=GrantSpec(**values))

    @override
    def details(self, request: HttpRequest, row: ObjectGrant) -> dict[str, Any]:
        rows = selectors.covered(row)
        found = list(rows[: _SHOWN + 1])
        return {
            "holder": self.holder(row),
            "may": self.may(row),
            "what": self.what(row),
            "pill": self.pill(row),
            "covered": found[:_SHOWN],
            "has_more": len(found) > _SHOWN,
            "passed_on": selectors.grants().filter(parent=row),
            "may_revoke": _state(row) == GrantState.NOW
            and services.may_revoke(actor_of(request), row),
            "revoke_form": RevokeForm(),
        }

    @admin.display(description="For")
    def holder(self, row: ObjectGrant) -> str:
        """Show the person or the group."""
        return str(row.user) if row.user else f"{row.group} (group)"

    @admin.display(description="May")
    def may(self, row: ObjectGrant) -> str:
        """Show what may be done."""
        return row.action + (", and pass it on" if row.may_pass_on else "")

    @admin.display(description="What")
    def what(self, row: ObjectGrant) -> str:
        """Show the object, or which objects."""
        return selectors.say_scope(row)

    @admin.display(description="Until", ordering="until")
    def until_text(self, row: ObjectGrant) -> str:
        """Show the end."""
        return f"{row.until:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="State")
    def pill(self, row: ObjectGrant) -> SafeString:
        """Show whether it holds now."""
        state = _state(row)
        return format_html(
            '<span class="pw-pill pw-pill--{}">{}</span>', _TONES[state], state.label
        )

    def revoke_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Take a right back."""
        row = selectors.grants().filter(pk=pk)
        if not self.narrowed(request, row).exists():
            raise Http404
        form = RevokeForm(request.POST)
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        actor = actor_of(request)
        if not services.may_revoke(actor, row.get()):
            raise PermissionDenied
        try:
            revoked = services.revoke_grant(actor=actor, grant_id=pk, reason=reason)
        except GrantNotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        else:
            messages.success(request, f"“{revoked}” is revoked.")
        return redirect("admin:roles_objectgrant_change", pk)


def _model_in(request: HttpRequest) -> str:
    return str(request.POST.get("model") or request.GET.get("model") or "")


def _state(row: ObjectGrant) -> GrantState:
    return rules.grant_state(row.until, row.revoked_at, timezone.now())
