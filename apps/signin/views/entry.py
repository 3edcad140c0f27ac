"""Come in and go out: sign-in by passkey, enrollment, sign-out."""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import services as accounts
from apps.accounts.adapters import attestation_roots
from apps.accounts.errors import EnrollmentLinkError, NotAMemberError
from apps.accounts.models import EnrollmentLink, User
from apps.accounts.permissions import actor_of, is_signed_in, user_of
from apps.core.views import (
    answers_json,
    credential_in,
    json_body,
    next_address,
    own_address,
    session_key_of,
)
from apps.signin import services
from apps.signin.choices import EndReason, Method
from apps.signin.models import SignIn
from apps.signin.permissions import enter, set_cookie


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Show the sign-in page; the rest happens between browser and authenticator."""
    target = next_address(request)
    if is_signed_in(request):
        return redirect(target)
    return render(
        request,
        "signin/login.html",
        {"title": "Sign in", "next": target, "field": REDIRECT_FIELD_NAME},
    )


@never_cache
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session, here and in the database."""
    row = getattr(request, "sign_in", None)
    if isinstance(row, SignIn):
        actor = accounts.actor_for(row.user)
        with contextlib.suppress(NotAMemberError):
            accounts.record_sign_out(actor=actor_of(request), user=user_of(request))
        services.end_session(
            actor=actor, sign_in_id=row.pk, reason=EndReason.SIGNED_OUT
        )
    auth.logout(request)
    set_cookie(request, settings.PORTWARD_ELEVATED_COOKIE, "", None)
    if isinstance(row, SignIn) and row.provider:
        # Only there can the person's session at the provider be ended.
        tenant, _, provider = row.provider.partition("/")
        return redirect("federation:signed_out", tenant, provider)
    messages.success(request, "You are signed out.")
    return redirect("admin:login")


@never_cache
@require_safe
def enroll(request: HttpRequest, token: str) -> HttpResponse:
    """Let the holder of a link register a passkey."""
    try:
        link = accounts.open_link(token)
    except EnrollmentLinkError as error:
        return render(
            request,
            "signin/enroll_over.html",
            {"title": "Link not usable", "error": error},
            status=404,
        )
    return render(
        request,
        "signin/enroll.html",
        {"title": "Register your passkey", "person": link.user, "token": token},
    )


@never_cache
@require_POST
@answers_json
def login_options(request: HttpRequest) -> HttpResponse:
    """Begin a sign-in."""
    options = accounts.begin_ceremony(session_key=session_key_of(request))
    return JsonResponse(options.as_dict())


@never_cache
@require_POST
@answers_json
def login_verify(request: HttpRequest) -> HttpResponse:
    """Finish a sign-in and open a session."""
    body = json_body(request)
    passkey = accounts.finish_login(
        ceremony_id=str(body.get("ceremony", "")),
        session_key=session_key_of(request),
        credential=credential_in(body),
    )
    enter(request, user=passkey.user, methods=[Method.PASSKEY], device=passkey)
    return JsonResponse({"next": own_address(request, str(body.get("next", "")))})


@never_cache
@require_POST
@answers_json
def registration_options(request: HttpRequest) -> HttpResponse:
    """Begin the registration of a passkey, by link or for a signed-in person."""
    user, link = _whose(request, json_body(request))
    options = accounts.begin_registration(
        user=user, session_key=session_key_of(request), link=link
    )
    return JsonResponse(options.as_dict())


@never_cache
@require_POST
@answers_json
def registration_verify(request: HttpRequest) -> HttpResponse:
    """Finish the registration; whoever came by link is signed in by it."""
    body = json_body(request)
    passkey = accounts.finish_registration(
        ceremony_id=str(body.get("ceremony", "")),
        session_key=session_key_of(request),
        credential=credential_in(body),
        name=str(body.get("name", "")),
        attestation_roots=attestation_roots(),
    )
    if is_signed_in(request) and request.user.pk == passkey.user_id:
        messages.success(request, f"“{passkey.name}” is registered.")
        return JsonResponse({"next": reverse("accounts:account")})
    enter(request, user=passkey.user, methods=[Method.PASSKEY], device=passkey)
    return JsonResponse({"next": reverse("accounts:account") + "?welcome=1"})


def _whose(
    request: HttpRequest, body: dict[str, Any]
) -> tuple[User, EnrollmentLink | None]:
    if token := str(body.get("token", "")):
        link = accounts.open_link(token)
        return link.user, link
    return user_of(request), None
