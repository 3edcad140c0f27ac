"""The page about what one administers oneself."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.permissions import user_of, verified
from apps.roles import selectors
from apps.tenants.services import current_tenant_id


@require_safe
@verified
def administering(request: HttpRequest) -> HttpResponse:
    """Show what is delegated to oneself, with a way to it."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    rows = selectors.grants_of(user.pk, timezone.now())
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "What you administer",
        "rows": rows.prefetch_related("content_object")
        if selectors.holds_any(user)
        else [],
        "may_pass_on": any(
            row.may_pass_on for row in selectors.held(user, timezone.now())
        ),
    }
    return render(request, "roles/administering.html", context)
