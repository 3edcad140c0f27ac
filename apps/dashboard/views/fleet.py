"""The fleet page, and the part of it that refreshes itself."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.dashboard import selectors
from apps.distribution.choices import SyncState

PAGE_SIZE = 50
PILLS = {
    SyncState.IN_SYNC: "ok",
    SyncState.BEHIND: "warn",
    SyncState.NEW: "muted",
    SyncState.SILENT: "bad",
    SyncState.FAILED: "bad",
    SyncState.DRIFTED: "bad",
}


@require_GET
def fleet(request: HttpRequest) -> HttpResponse:
    """Show which node runs what."""
    context = {
        **site.each_context(request),
        **_context(request),
        "title": "Fleet state",
        "can_add": request.user.has_perm("nodes.add_jointoken"),
    }
    return TemplateResponse(request, "dashboard/fleet.html", context)


@require_GET
def fleet_live(request: HttpRequest) -> HttpResponse:
    """Return the part of the fleet page that changes."""
    return TemplateResponse(request, "dashboard/fleet_live.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    if not request.user.has_perm("nodes.view_node"):
        raise PermissionDenied
    now = timezone.now()
    state = selectors.fleet_state(now=now)
    chosen = selectors.FleetFilter(
        text=request.GET.get("q", "").strip(),
        group=request.GET.get("group", ""),
        state=request.GET.get("state", ""),
    )
    rows = [row for row in state.rows if chosen.matches(row)]
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    chart, points = selectors.consistency_over_time(now=now)
    query = request.GET.copy()
    query.pop("page", None)
    return {
        "fleet": state,
        "page": page,
        "rows": [(row, PILLS[row.standing.state]) for row in page],
        "chosen": chosen,
        "groups": selectors.group_choices(),
        "states": SyncState.choices,
        "summary": [
            (SyncState(key).label, PILLS[SyncState(key)], state.counts.get(key, 0))
            for key in SyncState
        ],
        "chart": chart,
        "points": points[-20:],
        "now": now,
        "query": query.urlencode(),
    }
