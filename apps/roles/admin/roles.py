"""Roles, with everything they hold and where it comes from."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.roles import rules, selectors, services
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
    lead = "A role is a ceiling: only a live policy grants what it holds."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        return selectors.roles_with_counts()

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
        held = rules.effective_permissions(selectors.role_graph(), row.slug)
        ordered = sorted(held, key=lambda p: (p.resource_type, p.action))
        return {
            "table_title": "Everything it holds",
            "table_head": ["Action", "On", "From"],
            "table": [
                (
                    p.action,
                    p.resource_type,
                    "itself" if held[p] == row.slug else held[p],
                )
                for p in ordered
            ],
        }
