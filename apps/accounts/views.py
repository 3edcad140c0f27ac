"""One's own account: parse, one service call, render."""

from __future__ import annotations

import uuid

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import selectors, services
from apps.accounts.forms import ApiTokenForm
from apps.accounts.permissions import (
    TENANT_SESSION_KEY,
    actor_of,
    user_of,
    verified,
)
from apps.core.errors import PortwardError
from apps.core.views import next_address
from apps.tenants.services import current_tenant_id


@never_cache
@verified
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Show a person their passkeys and tenants."""
    user = user_of(request)
    current = getattr(request.user, "otp_device", None)
    return render(
        request,
        "accounts/account.html",
        {
            **admin.site.each_context(request),
            "title": "Your account",
            "passkeys": selectors.passkeys(user),
            "current_passkey": current,
            "own_memberships": selectors.memberships(user),
            "is_new": "welcome" in request.GET,
        },
    )


@never_cache
@verified
@require_POST
def remove_passkey(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Delete one of a person's own passkeys."""
    try:
        services.remove_passkey(
            actor=actor_of(request), user=user_of(request), passkey_id=passkey_id
        )
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}")
    else:
        messages.success(request, "The passkey was removed.")
    return redirect("accounts:account")


@never_cache
@verified
def api_tokens(request: HttpRequest) -> HttpResponse:
    """List a person's tokens in the chosen tenant, and make one that is shown once."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    own = selectors.scopes_in_scope(user)
    form = ApiTokenForm(request.POST or None, own_scopes=own)
    token = ""
    if request.method == "POST" and form.is_valid():
        try:
            token = services.issue_api_token(
                actor=actor_of(request),
                user=user,
                spec=form.spec(),
                proof=getattr(request, "token_proof", services.NO_PROOF),
            )
        except PortwardError as error:
            form.add_error(error.field or None, f"{error.message} {error.remedy}")
    return render(
        request,
        "accounts/api_tokens.html",
        {
            **admin.site.each_context(request),
            "title": "API tokens",
            "form": form,
            "token": token,
            "tokens": selectors.api_tokens(user),
        },
    )


@never_cache
@verified
@require_POST
def revoke_api_token(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """End one of a person's own tokens."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    services.revoke_api_token(
        actor=actor_of(request), token_id=token_id, owner=user_of(request)
    )
    messages.success(request, "The token no longer works.")
    return redirect("accounts:api_tokens")


@never_cache
@verified
def choose_tenant(request: HttpRequest) -> HttpResponse:
    """Show the tenants of a person, and work in the chosen one from now on."""
    mine = {str(tenant.pk): tenant for tenant in selectors.tenants_of(user_of(request))}
    if request.method == "POST":
        chosen = request.POST.get("tenant", "")
        if chosen in mine:
            request.session[TENANT_SESSION_KEY] = chosen
            messages.success(request, f"You work in {mine[chosen].name} now.")
            # What was open belongs to the other tenant, so the overview it is.
            return redirect(next_address(request))
        messages.error(request, "You are not a member of that tenant.")
    context = {
        **admin.site.each_context(request),
        "title": "Choose a tenant",
        "own_memberships": selectors.memberships(user_of(request)),
        "next": next_address(request),
    }
    return render(request, "accounts/choose_tenant.html", context)
