"""Links from names of a release to the rows that have them now."""

from __future__ import annotations

from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.dashboard.rules import Permitted
from apps.dashboard.selectors import Rows
from protocol.records import AssignmentRecord, EntityRef

register = template.Library()
_MODELS = {
    "principals": "roles_principal",
    "resources": "roles_resource",
    "policies": "policies_policy",
}
_ASKED = ("at", "state", "ip", "country", "city", "mfa", "device", "risk", "ticket")
_MORE = ("method", "path")


@register.simple_tag
def row_link(rows: Rows, kind: str, name: EntityRef | str) -> SafeString:
    """Return a name, linked where a row has it now."""
    text = name
    if isinstance(name, EntityRef):
        text = rows.names.get(name, name.id)
    pk = getattr(rows, kind).get(name)
    if pk is None:
        return format_html("{}", text)
    url = reverse(f"admin:{_MODELS[kind]}_change", args=[pk])
    return format_html('<a href="{}">{}</a>', url, text)


@register.simple_tag
def grant_link(rows: Rows, grant: AssignmentRecord) -> SafeString:
    """Return the role of an assignment, linked where it still stands."""
    if grant.id not in rows.assignments:
        return format_html("{}", grant.role)
    url = reverse("admin:roles_assignment_change", args=[grant.id])
    return format_html('<a href="{}">{}</a>', url, grant.role)


@register.simple_tag
def why_address(row: Permitted, request: HttpRequest) -> str:
    """Return the address that explains a row under the same circumstances."""
    query = {
        "ask": "1",
        "principal": f"{row.principal.type}::{row.principal.id}",
        "action": row.action,
        "resource": f"{row.resource.type}::{row.resource.id}",
    }
    given = {n: request.GET[n] for n in (*_ASKED, *_MORE) if request.GET.get(n)}
    return f"{reverse('dashboard:explain')}?{urlencode(query | given)}"
