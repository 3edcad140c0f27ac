"""Roles, with everything they hold and where it comes from."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.roles import rules, selectors, services
from apps.roles.admin.transfer import export_roles, import_roles
from apps.roles.choices import Tier
from apps.roles.forms import RoleForm
from apps.roles.models import Role
from apps.roles.rules import RoleSpec
from protocol.records import Permission

_TONES = {Tier.READ_ONLY: "muted", Tier.OPERATOR: "warn", Tier.ADMIN: "bad"}


@admin.register(Role)
class RoleAdmin(ServiceAdmin[Role]):
    """Roles. What a role holds is a ceiling; policies grant."""

    list_display = ["name", "slug", "tier_pill", "own_permissions", "holders"]
    list_filter = ["tier"]
    search_fields = ["name", "slug", "description"]
    page_form = RoleForm
    page_template = "admin/roles/role.html"
    change_list_template = "admin/roles/roles.html"
    lead = "A role is a ceiling: only a live policy grants what it holds."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        return selectors.roles_with_counts()

    @override
    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(require_safe(self.tree_view))
        wrap = self.admin_site.admin_view
        own = [
            path("tree/", page, name="roles_role_tree"),
            path("import/", wrap(self.import_view), name="roles_role_import"),
            path("export/<str:kind>/", wrap(export_roles), name="roles_role_export"),
        ]
        return [*own, *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Bring roles in from a file."""
        return import_roles(request, self.admin_site)

    @admin.display(description="Tier", ordering="tier")
    def tier_pill(self, role: Role) -> SafeString:
        """Show the tier as a pill."""
        tier = Tier(role.tier)
        return format_html(
            '<span class="pw-pill pw-pill--{}">{}</span>', _TONES[tier], tier.label
        )

    @admin.display(description="Own permissions", ordering="permission_count")
    def own_permissions(self, role: Role) -> int:
        """Show how many permissions the role holds by itself."""
        return int(getattr(role, "permission_count", 0))

    @admin.display(description="Held by", ordering="holder_count")
    def holders(self, role: Role) -> int:
        """Show how many assignments name the role."""
        return int(getattr(role, "holder_count", 0))

    @override
    def initial(self, row: Role) -> dict[str, Any]:
        node = selectors.role_graph()[row.slug]
        return {
            "slug": row.slug,
            "name": row.name,
            "description": row.description,
            "tier": row.tier,
            "permissions": [f"{p.resource_type}::{p.action}" for p in node.permissions],
            "parents": list(node.parents),
        }

    @override
    def save(self, request: HttpRequest, form: Form, row: Role | None) -> Role:
        values = dict(form.cleaned_data)
        named = (text.split("::", 1) for text in values.pop("permissions"))
        spec = RoleSpec(
            permissions=tuple(Permission(action, kind) for kind, action in named),
            parents=tuple(values.pop("parents")),
            **values,
        )
        return services.save_role(
            actor=actor_of(request), spec=spec, role_id=row.pk if row else None
        )

    @override
    def details(self, request: HttpRequest, row: Role) -> dict[str, Any]:
        graph = selectors.role_graph()
        held = rules.effective_permissions(graph, row.slug)
        rows = {role.slug: role for role in selectors.roles()}
        ordered = sorted(held, key=lambda p: (p.resource_type, p.action))
        return {
            "held": [(p, rows[held[p]]) for p in ordered],
            "above": [rows[slug] for slug in rules.ancestry(graph, row.slug)[1:]],
            "below": [rows[s] for s, node in graph.items() if row.slug in node.parents],
        }

    def tree_view(self, request: HttpRequest) -> HttpResponse:
        """Show all roles below those that they inherit from."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Tree of roles",
            "opts": self.opts,
            "branches": rules.tree(selectors.role_graph()),
            "rows": {role.slug: role for role in selectors.roles()},
            "may_add": self.has_add_permission(request),
        }
        return TemplateResponse(request, "admin/roles/tree.html", context)
