"""API clients and personal tokens of a tenant, in the console."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts import services as accounts
from apps.accounts.models import ApiToken
from apps.accounts.permissions import actor_of
from apps.clients import services
from apps.clients.authentication import addresses
from apps.clients.choices import AuthMethod, ClientState
from apps.clients.forms import ClientForm, CredentialsForm, NewClientForm
from apps.clients.models import ApiClient
from apps.clients.rules import jose
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError

CLIENTS = "admin:clients_apiclient_changelist"
TOKENS = "admin:accounts_apitoken_changelist"


@admin.register(ApiClient)
class ApiClientAdmin(ServiceAdmin[ApiClient]):
    """Programs that ask for access tokens in their own name."""

    list_display = ["name", "state_pill", "method", "scope_list", "until", "used"]
    search_fields = ["name", "client_id"]
    ordering = ["name"]
    page_form = ClientForm
    page_template = "admin/clients/apiclient/page.html"
    lead = (
        "A client proves itself by a key or a certificate and gets access tokens for "
        "ten minutes. Its private key is not known here."
    )

    @admin.display(description="State")
    def state_pill(self, client: ApiClient) -> SafeString:
        """Show whether it is given tokens."""
        return _pill(*_state(client))

    @admin.display(description="Proof", ordering="auth_method")
    def method(self, client: ApiClient) -> str:
        """Show how it proves itself."""
        return AuthMethod(client.auth_method).label

    @admin.display(description="May")
    def scope_list(self, client: ApiClient) -> str:
        """Show what it may do."""
        return ", ".join(client.scopes)

    @admin.display(description="Until", ordering="expires_at")
    def until(self, client: ApiClient) -> str:
        """Show when it ends by itself."""
        return f"{client.expires_at:%Y-%m-%d}"

    @admin.display(description="Last used", ordering="last_used_at")
    def used(self, client: ApiClient) -> str:
        """Show when and from where it last proved itself."""
        return _last_use(client)

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            ("keys", self.keys_view),
            ("state", require_POST(self.state_view)),
            ("remove", require_POST(self.remove_view)),
        ]
        return [
            path(f"<uuid:pk>/{name}/", wrap(view), name=f"clients_apiclient_{name}")
            for name, view in own
        ] + super().get_urls()

    @override
    def initial(self, row: ApiClient) -> dict[str, Any]:
        left = row.expires_at - timezone.now()
        return {
            "name": row.name,
            "scopes": row.scopes,
            "networks": "\n".join(row.networks),
            "days": max(1, left.days),
        }

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: ApiClient | None
    ) -> ApiClient:
        if row is None or not isinstance(form, ClientForm):
            raise PermissionDenied
        return services.change_client(
            actor=actor_of(request),
            client_id=row.pk,
            spec=form.spec(row.auth_method),
        )

    @override
    def details(self, request: HttpRequest, row: ApiClient) -> dict[str, Any]:
        where = addresses()
        tenant = row.tenant.slug
        return {
            "facts_title": "How it asks for a token",
            "facts": [
                ("Client", row.client_id),
                ("Proof", AuthMethod(row.auth_method).label),
                ("Token endpoint", where.token_endpoint),
                ("Issuer", where.issuer(tenant)),
                ("Last used", _last_use(row)),
            ],
            "credentials": [key["kid"] for key in row.jwks] or row.thumbprints,
            "state_pill": self.state_pill(row),
            "is_suspended": row.state == ClientState.SUSPENDED,
        }

    @override
    @method_decorator(never_cache)
    @method_decorator(sensitive_variables("private"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Register a client; a key pair made here is shown this one time."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewClientForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            private, made = _pair(form)
            try:
                client = services.create_client(
                    actor=actor_of(request),
                    spec=form.spec(form.cleaned_data["auth_method"]),
                    keys=[*form.public_keys(), *made],
                    thumbprints=form.thumbprints(),
                )
            except PortwardError as error:
                self.show_refusal(form, error)
            else:
                return self._done(request, client, private)
        return self._form_page(request, form, "Register an API client", None)

    @method_decorator(never_cache)
    @method_decorator(sensitive_variables("private"))
    def keys_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Replace the keys or certificates of a client."""
        client = self._changeable(request, pk)
        form = CredentialsForm(request.POST or None, initial=_credentials(client))
        form.fields.pop("keys" if client.uses_certificates else "certificates")
        if client.uses_certificates:
            form.fields.pop("make_pair")
        if request.method == "POST" and form.is_valid():
            private, made = _pair(form)
            try:
                services.replace_credentials(
                    actor=actor_of(request),
                    client_id=client.pk,
                    keys=[*form.public_keys(), *made],
                    thumbprints=form.thumbprints(),
                )
            except PortwardError as error:
                self.show_refusal(form, error)
            else:
                return self._done(request, client, private)
        return self._form_page(request, form, f"Keys of {client.name}", client)

    def state_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Suspend a client, or let it work again."""
        client = self._changeable(request, pk)
        is_over = client.state == ClientState.ACTIVE
        services.set_state(
            actor=actor_of(request),
            client_id=client.pk,
            state=ClientState.SUSPENDED if is_over else ClientState.ACTIVE,
        )
        said = "is suspended; its tokens are refused" if is_over else "works again"
        messages.success(request, f"“{client}” {said}.")
        return redirect("admin:clients_apiclient_change", client.pk)

    def remove_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Delete a client."""
        client = self._changeable(request, pk)
        services.delete_client(actor=actor_of(request), client_id=client.pk)
        messages.success(request, f"“{client}” is deleted; its tokens are refused.")
        return redirect(CLIENTS)

    def _changeable(self, request: HttpRequest, pk: uuid.UUID) -> ApiClient:
        client = self.get_object(request, str(pk))
        if client is None:
            raise Http404
        if not self.has_change_permission(request, client):
            raise PermissionDenied
        return client

    def _done(
        self, request: HttpRequest, client: ApiClient, private: str
    ) -> HttpResponse:
        if not private:
            messages.success(request, f"“{client}” is saved.")
            return redirect("admin:clients_apiclient_change", client.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Private key of {client.name}",
            "row": client,
            "private": private,
        }
        page = "admin/clients/apiclient/private_key.html"
        return TemplateResponse(request, page, context)

    def _form_page(
        self,
        request: HttpRequest,
        form: forms.Form,
        title: str,
        client: ApiClient | None,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "lead": self.lead,
            "list_url": self._address("change", client.pk)
            if client
            else self._address("changelist"),
            "may_change": True,
        }
        return TemplateResponse(request, "admin/service_form.html", context)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    """Personal tokens of the tenant's people: to look at, and to revoke."""

    list_display = ["name", "user", "state_pill", "scope_list", "until", "used"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username", "user__display_name"]
    list_per_page = 50
    actions = None
    fields = (
        *("name", "user", "state_pill", "scope_list", "networks", "acr"),
        *("created_at", "expires_at", "used"),
    )
    readonly_fields = fields
    change_form_template = "admin/accounts/apitoken/change_form.html"

    @admin.display(description="State")
    def state_pill(self, token: ApiToken) -> SafeString:
        """Show whether it still works."""
        if token.revoked_at:
            return _pill("Revoked", "muted")
        is_over = token.expires_at <= timezone.now()
        return _pill("Ended", "muted") if is_over else _pill("Works", "ok")

    @admin.display(description="For")
    def scope_list(self, token: ApiToken) -> str:
        """Show what it is for."""
        return ", ".join(token.scopes)

    @admin.display(description="Until", ordering="expires_at")
    def until(self, token: ApiToken) -> str:
        """Show when it ends by itself."""
        return f"{token.expires_at:%Y-%m-%d}"

    @admin.display(description="Last used", ordering="last_used_at")
    def used(self, token: ApiToken) -> str:
        """Show when and from where it was last used."""
        return _last_use(token)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> bool:
        return False

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.revoke_view))
        own = path("<uuid:pk>/revoke/", view, name="accounts_apitoken_revoke")
        return [own, *super().get_urls()]

    def revoke_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """End somebody's token."""
        token = self.get_object(request, str(pk))
        if token is None:
            raise Http404
        if not request.user.has_perm("accounts.change_apitoken"):
            raise PermissionDenied
        accounts.revoke_api_token(actor=actor_of(request), token_id=token.pk)
        messages.success(request, f"“{token}” no longer works.")
        return redirect(TOKENS)


def _pair(form: CredentialsForm) -> tuple[str, Sequence[jose.PublicKey]]:
    """Return a private key to show and its public half, if one was asked for."""
    if not form.cleaned_data.get("make_pair"):
        return "", ()
    private, public = jose.make_key_pair()
    return private, [public]


def _credentials(client: ApiClient) -> dict[str, str]:
    return {
        "keys": jose.as_text(client.jwks) if client.jwks else "",
        "certificates": "\n".join(client.thumbprints),
    }


def _state(client: ApiClient) -> tuple[str, str]:
    if client.state == ClientState.SUSPENDED:
        return "Suspended", "bad"
    if not client.works(timezone.now()):
        return "Ended", "muted"
    return "Active", "ok"


def _last_use(row: ApiClient | ApiToken) -> str:
    if row.last_used_at is None:
        return "never"
    return f"{row.last_used_at:%Y-%m-%d %H:%M} from {row.last_used_from}"


def _pill(text: str, tone: str) -> SafeString:
    return render_to_string("portal/pills.html", {"pills": [(text, tone)]})
