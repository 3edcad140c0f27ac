"""One's own elevations: what one holds, asks for, activates and gives up."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from apps.accounts.permissions import actor_of, own_page, user_of
from apps.approvals import services
from apps.approvals.forms import ElevationForm
from apps.approvals.selectors import elevations as questions
from apps.approvals.selectors.elevations import Standing
from apps.core.errors import PortwardError
from apps.elevations import selectors as elevations
from apps.elevations import services as acts
from apps.elevations.choices import ElevationState
from apps.elevations.errors import ElevationNotFoundError
from apps.elevations.models import Elevation, Eligibility
from apps.elevations.rules import ElevationSpec
from apps.roles.selectors import principal_of_user


@own_page
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what a person holds, may ask for, waits for and has had."""
    now, user = timezone.now(), user_of(request)
    principal = principal_of_user(user.pk)
    query = request.GET.get("q", "").strip()[:100]
    found = questions.catalogue(principal, now, query)
    current_ones = questions.open_ones(user.pk, now)
    context = {
        **admin.site.each_context(request),
        "title": "My access",
        "principal": principal,
        "search": query,
        "catalogue": [(row, _taken(row, current_ones)) for row in found],
        "held": questions.held_by(principal, now),
        "past": questions.past_ones(user.pk, now),
        **_current(current_ones),
    }
    return render(request, "elevations/home.html", context)


@own_page
@require_safe
def current(request: HttpRequest) -> HttpResponse:
    """Answer with the part of the page that changes by itself."""
    found = questions.open_ones(user_of(request).pk, timezone.now())
    return render(request, "elevations/current.html", _current(found))


@own_page
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer with the banner that stands on every page."""
    found = questions.running(user_of(request).pk, timezone.now())
    return render(request, "elevations/banner.html", {"running": found})


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def request_access(request: HttpRequest, eligibility_id: uuid.UUID) -> HttpResponse:
    """Show what would be gained and who would be asked; then ask."""
    user, now = user_of(request), timezone.now()
    principal = principal_of_user(user.pk)
    found = questions.catalogue(principal, now)
    eligibility = next((row for row in found if row.pk == eligibility_id), None)
    if principal is None or eligibility is None:
        raise Http404
    form = ElevationForm(request.POST or None, eligibility=eligibility)
    if request.method == "POST" and form.is_valid():
        opened = _ask(request, eligibility, form)
        if opened is not None:
            return _lead_to(opened)
    context = {
        **admin.site.each_context(request),
        "title": eligibility.purpose,
        "eligibility": eligibility,
        "form": form,
        "gains": questions.gains(eligibility, principal, now),
        "preview": services.preview_elevation(eligibility, user),
        "sibling": _taken(eligibility, questions.open_ones(user.pk, now)),
    }
    return render(request, "elevations/request.html", context)


@own_page
@require_safe
def detail(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """Show where one's own elevation stands, and what to do next."""
    one = _own(request, elevation_id)
    context = {
        **admin.site.each_context(request),
        "title": one.row.eligibility.purpose,
        **_steps(one),
    }
    return render(request, "elevations/elevation.html", context)


@own_page
@require_safe
def state(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """Answer with the part of that page that changes by itself."""
    one = _own(request, elevation_id)
    return render(request, "elevations/state.html", _steps(one))


@own_page
@require_POST
def activate(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """Begin to hold the role."""
    one = _own(request, elevation_id)
    act = functools.partial(acts.activate, now=timezone.now())
    return _carry_out(request, one.row, act, "You hold it now, and it ends by itself.")


@own_page
@require_POST
def extend(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """Ask for as much time again; approvers decide as they did on the first."""
    row = _own(request, elevation_id).row
    try:
        opened = services.extend_elevation(
            actor=actor_of(request), requester=user_of(request), elevation_id=row.pk
        )
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
        return _lead_to(row)
    messages.success(request, "You asked for more time. What you hold stays as it is.")
    return _lead_to(opened)


@own_page
@require_POST
def cancel(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """Withdraw what waits for a decision, or give up what was approved."""
    return _give_up(request, elevation_id, "It is withdrawn.")


@own_page
@require_POST
def end(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """Give the role back before its time."""
    words = "It is over. Every node hears of it now."
    return _give_up(request, elevation_id, words)


def _give_up(request: HttpRequest, elevation_id: uuid.UUID, words: str) -> HttpResponse:
    row = _own(request, elevation_id).row
    act = functools.partial(services.end_elevation, reason="Not needed any more.")
    return _carry_out(request, row, act, words)


def _carry_out(
    request: HttpRequest, row: Elevation, act: Callable[..., object], words: str
) -> HttpResponse:
    try:
        act(actor=actor_of(request), elevation_id=row.pk)
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    else:
        messages.success(request, words)
    return _lead_to(row)


def _ask(
    request: HttpRequest, eligibility: Eligibility, form: ElevationForm
) -> Elevation | None:
    spec = ElevationSpec(eligibility=eligibility.pk, **form.cleaned_data)
    try:
        return services.request_elevation(
            actor=actor_of(request), requester=user_of(request), spec=spec
        )
    except PortwardError as error:
        field = error.field if error.field in form.fields else None
        form.add_error(field, f"{error.message} {error.remedy}".strip())
        return None


def _own(request: HttpRequest, elevation_id: uuid.UUID) -> Standing:
    """Return one's own elevation; others' are as good as none."""
    try:
        row = elevations.elevation_by_id(elevation_id)
    except ElevationNotFoundError as error:
        raise Http404 from error
    if row.requester_id != user_of(request).pk:
        raise Http404
    return questions.standing_of(row, timezone.now())


def _taken(eligibility: Eligibility, found: list[Standing]) -> Standing | None:
    """Return what keeps a person from asking for the same once more."""
    mine = [one for one in found if one.row.eligibility_id == eligibility.pk]
    waiting = (one for one in mine if one.state is not ElevationState.ACTIVE)
    return next(waiting, None) or next(iter(mine), None)


def _current(found: list[Standing]) -> dict[str, Any]:
    return {"current": found, "version": " ".join(one.version for one in found)}


def _steps(one: Standing) -> dict[str, Any]:
    decided = one.row.approved_at is not None
    return {
        "one": one,
        "row": one.row,
        "is_decided": decided,
        "is_refused": one.state is ElevationState.DENIED,
        "version": one.version,
    }


def _lead_to(row: Elevation) -> HttpResponse:
    return redirect("access:elevation", elevation_id=row.pk)
