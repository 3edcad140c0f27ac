"""Resource types, permissions and attributes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import Form
from django.http import HttpRequest
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.roles import services
from apps.roles.forms import AttributeForm, PermissionForm, ResourceTypeForm
from apps.roles.models import AttributeDefinition, Permission, ResourceType
from apps.roles.rules import AttributeLimits


@admin.register(ResourceType)
class ResourceTypeAdmin(ServiceAdmin[ResourceType]):
    """Kinds of things that actions are done to."""

    list_display = ["name", "description"]
    search_fields = ["name", "description"]
    page_form = ResourceTypeForm

    @override
    def initial(self, row: ResourceType) -> dict[str, Any]:
        return {"name": row.name, "description": row.description}

    @override
    def save(
        self, request: HttpRequest, form: Form, row: ResourceType | None
    ) -> ResourceType:
        values = form.cleaned_data | ({"name": row.name} if row else {})
        return services.define_resource_type(actor=actor_of(request), **values)


@admin.register(Permission)
class PermissionAdmin(ServiceAdmin[Permission]):
    """The catalogue of actions on resource types."""

    list_display = ["action", "resource_type", "tier", "description"]
    list_filter = ["tier", "resource_type"]
    list_select_related = ["resource_type"]
    search_fields = ["action", "resource_type__name"]
    page_form = PermissionForm
    lead = "The tier says how much an action can break."

    @override
    def initial(self, row: Permission) -> dict[str, Any]:
        return {
            "action": row.action,
            "resource_type": row.resource_type.name,
            "tier": row.tier,
            "description": row.description,
        }

    @override
    def save(
        self, request: HttpRequest, form: Form, row: Permission | None
    ) -> Permission:
        values = form.cleaned_data
        if row is not None:
            fixed = {"action": row.action, "resource_type": row.resource_type.name}
            values = values | fixed
        return services.define_permission(actor=actor_of(request), **values)


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(ServiceAdmin[AttributeDefinition]):
    """Attributes that conditions may ask for."""

    list_display = [
        *("name", "entity_type", "type", "allowed", "source", "freshness"),
        "description",
    ]
    list_filter = ["entity_type", "type", "source"]
    search_fields = ["name", "entity_type"]
    page_form = AttributeForm
    lead = "An attribute keeps its type for good: policies are checked against it."

    @override
    def initial(self, row: AttributeDefinition) -> dict[str, Any]:
        names = ("entity_type", "name", "type", "source", "freshness", "description")
        values = {"values": "\n".join(row.values)}
        return {name: getattr(row, name) for name in names} | values

    @admin.display(description="Allowed values")
    def allowed(self, row: AttributeDefinition) -> str:
        """Show the values that it is limited to."""
        return ", ".join(row.values) or "any"

    @override
    def save(
        self, request: HttpRequest, form: Form, row: AttributeDefinition | None
    ) -> AttributeDefinition:
        values = form.cleaned_data
        if row is not None:
            values = values | {"entity_type": row.entity_type, "name": row.name}
        return services.define_attribute(
            actor=actor_of(request),
            entity_type=values["entity_type"],
            name=values["name"],
            kind=values["type"],
            description=values["description"],
            limits=AttributeLimits(
                values["source"], tuple(values["values"]), values["freshness"]
            ),
        )
