"""One's own sessions and devices, what the header shows, and appeals."""

from __future__ import annotations

import uuid

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import services as accounts
from apps.accounts.errors import OtherKeyNeededError
from apps.accounts.permissions import actor_of, user_of, verified
from apps.core.errors import PortwardError
from apps.signin import selectors, services
from apps.signin.choices import EndReason, Method
from apps.signin.errors import SessionNotFoundError
from apps.signin.models import SignIn
from apps.signin.permissions import sign_in_of
from apps.signin.rules.levels import level_at
from apps.signin.rules.operations import Operation
from apps.signin.rules.sessions import IDLE, elevated_until
from apps.tenants.services import current_tenant_id

_ENDED_SHOWN = 10


@never_cache
@verified
@require_safe
def sessions_page(request: HttpRequest) -> HttpResponse:
    """List where a person is signed in, and what they are signed in with."""
    user = user_of(request)
    live = list(selectors.live_sign_ins_of(user))
    context = {
        **admin.site.each_context(request),
        "title": "Your sessions",
        "live": live,
        "current": sign_in_of(request).pk,
        "ended": SignIn.objects.filter(user=user)
        .exclude(pk__in=[row.pk for row in live])
        .order_by("-started_at")[:_ENDED_SHOWN],
        "devices": selectors.devices_of(user),
        "current_device": sign_in_of(request).device_id,
    }
    return render(request, "signin/sessions.html", context)


@never_cache
@verified
@require_POST
def end_one(request: HttpRequest, sign_in_id: uuid.UUID) -> HttpResponse:
    """End one of a person's own sessions."""
    user = user_of(request)
    if not SignIn.objects.filter(pk=sign_in_id, user=user).exists():
        messages.error(request, SessionNotFoundError.default_message)
    elif services.end_session(
        actor=actor_of(request), sign_in_id=sign_in_id, reason=EndReason.KILLED
    ):
        messages.success(request, "That session is over; its next request fails.")
    return redirect("signin:sessions")


@never_cache
@verified
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """End all of a person's sessions but this one."""
    count = services.end_sessions(
        actor=actor_of(request), user=user_of(request), but=sign_in_of(request).pk
    )
    messages.success(request, f"{count} other sessions are over.")
    return redirect("signin:sessions")


@never_cache
@verified
@require_POST
def trust(request: HttpRequest, device_id: uuid.UUID) -> HttpResponse:
    """Mark one of a person's devices as trusted."""
    try:
        device = services.trust_device(
            actor=actor_of(request), user=user_of(request), device_id=device_id
        )
        messages.success(request, f"“{device}” is a trusted device now.")
    except PortwardError as error:
        messages.error(request, error.message)
    return redirect("signin:sessions")


@never_cache
@verified
@require_POST
def forget(request: HttpRequest, device_id: uuid.UUID) -> HttpResponse:
    """Forget one of a person's devices."""
    try:
        services.forget_device(
            actor=actor_of(request), user=user_of(request), device_id=device_id
        )
        messages.success(request, "The device is forgotten.")
    except PortwardError as error:
        messages.error(request, error.message)
    return redirect("signin:sessions")


@never_cache
@require_safe
def state(request: HttpRequest) -> HttpResponse:
    """Tell an open page whether its session lives, and what it is worth by now.

    Asking is no activity: a page left open does not keep a session alive.
    """
    row = getattr(request, "sign_in", None)
    if not isinstance(row, SignIn):
        return JsonResponse({"is_alive": False}, status=401)
    now = timezone.now()
    until = elevated_until(row.state(), now=now)
    level = level_at(row.proofs(), now=0)
    return JsonResponse(
        {
            "is_alive": True,
            "acr": level.value_name,
            "level": level.label,
            "level_number": int(level),
            "now": int(now.timestamp()),
            "idle_until": int((row.last_seen_at + IDLE).timestamp()),
            "expires_at": int(row.expires_at.timestamp()),
            "elevated_until": int(until.timestamp())
            if until is not None and request.is_elevated  # type: ignore[attr-defined]
            else None,
        }
    )


@never_cache
@verified
@require_POST
def appeal(request: HttpRequest, freeze_id: uuid.UUID) -> HttpResponse:
    """Take what a frozen person has to say."""
    user = sign_in_of(request).user
    try:
        accounts.appeal_freeze(
            actor=accounts.actor_for(user),
            user=user,
            freeze_id=freeze_id,
            text=request.POST.get("appeal", ""),
        )
        messages.success(request, "Your appeal is with the security admins.")
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    return redirect("admin:index")


@never_cache
@verified
@require_POST
def remove_passkey(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Delete one of a person's own passkeys; another one has to confirm that."""
    user = user_of(request)
    row = sign_in_of(request)
    newest = max(
        (f for f in row.proofs() if f.method is Method.PASSKEY),
        key=lambda factor: factor.at,
        default=None,
    )
    try:
        accounts.remove_passkey(
            actor=actor_of(request),
            user=user,
            passkey_id=passkey_id,
            proven_by=newest.credential if newest else "",
        )
    except OtherKeyNeededError:
        pending = services.hold(
            sign_in=row,
            operation=Operation.REMOVE_CREDENTIAL,
            method="POST",
            path=request.get_full_path(),
            fields=[(name, str(value)) for name, value in request.POST.items()],
            tenant_id=current_tenant_id(),
            not_by=passkey_id,
        )
        return redirect("signin:confirm", pending.pk)
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    else:
        messages.success(request, "The passkey was removed.")
    return redirect("accounts:account")
