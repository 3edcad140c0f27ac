"""Standing roles that few use, and the request that makes them a right to ask."""

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
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.permissions import actor_of
from apps.approvals.rules.conversions import MOST_CONVERTED, Conversion
from apps.approvals.services import request_conversion
from apps.core.errors import NotFoundError, PortwardError
from apps.dashboard import selectors
from apps.dashboard.forms.conversions import ConversionForm
from apps.elevations.rules import CEILING_MINUTES
from apps.reviews.selectors import known_from
from apps.roles.models import Role
from apps.roles.selectors import role_by_id

PAGE_SIZE = 50


@require_GET
def standing(request: HttpRequest) -> HttpResponse:
    """Show which roles are held for good, and how many of their holders use them."""
    _require(request, "roles.view_assignment")
    rows = selectors.standing_roles(timezone.now())
    context = {
        **site.each_context(request),
        "title": "Standing roles",
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "days": selectors.DAYS,
        "known_from": known_from(),
        "may_convert": request.user.has_perm("roles.change_assignment"),
    }
    return TemplateResponse(request, "dashboard/standing.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def convert(request: HttpRequest, role_id: uuid.UUID) -> HttpResponse:
    """Show by name who would ask instead of hold; then prepare the request."""
    _require(request, "roles.change_assignment")
    try:
        role = role_by_id(role_id)
    except NotFoundError as error:
        raise Http404 from error
    held = selectors.holders_of(role, timezone.now())[:MOST_CONVERTED]
    form = ConversionForm(
        request.POST or None,
        held=held,
        ceiling=CEILING_MINUTES[role.tier],
        initial={
            "purpose": f"Use {role.name}",
            "minutes": min(60, CEILING_MINUTES[role.tier]),
            "held": [str(one.row.pk) for one in held if not one.is_used],
        },
        label_suffix="",
    )
    if request.method == "POST" and form.is_valid():
        opened = _ask(request, role, form)
        if opened is not None:
            return redirect("admin:approvals_approvalrequest_change", opened)
    context = {
        **site.each_context(request),
        "title": f"{role.name}: ask instead of hold",
        "role": role,
        "form": form,
        "held": held,
        "chosen": set(form["held"].value() or ()),
        "days": selectors.DAYS,
    }
    return TemplateResponse(request, "dashboard/convert.html", context)


def _ask(request: HttpRequest, role: Role, form: ConversionForm) -> uuid.UUID | None:
    values: dict[str, Any] = dict(form.cleaned_data)
    ids = [uuid.UUID(text) for text in values["held"]]
    spec = Conversion(role.slug, values["purpose"], values["minutes"], values["reason"])
    try:
        opened = request_conversion(
            actor=actor_of(request), spec=spec, assignment_ids=ids
        )
    except PortwardError as error:
        names = {"max_minutes": "minutes"}
        field = names.get(error.field or "", error.field)
        known = field if field in form.fields else None
        form.add_error(known, f"{error.message} {error.remedy}".strip())
        return None
    messages.success(request, f"“{opened.title}” waits for approval.")
    return opened.pk


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
