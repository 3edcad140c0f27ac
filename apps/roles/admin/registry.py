"""Principals and resources."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.roles import selectors, services
from apps.roles.forms import PrincipalForm, ResourceForm
from apps.roles.models import Principal, Resource
from apps.roles.rules import EntrySpec
from protocol.records import EntityRef


@admin.register(Principal)
class PrincipalAdmin(ServiceAdmin[Principal]):
    """Users and services that policies are about."""

    list_display = ["name", "key", "type", "attribute_text"]
    list_display_links = ["name", "key"]
    list_filter = ["type"]
    search_fields = ["key", "name"]
    page_form = PrincipalForm
    lead = "Who asks nodes for decisions. People of the console are kept apart."

    @admin.display(description="Attributes")
    def attribute_text(self, principal: Principal) -> str:
        """Show the attributes."""
        return _attributes(principal)

    @override
    def initial(self, row: Principal) -> dict[str, Any]:
        names = ("type", "key", "name", "attributes")
        return {name: getattr(row, name) for name in names}

    @override
    def save(
        self, request: HttpRequest, form: Form, row: Principal | None
    ) -> Principal:
        return services.save_principal(
            actor=actor_of(request),
            spec=_spec(form.cleaned_data),
            principal_id=row.pk if row else None,
        )

    @override
    def details(self, request: HttpRequest, row: Principal) -> dict[str, Any]:
        held = selectors.assignments().filter(principal=row)
        return {
            "table_title": "Roles",
            "table_head": ["Role", "Where", "Until"],
            "table": [
                (
                    assignment.role.name,
                    str(assignment.scope or "everywhere"),
                    f"{assignment.end:%Y-%m-%d %H:%M}" if assignment.end else "revoked",
                )
                for assignment in held
            ],
        }


@admin.register(Resource)
class ResourceAdmin(ServiceAdmin[Resource]):
    """Resources and resource groups."""

    list_display = ["label", "key", "type", "group_names", "attribute_text"]
    list_display_links = ["label", "key"]
    list_filter = ["type"]
    search_fields = ["key", "name"]
    page_form = ResourceForm

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Resource]:
        return selectors.resources()

    @admin.display(description="Name", ordering="name")
    def label(self, resource: Resource) -> str:
        """Show the name, or the key where there is none."""
        return str(resource)

    @admin.display(description="Groups")
    def group_names(self, resource: Resource) -> str:
        """Show the groups."""
        return ", ".join(group.key for group in resource.groups.all()) or "-"

    @admin.display(description="Attributes")
    def attribute_text(self, resource: Resource) -> str:
        """Show the attributes."""
        return _attributes(resource)

    @override
    def initial(self, row: Resource) -> dict[str, Any]:
        names = ("type", "key", "name", "attributes")
        groups = [group.key for group in row.groups.all()]
        return {name: getattr(row, name) for name in names} | {"groups": groups}

    @override
    def save(self, request: HttpRequest, form: Form, row: Resource | None) -> Resource:
        return services.save_resource(
            actor=actor_of(request),
            spec=_spec(form.cleaned_data),
            resource_id=row.pk if row else None,
        )


def _spec(values: dict[str, Any]) -> EntrySpec:
    return EntrySpec(
        EntityRef(values["type"], values["key"]),
        name=values["name"],
        attributes=values["attributes"],
        groups=tuple(values.get("groups", ())),
    )


def _attributes(row: Principal | Resource) -> str:
    return ", ".join(f"{k} {v}" for k, v in sorted(row.attributes.items())) or "-"
