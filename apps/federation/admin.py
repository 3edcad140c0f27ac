"""Identity providers: add, try, map, suspend, and see whom they stand for."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.federation import adapters, selectors, services
from apps.federation.choices import ClientAuth, ProviderState
from apps.federation.errors import LinkNotFoundError
from apps.federation.forms import MappingForm, ProviderForm
from apps.federation.models import IdentityProvider
from apps.federation.rules.mapping import as_lines
from apps.federation.services import ProviderValues

PAGE = "admin:federation_identityprovider_change"


@admin.register(IdentityProvider)
class IdentityProviderAdmin(ServiceAdmin[IdentityProvider]):
    """Who may vouch for the people of the tenant."""

    list_display = ["name", "slug", "issuer", "state_pill", "people"]
    search_fields = ["name", "slug", "issuer"]
    page_form = ProviderForm
    page_template = "admin/federation/provider.html"
    lead = "A provider says who somebody is; what that is worth here, you say."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityProvider]:
        return selectors.providers_with_counts()

    @admin.display(description="State", ordering="state")
    def state_pill(self, provider: IdentityProvider) -> SafeString:
        """Show the state as a pill."""
        tone = "ok" if provider.is_active else "muted"
        label = ProviderState(provider.state).label
        return format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, label)

    @admin.display(description="Linked people", ordering="link_count")
    def people(self, provider: IdentityProvider) -> int:
        """Show how many people are linked."""
        return int(getattr(provider, "link_count", 0))

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = "federation_identityprovider"
        own = [
            path("<uuid:pk>/mapping/", wrap(self.mapping_view), name=f"{name}_mapping"),
            path(
                "<uuid:pk>/suspend/",
                wrap(require_POST(self.suspend_view)),
                name=f"{name}_suspend",
            ),
            path(
                "<uuid:pk>/resume/",
                wrap(require_POST(self.resume_view)),
                name=f"{name}_resume",
            ),
            path(
                "<uuid:pk>/links/<uuid:link_id>/unlink/",
                wrap(require_POST(self.unlink_view)),
                name=f"{name}_unlink",
            ),
        ]
        return own + super().get_urls()

    @override
    def initial(self, row: IdentityProvider) -> dict[str, Any]:
        names = ProviderForm.base_fields.keys() - {"secret"}
        return {name: getattr(row, name) for name in names}

    @override
    def make_form(
        self, request: HttpRequest, row: IdentityProvider | None
    ) -> forms.Form:
        """Keep what the provider and its links are known by as it is."""
        form = super().make_form(request, row)
        if row is not None:
            for name in ("slug", "issuer"):
                form.fields[name].widget.attrs["readonly"] = True
        return form

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: IdentityProvider | None
    ) -> IdentityProvider:
        """Read what the provider says about itself, then keep it."""
        assert isinstance(form, ProviderForm)  # noqa: S101  # it is our own page_form
        values = form.values()
        metadata = adapters.discover(values.issuer, client_auth=values.client_auth)
        actor = actor_of(request)
        if row is None:
            saved = services.create_provider(
                actor=actor, values=values, metadata=metadata
            )
        else:
            saved = services.change_provider(
                actor=actor, provider=row, values=values, metadata=metadata
            )
        if saved.client_auth == ClientAuth.PRIVATE_KEY:
            adapters.ensure_key(saved.key_reference)
        return saved

    @override
    def _page(self, request: HttpRequest, row: IdentityProvider | None) -> HttpResponse:
        """Show what a provider says about itself, when that was asked for."""
        if request.method != "POST" or "test" not in request.POST:
            return super()._page(request, row)
        form = self.make_form(request, row)
        found: Mapping[str, Any] = {}
        if form.is_valid() and isinstance(form, ProviderForm):
            found = self._try(form.values(), form)
        context = {
            **self.admin_site.each_context(request),
            "title": str(row) if row else "Add an identity provider",
            "opts": self.opts,
            "form": form,
            "row": row,
            "lead": self.lead,
            "list_url": self._address("changelist"),
            "may_change": True,
            "found": _facts(found),
            **(self.details(request, row) if row else {}),
        }
        return TemplateResponse(request, self.page_template, context)

    @override
    def details(self, request: HttpRequest, row: IdentityProvider) -> dict[str, Any]:
        return {
            "addresses": selectors.addresses(row),
            "has_key": row.client_auth == ClientAuth.PRIVATE_KEY,
            "facts": [
                ("State", ProviderState(row.state).label),
                ("Read at", f"{row.metadata_at:%Y-%m-%d %H:%M}"),
                *_facts(row.metadata),
            ],
            "links": row.links.select_related("user"),
            "may_act": self.has_change_permission(request, row),
        }

    def mapping_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show, try and change what the provider's claims are worth."""
        row = self._row(request, pk, is_change=request.method == "POST")
        form = MappingForm(request.POST or None, initial=_lines(row))
        preview = None
        if request.method == "POST" and form.is_valid():
            if "preview" not in request.POST:
                services.change_mapping(
                    actor=actor_of(request), provider=row, mapping=form.mapping()
                )
                messages.success(request, f"The mapping of “{row}” is saved.")
                return redirect(PAGE, row.pk)
            preview = selectors.preview(
                row, form.mapping(), sample=form.cleaned_data["sample"]
            )
        context = {
            **self.admin_site.each_context(request),
            "title": f"What {row} is worth here",
            "opts": self.opts,
            "row": row,
            "form": form,
            "preview": preview,
            "list_url": self._address("changelist"),
            "may_change": self.has_change_permission(request, row),
        }
        return TemplateResponse(request, "admin/federation/mapping.html", context)

    def suspend_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Let nobody sign in by the provider any more."""
        return self._set_state(request, pk, ProviderState.SUSPENDED)

    def resume_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Let people sign in by the provider again."""
        return self._set_state(request, pk, ProviderState.ACTIVE)

    def unlink_view(
        self, request: HttpRequest, pk: str, link_id: uuid.UUID
    ) -> HttpResponse:
        """Let an account at the provider no longer stand for a person."""
        row = self._row(request, pk, is_change=True)
        try:
            if not row.links.filter(pk=link_id).exists():
                raise LinkNotFoundError
            name = services.unlink(actor=actor_of(request), link_id=link_id)
            messages.success(request, f"{name} is no longer linked.")
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        return redirect(PAGE, row.pk)

    def _set_state(
        self, request: HttpRequest, pk: str, state: ProviderState
    ) -> HttpResponse:
        row = self._row(request, pk, is_change=True)
        services.set_state(actor=actor_of(request), provider=row, state=state)
        messages.success(request, f"“{row}” is {state.label.lower()}.")
        return redirect(PAGE, row.pk)

    def _row(
        self, request: HttpRequest, pk: str, *, is_change: bool
    ) -> IdentityProvider:
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        may = self.has_change_permission if is_change else self.has_view_permission
        if not may(request, row):
            raise PermissionDenied
        return row

    def _try(self, values: ProviderValues, form: forms.Form) -> Mapping[str, Any]:
        try:
            found = adapters.discover(values.issuer, client_auth=values.client_auth)
            keys = adapters.fetch_keys(found)["keys"]
        except PortwardError as error:
            self.show_refusal(form, error)
            return {}
        return {**found, "keys": [f"{k['kty']} {k.get('kid', '')}" for k in keys]}


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what discovery found, as people read it."""
    return [
        (
            name.replace("_", " "),
            ", ".join(map(str, value)) if isinstance(value, list) else str(value),
        )
        for name, value in found.items()
    ]


def _lines(row: IdentityProvider) -> dict[str, str]:
    last = selectors.last_claims(row)
    return {
        "acr_map": as_lines(row.acr_map),
        "amr_map": as_lines(row.amr_map),
        "group_claim": row.group_claim,
        "group_map": as_lines(row.group_map),
        "sample": json.dumps(last, indent=2) if last else "",
    }
