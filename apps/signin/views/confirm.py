"""The step-up page: confirm one operation with a passkey, then go on with it."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.permissions import actor_of, verified
from apps.core.errors import PortwardError
from apps.core.views import answers_json, credential_in, json_body, session_key_of
from apps.signin import services
from apps.signin.choices import Acr
from apps.signin.errors import OperationNotFoundError, SessionOverError
from apps.signin.models import PendingOperation, SignIn
from apps.signin.permissions import prove, sign_in_of
from apps.signin.rules.operations import (
    PROOF_FIELD,
    REQUIREMENTS,
    UNSIGNED_FIELDS,
    Operation,
    is_satisfied,
)

# What a page repeats of a form is for recognizing it; secrets are not repeated.
_HIDDEN = ("password", "credential", "secret", "token", "ceremony")
_LONGEST_SHOWN = 200

PendingView = Callable[[HttpRequest, SignIn, PendingOperation], HttpResponse]


def pending(view: PendingView) -> Callable[[HttpRequest, uuid.UUID], HttpResponse]:
    """Find the operation of an address, which must be the session's person's."""

    @functools.wraps(view)
    def inner(request: HttpRequest, operation_id: uuid.UUID) -> HttpResponse:
        try:
            row = sign_in_of(request)
            found = services.waiting_operation(user=row.user, operation_id=operation_id)
            if found.is_console and found.sign_in_id != row.pk:
                services.adopt(user=row.user, sign_in=row, pending=found)
        except SessionOverError:
            target = reverse("signin:confirm", args=[operation_id])
            return redirect(f"{reverse('admin:login')}?next={target}")
        except PortwardError as error:
            context = {"title": "Not to be confirmed", "error": error}
            status = 404 if isinstance(error, OperationNotFoundError) else 409
            return render(request, "signin/refused.html", context, status=status)
        return view(request, row, found)

    return inner


@never_cache
@require_safe
@pending
def confirm_page(
    request: HttpRequest, row: SignIn, found: PendingOperation
) -> HttpResponse:
    """Say what is about to be done, and ask for the passkey."""
    operation = Operation(found.operation)
    requirement = REQUIREMENTS[operation]
    if found.is_console and _is_fresh(request, row, operation):
        return go_on(request, found, is_automatic=False)
    fields = services.fields_of(found) if found.is_console else []
    context = {
        "title": "Confirm that it is you",
        "pending": found,
        "requirement": requirement,
        "reason": row.must_prove_reason,
        "shown": [
            (_label(name), _shown(value)) for name, value in fields if _is_told(name)
        ],
        "is_done": found.proven_at is not None,
        "may_use_code": requirement.acr <= Acr.MULTI and found.is_console,
    }
    return render(request, "signin/confirm.html", context)


@never_cache
@require_POST
@pending
@answers_json
def confirm_options(
    request: HttpRequest, row: SignIn, found: PendingOperation
) -> HttpResponse:
    """Begin the signature over the operation."""
    options = services.begin_proof(
        user=row.user, session_key=session_key_of(request), pending=found
    )
    return JsonResponse(options.as_dict())


@never_cache
@require_POST
@pending
def confirm(request: HttpRequest, row: SignIn, found: PendingOperation) -> HttpResponse:
    """Accept the signature, and go on with the operation exactly as it was sent."""
    is_script = "application/json" in request.headers.get("Accept", "")
    try:
        is_json = request.content_type == "application/json"
        body = json_body(request) if is_json else dict(request.POST.items())
        passkey = services.confirm(
            user=row.user,
            pending=found,
            ceremony_id=str(body.get("ceremony", "")),
            credential=credential_in(body),
        )
    except PortwardError as error:
        if is_script:
            return JsonResponse(error.as_dict(), status=error.status)
        messages.error(request, f"{error.message} {error.remedy}")
        return redirect("signin:confirm", found.pk)
    prove(request, passkey)
    found.refresh_from_db()
    if is_script:
        return JsonResponse({"operation": str(found.pk)})
    if not found.is_console:
        return redirect("signin:confirm", found.pk)
    return go_on(request, found, is_automatic=True)


@never_cache
@require_POST
@answers_json
def confirm_presence(request: HttpRequest) -> HttpResponse:
    """Offer to confirm ahead of work that will need it."""
    row = sign_in_of(request)
    found = services.hold(
        sign_in=row,
        operation=Operation.CONFIRM_PRESENCE,
        method="GET",
        path=reverse("admin:index"),
        fields=[],
        tenant_id=None,
    )
    return redirect("signin:confirm", found.pk)


@never_cache
@verified
@require_POST
def end_elevation(request: HttpRequest) -> HttpResponse:
    """Give the elevated session up."""
    services.end_elevation(actor=actor_of(request), sign_in=sign_in_of(request))
    messages.success(request, "You work without elevation again.")
    return redirect("admin:index")


def go_on(
    request: HttpRequest, found: PendingOperation, *, is_automatic: bool
) -> HttpResponse:
    """Do what was kept: open its page, or send its form exactly as it was."""
    if found.method == "GET":
        return redirect(found.path)
    fields = [
        (name, value)
        for name, value in services.fields_of(found)
        if name not in UNSIGNED_FIELDS
    ]
    if [name for name, _value in fields] == ["body"]:
        # A script sent it; its page goes on by itself.
        return redirect("admin:index")
    if found.proven_at is not None:
        fields.append((PROOF_FIELD, str(found.pk)))
    context = {
        "title": "Continue",
        "pending": found,
        "requirement": REQUIREMENTS[Operation(found.operation)],
        "fields": fields,
        "is_automatic": is_automatic,
    }
    return render(request, "signin/continue.html", context)


def _is_fresh(request: HttpRequest, row: SignIn, operation: Operation) -> bool:
    return is_satisfied(
        REQUIREMENTS[operation],
        row.proofs(),
        is_elevated=bool(getattr(request, "is_elevated", False)),
        now=int(timezone.now().timestamp()),
    ) and bool(getattr(request, "is_signed_in", False))


def _is_told(name: str) -> bool:
    return name not in UNSIGNED_FIELDS and not any(part in name for part in _HIDDEN)


def _label(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").strip().capitalize()


def _shown(value: str) -> str:
    text = json.dumps(value)[1:-1] if "\n" in value else value
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
