"""Roles out to a file and in from one, with a look at what would change."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.permissions import actor_of
from apps.core.errors import PortwardError
from apps.roles import rules, selectors, services
from apps.roles.forms import RoleFileForm

_TYPES = {"yaml": "application/yaml", "json": "application/json"}
_PAGE = "admin/roles/transfer.html"


@require_safe
def export_roles(request: HttpRequest, kind: str) -> HttpResponse:
    """Answer with all roles as a file."""
    if not request.user.has_perm("roles.view_role"):
        raise PermissionDenied
    if kind not in _TYPES:
        raise Http404
    text = rules.write_roles(
        selectors.role_specs().values(), selectors.catalogue_tiers(), kind
    )
    answer = HttpResponse(text, content_type=f"{_TYPES[kind]}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="roles.{kind}"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def import_roles(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Ask for a file, show what it would change, and write it when confirmed."""
    if not request.user.has_perm("roles.add_role"):
        raise PermissionDenied
    form = RoleFileForm(request.POST or None, initial=_initial(request))
    found: tuple[rules.RoleChange, ...] = ()
    if request.method == "POST" and form.is_valid():
        is_dry_run = "write" not in request.POST
        try:
            found = services.import_roles(
                actor=actor_of(request),
                file=rules.read_roles(form.cleaned_data["text"]),
                is_dry_run=is_dry_run,
            )
        except PortwardError as error:
            form.add_error("text", _words(error))
        else:
            if not is_dry_run:
                messages.success(request, _summary(found))
                return redirect("admin:roles_role_changelist")
    context = {
        **site.each_context(request),
        "title": "Import roles",
        "form": form,
        "changes": found,
        "starters": selectors.starters(),
    }
    return TemplateResponse(request, _PAGE, context)


def _initial(request: HttpRequest) -> dict[str, Any]:
    wanted = request.GET.get("from", "")
    found = (s.text for s in selectors.starters() if s.slug == wanted)
    return {"text": next(found, "")}


def _words(error: PortwardError) -> forms.ValidationError:
    place = f"{error.field}: " if error.field else ""
    return forms.ValidationError(f"{place}{error.message} {error.remedy}".strip())


def _summary(found: tuple[rules.RoleChange, ...]) -> str:
    new = sum(change.kind == "new" for change in found)
    changed = sum(change.kind == "changed" for change in found)
    return f"Imported: {new} new, {changed} changed, {len(found) - new - changed} same."
