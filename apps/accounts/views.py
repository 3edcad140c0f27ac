"""One's own account: parse, one service call, render."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import segno
from django.contrib import admin, messages
from django.contrib.auth import HASH_SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from apps.accounts import selectors, services
from apps.accounts.forms import ApiTokenForm
from apps.accounts.models import CodeDevice, User
from apps.accounts.permissions import (
    TENANT_SESSION_KEY,
    actor_of,
    user_of,
    verified,
)
from apps.accounts.rules import CodeKind
from apps.accounts.services import NewCodeDevice
from apps.core.errors import PortwardError
from apps.core.views import next_address
from apps.tenants.services import current_tenant_id

# One key may be lost; administrators are reminded until they have another.
KEYS_WANTED = 2


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
            "code_devices": selectors.code_devices(user),
            "recovery_left": selectors.unused_recovery_codes(user).count(),
            "has_password": user.has_usable_password(),
            "accepted": selectors.accepted_codes(user),
            "own_memberships": selectors.memberships(user),
            "needs_second_key": selectors.usable_passkeys(user).count() < KEYS_WANTED,
            "is_new": "welcome" in request.GET,
        },
    )


@never_cache
@verified
@require_POST
def rename_passkey(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Give one of a person's own passkeys another name."""
    return _act(
        request,
        "The passkey has its new name.",
        lambda: services.rename_passkey(
            user=user_of(request),
            passkey_id=passkey_id,
            name=request.POST.get("name", ""),
        ),
    )


@never_cache
@verified
@require_http_methods(["GET", "HEAD", "POST"])
def api_tokens(request: HttpRequest) -> HttpResponse:
    """List a person's tokens in the chosen tenant, and make one that is shown once."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    own = selectors.token_scopes(user)
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
@require_http_methods(["GET", "HEAD", "POST"])
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


@never_cache
@verified
@require_POST
def new_code_device(request: HttpRequest) -> HttpResponse:
    """Make an authenticator, and show its secret this once, as picture and text."""
    kind = CodeKind.HOTP if request.POST.get("kind") == "hotp" else CodeKind.TOTP
    made = services.begin_code_device(
        user=user_of(request), kind=kind, name=request.POST.get("name", "")
    )
    return _code_device_page(request, made.device, made)


@never_cache
@verified
@require_POST
def confirm_code_device(request: HttpRequest, device_id: int) -> HttpResponse:
    """Let an authenticator count once it has shown a right code."""
    try:
        device = services.confirm_code_device(
            actor=actor_of(request),
            user=user_of(request),
            device_id=device_id,
            code=request.POST.get("code", ""),
        )
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}")
        waiting = CodeDevice.objects.filter(
            pk=device_id, user=user_of(request), confirmed=False
        ).first()
        if waiting is not None:
            return _code_device_page(request, waiting, None)
    else:
        messages.success(request, f"“{device}” works now.")
    return redirect("accounts:account")


@never_cache
@verified
@require_POST
def remove_code_device(request: HttpRequest, device_id: int) -> HttpResponse:
    """Remove one of a person's own authenticators."""
    return _act(
        request,
        "It does not work any more.",
        lambda: services.remove_code_device(
            actor=actor_of(request), user=user_of(request), device_id=device_id
        ),
    )


@never_cache
@verified
@require_POST
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Make ten recovery codes, and show them this once."""
    codes = services.new_recovery_codes(actor=actor_of(request), user=user_of(request))
    context = {
        **admin.site.each_context(request),
        "title": "Your recovery codes",
        "codes": codes,
    }
    return render(request, "accounts/recovery_codes.html", context)


@sensitive_post_parameters()
@never_cache
@verified
@require_POST
def set_password(request: HttpRequest) -> HttpResponse:
    """Set the password that counts together with a code; other sessions end."""
    user = user_of(request)
    return _act(
        request,
        "The password is set. It counts together with a code.",
        lambda: services.set_password(
            actor=actor_of(request),
            user=user,
            password=request.POST.get("password", ""),
        ),
        and_then=lambda: _keep_this_session(request, user),
    )


@never_cache
@verified
@require_POST
def remove_password(request: HttpRequest) -> HttpResponse:
    """Leave passkeys as the only way in; other sessions end."""
    user = user_of(request)
    return _act(
        request,
        "The password is removed.",
        lambda: services.remove_password(actor=actor_of(request), user=user),
        and_then=lambda: _keep_this_session(request, user),
    )


def _keep_this_session(request: HttpRequest, user: User) -> None:
    """Tie the session to the changed password; Django drops all that are not.

    The cookie stays as it is: the session's row is found by it.
    """
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()


def _act(
    request: HttpRequest,
    done: str,
    act: Callable[[], object],
    and_then: Callable[[], None] = lambda: None,
) -> HttpResponse:
    try:
        act()
        and_then()
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    else:
        messages.success(request, done)
    return redirect("accounts:account")


def _code_device_page(
    request: HttpRequest, device: CodeDevice, made: NewCodeDevice | None
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Add an authenticator",
        "device": device,
        "made": made,
        "picture": segno.make(made.uri).svg_data_uri(scale=5) if made else "",
    }
    return render(request, "accounts/code_device.html", context)
