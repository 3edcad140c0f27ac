"""What the portal calls, and whether it answers."""

from __future__ import annotations

from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from apps.limits.rules.breaker import BreakerState
from apps.limits.selectors import dependencies as found_dependencies
from apps.tenants.services import require_tenant_id

PILLS = {
    BreakerState.CLOSED: ("ok", "Works"),
    BreakerState.OPEN: ("bad", "Left alone"),
    BreakerState.HALF_OPEN: ("warn", "Being tried"),
}


@require_GET
def dependencies(request: HttpRequest) -> HttpResponse:
    """Show the circuit breakers of the tenant's channels and of the installation."""
    if not request.user.has_perm("notifications.view_delivery"):
        raise PermissionDenied
    rows = [
        {"found": found, "tone": PILLS[found.state][0], "word": PILLS[found.state][1]}
        for found in found_dependencies(require_tenant_id())
    ]
    context = {
        **site.each_context(request),
        "title": "Dependencies",
        "rows": rows,
    }
    return TemplateResponse(request, "notifications/dependencies.html", context)
