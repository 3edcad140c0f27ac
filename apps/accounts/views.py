"""Sign-in, enrollment and one's own account: parse, one service call, render."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, auth, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import selectors, services
from apps.accounts.errors import EnrollmentLinkError, NotAMemberError
from apps.accounts.forms import ApiTokenForm
from apps.accounts.models import EnrollmentLink, Passkey, User
from apps.accounts.permissions import TENANT_SESSION_KEY, actor_of, user_of
from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    PortwardError,
)
from apps.tenants.services import current_tenant_id

BACKEND = "apps.accounts.authentication.MembershipBackend"
_STATUS: dict[type[PortwardError], int] = {
    InvalidError: 400,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
}

View = Callable[..., HttpResponse]


def answers_json(view: View) -> View:
    """Turn expected failures into a JSON answer with code, message and remedy."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except PortwardError as error:
            status = next(
                (code for kind, code in _STATUS.items() if isinstance(error, kind)), 500
            )
            return JsonResponse(error.as_dict(), status=status)

    return inner


def verified(view: View) -> View:
    """Let only people in who signed in with a passkey."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            user_of(request)
        except NotAMemberError:
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return view(request, *args, **kwargs)

    return inner


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Show the sign-in page; the rest happens between browser and authenticator."""
    target = _next(request)
    if request.user.is_authenticated and _is_verified(request):
        return redirect(target)
    return render(
        request,
        "accounts/login.html",
        {"title": "Sign in", "next": target, "field": REDIRECT_FIELD_NAME},
    )


@never_cache
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session."""
    with contextlib.suppress(NotAMemberError):
        services.record_sign_out(actor=actor_of(request), user=user_of(request))
    auth.logout(request)
    messages.success(request, "You are signed out.")
    return redirect("admin:login")


@never_cache
@require_safe
def enroll(request: HttpRequest, token: str) -> HttpResponse:
    """Let the holder of a link register a passkey."""
    try:
        link = services.open_link(token)
    except EnrollmentLinkError as error:
        return render(
            request,
            "accounts/enroll_over.html",
            {"title": "Link not usable", "error": error},
            status=404,
        )
    return render(
        request,
        "accounts/enroll.html",
        {"title": "Register your passkey", "person": link.user, "token": token},
    )


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
    form = ApiTokenForm(request.POST or None)
    token = ""
    if request.method == "POST" and form.is_valid():
        try:
            token = services.issue_api_token(
                actor=actor_of(request),
                user=user,
                name=form.cleaned_data["name"],
                lifetime=dt.timedelta(days=form.cleaned_data["days"]),
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
            return redirect(_next(request))
        messages.error(request, "You are not a member of that tenant.")
    context = {
        **admin.site.each_context(request),
        "title": "Choose a tenant",
        "own_memberships": selectors.memberships(user_of(request)),
        "next": _next(request),
    }
    return render(request, "accounts/choose_tenant.html", context)


@never_cache
@require_POST
@answers_json
def login_options(request: HttpRequest) -> HttpResponse:
    """Begin a sign-in."""
    options = services.begin_ceremony(session_key=_session_key(request))
    return JsonResponse(options.as_dict())


@never_cache
@require_POST
@answers_json
def login_verify(request: HttpRequest) -> HttpResponse:
    """Finish a sign-in and open a verified session."""
    body = _body(request)
    passkey = services.finish_login(
        ceremony_id=str(body.get("ceremony", "")),
        session_key=_session_key(request),
        credential=_credential(body),
    )
    _open_session(request, passkey)
    return JsonResponse({"next": _safe(request, str(body.get("next", "")))})


@never_cache
@require_POST
@answers_json
def registration_options(request: HttpRequest) -> HttpResponse:
    """Begin the registration of a passkey, by link or for a signed-in person."""
    user, link = _whose(request, _body(request))
    options = services.begin_registration(
        user=user, session_key=_session_key(request), link=link
    )
    return JsonResponse(options.as_dict())


@never_cache
@require_POST
@answers_json
def registration_verify(request: HttpRequest) -> HttpResponse:
    """Finish the registration; whoever came by link is signed in by it."""
    body = _body(request)
    passkey = services.finish_registration(
        ceremony_id=str(body.get("ceremony", "")),
        session_key=_session_key(request),
        credential=_credential(body),
        name=str(body.get("name", "")),
    )
    if request.user.is_authenticated and request.user.pk == passkey.user_id:
        messages.success(request, f"“{passkey.name}” is registered.")
        return JsonResponse({"next": reverse("accounts:account")})
    _open_session(request, passkey)
    return JsonResponse({"next": reverse("accounts:account") + "?welcome=1"})


def _open_session(request: HttpRequest, passkey: Passkey) -> None:
    user = passkey.user
    # django-otp reads the device at login and keeps it in the session.
    user.otp_device = passkey  # type: ignore[attr-defined]
    if request.user.is_authenticated and request.user.pk != user.pk:
        auth.logout(request)
    auth.login(request, user, backend=BACKEND)


def _whose(
    request: HttpRequest, body: dict[str, Any]
) -> tuple[User, EnrollmentLink | None]:
    if token := str(body.get("token", "")):
        link = services.open_link(token)
        return link.user, link
    return user_of(request), None


def _session_key(request: HttpRequest) -> str:
    if not request.session.session_key:
        request.session.create()
    return str(request.session.session_key)


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise InvalidError("The request is not JSON.") from error
    if not isinstance(body, dict):
        raise InvalidError("The request is not a JSON object.")
    return body


def _credential(body: dict[str, Any]) -> dict[str, Any]:
    credential = body.get("credential")
    if not isinstance(credential, dict):
        raise InvalidError("The answer of the authenticator is missing.")
    return credential


def _is_verified(request: HttpRequest) -> bool:
    try:
        user_of(request)
    except NotAMemberError:
        return False
    return True


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(
        REDIRECT_FIELD_NAME, ""
    )
    return _safe(request, wanted)


def _safe(request: HttpRequest, wanted: str) -> str:
    """Return an address of ours: a link must not carry people elsewhere."""
    if url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return reverse("admin:index")
