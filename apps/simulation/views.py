"""Pages about what a change would do: ask for evidence, watch it come, read it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.permissions import actor_of
from apps.core.errors import NotFoundError, PortwardError
from apps.policies import selectors as policies
from apps.simulation import selectors, services
from apps.simulation.models import Evidence
from apps.simulation.rules import bars_of

PAGE_SIZE = 50
MOST_DRAFTS = 100
_TONES = {"low": "ok", "medium": "warn", "high": "bad"}


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """List what was measured, and offer the drafts that could be."""
    _require_view(request)
    rows = selectors.evidence()
    context = {
        **site.each_context(request),
        "title": "Impact",
        "drafts": policies.open_drafts()[:MOST_DRAFTS],
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return TemplateResponse(request, "simulation/overview.html", context)


@require_POST
def measure(request: HttpRequest) -> HttpResponse:
    """Begin to compute what some drafts would do together."""
    _require_view(request)
    names = request.POST.getlist("draft")
    drafts = [d for d in policies.open_drafts() if d.policy.slug in names]
    try:
        row = services.request_evidence(
            actor=actor_of(request),
            title=", ".join(map(str, drafts)),
            changes=[selectors.change_of_draft(draft) for draft in drafts],
            contents=[(draft.policy.slug, draft.content) for draft in drafts],
        )
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}")
        return redirect("simulation:overview")
    return redirect("simulation:evidence", pk=row.pk)


@never_cache
@require_GET
def evidence(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show evidence, or how far it is."""
    _require_view(request)
    row = _row(pk)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": row.title,
        "row": row,
        **_document(request, row),
    }
    return TemplateResponse(request, "simulation/evidence.html", context)


@never_cache
@require_GET
def progress(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Return how far the computation is, for the page to refresh itself."""
    _require_view(request)
    return TemplateResponse(request, "simulation/progress.html", {"row": _row(pk)})


@require_POST
def again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Begin once more what has failed."""
    _require_view(request)
    services.compute_again(actor=actor_of(request), evidence_id=_row(pk).pk)
    return redirect("simulation:evidence", pk=pk)


def _document(request: HttpRequest, row: Evidence) -> dict[str, Any]:
    document = row.document
    if document is None:
        return {}
    impact = document["impact"]
    pages = Paginator(impact["principals"], PAGE_SIZE)
    return {
        "impact": impact,
        "replay": document["replay"],
        "tests": document["tests"],
        "lint": document["lint"],
        "at": document["at"],
        "tone": _TONES[impact["risk"]["level"]],
        "people": pages.get_page(request.GET.get("page")),
        "bars": bars_of(impact["by_role"]),
        "is_fresh": selectors.is_fresh(row, timezone.now()),
        # Examples are asked of exactly what was measured.
        "against": f"evidence:{row.pk}",
    }


def _row(pk: uuid.UUID) -> Evidence:
    try:
        return selectors.evidence_by_id(pk)
    except NotFoundError as error:
        raise Http404 from error


def _require_view(request: HttpRequest) -> None:
    user = request.user
    if not (
        user.has_perm("roles.view_assignment") and user.has_perm("policies.view_policy")
    ):
        raise PermissionDenied
