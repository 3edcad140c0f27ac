"""Pages on which members lend, borrow, and stand in for each other."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from apps.accounts.permissions import actor_of, user_of, verified
from apps.core.errors import NotFoundError, PortwardError
from apps.delegations import selectors, services
from apps.delegations.choices import LoanState
from apps.delegations.forms import AbsenceForm, EndForm, LendForm, permissions_of
from apps.roles.selectors import principal_of_user
from apps.tenants.services import current_tenant_id

_PAST_SHOWN = 10
_PLACES_SHOWN = 500
_OPEN = {LoanState.OFFERED, LoanState.ACCEPTED}


@never_cache
@verified
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show what a person lends, borrows and is offered, and who stands in for whom."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user, now = user_of(request), timezone.now()
    running = selectors.open_delegations(now)
    borrowed = running.filter(delegate__user=user)
    past = selectors.delegations_of(user.pk).exclude(pk__in=running.values("pk"))
    absences = selectors.absences_of(user.pk).filter(state__in=_OPEN, end__gt=now)
    context = {
        **admin.site.each_context(request),
        "title": "Lending and standing in",
        "limits": selectors.limits(),
        "principal": principal_of_user(user.pk),
        "offers": borrowed.filter(state=LoanState.OFFERED),
        "borrowed": selectors.trees(borrowed.filter(state=LoanState.ACCEPTED), now),
        "lent": selectors.trees(running.filter(delegator__user=user), now),
        "past": [(row, row.state_at(now)) for row in past[:_PAST_SHOWN]],
        "is_approver": selectors.may_vote(user),
        "absences": [(row, row.state_at(now)) for row in absences],
        "now": now,
    }
    return render(request, "delegations/overview.html", context)


@never_cache
@verified
@require_http_methods(["GET", "HEAD", "POST"])
def lend(request: HttpRequest) -> HttpResponse:
    """Offer somebody a part of what one holds."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    principal = principal_of_user(user.pk)
    form = LendForm(request.POST or None, principal=principal, now=timezone.now())
    if request.method == "POST" and form.is_valid():
        try:
            row = services.offer(actor=actor_of(request), user=user, spec=form.spec())
        except PortwardError as error:
            _show(form, error, {"role": "right", "scope": "place"})
        else:
            messages.success(request, f"{row.delegate} is asked to accept it.")
            return redirect("delegations:overview")
    context = {
        **admin.site.each_context(request),
        "title": "Lend a role",
        "form": form,
        "principal": principal,
        "limits": form.limits,
        "permissions": permissions_of({role for role, _ in form.rights}),
        "places": selectors.places_inside(None)[:_PLACES_SHOWN],
    }
    return render(request, "delegations/lend.html", context)


@never_cache
@verified
@require_http_methods(["GET", "HEAD", "POST"])
def be_absent(request: HttpRequest) -> HttpResponse:
    """Ask another approver to stand in."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    form = AbsenceForm(request.POST or None, user=user, now=timezone.now())
    if request.method == "POST" and form.is_valid():
        try:
            row = services.offer_absence(
                actor=actor_of(request),
                user=user,
                stand_in=form.person(),
                times=form.times(),
                reason=form.cleaned_data["reason"],
            )
        except PortwardError as error:
            _show(form, error, {})
        else:
            messages.success(request, f"{row.stand_in} is asked to stand in.")
            return redirect("delegations:overview")
    context = {
        **admin.site.each_context(request),
        "title": "Be away",
        "form": form,
        "is_approver": selectors.may_vote(user),
    }
    return render(request, "delegations/absence.html", context)


def _acting(
    service: Callable[..., Any], name: str, done: str, *, takes_reason: bool = False
) -> Callable[..., HttpResponse]:
    """Return a view that lets one's answer or end go to a service."""

    @never_cache
    @verified
    @require_POST
    def act(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        if current_tenant_id() is None:
            return redirect("accounts:choose_tenant")
        arguments: dict[str, Any] = {name: pk}
        if takes_reason:
            form = EndForm(request.POST)
            form.is_valid()
            arguments["reason"] = form.cleaned_data.get("reason", "")
        try:
            service(actor=actor_of(request), user=user_of(request), **arguments)
        except NotFoundError as error:
            raise Http404 from error
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
        else:
            messages.success(request, done)
        return redirect("delegations:overview")

    return act


accept = _acting(
    services.accept, "delegation_id", "You hold it from now on, until it ends."
)
decline = _acting(services.decline, "delegation_id", "You declined it.")
revoke = _acting(
    services.revoke,
    "delegation_id",
    "It has ended, and all that was passed on from it.",
    takes_reason=True,
)
accept_absence = _acting(
    services.accept_absence, "absence_id", "You stand in while they are away."
)
decline_absence = _acting(
    services.decline_absence, "absence_id", "You do not stand in."
)
end_absence = _acting(
    services.end_absence, "absence_id", "The absence has ended.", takes_reason=True
)


def _show(form: forms.Form, error: PortwardError, names: dict[str, str]) -> None:
    """Put a refusal beside the field that it is about."""
    name = names.get(error.field, error.field)
    known = name if name in form.fields else None
    form.add_error(known, f"{error.message} {error.remedy}".strip())
