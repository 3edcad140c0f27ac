"""The page on which a role is asked for; nobody assigns one alone."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.accounts.choices import TenantRole
from apps.accounts.permissions import actor_of, require, user_of
from apps.approvals import services
from apps.approvals.admin import pages
from apps.approvals.forms import AssignmentRequestForm
from apps.core.errors import ForbiddenError, PortwardError

TEMPLATE = "admin/approvals/approvalrequest/assignment.html"


def request_view(request: HttpRequest, shared: dict[str, Any]) -> HttpResponse:
    """Ask who is to hold which role, and open the request for it."""
    try:
        require(user_of(request), TenantRole.SECURITY_ADMIN)
    except ForbiddenError as error:
        raise PermissionDenied(error.message) from error
    form = AssignmentRequestForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            opened = services.request_assignment(
                actor=actor_of(request), spec=form.spec()
            )
        except PortwardError as error:
            field = error.field if error.field in form.fields else None
            form.add_error(field, f"{error.message} {error.remedy}".strip())
        else:
            messages.success(request, f"“{opened.title}” waits for approval.")
            return HttpResponseRedirect(pages.page_of(opened.pk))
    context = {
        **shared,
        "title": "Request an assignment",
        "form": form,
        "may_change": True,
        "lead": "It is made when the request is approved, and names it for good.",
        "list_url": reverse("admin:roles_assignment_changelist"),
    }
    return TemplateResponse(request, TEMPLATE, context)
