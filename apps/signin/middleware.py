"""What every request of the console is held to before its view runs.

1. The session lives: not ended, idle or too old, and the key that opened it counts.
2. It comes from the device that it is bound to, or its person proves themselves again.
3. The person is not frozen in the tenant, nor the sign-in too risky for it.
4. The operation was proven as strongly and freshly as the one table asks.

Nothing is lost on the way: a form that has to wait is kept until its person confirms.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib import auth, messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.module_loading import import_string

from apps.accounts.models import User
from apps.accounts.selectors import active_freezes, sign_in_rules
from apps.audit.events import Actor
from apps.core.errors import PortwardError
from apps.signin import selectors, services
from apps.signin.choices import EndReason
from apps.signin.models import SignIn
from apps.signin.permissions import (
    attach,
    body_digest,
    cookies_to_set,
    facts_of,
)
from apps.signin.rules import sessions
from apps.signin.rules.operations import (
    PROOF_FIELD,
    REQUIREMENTS,
    Operation,
    is_satisfied,
)
from apps.tenants.services import current_tenant_id

BACKGROUND_HEADER = "X-Portward-Background"
PROOF_HEADER = "X-Portward-Operation"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_STEP_UP_STATUS = 401

Routes = Mapping[str, Mapping[str, Operation | None]]


class SignInMiddleware:
    """Tie a request to its session, and hold it to what its operation asks for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._routes: Routes = import_string(settings.PORTWARD_OPERATIONS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Find the session, and set the cookies that were asked for."""
        request.sign_in = None  # type: ignore[attr-defined]  # read by permissions and templates
        request.is_signed_in = False  # type: ignore[attr-defined]
        request.is_elevated = False  # type: ignore[attr-defined]
        request.over = None  # type: ignore[attr-defined]
        if isinstance(request.user, User) and request.user.is_authenticated:
            _find_session(request)
        response = self._get_response(request)
        for name, (value, max_age) in cookies_to_set(request).items():
            _set_cookie(response, name, value, max_age)
        return response

    def process_view(
        self,
        request: HttpRequest,
        _view: Callable[..., HttpResponse],
        _args: Sequence[Any],
        _kwargs: Mapping[str, Any],
    ) -> HttpResponse | None:
        """Answer instead of the view where something is missing."""
        match = request.resolver_match
        name = match.view_name if match else ""
        route = self._routes.get(name, {})
        operation = _operation(route, str(request.method))
        is_open = "ANY" in route or name.startswith("api:")
        if request.over is not None:  # type: ignore[attr-defined]
            is_entry = is_open and name.startswith(("signin:", "admin:", "api:"))
            return _answer_over(request, operation, is_open=is_entry)
        row = getattr(request, "sign_in", None)
        if row is None or is_open:
            return None
        if answer := _answer_unfit(request, row):
            return answer
        return _answer_operation(request, row, operation)


def _find_session(request: HttpRequest) -> None:
    row = selectors.sign_in_by_hash(
        services.hash_session(str(request.session.session_key))
    )
    now = timezone.now()
    reason = _end_reason(request, row, now)
    if row is None or reason is not None:
        if row is not None and row.ended_at is None and reason is not None:
            services.end_session(
                actor=Actor.system("signin"), sign_in_id=row.pk, reason=reason
            )
        auth.logout(request)
        request.over = (reason or EndReason.KILLED, row)  # type: ignore[attr-defined]
        return
    services.note_surroundings(sign_in=row, facts=_facts_against(request, row))
    attach(request, row)
    if request.headers.get(BACKGROUND_HEADER) is None:
        services.touch(
            row,
            now=now,
            is_elevated=bool(request.is_elevated),  # type: ignore[attr-defined]
        )


def _facts_against(request: HttpRequest, row: SignIn) -> services.RequestFacts:
    """Look a place up only for a network that the session was not seen in before."""
    facts = facts_of(request, is_located=False)
    return facts if facts.network == row.network else facts_of(request)


def _end_reason(
    request: HttpRequest, row: SignIn | None, now: dt.datetime
) -> EndReason | None:
    if row is None:
        return EndReason.KILLED
    if row.otp_device and not request.user.is_verified():  # type: ignore[union-attr]
        return EndReason.CREDENTIAL_GONE
    return sessions.end_of(row.state(), now=now)


def _operation(route: Mapping[str, Operation | None], method: str) -> Operation | None:
    """Return what a route's method does. A change that nobody listed is a change."""
    if method in route or method in _SAFE:
        return route.get(method)
    return Operation.CHANGE_ANYTHING


def _answer_over(
    request: HttpRequest, operation: Operation | None, *, is_open: bool
) -> HttpResponse | None:
    reason, row = request.over  # type: ignore[attr-defined]
    if is_open:
        # Whoever signs in again does so in the same browser, whose cookie is stale.
        if request.path in {reverse("admin:login"), reverse("signin:state")}:
            messages.info(request, reason.sentence)
        return None
    if _wants_json(request):
        return JsonResponse(
            {
                "code": "signin.session_over",
                "message": reason.sentence,
                "remedy": "Sign in again.",
            },
            status=401,
        )
    target = request.get_full_path()
    # Only a person who was away gets their form back, not whoever was turned out.
    was_away = reason in {EndReason.IDLE, EndReason.TOO_OLD}
    if request.method == "POST" and was_away and row and operation is not None:
        target = _hold(request, row, operation)
    messages.info(request, reason.sentence)
    return redirect(f"{reverse('admin:login')}?{urlencode({'next': target})}")


def _answer_unfit(request: HttpRequest, row: SignIn) -> HttpResponse | None:
    """Answer a session whose person must first prove themselves or may not work."""
    if not request.is_signed_in:  # type: ignore[attr-defined]
        return _ask(request, row, Operation.ENTER_CONSOLE)
    if current_tenant_id() is None:
        return None
    freeze = active_freezes(row.user, sign_in_id=row.pk).first()
    if freeze is not None:
        context = {"title": "Your access is frozen", "freeze": freeze}
        return render(request, "signin/frozen.html", context, status=403)
    # An emergency does not wait for a tenant's rules; a passkey proved who is there.
    if any(row.is_sealed for row in getattr(request, "memberships", ())):
        return None
    rules = sign_in_rules()
    if row.risk >= rules.risk_block:
        return _answer_too_risky(request, row, rules.risk_block)
    if not sessions.is_accepted(row.proofs(), accepted=rules.accepted):
        return _ask(request, row, Operation.ENTER_CONSOLE)
    if not sessions.has_answered_risk(
        row.proofs(), risk=row.risk, limit=rules.risk_step_up, judged_at=row.risk_at
    ):
        services.ask_for_proof(
            sign_in=row, reason="Something about this sign-in is unusual."
        )
        return _ask(request, row, Operation.ENTER_CONSOLE)
    return None


def _answer_too_risky(request: HttpRequest, row: SignIn, limit: int) -> HttpResponse:
    # Once a session and tenant; every click would tell nothing more.
    told = f"portward-risk-{current_tenant_id()}"
    if request.session.get(told) != row.risk:
        request.session[told] = row.risk
        services.note_risk_blocked(sign_in=row, limit=limit)
    context = {"title": "Too risky", "sign_in": row}
    return render(request, "signin/blocked.html", context, status=403)


def _answer_operation(
    request: HttpRequest, row: SignIn, operation: Operation | None
) -> HttpResponse | None:
    if operation is None:
        return None
    if proof := request.POST.get(PROOF_FIELD) or request.headers.get(PROOF_HEADER):
        return _use_proof(request, row, operation, proof)
    fresh = is_satisfied(
        REQUIREMENTS[operation],
        row.proofs(),
        is_elevated=bool(request.is_elevated),  # type: ignore[attr-defined]
        now=int(timezone.now().timestamp()),
    )
    return None if fresh else _ask(request, row, operation)


def _use_proof(
    request: HttpRequest, row: SignIn, operation: Operation, proof: str
) -> HttpResponse | None:
    try:
        request.proof = services.use_in_console(  # type: ignore[attr-defined]
            user=row.user,
            sign_in=row,
            operation_id=proof,
            operation=operation,
            method=str(request.method),
            path=request.get_full_path(),
            fields=_fields(request),
        )
    except PortwardError as error:
        services.note_refused_operation(
            sign_in=row, operation=operation, code=error.code
        )
        if _wants_json(request):
            return JsonResponse(error.as_dict(), status=409)
        context = {"title": "Not confirmed", "error": error}
        return render(request, "signin/refused.html", context, status=409)
    return None


def _ask(request: HttpRequest, row: SignIn, operation: Operation) -> HttpResponse:
    """Lead to the page that confirms the operation, or name it to a script."""
    try:
        address = _hold(request, row, operation)
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}")
        return redirect("admin:index")
    if not _wants_json(request):
        return redirect(address)
    requirement = REQUIREMENTS[operation]
    return JsonResponse(
        {
            "code": "signin.insufficient_user_authentication",
            "message": f"{requirement.label}: confirm that it is you.",
            "remedy": "Use your passkey.",
            "confirm": address,
            "acr_values": requirement.acr.value_name,
            "max_age": requirement.max_age,
        },
        status=_STEP_UP_STATUS,
    )


def _hold(request: HttpRequest, row: SignIn, operation: Operation) -> str:
    is_form = request.method not in _SAFE
    pending = services.hold(
        sign_in=row,
        operation=operation,
        method=str(request.method) if is_form else "GET",
        path=request.get_full_path(),
        fields=_fields(request) if is_form else [],
        tenant_id=current_tenant_id(),
    )
    return reverse("signin:confirm", args=[pending.pk])


def _fields(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what was sent, in order; a body that is no form by its digest."""
    if request.content_type in {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }:
        return [
            (name, str(value))
            for name, values in request.POST.lists()
            for value in values
        ]
    return [("body", body_digest(request.body))]


def _wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _set_cookie(
    response: HttpResponse, name: str, value: str, max_age: int | None
) -> None:
    if not value:
        response.delete_cookie(name, samesite="Lax")
        return
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
