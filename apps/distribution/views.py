"""Elevation with witness: what happens under a grant while it lasts, and a brake."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.permissions import actor_of, user_of
from apps.core.errors import PortwardError
from apps.distribution import selectors
from apps.elevations import selectors as elevations
from apps.elevations import services as elevation_services
from apps.elevations.errors import ElevationNotFoundError

_SHOWN = 100


@require_GET
def grants(request: HttpRequest) -> HttpResponse:
    """Show who holds what for minutes, the soonest to end first."""
    _require_view(request)
    now = timezone.now()
    rows = selectors.witnessed(now=now)
    context = {
        **site.each_context(request),
        "title": "Elevations in force",
        "rows": rows,
        "now": now,
    }
    return TemplateResponse(request, "distribution/grants.html", context)


@require_GET
def grant(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """Show what is decided under one elevation, and let it be ended."""
    context = _context(request, elevation_id)
    context |= {**site.each_context(request), "title": str(context["elevation"])}
    return TemplateResponse(request, "distribution/grant.html", context)


@require_GET
def grant_live(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """Return the part of the page that changes."""
    context = _context(request, elevation_id)
    return TemplateResponse(request, "distribution/grant_live.html", context)


@require_POST
def end_grant(request: HttpRequest, elevation_id: uuid.UUID) -> HttpResponse:
    """End an elevation now, on every node."""
    _require_view(request)
    try:
        elevation_services.end(
            actor=actor_of(request),
            elevation_id=elevation_id,
            reason=request.POST.get("reason", ""),
            now=timezone.now(),
        )
    except ElevationNotFoundError as error:
        raise Http404 from error
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    else:
        messages.success(request, "Ended. Every node hears of it within seconds.")
    return redirect("distribution:grant", elevation_id)


def _require_view(request: HttpRequest) -> None:
    if not request.user.has_perm("elevations.view_elevation"):
        raise PermissionDenied


def _context(request: HttpRequest, elevation_id: uuid.UUID) -> dict[str, Any]:
    _require_view(request)
    try:
        row = elevations.elevation_by_id(elevation_id)
    except ElevationNotFoundError as error:
        raise Http404 from error
    found = selectors.witness(
        row, now=timezone.now(), user_id=user_of(request).pk, most=_SHOWN
    )
    return {"elevation": row, "witness": found}
