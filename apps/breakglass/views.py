"""The page of a sealed account, and notices that are read."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts.permissions import actor_of, user_of, verified
from apps.accounts.selectors import roles_in_scope
from apps.breakglass import rules, selectors, services
from apps.breakglass.errors import NotProvenError
from apps.breakglass.forms import OpenForm
from apps.core.errors import PortwardError
from apps.signin.models import PendingOperation
from apps.signin.permissions import sign_in_of
from apps.tenants.services import current_tenant_id


@never_cache
@verified
def break_glass(request: HttpRequest) -> HttpResponse:
    """Let the holder of a sealed account say why, sign that, and open it."""
    user = user_of(request)
    account = selectors.account_of(user) if current_tenant_id() else None
    if account is None:
        raise Http404
    form = OpenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.break_glass(
                actor=actor_of(request),
                user=user,
                sign_in_id=sign_in_of(request).pk,
                proof_id=_proof(request),
                **form.cleaned_data,
            )
        except PortwardError as error:
            form.add_error(error.field or None, f"{error.message} {error.remedy}")
        else:
            messages.warning(request, "The glass is broken. Everybody has been told.")
            return redirect("admin:index")
    state = selectors.state_of(account)
    context = {
        "title": "Break the glass",
        "form": form,
        "account": account,
        "state": state.value,
        "may_open": rules.may_open(state),
    }
    return render(request, "breakglass/open.html", context)


@never_cache
@verified
@require_POST
def end_now(request: HttpRequest, activation_id: uuid.UUID) -> HttpResponse:
    """End a running activation: its holder may, and so may every security admin."""
    user = user_of(request)
    running = selectors.open_activations() if current_tenant_id() else []
    activation = next((row for row in running if row.pk == activation_id), None)
    if activation is None:
        raise Http404
    is_own = activation.account.user_id == user.pk
    if not is_own and "security_admin" not in roles_in_scope(user):
        raise PermissionDenied
    services.end_activation(actor=actor_of(request), activation_id=activation_id)
    messages.success(request, "The account is closed. Its review is due.")
    return redirect("admin:index")


@never_cache
@verified
@require_POST
def acknowledge(request: HttpRequest, notice_id: uuid.UUID) -> HttpResponse:
    """Note that a notice was read."""
    if current_tenant_id() is None:
        raise PermissionDenied
    services.acknowledge(user=user_of(request), notice_id=notice_id)
    return redirect("admin:index")


def _proof(request: HttpRequest) -> uuid.UUID:
    proof = getattr(request, "proof", None)
    if not isinstance(proof, PendingOperation):
        raise NotProvenError
    return proof.pk
