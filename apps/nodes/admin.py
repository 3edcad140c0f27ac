"""Nodes, groups and join tokens."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.errors import PortwardError
from apps.nodes import services
from apps.nodes.choices import NodeState
from apps.nodes.forms import JoinTokenForm
from apps.nodes.models import JoinToken, Node, NodeGroup
from apps.tenants.services import require_tenant_id


class _ReadOnly:
    """Nothing is changed through the stock forms: services do that."""

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        """Say no."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        """Say no."""
        return False


@admin.register(Node)
class NodeAdmin(_ReadOnly, admin.ModelAdmin[Node]):
    """Look at nodes, and put one out."""

    list_display = ["name", "pill", "enrolled_at"]
    list_filter = ["state", "groups"]
    search_fields = ["name"]
    list_per_page = 50
    fields = ("name", "pill", "id", "enrolled_at", "revoked_at")
    readonly_fields = fields
    change_form_template = "admin/nodes/node/change_form.html"

    @admin.display(description="State", ordering="state")
    def pill(self, node: Node) -> SafeString:
        """Show the state as a pill."""
        kind = "ok" if node.state == NodeState.ACTIVE else "bad"
        return format_html(
            '<span class="pw-pill pw-pill--{}">{}</span>',
            kind,
            NodeState(node.state).label,
        )

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke)
        return [
            path("<uuid:node_id>/revoke/", view, name="nodes_node_revoke"),
            *super().get_urls(),
        ]

    def revoke(self, request: HttpRequest, node_id: object) -> HttpResponse:
        """Ask for confirmation, then put the node out."""
        if not request.user.has_perm("nodes.delete_node"):
            raise PermissionDenied
        node = self.get_object(request, str(node_id))
        if node is None:
            raise Http404
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": f"Revoke {node.name}?",
                "node": node,
            }
            return TemplateResponse(request, "admin/nodes/node/revoke.html", context)
        services.revoke_node(actor=actor_of(request), node_id=node.pk)
        messages.success(request, f"{node.name} is revoked. The edge turns it away.")
        return redirect("admin:nodes_node_change", node.pk)


@admin.register(NodeGroup)
class NodeGroupAdmin(_ReadOnly, admin.ModelAdmin[NodeGroup]):
    """Look at groups of nodes."""

    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    fields = ("name", "slug")
    readonly_fields = fields

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(JoinToken)
class JoinTokenAdmin(_ReadOnly, admin.ModelAdmin[JoinToken]):
    """Look at join tokens, and make one. The secret is shown once."""

    list_display = ["node_name", "created_by", "created_at", "expires_at", "used_at"]
    list_per_page = 50
    fields = ("node_name", "groups", "created_by", "created_at", "expires_at")
    readonly_fields = (*fields, "used_at")

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.new_token)
        return [path("new/", view, name="nodes_jointoken_new"), *super().get_urls()]

    @method_decorator(never_cache)
    @method_decorator(sensitive_variables("token"))
    def new_token(self, request: HttpRequest) -> HttpResponse:
        """Make a token and show, this one time, the command that uses it."""
        if not request.user.has_perm("nodes.add_jointoken"):
            raise PermissionDenied
        form = JoinTokenForm(request.POST or None)
        token = ""
        if request.method == "POST" and form.is_valid():
            try:
                token = services.create_join_token(
                    actor=actor_of(request),
                    node_name=form.cleaned_data["name"],
                    groups=form.cleaned_data["groups"],
                )
            except PortwardError as error:
                form.add_error("name", f"{error.message} {error.remedy}")
        context = {
            **self.admin_site.each_context(request),
            "title": "New join token",
            "form": form,
            "token": token,
            "tenant_id": require_tenant_id(),
            "edge_url": settings.PORTWARD_EDGE_URL,
        }
        return TemplateResponse(request, "admin/nodes/new_token.html", context)
